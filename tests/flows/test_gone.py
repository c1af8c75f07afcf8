"""Actors elsewhere whose own server says that they are gone (interop 3.7)."""

from __future__ import annotations

import pytest

from apserver.core import limits
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import follow_from
from tests.flows.test_move import follow_out, following
from tests.flows.verb_steps import arrive

ANSWERS = {"carol": 410, "dave": 404, "erin": 403, "frank": 401}


async def look_at(server: Server, peer: Peer, name: str) -> None:
    """Have the document of an actor of the peer fetched."""
    move = {"type": "Move", "object": server.id("bob"), "target": peer.id(name)}
    reply = await server.post("bob", move)
    assert reply.status in (400, 502), reply.text
    await server.drained()


async def made_by(server: Server, peer: Peer, name: str) -> int:
    """How many activities and objects of an actor are here."""
    [row] = await server.rows(
        "SELECT (SELECT count(*) FROM activity WHERE actor = a.key)"
        " + (SELECT count(*) FROM object WHERE author = a.key) AS n FROM actor a WHERE a.id = $1",
        peer.id(name),
    )
    return int(row["n"])


async def test_IO_70_IO_47_only_410_counts_at_once(server: Server, start_peer: StartPeer) -> None:
    """IO-70, IO-47: 410 ends an actor, with its follows both ways and what it made, and nothing of
    it is heard any more; 401 and 403 say nothing, and 404 only when it is said on several days of a
    week. IO-89: it does not count for others of that server."""
    peer = await start_peer(*ANSWERS)
    for name in ANSWERS:
        await follow_out(server, "ann", peer, name)
        await follow_from(peer, name, server, "ann")
        note = peer.create(name, f"by {name}", PUBLIC, f"{peer.id(name)}/followers")
        await arrive(server, peer, note, at="ann", by=name)
    for name, status in ANSWERS.items():
        peer.documents[f"/users/{name}"] = status
        await look_at(server, peer, name)
    left = {peer.id(name) for name in ("dave", "erin", "frank")}
    assert set(await following(server, "ann")) == left
    assert set(await server.items("ann", "followers", as_="ann")) == left
    assert await made_by(server, peer, "carol") == 0
    assert await made_by(server, peer, "dave") > 0
    later = peer.create("carol", "again", PUBLIC, server.id("ann"))
    assert (await peer.send(f"{server.id('ann')}/inbox", later, by="carol")).status == 401

    await look_at(server, peer, "dave")
    assert peer.id("dave") in await following(server, "ann"), "twice on one day counts once"
    await server.rows("UPDATE actor SET missing_since = now() - interval '8 days'")
    await look_at(server, peer, "dave")
    assert peer.id("dave") in await following(server, "ann")
    await look_at(server, peer, "dave")
    assert peer.id("dave") not in await following(server, "ann")
    peer.add_actor("dave")
    anew = peer.follow("dave", server.id("ann"))
    await peer.send(f"{server.id('ann')}/inbox", anew, by="dave")  # its key is asked for anew then
    peer.received.clear()
    await follow_from(peer, "dave", server, "ann")
    await server.drained()
    assert peer.id("dave") in await server.items("ann", "followers", as_="ann"), "it is back"


async def test_KEY_07_a_key_that_is_gone_and_the_delete(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KEY-07, security.md: gone actors: who asks for the key finds out that the actor is gone; its
    Delete is taken all the same, once and again. IO-47: all of it goes, in small parts."""
    monkeypatch.setattr(limits, "ENDED_ROWS", 2)
    await follow_out(server, "ann", peer, "carol")
    await follow_from(peer, "carol", server, "ann")
    for number in range(7):
        note = peer.create("carol", f"{number}", PUBLIC, server.id("ann"))
        await arrive(server, peer, note, at="ann", by="carol")
    assert await made_by(server, peer, "carol") == 16
    peer.documents["/users/carol"] = 410
    forged = peer.create("carol", "not by her", PUBLIC)
    inbox = f"{server.id('ann')}/inbox"
    peer.asked.clear()
    for _ in range(10):
        assert (await peer.send(inbox, forged, by="carol", key="mallory")).status == 401
    assert peer.asked == ["GET /users/carol"], "one fetch, whatever the key's server says (IO-20)"
    delete = peer.activity("Delete", "carol", object=peer.id("carol"))
    for _ in range(2):
        assert (await peer.send(inbox, delete, by="carol")).status == 202
    await server.drained()
    assert await made_by(server, peer, "carol") == 0
    assert await server.items("ann", "inbox", as_="ann") == []
    assert await following(server, "ann") == []
    rows = await server.rows("SELECT 1 FROM follower_inbox UNION ALL SELECT 1 FROM relation")
    assert rows == []
