"""Counters are never wrong and nobody deadlocks, whatever runs at the same time."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from apserver.core.effects import AddTo, Effect, RemoveFrom
from apserver.core.names import collection_id
from apserver.core.origin import key_of
from apserver.store import collections
from apserver.store import db as store
from apserver.store.collections import Membership
from apserver.store.db import Connection, Database
from apserver.store.effects import perform
from tests.doubles.server import database_dsn

OWNERS = [f"https://here.example/actors/{name}" for name in ("ann", "bob", "cid")]
NAMES = ("followers", "inbox")
#: Followers elsewhere: the first three share an inbox.
PEOPLE = [f"https://far.example/users/{number}" for number in range(6)]

Step = tuple[bool, int, int, int, int]
STEPS = st.tuples(
    st.booleans(),  # add or remove
    st.integers(0, len(OWNERS) - 1),
    st.integers(0, len(NAMES) - 1),
    st.integers(0, len(PEOPLE) - 1),
    st.integers(0, 3),  # visibility
)


@pytest.fixture(scope="module")
def dsn(postgres: str) -> Iterator[str]:
    """A database of three actors with their collections, and six elsewhere."""
    name = f"collections_{uuid4().hex[:8]}"

    async def run(statement: str) -> None:
        connection = await asyncpg.connect(postgres)
        await connection.execute(statement)
        await connection.close()

    asyncio.run(run(f"CREATE DATABASE {name}"))
    made = database_dsn(postgres, name)
    asyncio.run(prepare(made))
    yield made
    asyncio.run(run(f"DROP DATABASE {name} WITH (FORCE)"))


async def prepare(dsn: str) -> None:
    await store.migrate(dsn)
    connection = await asyncpg.connect(dsn)
    for number, id_ in enumerate(PEOPLE):
        shared = "https://far.example/inbox" if number < 3 else None
        await connection.execute(
            "INSERT INTO actor (key, id, ours, type, host, bucket, inbox, shared_inbox, document) "
            "VALUES ($1, $2, false, 'Person', 'far.example', 1, $2 || '/inbox', $3, '{}')",
            key_of(id_),
            id_,
            shared,
        )
    for owner in OWNERS:
        for one in NAMES:
            id_ = collection_id(owner, one)
            await collections.insert_collection(
                connection, key=key_of(id_), id=id_, owner=key_of(owner), name=one
            )
    await connection.close()


@asynccontextmanager
async def opened(dsn: str) -> AsyncIterator[Database]:
    db = Database(dsn, connections=5)
    await db.open()
    try:
        yield db
    finally:
        await db.close()


async def emptied(db: Database) -> None:
    async with db.connection() as conn:
        await conn.execute("TRUNCATE member, follower_inbox")
        await conn.execute("UPDATE collection SET total = 0, public_total = 0, last_position = 0")


def work_of(steps: Sequence[Step]) -> Callable[[Connection], Awaitable[None]]:
    """A transaction that does these additions and removals, one after the other."""

    async def work(conn: Connection) -> None:
        places = [key_of(collection_id(OWNERS[one[1]], NAMES[one[2]])) for one in steps]
        await collections.lock(conn, places)
        for adds, owner, name, person, visibility in steps:
            at, item = key_of(collection_id(OWNERS[owner], NAMES[name])), key_of(PEOPLE[person])
            if adds:
                member = Membership(at, item, PEOPLE[person], item, visibility)
                await collections.add_members(conn, [member])
            else:
                await collections.remove_members(conn, [(at, item)])

    return work


async def check(db: Database) -> None:
    """What is counted is what is there."""
    async with db.connection() as conn:
        wrong = await conn.fetch(
            "SELECT c.id, c.total, c.public_total, c.last_position, m.* FROM collection c "
            "CROSS JOIN LATERAL (SELECT count(*) AS n, count(*) FILTER (WHERE visibility <= 1) "
            "  AS public, coalesce(max(position), 0) AS last FROM member "
            "  WHERE collection = c.key) m "
            "WHERE (c.total, c.public_total) <> (m.n, m.public) OR c.last_position < m.last"
        )
        assert wrong == []
        counted = await conn.fetch("SELECT owner, inbox, n FROM follower_inbox ORDER BY 1, 2")
        really = await conn.fetch(
            "SELECT c.owner, coalesce(a.shared_inbox, a.inbox) AS inbox, count(*)::int AS n "
            "FROM collection c JOIN member m ON m.collection = c.key "
            "JOIN actor a ON a.key = m.item WHERE c.name = 'followers' GROUP BY 1, 2 ORDER BY 1, 2"
        )
        assert [tuple(row) for row in counted] == [tuple(row) for row in really]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.lists(STEPS, max_size=6), min_size=1, max_size=5))
def test_counters_equal_rows_under_concurrency(dsn: str, transactions: list[list[Step]]) -> None:
    """Up to five transactions at once add and remove as they like."""

    async def scenario() -> None:
        async with opened(dsn) as db:
            await emptied(db)
            await asyncio.gather(*(db.transaction(work_of(steps)) for steps in transactions))
            await check(db)

    asyncio.run(scenario())


def test_AP_COL_08_what_is_in_stays_where_it_is(dsn: str) -> None:
    """AP-COL-08: added again it keeps its place and its visibility, and counts once."""
    at, [one, other] = key_of(collection_id(OWNERS[0], "inbox")), map(key_of, PEOPLE[:2])

    async def places(conn: Connection) -> list[tuple[UUID, int]]:
        rows = await collections.page_of(conn, at, limit=10, public_only=False)
        return [(row.item, row.visibility) for row in rows]

    async def scenario() -> None:
        async with opened(dsn) as db:
            await emptied(db)
            async with db.connection() as conn, conn.transaction():
                await collections.add_members(conn, [Membership(at, one, None, one, 0)])
                await collections.add_members(
                    conn, [Membership(at, other, None, other, 0), Membership(at, one, None, one, 3)]
                )
                assert await places(conn) == [(other, 0), (one, 0)]
                await collections.remove_members(conn, [(at, one)])
                await collections.add_members(conn, [Membership(at, one, None, one, 3)])
                assert await places(conn) == [(one, 3), (other, 0)], "newest first"
            await check(db)

    asyncio.run(scenario())


def test_no_deadlock_escapes(dsn: str) -> None:
    """Decision 3: four at once add and remove whatever, in many collections, for three seconds.

    One statement sorts its rows; that two of a transaction meet is settled by trying again.
    """

    async def hammer(db: Database, seed: int, until: float) -> int:
        chance = random.Random(seed)
        done = 0
        while time.monotonic() < until:
            effects: list[Effect] = [
                chance.choice((AddTo, RemoveFrom))(
                    collection_id(chance.choice(OWNERS), chance.choice(NAMES)),
                    chance.choice(PEOPLE),
                )
                for _ in range(chance.randint(1, 12))
            ]

            async def work(conn: Connection, effects: list[Effect] = effects) -> None:
                await perform(conn, effects)

            await db.transaction(work)
            done += 1
        return done

    async def scenario() -> list[int]:
        async with opened(dsn) as db:
            await emptied(db)
            until = time.monotonic() + 3
            done = await asyncio.gather(*(hammer(db, seed, until) for seed in range(4)))
            await check(db)
            return done

    # Each deadlock costs a second: PostgreSQL looks for them after that time.
    assert min(asyncio.run(scenario())) > 20
