"""One worker at a time does what is to be done now and then."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from apserver.core import limits
from apserver.store import periodic
from apserver.store.db import Connection, Database
from apserver.store.periodic import Turn
from apserver.work.prune import Pruner, Retention

KEEP = Retention(remote_days=1, receipts_days=1, rows_per_host=0)
PRUNING = "FROM periodic WHERE name = 'prune'"
DUE = "UPDATE periodic SET next_at = now() - interval '1 second' WHERE name = 'prune'"


@pytest.fixture
async def db(database: Callable[[], Awaitable[str]]) -> Database:
    return Database(await database(), connections=4)


async def take(db: Database) -> Turn | None:
    return await db.transaction(lambda conn: periodic.take_turn(conn, "prune"))


async def run(db: Database, statement: str) -> None:
    async def work(conn: Connection) -> None:
        await conn.execute(statement)

    await db.transaction(work)


async def test_only_one_has_the_turn_and_only_when_it_is_due(db: Database) -> None:
    await db.open()
    assert await take(db) is None
    await run(db, DUE)
    turns = await asyncio.gather(*(take(db) for _ in range(4)))
    [turn] = [one for one in turns if one is not None]
    await db.transaction(lambda conn: periodic.end_turn(conn, turn, next_in_s=3_600))
    assert await take(db) is None
    await db.close()


async def test_a_turn_passes_on_when_its_worker_is_gone(db: Database) -> None:
    """The one who comes back late finds that it is no longer his, and changes nothing."""
    await db.open()
    await run(db, DUE)
    first = await take(db)
    assert first is not None
    await run(db, "UPDATE periodic SET lease_until = now() - interval '1 second'")
    second = await take(db)
    assert second is not None
    assert not await db.transaction(lambda conn: periodic.keep_turn(conn, first))
    await db.transaction(lambda conn: periodic.end_turn(conn, first, next_in_s=3_600))
    assert await db.transaction(lambda conn: periodic.keep_turn(conn, second))
    await db.close()


async def test_the_loop_prunes_when_it_is_due_and_sets_the_next_time(
    db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "PRUNE_LOOK_S", 0.05)
    await db.open()
    await run(
        db,
        "INSERT INTO object (key, id, kind, type, author, visibility, audience, document, "
        "published_at, stored_at) VALUES (gen_random_uuid(), 'https://there.example/1', 'remote', "
        "'Note', gen_random_uuid(), 0, '{}', '{}', now(), now() - interval '2 days')",
    )
    pruners = [Pruner(db, KEEP) for _ in range(2)]
    loops = [asyncio.create_task(one.run()) for one in pruners]
    await asyncio.sleep(0.2)
    async with db.connection() as conn:
        assert await conn.fetchval("SELECT count(*) FROM object") == 1
        await conn.execute(DUE)
        async with asyncio.timeout(60):
            while await conn.fetchval("SELECT count(*) FROM object"):
                await asyncio.sleep(0.02)
            while await conn.fetchval(f"SELECT lease_until > now() {PRUNING}"):
                await asyncio.sleep(0.02)
        left = await conn.fetchval(f"SELECT extract(epoch FROM next_at - now()) {PRUNING}")
        assert 0.8 * limits.PRUNE_EVERY_S < left < 1.2 * limits.PRUNE_EVERY_S
        assert await conn.fetchval(f"SELECT fence {PRUNING}") == 1
    for one in pruners:
        one.stop()
    await asyncio.gather(*loops)
    await db.close()
