"""A client that got no answer asks again: with an Idempotency-Key it gets the first (fault 2)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from aiohttp import ClientError

from tests.conftest import StartServer, free_port
from tests.doubles.process import serving
from tests.doubles.server import PUBLIC, Reply, Server, until
from tests.faults.processes import folder_for_all
from tests.flows.steps import check_problem

NOTE = {"type": "Note", "content": "once", "to": [PUBLIC]}


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the user of PostgreSQL may enter."""
    with folder_for_all() as made:
        yield made


async def post(server: Server, key: str, note: Any = NOTE, *, name: str = "ann") -> Reply:
    return await server.post(name, note, Idempotency_Key=key)


async def made(server: Server) -> int:
    """How many notes there are."""
    [row] = await server.rows("SELECT count(*) AS n FROM object WHERE type = 'Note'")
    count: int = row["n"]
    return count


async def test_fault_2_the_same_key_is_the_same_post(server: Server) -> None:
    """Seed A14: same key, actor and body: same 201, Location and body, also at once; with quotes
    or without. Without a key it is another post."""
    key = str(uuid4())
    replies = await asyncio.gather(*(post(server, key) for _ in range(8)))
    replies.append(await post(server, f'"{key}"'))
    assert {one.status for one in replies} == {201}
    assert len({one.headers["Location"] for one in replies}) == 1
    assert len({one.text for one in replies}) == 1
    assert await made(server) == 1
    assert len(await server.items("ann", "outbox")) == 1
    assert (await server.post("ann", NOTE)).status == 201
    assert (await server.post("ann", NOTE)).status == 201
    assert await made(server) == 3


async def test_fault_2_the_key_stands_for_one_request_of_one_actor(server: Server) -> None:
    """Another body under the key is 422 and changes nothing; another actor has keys of its own;
    what was refused has used up no key."""
    key = str(uuid4())
    check_problem(await post(server, key, {"type": "Create"}), 400, "/object")
    first = await post(server, key)
    await server.drained()
    before = await server.contents()
    check_problem(await post(server, key, NOTE | {"content": "twice"}), 422)
    assert await server.contents() == before
    other = await post(server, key, name="bob")
    assert other.status == 201
    assert other.headers["Location"] != first.headers["Location"]
    for bad in ("", '""', "x" * 256, "a\tb"):
        check_problem(await post(server, bad), 400)
    assert await made(server) == 2


async def test_fault_2_a_key_lasts_a_day(server: Server) -> None:
    """Then it is free, pruned or not."""
    key = str(uuid4())
    first = await post(server, key)
    for hours, again in ((23, True), (25, False)):
        await server.rows(
            "UPDATE posted SET posted_at = now() - make_interval(hours => $1) RETURNING key", hours
        )
        reply = await post(server, key)
        assert reply.status == 201
        assert (reply.headers["Location"] == first.headers["Location"]) is again


async def test_fault_2_what_was_deleted_meanwhile_is_not_made_again(server: Server) -> None:
    """The answer shows the post as it is now."""
    key = str(uuid4())
    first = await post(server, key)
    delete = {"type": "Delete", "object": first.json["object"]["id"]}
    assert (await server.post("ann", delete)).status == 201
    again = await post(server, key)
    assert again.status == 201
    assert again.headers["Location"] == first.headers["Location"]
    assert again.json["object"]["type"] == "Tombstone"


async def test_fault_2_fault_3_killed_around_the_commit(folder: Path) -> None:
    """Fault 2, fault 3: the worker is killed while it commits, before or after: the client gets no
    answer, asks again with its key, and there is one post."""
    async with serving(folder, port=free_port()) as (process, server):
        await server.create_actor("ann")
        for number in range(6):
            note = NOTE | {"content": str(number)}
            key = str(uuid4())
            first = asyncio.create_task(post(server, key, note))
            await asyncio.sleep(0.004 * number)
            [worker] = process.workers()
            os.kill(worker, signal.SIGKILL)
            answered = (await asyncio.gather(first, return_exceptions=True))[0]
            assert isinstance(answered, Reply | ClientError | OSError), answered

            async def again(key: str = key, note: Any = note) -> Reply | None:
                try:
                    reply = await post(server, key, note)
                except (ClientError, OSError):
                    return None
                return reply if reply.status == 201 else None

            reply = await until(again, timeout_s=30)
            if isinstance(answered, Reply) and answered.status == 201:
                assert answered.headers["Location"] == reply.headers["Location"]
            assert reply.json["object"]["content"] == str(number)
            assert await made(server) == number + 1
        await server.drained(timeout_s=30)
        outbox = [one["object"]["content"] for one in await server.items("ann", "outbox")]
        assert sorted(outbox) == [str(number) for number in range(6)]


async def test_fault_3_no_trace_of_what_did_not_commit(start_server: StartServer) -> None:
    """Fault 3: the connection to PostgreSQL is cut before the COMMIT: 503, nothing is there, and
    the same request works afterwards."""
    server = await start_server("ann")
    key = str(uuid4())
    before = await server.contents()
    holder = await asyncpg.connect(server.dsn)
    lock = holder.transaction()
    await lock.start()
    await holder.execute("LOCK TABLE member IN ACCESS EXCLUSIVE MODE")
    waiting = asyncio.create_task(post(server, key))

    async def blocked() -> list[Any]:
        return await server.rows(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() "
            "AND wait_event_type = 'Lock' AND query ILIKE '%member%'"
        )

    for row in await until(blocked):
        await holder.execute("SELECT pg_terminate_backend($1)", row["pid"])
    reply = await waiting
    check_problem(reply, 503)
    assert int(reply.headers["Retry-After"]) > 0
    await lock.rollback()
    await holder.close()
    assert await server.contents() == before
    assert (await post(server, key)).status == 201
    assert await made(server) == 1
