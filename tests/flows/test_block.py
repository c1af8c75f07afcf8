"""Block: what an actor of ours does, what others do, and its Undo."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import follow_from, follow_here


async def _block(server: Server, name: str, whom: str) -> Any:
    reply = await server.post(name, {"type": "Block", "object": whom, "to": [whom]})
    assert reply.status == 201, reply.text
    await server.drained()
    return reply.json


async def test_AP_C2S_33_block_severs_and_refuses(server: Server, peer: Peer) -> None:
    """AP-C2S-33, AP-C2S-34, IO-86: follows end both ways and the other server is told; the Block
    itself is not delivered; nothing of the blocked is listed, and a Follow is rejected."""
    carol, ann = peer.id("carol"), server.id("ann")
    await follow_from(peer, "carol", server, "ann")
    await server.post("ann", {"type": "Follow", "object": carol})
    [asked] = await peer.wait("Follow")
    accept = peer.activity("Accept", "carol", object=asked.json)
    await peer.send(f"{ann}/inbox", accept, by="carol")
    await server.drained()
    await _block(server, "ann", carol)

    [reject] = await peer.wait("Reject")
    assert (reject.json["actor"], reject.json["object"]["actor"]) == (ann, carol)
    [undo] = await peer.wait("Undo")
    assert undo.json["object"]["id"] == asked.json["id"]
    assert await server.items("ann", "followers", as_="ann") == []
    assert await server.items("ann", "following", as_="ann") == []
    assert "Block" not in [one.json["type"] for one in peer.received]

    before = await server.items("ann", "inbox", as_="ann")
    for activity in (peer.create("carol", "unwanted", PUBLIC, ann), peer.follow("carol", ann)):
        assert (await peer.send(f"{ann}/inbox", activity, by="carol")).status == 202
    await server.drained()
    assert await server.items("ann", "inbox", as_="ann") == [
        one for one in before if one["actor"] != carol
    ]
    assert len(await peer.wait("Reject", times=2)) == 2
    assert await server.items("ann", "followers", as_="ann") == []


async def test_AP_C2S_33_the_blocked_reads_and_gets_nothing(server: Server, peer: Peer) -> None:
    note = await server.note("ann", "for all but one", PUBLIC)
    url = note["object"]["id"]
    assert (await peer.get(url, by="carol")).status == 200
    await _block(server, "ann", peer.id("carol"))
    assert (await peer.get(url, by="carol")).status == 404
    assert (await server.get(url)).status == 200
    await server.note("ann", "named all the same", peer.id("carol"))
    await server.drained()
    assert "Create" not in [one.json["type"] for one in peer.received]


async def test_AP_C2S_33_between_actors_here(server: Server) -> None:
    await follow_here(server, "bob", "ann")
    await _block(server, "ann", server.id("bob"))
    assert await server.items("ann", "followers", as_="ann") == []
    assert await server.items("bob", "following", as_="bob") == []
    await server.note("bob", "hello?", server.id("ann"))
    await server.drained()
    assert "hello?" not in str(await server.items("ann", "inbox", as_="ann"))
    assert "Block" not in str(await server.items("bob", "inbox", as_="bob"))
    refused = await server.post("ann", {"type": "Follow", "object": server.id("bob")})
    assert refused.status == 400


async def test_AP_C2S_36_undo_of_a_block(server: Server, peer: Peer) -> None:
    block = await _block(server, "ann", peer.id("carol"))
    undo = await server.post("ann", {"type": "Undo", "object": block["id"]})
    assert undo.status == 201, undo.text
    await follow_from(peer, "carol", server, "ann")
    assert await server.items("ann", "followers", as_="ann") == [peer.id("carol")]
    again = await server.post("ann", {"type": "Undo", "object": block["id"]})
    assert again.status == 400


async def test_IO_50_block_by_another_ends_follows(server: Server, peer: Peer) -> None:
    """IO-50: both ways; it is not listed; after its Undo they may follow again."""
    await follow_from(peer, "carol", server, "ann")
    block = peer.activity("Block", "carol", object=server.id("ann"))
    assert (await peer.send(f"{server.id('ann')}/inbox", block, by="carol")).status == 202
    await server.drained()
    assert await server.items("ann", "followers", as_="ann") == []
    assert "Block" not in str(await server.items("ann", "inbox", as_="ann"))
    note = await server.note("ann", "to all", PUBLIC)
    assert (await peer.get(note["object"]["id"], by="carol")).status == 404
    undo = peer.activity("Undo", "carol", object=block)
    assert (await peer.send(f"{server.id('ann')}/inbox", undo, by="carol")).status == 202
    await server.drained()
    await follow_from(peer, "carol", server, "ann")


@pytest.mark.parametrize("whom", ["itself", "nobody"])
async def test_AP_C2S_13_block_needs_another_actor(server: Server, whom: str) -> None:
    object_ = server.id("ann") if whom == "itself" else {"type": "Person"}
    assert (await server.post("ann", {"type": "Block", "object": object_})).status == 400
