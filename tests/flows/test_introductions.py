"""A client that addresses nobody, and names what nobody here has met: its maker hears of it
(issue 6, point 1: the right recipients are filled in; conformance.md 1.4)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from apserver.core import limits
from tests.doubles.peer import AS2, Peer
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.test_reply_trees import fetched, put_up, stored


async def done(server: Server, type_: str, **members: Any) -> dict[str, Any]:
    """ann does something, and addresses nobody."""
    reply = await server.post("ann", {"type": type_, **members})
    assert reply.status == 201, reply.text
    activity: dict[str, Any] = reply.json
    return activity


async def test_AP_C2S_38_who_made_the_unknown_is_told(server: Server, peer: Peer) -> None:
    """AP-C2S-38, AP-C2S-32: what is liked, shared or voted on and unknown here is fetched from its
    own server, once, and its author gets it; so does an unknown actor to whom something is offered.
    What is addressed, and a reply, is left to the client."""
    dave = peer.add_actor("dave")["id"]
    peer.add_actor("erin")
    liked, shared = put_up(peer, {}, by="dave"), put_up(peer, {}, by="dave")
    options = [{"type": "Note", "name": name} for name in ("tea", "milk")]
    asked = put_up(peer, {"type": "Question", "oneOf": options}, by="dave")
    left = [put_up(peer, {}, by="dave") for _ in range(2)]
    assert (await done(server, "Like", object=liked))["to"] == [dave]
    announce = await done(server, "Announce", object=shared)
    assert announce["to"] == [f"{server.id('ann')}/followers"]
    assert announce["cc"] == [dave]
    vote = {"type": "Note", "name": "tea", "inReplyTo": asked}
    assert (await done(server, "Create", object=vote))["to"] == [dave]
    assert (await done(server, "Offer", object=liked, target=peer.id("erin")))["to"] == [
        peer.id("erin")
    ]
    assert (await done(server, "Dislike", object=liked))["to"] == [dave]
    for type_ in ("Like", "Announce", "Create", "Offer", "Dislike"):
        [received] = await peer.wait(type_)
        assert received.signer == f"{server.id('ann')}#main-key"
    assert fetched(peer, liked, shared, asked) == [1, 1, 1]
    assert await server.items("ann", "liked", as_="ann") == [liked]

    await done(server, "Like", object=left[0], to=[PUBLIC])
    await done(server, "Note", content="hm", inReplyTo=left[1])
    assert fetched(peer, *left) == [0, 0]
    assert liked not in str(await server.collected(f"{server.origin}/inbox"))


async def test_AP_C2S_38_no_client_waits_long(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AP-C2S-38, AP-C2S-06: what cannot be had, or not now, is acted on all the same; meanwhile no
    transaction is open. Who asks again when it has come finds its maker."""
    gate = asyncio.Event()
    slow = put_up(peer, {}, by="dave")
    document = peer.documents[slow.removeprefix(peer.origin)]

    async def wait(request: web.Request) -> web.Response:
        await gate.wait()
        return web.json_response(document, content_type=AS2)

    peer.documents[slow.removeprefix(peer.origin)] = wait
    posting = asyncio.create_task(done(server, "Like", object=slow))

    async def is_asked() -> bool:
        return fetched(peer, slow) == [1]

    await until(is_asked)
    [row] = await server.rows(
        "SELECT count(*) AS n FROM pg_stat_activity "
        "WHERE datname = current_database() AND state LIKE 'idle in transaction%'"
    )
    assert row["n"] == 0
    posting.cancel()
    monkeypatch.setattr(limits, "INTRODUCTION_S", 0.1)
    assert "to" not in await done(server, "Like", object=slow)
    assert "to" not in await done(server, "Like", object=peer.new_id("notes"))
    assert fetched(peer, slow) == [1]
    gate.set()

    async def is_here() -> bool:
        return await stored(server, slow) == [True]

    await until(is_here)
    announce = await done(server, "Announce", object=slow)
    assert announce["cc"] == [peer.id("dave")]


async def test_FEP_fe34_nobody_is_told_of_what_is_not_shown(server: Server, peer: Peer) -> None:
    """FEP-fe34: an author of another origin, another id, or something that is not for everybody,
    makes nobody a recipient, and nothing of it is kept."""
    elsewhere = "https://elsewhere.example/users/eve"
    others = put_up(peer, {"attributedTo": elsewhere}, by="dave")
    private = put_up(peer, {"to": [peer.id("erin")]}, by="dave")
    alias = put_up(peer, {}, by="dave")
    for id_ in (others, private, others, private):
        assert "to" not in await done(server, "Dislike", object=[id_, peer.new_id("notes")])
    assert fetched(peer, others, private) == [1, 1]
    peer.documents["/alias"] = peer.documents[alias.removeprefix(peer.origin)]
    assert "to" not in await done(server, "Like", object=f"{peer.origin}/alias")
    assert await stored(server, others, private, f"{peer.origin}/alias") == [False] * 3


async def test_AP_C2S_38_many_at_once_make_us_ask_for_few(server: Server, peer: Peer) -> None:
    """AP-C2S-38, AP-SEC-04: of many activities in one request a few unknown things are fetched; all
    are kept."""
    notes = [put_up(peer, {}, by="dave") for _ in range(limits.INTRODUCTIONS + 3)]
    many = {
        "type": "OrderedCollection",
        "orderedItems": [{"type": "Like", "object": id_} for id_ in notes],
    }
    reply = await server.ask(
        "POST", "/actors/ann/outbox/bulk", as_="ann", data=many, Content_Type=AS2
    )
    assert reply.status == 200, reply.text
    assert sum(fetched(peer, *notes)) == limits.INTRODUCTIONS == 5
    likes = [one for one in await server.items("ann", "outbox", as_="ann") if "to" in one]
    assert len(likes) == limits.INTRODUCTIONS
    assert set(await server.items("ann", "liked", as_="ann")) == set(notes)
