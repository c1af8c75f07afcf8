"""What a carrier can make of other people's activities: nothing but pass on what they say now."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.steps import check_problem, follow_from
from tests.security.steps import FORGED, accepted, deliver, inbox, known_of


def publish(peer: Peer, document: dict[str, Any]) -> dict[str, Any]:
    """Let a peer serve a document under its id."""
    peer.documents[document["id"].removeprefix(peer.origin)] = document
    return document


async def test_CVE_2025_54888_an_object_that_passes_for_an_activity(
    server: Server, start_peer: StartPeer
) -> None:
    """CVE-2025-54888, security.md: forwarding: on a server whose clients post what they like,
    mallory's note looks like what dave does. Its author is mallory, so it is not."""
    origin, carrier = await start_peer("dave", "mallory"), await start_peer("carol")
    said = origin.create("dave", "dave's", server.id("ann"))
    await accepted(server, origin, said, by="dave")
    forged = origin.create("dave", FORGED, PUBLIC)["object"]
    objects = {"Delete": said["object"]["id"], "Update": {**forged, "id": said["object"]["id"]}}
    before = await known_of(server, origin)
    for type_, object_ in {**objects, "Create": forged, "Announce": forged}.items():
        for author in (origin.id("mallory"), carrier.id("carol"), [origin.id("dave"), "https://x"]):
            note = origin.activity("Note", "dave", object=object_, attributedTo=author, to=[PUBLIC])
            publish(origin, note := {**note, "type": ["Note", type_]})
            reply = await deliver(server, carrier, note, by="carol")
            check_problem(reply, 403, "/attributedTo")
    assert await known_of(server, origin) == before
    assert [one["id"] for one in await inbox(server)] == [said["id"]]


async def test_forwarding_old_words_are_not_played_again(
    server: Server, start_peer: StartPeer
) -> None:
    """security.md: forwarding: that dave once followed ann is still to be read on his server. He
    does not any more, and carol cannot say so in his name."""
    origin, carrier = await start_peer("dave"), await start_peer("carol")
    follow = publish(origin, await follow_from(origin, "dave", server, "ann"))
    undo = origin.activity("Undo", "dave", object=follow["id"])
    await accepted(server, origin, undo, by="dave")
    for to in ("ann", ""):
        check_problem(await deliver(server, carrier, follow, by="carol", to=to), 403)
    assert await server.items("ann", "followers", as_="ann") == []


@pytest.mark.parametrize("type_", ["Accept", "Reject", "Undo", "Block", "Move", "Update", "Delete"])
async def test_forwarding_what_concerns_two_comes_from_them(
    server: Server, start_peer: StartPeer, type_: str
) -> None:
    """security.md: forwarding, KEY-07: nobody passes on an answer, a Block, or what an actor does
    to itself: at its origin it may lie for years after it stopped being true."""
    origin, carrier = await start_peer("dave"), await start_peer("carol")
    follow = await follow_from(origin, "dave", server, "ann")
    document = {**origin.documents["/users/dave"], "name": "Dave as he was"}
    object_: Any = {"Update": document, "Delete": origin.id("dave")}.get(type_, follow)
    publish(origin, made := origin.activity(type_, "dave", object=object_, to=[server.id("ann")]))
    before = await known_of(server, origin)
    check_problem(await deliver(server, carrier, made, by="carol"), 403)
    assert await known_of(server, origin) == before
    assert await server.items("ann", "followers", as_="ann") == [origin.id("dave")]


async def test_forwarding_shows_nobody_what_was_for_others(
    server: Server, start_peer: StartPeer
) -> None:
    """security.md: forwarding, CVE-2024-37903: dave's server lets ours read a note for ann. That
    carol brings it to bob's inbox does not make it one for bob; a public one she may bring."""
    origin, carrier = await start_peer("dave"), await start_peer("carol")
    private = publish(origin, origin.create("dave", "for ann", server.id("ann")))
    public = publish(origin, origin.create("dave", "for all", PUBLIC))
    for known in (False, True):
        await accepted(server, carrier, private, by="carol", to="bob")
        assert await inbox(server, "bob") == [], known
        assert [one["id"] for one in await inbox(server)] == [private["id"]]
    await accepted(server, carrier, public, by="carol", to="bob")
    assert [one["id"] for one in await inbox(server, "bob")] == [public["id"]]


async def test_forwarding_by_a_suspended_actor(server: Server, start_peer: StartPeer) -> None:
    """CVE-2026-23961, IO-26: whoever is suspended brings nothing, and makes us ask nobody."""
    from tests.cli.program import command

    origin, carrier = await start_peer("dave"), await start_peer("carol")
    await accepted(server, carrier, carrier.create("carol", "hello", PUBLIC), by="carol")
    await command(server, "actor", "suspend", carrier.id("carol"))

    async def is_known() -> bool:
        return (await carrier.get(f"{server.id('ann')}/outbox", by="carol")).status == 403

    await until(is_known)
    brought = publish(origin, origin.create("dave", "hello", PUBLIC))
    await accepted(server, carrier, brought, by="carol")
    assert origin.asked == []
    assert await inbox(server) == []


async def test_GHSA_4qhx_hhwf_8685_an_id_that_is_asked_for_too_early(
    server: Server, start_peer: StartPeer
) -> None:
    """GHSA-4qhx-hhwf-8685: carol guesses the id of dave's next note, and has us look when it is not
    there. That keeps nobody from the note when dave has made it, nor from his next activity."""
    origin, carrier = await start_peer("dave"), await start_peer("carol")
    note = origin.create("dave", "dave's", PUBLIC)["object"]
    create = origin.activity("Create", "dave", object=note["id"], to=[PUBLIC])
    for guessed in (note["id"], create["id"]):
        made = {**create, "id": guessed, "object": note}
        check_problem(await deliver(server, carrier, made, by="carol"), 403)
    publish(origin, note)
    await accepted(server, origin, create, by="dave")
    assert [one["id"] for one in await inbox(server)] == [create["id"]]
    assert await server.rows("SELECT id FROM object") == [{"id": note["id"]}]
