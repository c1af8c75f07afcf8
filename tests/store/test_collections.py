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
from apserver.serve.pages import Window, look
from apserver.store import collections
from apserver.store import db as store
from apserver.store.collections import Member, Membership
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


Turn = tuple[list[int], list[int]]
#: Between two pages: with which visibility items come, and which of those that are there go.
TURNS = st.lists(
    st.tuples(st.lists(st.integers(0, 3), max_size=4), st.lists(st.integers(0, 30), max_size=2)),
    min_size=1,
    max_size=8,
)


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first=st.lists(st.integers(0, 3), max_size=12),
    turns=TURNS,
    size=st.integers(1, 4),
    upwards=st.booleans(),
    public_only=st.booleans(),
)
def test_AP_COL_02_paging_misses_and_doubles_nothing(
    dsn: str, first: list[int], turns: list[Turn], size: int, upwards: bool, public_only: bool
) -> None:
    """AP-COL-02: whatever comes and goes between two pages, what is there all the time is seen
    once, in order, and nothing is seen twice. Upwards, what comes meanwhile is seen too."""
    at, place = key_of(collection_id(OWNERS[0], "inbox")), Paging(upwards, public_only, size)

    async def scenario() -> None:
        async with opened(dsn) as db, db.connection() as conn:
            await emptied(db)
            there = await place.come(conn, at, first)
            stays = list(there)
            pending = list(turns)
            while await place.turn(conn, at) or pending:
                coming, going = pending.pop(0) if pending else ([], [])
                for item in [there[n] for n in going if n < len(there)]:
                    await collections.remove_members(conn, [(at, item)])
                    stays = [one for one in stays if one != item]
                came = await place.come(conn, at, coming)
                there += came
                stays += came if upwards else []
            seen = place.seen
            assert len(seen) == len(set(seen))
            wanted = [one for one in stays if one in place.shown]
            wanted = wanted if upwards else wanted[::-1]
            assert [one for one in seen if one in wanted] == wanted

    asyncio.run(scenario())


class Paging:
    """Somebody goes from page to page, as the links of pages lead (`serve.pages.look`)."""

    def __init__(self, upwards: bool, public_only: bool, size: int):
        self.upwards, self.public_only = upwards, public_only
        self.window: Window[int] = Window(after=0 if upwards else None, limit=size)
        self.seen: list[UUID] = []
        self.shown: set[UUID] = set()  #: what the reader may see

    async def come(self, conn: Connection, at: UUID, visibilities: Sequence[int]) -> list[UUID]:
        items = [uuid4() for _ in visibilities]
        members = [
            Membership(at, item, None, item, visibility)
            for item, visibility in zip(items, visibilities, strict=True)
        ]
        if members:
            await collections.add_members(conn, members)
        hidden = 1 if self.public_only else 2  # a reader with a token may see more, and not all
        pairs = zip(items, visibilities, strict=True)
        self.shown |= {item for item, visibility in pairs if visibility <= hidden}
        return items

    async def turn(self, conn: Connection, at: UUID) -> bool:
        """Look at a page; whether there is another one."""

        async def read(edge: int | None, limit: int) -> list[Member]:
            rows = await collections.page_of(
                conn,
                at,
                limit=limit,
                before=None if self.upwards else edge,
                after=edge if self.upwards else None,
                public_only=self.public_only,
            )
            return rows[::-1] if self.upwards else rows

        async def sift(members: list[Member]) -> list[Member]:
            return [one for one in members if one.item in self.shown]

        found = await look(self.window, read=read, sift=sift, at=lambda one: one.position)
        items = [one.item for one in found.items]
        self.seen += reversed(items) if self.upwards else items
        limit = self.window.limit
        if self.upwards and found.newest is not None:
            self.window = Window(after=found.newest, limit=limit)
        elif not self.upwards and found.oldest is not None:
            self.window = Window(before=found.oldest, limit=limit)
        return not found.is_last


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
