"""Whom an edit and a deletion reach: all whose servers have the object."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server


def got(peer: Peer, type_: str) -> list[Any]:
    """The activities of this type that a peer received."""
    return [one.json for one in peer.received if one.json["type"] == type_]


async def take(server: Server, peer: Peer, activity: dict[str, Any], by: str) -> None:
    """Have something accepted and applied."""
    reply = await peer.send(f"{server.id('ann')}/inbox", activity, by=by)
    assert reply.status == 202, reply.text
    await server.drained()


@pytest.mark.parametrize("act", ["Like", "Announce", "Create", "nothing"])
async def test_IO_59_edits_and_deletes_reach_who_has_it(
    server: Server, start_peer: StartPeer, peer: Peer, act: str
) -> None:
    """IO-59: whoever liked, shared or answered it without following ann gets the Update and the
    Delete; a server that never had to do with it gets neither."""
    stranger = await start_peer("dave")
    await take(server, stranger, stranger.create("dave", "hello", PUBLIC), by="dave")
    note = (await server.note("ann", "first", PUBLIC))["object"]
    made = {
        "Like": peer.activity("Like", "carol", object=note["id"]),
        "Announce": peer.activity("Announce", "carol", object=note["id"], to=[PUBLIC]),
        "Create": peer.create("carol", "I reply", PUBLIC, inReplyTo=note["id"]),
        "nothing": peer.create("carol", "something else", PUBLIC, server.id("ann")),
    }[act]
    await take(server, peer, made, by="carol")
    edit = {"type": "Update", "object": {"id": note["id"], "content": "second"}}
    assert (await server.post("ann", edit)).status == 201
    await server.drained()
    delete = {"type": "Delete", "object": note["id"]}
    assert (await server.post("ann", delete)).status == 201
    await server.drained()
    expected = 0 if act == "nothing" else 1
    for type_ in ("Update", "Delete"):
        found = got(peer, type_)
        assert len(found) == expected, type_
        assert all(one["object"]["id"] == note["id"] for one in found)
        assert all(peer.id("carol") not in str(one) for one in found)
        assert got(stranger, type_) == []


async def test_IO_59_what_is_for_some_goes_to_them(server: Server, peer: Peer) -> None:
    """IO-59: what is for one is told to that one alone, whoever claims to like it."""
    note = (await server.note("ann", "for bob", f"{peer.origin}/users/bob"))["object"]
    await take(server, peer, peer.activity("Like", "carol", object=note["id"]), by="carol")
    assert (await server.post("ann", {"type": "Delete", "object": note["id"]})).status == 201
    await server.drained()
    assert got(peer, "Delete") == []
