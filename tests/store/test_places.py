"""Where new members of a collection go (AP-COL-01, IO-99), and whose profile is looked at next."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

import pytest

from apserver.core import limits
from apserver.core.effects import Relate
from apserver.core.names import pinned_of
from apserver.core.origin import key_of
from apserver.store import collections, profiles
from apserver.store.collections import Membership
from apserver.store.db import Connection, Database
from apserver.store.effects import perform

ANN = "https://here.example/actors/ann"
LIST = f"{ANN}/list"
WEEK_S = limits.PROFILE_OLD_S


@pytest.fixture
async def conn(database: Callable[[], Awaitable[str]]) -> AsyncIterator[Connection]:
    db = Database(await database(), connections=2)
    await db.open()
    async with db.connection() as conn:
        yield conn
    await db.close()


def member(name: str, place: int = 0) -> Membership:
    return Membership(key_of(LIST), key_of(name), name, key_of(ANN), 0, place)


async def test_IO_99_places_are_kept_whatever_comes_later(conn: Connection) -> None:
    """AP-COL-01, IO-99: ahead, newest first; then the others, newest first; or oldest first, at
    the end. A page goes on from a position, whichever part of the collection that is in."""
    key = key_of(LIST)
    await collections.open_collections(conn, [(key, LIST, key_of(ANN), "replies")])
    await collections.add_members(conn, [member("1"), member("own 2", 1), member("3")])
    await collections.add_members(conn, [member("own 4", 1), member("1"), member("own 2", 1)])
    await collections.add_members(conn, [member("5"), member("own 6", 1)])
    expected = ["own 6", "own 4", "own 2", "5", "3", "1"]
    assert await collections.ids_in(conn, key, newest=10) == expected
    seen, before = [], None
    while page := await collections.page_of(conn, key, limit=2, before=before, public_only=True):
        seen += [one.iri for one in page]
        before = page[-1].position
    assert seen == expected
    other = f"{ANN}/other"
    await collections.open_collections(conn, [(key_of(other), other, key_of(ANN), "context")])
    for name in ("1", "2", "3"):
        one = Membership(key_of(other), key_of(name), name, key_of(ANN), 0, -1)
        await collections.add_members(conn, [one])
    assert await collections.ids_in(conn, key_of(other), newest=10) == ["1", "2", "3"]


async def followed(conn: Connection, *ids: str) -> None:
    """Ann follows these, and they were looked at a week ago and more, the last one last."""
    await perform(
        conn,
        [Relate(ANN, "follow", one, "accepted", None, subject_ours=True) for one in ids],
    )
    await profiles.begin(conn, ids)
    for n, one in enumerate(ids):
        await conn.execute(
            "UPDATE profile SET looked_at = now() - make_interval(secs => $2) WHERE actor = $1",
            key_of(one),
            WEEK_S + 1_000 - n,
        )


async def old(conn: Connection) -> list[str]:
    return await profiles.take_old(conn, older_than_s=WEEK_S, most=10, of_host=2, later_s=3_600.0)


async def test_interop_1_2_a_few_profiles_of_each_host(conn: Connection) -> None:
    """interop 1.2: the oldest first, some of each host; the others later, and nobody twice. Whom
    nobody follows is let go, with what it has pinned."""
    many = [f"https://big.example/users/{n}" for n in range(4)]
    few = ["https://small.example/users/1"]
    gone = "https://gone.example/users/1"
    await followed(conn, *many, *few)
    await profiles.begin(conn, [gone])
    await profiles.pin(conn, gone, [("https://gone.example/1", 0)])
    await conn.execute(
        "UPDATE profile SET looked_at = $2 WHERE actor = $1",
        key_of(gone),
        datetime(2000, 1, 1, tzinfo=UTC),
    )
    assert await old(conn) == [*many[:2], *few]
    assert await old(conn) == []
    assert await collections.totals(conn, [key_of(pinned_of(gone))]) == {}
    await conn.execute("UPDATE profile SET looked_at = looked_at - interval '1 hour'")
    assert await old(conn) == many[2:]
    assert await profiles.touch(conn, [key_of(many[0])], older_than_s=7_200.0) == []
    assert await profiles.touch(conn, [key_of(many[0])], older_than_s=60.0) == [many[0]]
    assert await profiles.touch(conn, [key_of(many[0])], older_than_s=60.0) == []


async def test_IO_84_what_is_pinned_is_set(conn: Connection) -> None:
    """IO-84: what is listed is pinned, and what is not listed any more is not."""
    carol = "https://far.example/users/carol"
    key = key_of(pinned_of(carol))
    for posts in (["1", "2", "3"], ["4", "1", "3"], []):
        await profiles.pin(conn, carol, [(f"https://far.example/{one}", 0) for one in posts])
        found = await collections.ids_in(conn, key, newest=10)
        assert sorted(found) == sorted(f"https://far.example/{one}" for one in posts)
    assert (await collections.totals(conn, [key]))[key] == 0
