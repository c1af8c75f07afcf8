"""Actors that are gone, and who may say so (security.md: gone actors; KEY-07, IO-25, IO-47)."""

from __future__ import annotations

from collections import Counter

import pytest

from apserver.core import limits
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import follow_from
from tests.security.steps import accepted, deliver, inbox, known_of


def end_of(peer: Peer, name: str) -> dict[str, object]:
    """An actor's Delete of itself, as Mastodon sends it."""
    id_ = peer.id(name)
    return {**peer.activity("Delete", name, object=id_, to=[PUBLIC]), "id": f"{id_}#delete"}


@pytest.mark.parametrize("status", [404, 410])
async def test_gone_actors_whose_key_went_with_them(
    server: Server, start_peer: StartPeer, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    """security.md: gone actors: their key cannot be had any more, as their server says that they
    are gone: so they are, and the sender need not try again. When it says no more than that nothing
    is there, the signature must fit the key that we had."""
    monkeypatch.setattr(limits, "KEY_AGE_S", 0.0)
    peer = await start_peer("carol", "mallory")
    await follow_from(peer, "carol", server, "ann")
    await accepted(server, peer, peer.create("carol", "words", PUBLIC), by="carol")
    peer.documents["/users/carol"] = status
    end = end_of(peer, "carol") | {"to": [PUBLIC, server.id("ann")]}
    new = f"{peer.id('carol')}#new-key"
    reply = await deliver(server, peer, end, by="carol", key_id=new if status == 410 else None)
    assert reply.status == 202, reply.text
    [row] = await server.rows("SELECT gone_at FROM actor WHERE id = $1", peer.id("carol"))
    assert row["gone_at"] is not None
    assert await server.items("ann", "followers", as_="ann") == []
    assert await inbox(server) == []
    stored = await known_of(server, peer)
    assert stored["objects"] == stored["activities"] == stored["keys"] == []
    assert await server.rows("SELECT owner FROM receipt") == []
    peer.asked.clear()
    assert (await deliver(server, peer, end, by="carol")).status == 202
    assert peer.asked == []


async def test_KEY_07_nobody_ends_others_while_their_server_is_mended(
    server: Server, start_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KEY-07, IO-70: a server says 404 of all its actors for a while. A Delete that its actor did
    not sign ends none of them then, and ten of them do not make us ask ten times."""
    monkeypatch.setattr(limits, "KEY_AGE_S", 0.0)
    peer, other = await start_peer("carol"), await start_peer("mallory")
    await follow_from(peer, "carol", server, "ann")
    document, peer.documents["/users/carol"] = peer.documents["/users/carol"], 404
    end, main = end_of(peer, "carol"), f"{peer.id('carol')}#main-key"
    peer.asked.clear()
    for number in range(10):
        how = {"key_id": main, "key": "mallory's"} if number % 2 else {"key_id": f"{main}{number}"}
        reply = await deliver(server, other, end, by="mallory", **how)
        assert reply.status == 401, reply.text
    nowhere = {"key_id": f"{other.origin}/none#key"}
    assert (await deliver(server, other, end, by="mallory", **nowhere)).status == 401
    assert (await deliver(server, other, end, by="mallory")).status == 403
    assert len(peer.asked) <= 8, peer.asked
    assert await server.items("ann", "followers", as_="ann") == [peer.id("carol")]
    peer.documents["/users/carol"] = document
    [row] = await server.rows("SELECT gone_at FROM actor WHERE id = $1", peer.id("carol"))
    assert row["gone_at"] is None


async def test_gone_actors_are_not_gone_while_their_server_has_them(
    server: Server, start_peer: StartPeer
) -> None:
    """security.md: gone actors, KEY-07: a Delete under a key that is nowhere, or is another's, is
    no proof. 20 of them cost their server two requests."""
    peer, other = await start_peer("carol"), await start_peer("mallory")
    await follow_from(peer, "carol", server, "ann")
    before = await known_of(server, peer)
    peer.asked.clear()
    end = end_of(peer, "carol")
    for _ in range(10):
        nowhere = await deliver(server, other, end, by="mallory", key_id=f"{peer.origin}/none#key")
        wrong = await deliver(server, peer, end, by="carol", key="mallory's")
        theirs = await deliver(server, other, end, by="mallory")
        assert (nowhere.status, wrong.status, theirs.status) == (401, 401, 403)
    assert await known_of(server, peer) == before
    assert await server.items("ann", "followers", as_="ann") == [peer.id("carol")]
    assert max(Counter(peer.asked).values()) <= 2
    assert len(peer.asked) <= 4


async def test_gone_actors_come_back_only_as_their_server_has_them(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IO-47: whoever deleted themselves are heard again when their document is there again."""
    monkeypatch.setattr(limits, "NEGATIVE_CACHE_S", 0.0)
    await follow_from(peer, "carol", server, "ann")
    await accepted(server, peer, end_of(peer, "carol"), by="carol")
    document, peer.documents["/users/carol"] = peer.documents["/users/carol"], 410
    note = peer.create("carol", "from beyond", PUBLIC)
    for _ in range(2):
        assert (await deliver(server, peer, note, by="carol")).status == 401
    assert await inbox(server) == []
    peer.documents["/users/carol"] = document
    await accepted(server, peer, note, by="carol")
    assert [one["id"] for one in await inbox(server)] == [note["id"]]


async def test_a_block_outlives_the_one_who_is_blocked(
    server: Server, start_peer: StartPeer
) -> None:
    """AP-C2S-34: deleting oneself and coming back does not end it."""
    peer = await start_peer("carol")
    await accepted(server, peer, peer.create("carol", "hello", PUBLIC), by="carol")
    block = await server.post("ann", {"type": "Block", "object": peer.id("carol")})
    assert block.status == 201, block.text
    await accepted(server, peer, end_of(peer, "carol"), by="carol")
    back = await deliver(server, peer, peer.follow("carol", server.id("ann")), by="carol")
    if back.status == 401:  # it was forgotten just now, and is fetched this time
        await accepted(server, peer, peer.follow("carol", server.id("ann")), by="carol")
    await peer.wait("Reject")
    assert await server.items("ann", "followers", as_="ann") == []
    await accepted(server, peer, peer.create("carol", "I am back", server.id("ann")), by="carol")
    assert await inbox(server) == []
