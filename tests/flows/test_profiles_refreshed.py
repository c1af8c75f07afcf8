"""Profiles of actors elsewhere, and what they have pinned, stay up to date (interop 1.2, IO-84)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apserver.core import limits
from tests.conftest import StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.stream_steps import home
from tests.flows.test_reply_trees import LONG_AGO, fetched, put_up
from tests.flows.test_stream_33_history import follow_carol

FEATURED = "/users/carol/collections/featured"


def put_pinned(peer: Peer, *items: Any) -> str:
    """What carol has pinned, where her document says."""
    featured = f"{peer.origin}{FEATURED}"
    peer.documents["/users/carol"]["featured"] = featured
    peer.documents[FEATURED] = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": featured,
        "type": "OrderedCollection",
        "orderedItems": list(items),
    }
    return featured


async def pinned(server: Server, peer: Peer) -> list[str]:
    """What is kept as pinned by carol, in order."""
    rows = await server.rows(
        "SELECT m.iri FROM member m JOIN collection c ON c.key = m.collection "
        "WHERE c.id = $1 ORDER BY m.position DESC",
        f"{peer.id('carol')}/pinned",
    )
    return [row["iri"] for row in rows]


async def age(server: Server, seconds: float) -> None:
    """All profiles were looked at so long ago."""
    await server.rows(
        "WITH p AS (UPDATE profile SET looked_at = now() - make_interval(secs => $1) "
        "RETURNING actor) UPDATE actor a SET fetched_at = now() - "
        "make_interval(secs => $1) FROM p WHERE a.key = p.actor",
        seconds,
    )


async def test_IO_84_featured_is_read_at_the_first_follow(server: Server, peer: Peer) -> None:
    """IO-84, R7: pinned posts are stored, her own alone, in nobody's inbox nor in home; then Add
    and Remove, which have neither id nor addressees, pin and unpin."""
    named = put_up(peer, {})
    whole = {**peer.create("carol", "whole", PUBLIC)["object"], "published": LONG_AGO}
    put_up(peer, dict(whole))
    others = put_up(peer, {}, by="dave")
    private = put_up(peer, {"to": [peer.id("carol")]})
    forged = {**whole, "id": others}
    featured = put_pinned(peer, named, whole, others, private, forged)
    await follow_carol(server, peer)
    assert await pinned(server, peer) == [named, whole["id"]]
    assert fetched(peer, named, whole["id"], others) == [1, 1, 1]
    assert [one["type"] for one in await server.items("ann", "inbox", as_="ann")] == ["Accept"]
    assert await home(server, "ann") == []
    note = peer.create("carol", "new", PUBLIC)
    hers = peer.create("dave", "hers", PUBLIC, server.id("ann"))
    peer.add_actor("dave")
    for by, activity in (("carol", note), ("dave", hers)):
        assert (await peer.send(f"{server.origin}/inbox", activity, by=by)).status == 202
    await server.drained()
    new = note["object"]["id"]

    async def change(type_: str, object_: str, target: str = featured, by: str = "carol") -> None:
        activity = {"type": type_, "actor": peer.id(by), "object": object_, "target": target}
        activity["@context"] = "https://www.w3.org/ns/activitystreams"
        assert (await peer.send(f"{server.origin}/inbox", activity, by=by)).status == 202
        await server.drained()

    await change("Add", new)
    assert await pinned(server, peer) == [new, named, whole["id"]]
    await change("Add", hers["object"]["id"])
    await change("Add", hers["object"]["id"], by="dave")
    await change("Add", named, target=f"{peer.id('carol')}/followers")
    await change("Remove", named, target=f"{peer.id('carol')}/followers")
    await change("Remove", named)
    assert await pinned(server, peer) == [new, whole["id"]]
    inbox = await server.items("ann", "inbox", as_="ann")
    assert [one["type"] for one in inbox] == ["Create", "Create", "Accept"]
    delete = peer.activity("Delete", "carol", object=new, to=[PUBLIC])
    assert (await peer.send(f"{server.origin}/inbox", delete, by="carol")).status == 202
    await server.drained()
    assert await pinned(server, peer) == [whole["id"]]
    end = peer.activity("Delete", "carol", object=peer.id("carol"), to=[PUBLIC])
    assert (await peer.send(f"{server.origin}/inbox", end, by="carol")).status == 202
    await server.drained()
    assert await server.rows("SELECT FROM profile") == []
    assert await pinned(server, peer) == []


async def test_interop_1_2_profiles_are_looked_at_again(
    start_server: StartServer, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """interop 1.2, IO-84: after a day, when the actor does something; after a week by itself, if
    somebody here follows it; after an Update; and never twice for one occasion."""
    monkeypatch.setattr(limits, "PROFILES_LOOK_S", 0.05)
    monkeypatch.setattr(limits, "PROFILES_EVERY_S", 0.05)
    server = await start_server("ann")
    await server.rows("UPDATE periodic SET next_at = now() WHERE name = 'profiles'")
    put_pinned(peer)
    await follow_carol(server, peer)

    def looks() -> int:
        [count] = fetched(peer, f"{peer.origin}{FEATURED}")
        return count

    async def name() -> str:
        [row] = await server.rows("SELECT document FROM actor WHERE id = $1", peer.id("carol"))
        return str(json.loads(row["document"]).get("name"))

    async def tell() -> None:
        for _ in range(2):
            note = peer.create("carol", "hi", PUBLIC)
            assert (await peer.send(f"{server.origin}/inbox", note, by="carol")).status == 202
        await server.drained()

    assert looks() == 1
    await tell()
    assert looks() == 1
    peer.documents["/users/carol"]["name"] = "Carol, a day later"
    await age(server, limits.PROFILE_STALE_S + 60)
    await tell()
    assert (looks(), await name()) == (2, "Carol, a day later")
    changed = {**peer.documents["/users/carol"], "name": "Carol, changed"}
    await age(server, limits.PROFILE_FRESH_S + 60)
    for _ in range(2):
        update = peer.activity("Update", "carol", object=changed, to=[PUBLIC])
        assert (await peer.send(f"{server.origin}/inbox", update, by="carol")).status == 202
    await server.drained()
    assert (looks(), await name()) == (3, "Carol, changed")
    peer.documents["/users/carol"]["name"] = "Carol, a week later"
    await age(server, limits.PROFILE_OLD_S + 60)

    async def is_new() -> bool:
        return await name() == "Carol, a week later"

    await until(is_new)
    await server.drained()
    assert looks() == 4
    undo = {"type": "Undo", "object": {"type": "Follow", "object": peer.id("carol")}}
    assert (await server.post("ann", undo)).status == 201
    await age(server, limits.PROFILE_OLD_S + 60)

    async def is_let_go() -> bool:
        return await server.rows("SELECT FROM profile") == []

    await until(is_let_go)
    assert looks() == 4
