"""Fault 1 for what is done by turns: a worker killed while followers of a moved account move."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from apserver.core import limits
from apserver.core.origin import key_of
from tests.conftest import StartPeer, free_port
from tests.doubles.process import serving
from tests.doubles.server import Server, until
from tests.faults.processes import folder_for_all
from tests.faults.test_kill import is_ready, replaced
from tests.flows.steps import follow_from

FOLLOWERS = 3 * limits.MOVED_FOLLOWERS + 5
KILLS = 3

_ACTOR = """
INSERT INTO actor (key, id, ours, type, host, bucket, name, folded_name, handle_host, inbox,
                   followers, document)
SELECT $1, $2, true, type, host, bucket, $3, $3, handle_host, $2 || '/inbox', $2 || '/followers',
       convert_to(replace(convert_from(document, 'UTF8'), id, $2), 'UTF8')
FROM actor WHERE id = $4
"""
_LISTS = """
INSERT INTO collection (key, id, owner, name)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[])
"""
_FOLLOW = """
WITH related AS (
    INSERT INTO relation (object, kind, subject, subject_ours, state, activity_id)
    VALUES ($1, 'follow', $2, true, 'accepted', $4)
)
INSERT INTO follow (subject, flag, object, object_id, actor_only, mutes, activity_id, started_at)
VALUES ($2, '', $1, $3, true, false, $4, now())
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the user of PostgreSQL may enter."""
    with folder_for_all() as made:
        yield made


async def add_followers(server: Server, whom: str) -> None:
    """Actors of ours that follow somebody elsewhere, without keys: nothing of theirs is sent."""
    connection = await asyncpg.connect(server.dsn)
    try:
        for number in range(FOLLOWERS):
            name = f"f{number}"
            id_ = server.id(name)
            key = key_of(id_)
            await connection.execute(_ACTOR, key, id_, name, server.id("ann"))
            lists = [f"{id_}/{one}" for one in ("outbox", "following", "inbox")]
            names = [one.rpartition("/")[2] for one in lists]
            keys = [key_of(one) for one in lists]
            await connection.execute(_LISTS, keys, lists, [key] * len(lists), names)
            follow = f"{server.origin}/activities/old-{number}"
            await connection.execute(_FOLLOW, key_of(whom), key, whom, follow)
    finally:
        await connection.close()


async def test_fault_1_killed_while_followers_move(folder: Path, start_peer: StartPeer) -> None:
    """Fault 1: whenever it is killed, each follower asks the new account once and leaves the old
    once, and no work is left over."""
    peer = await start_peer("carol", "new")
    peer.documents["/users/new"]["alsoKnownAs"] = [peer.id("carol")]
    async with serving(folder, port=free_port()) as (process, server):
        await server.create_actor("ann")
        await follow_from(peer, "carol", server, "ann")
        await add_followers(server, peer.id("carol"))
        moved = peer.activity("Move", "carol", object=peer.id("carol"), target=peer.id("new"))
        assert (await peer.send(f"{server.origin}/inbox", moved, by="carol")).status == 202

        async def asked() -> int:
            [row] = await server.rows("SELECT count(*) AS n FROM activity WHERE type = 'Follow'")
            return int(row["n"]) - 1  # that of carol

        [worker] = process.workers()
        for kill in range(KILLS):

            async def some(kill: int = kill) -> bool:
                return await asked() > kill * limits.MOVED_FOLLOWERS

            await until(some)
            os.kill(worker, signal.SIGKILL)
            worker = await replaced(process, worker)
            await until(lambda: is_ready(server))

        async def all_asked() -> bool:
            return await asked() >= FOLLOWERS

        await until(all_asked)
        await server.drained()
        done = await server.rows(
            "SELECT actor_id, count(*) FILTER (WHERE type = 'Follow') AS follows,"
            " count(*) FILTER (WHERE type = 'Undo') AS undos FROM activity"
            " WHERE local_key IS NOT NULL AND type IN ('Follow', 'Undo') GROUP BY actor_id"
        )
        assert {(row["follows"], row["undos"]) for row in done} == {(1, 1)}
        assert len(done) == FOLLOWERS
        left = await server.rows(
            "SELECT object, count(*) AS n FROM relation WHERE subject_ours GROUP BY object"
        )
        assert [tuple(row.values()) for row in left] == [(key_of(peer.id("new")), FOLLOWERS)]
        assert (
            await server.rows("SELECT 1 FROM job WHERE kind IN ('move', 'apply', 'fan_out')") == []
        )
