"""Deletion: who hears of it, and that nothing is shown from then on (scenario 40, erasure)."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from apserver.core import limits
from tests.cli.program import command
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.steps import follow_from, follow_here
from tests.flows.verb_steps import arrive


def deleted(peer: Peer) -> list[Any]:
    """The ids of what a peer was told is deleted."""
    told = [one.json["object"] for one in peer.received if one.json["type"] == "Delete"]
    return [one if isinstance(one, str) else one["id"] for one in told]


async def test_scenario_40_all_who_got_anything_hear_of_the_end(
    server: Server, start_peer: StartPeer
) -> None:
    """Scenario 40 (erasure), IO-53: who followed when something was made hears that it is deleted,
    though its last follower has left; who was never sent it does not. All who ever got anything
    hear that the actor is."""
    followers, public = f"{server.id('ann')}/followers", PUBLIC
    stays, left, named, stranger = [await start_peer("carol") for _ in range(4)]
    for peer in (stays, left):
        follow = await follow_from(peer, "carol", server, "ann")
    first = (await server.note("ann", "for followers", followers))["object"]["id"]
    await left.wait("Create")
    undo = left.activity("Undo", "carol", object=follow)
    await arrive(server, left, undo, at="ann", by="carol")
    await server.rows("UPDATE object SET published_at = published_at - interval '1 hour'")
    await server.rows("UPDATE reached SET followed_until = followed_until - interval '1 minute'")
    second = (await server.note("ann", "without them", public, cc=[followers]))["object"]["id"]
    await server.note("ann", "hello", named.id("carol"))
    await stranger.send(f"{server.origin}/inbox", stranger.create("carol", "x", PUBLIC), by="carol")
    for one in (first, second):
        assert (await server.post("ann", {"type": "Delete", "object": one})).status == 201
    await server.drained()
    assert deleted(stays) == [first, second]
    assert deleted(left) == [first]
    assert deleted(named) == []
    done = await command(server, "actor", "delete", "ann", "--yes")
    assert done.code == 0, done.err
    await server.drained()
    for peer in (stays, left, named):
        assert deleted(peer)[-1] == server.id("ann")
        assert deleted(peer).count(server.id("ann")) == 1
    assert stranger.received == []
    assert await server.rows("SELECT 1 FROM reached") == []


async def test_IO_89_much_is_deleted_by_and_by_and_gone_at_once(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IO-89, AP-C2S-28, scenario 40: what one transaction cannot take is not shown either: 410 at
    every door, also while the job that removes it has not begun. Then nothing is left."""
    monkeypatch.setattr(limits, "ENDED_ROWS", 2)
    await follow_from(peer, "carol", server, "ann")
    await follow_here(server, "bob", "ann")
    notes = [await server.note("ann", "some words", PUBLIC) for _ in range(6)]
    await server.drained()
    like = peer.activity("Like", "carol", object=notes[0]["object"]["id"])
    await arrive(server, peer, like, at="ann", by="carol")
    doors = [one for note in notes for one in (note["id"], note["object"]["id"])]
    doors += [server.id("ann"), f"{notes[0]['object']['id']}/likes"]
    doors += [f"{server.id('ann')}/{name}" for name in ("outbox", "followers", "following")]
    waiting = await asyncpg.connect(server.dsn)
    try:
        async with waiting.transaction():
            await waiting.execute("SELECT FROM bucket FOR UPDATE")  # no job begins meanwhile
            done = await command(server, "actor", "delete", "ann", "--yes")
            assert done.code == 0, done.err

            async def closed() -> bool:
                return (await server.get(notes[0]["object"]["id"])).status == 410

            await until(closed)
            statuses = {door: (await server.get(door)).status for door in doors}
            late = {door for door, status in statuses.items() if status not in (404, 410)}
            assert late == set()
            assert {statuses[one["object"]["id"]] for one in notes} == {410}
            assert await server.collected(f"{server.origin}/inbox") == []
            assert await server.rows("SELECT 1 FROM job WHERE kind = 'depart'") != []
            posted = await server.post("ann", {"type": "Note", "content": "x"})
            assert posted.status in (401, 410)
    finally:
        await waiting.close()
    await server.drained()

    async def buried() -> bool:
        return bool((await server.get(notes[0]["object"]["id"])).json["type"] == "Tombstone")

    await until(buried)  # workers know, too, that nothing is left to be kept from anybody
    for note in notes:
        reply = await server.get(note["object"]["id"])
        assert (reply.status, reply.json["type"]) == (410, "Tombstone")
        assert "words" not in reply.text
    assert await server.items("bob", "following", as_="bob") == []
    left = await server.rows(
        "SELECT 1 FROM collection c JOIN actor a ON a.key = c.owner WHERE a.name = 'ann' UNION ALL"
        " SELECT 1 FROM relation WHERE kind = 'follow' UNION ALL SELECT 1 FROM actor WHERE ending"
    )
    assert left == []
    assert deleted(peer) == [server.id("ann")]


async def test_IO_100_after_an_outage_all_who_know_an_actor_hear_of_it(
    server: Server, start_peer: StartPeer
) -> None:
    """IO-100: an Update of the actor goes to the servers of its followers, and to those that got
    something of it once."""
    follows, named, stranger = [await start_peer("carol") for _ in range(3)]
    await follow_from(follows, "carol", server, "ann")
    await server.note("ann", "hello", named.id("carol"))
    await server.drained()
    done = await command(server, "actor", "resend", "ann", "--json")
    assert done.code == 0, done.err
    update = json.loads(done.out)["activity"]
    for peer in (follows, named):
        [one, *_] = await peer.wait("Update", id=update)
        assert one.json["object"]["id"] == server.id("ann")
        assert one.signer == f"{server.id('ann')}#main-key"
    assert stranger.received == []
