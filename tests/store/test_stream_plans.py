"""What PostgreSQL does for a page of a stream, with 100 000 actions (issue 5, item 5)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import md5
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from apserver.core import limits
from apserver.store import positions, streams
from tests.store.filled import filled

ACTIONS = 50_000  #: with four rows each
THINGS = 2_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = limits.PAGE_MAX + 1
Plan = dict[str, Any]

_FILL = """
INSERT INTO activity (key, actor, actor_id, type, visibility, audience, envelope, published_at,
                      sort_at)
SELECT md5('a' || n)::uuid, md5('t' || n % $2)::uuid, 'x', 'Add', 0, '{}', '{}',
       $3::timestamptz - n * interval '1 s', $3::timestamptz - n * interval '1 s'
FROM generate_series(1, $1::int) n
"""
_FILL_ROLES = """
INSERT INTO role
SELECT CASE WHEN r = 3 THEN md5('type')::uuid ELSE md5('t' || (n * (r + 1)) % $2)::uuid END,
       r, $3::timestamptz - n * interval '1 s', md5('a' || n)::uuid, 0
FROM generate_series(1, $1::int) n, generate_series(0, 3) r
"""
_FOLLOW = (
    "INSERT INTO follow SELECT $1, '', md5('t' || n)::uuid, 'x', false, false, NULL, now()"
    " FROM generate_series(1, $2::int) n",
    "INSERT INTO relation (object, kind, subject, subject_ours, state)"
    " SELECT md5('t' || n)::uuid, 'follow', $1, true, 'accepted'"
    " FROM generate_series(1, $2::int) n",
)
FEW, MANY = UUID(int=20), UUID(int=1_200)  #: readers, by how many they follow


@pytest.fixture(scope="module")
def dsn(postgres: str) -> Iterator[str]:
    """A database with that much in it."""

    async def fill(connection: asyncpg.Connection) -> None:
        await connection.execute(_FILL, ACTIONS, THINGS, NOW)
        await connection.execute(_FILL_ROLES, ACTIONS, THINGS, NOW)
        for reader in (FEW, MANY):
            for statement in _FOLLOW:
                await connection.execute(statement, reader, reader.int)

    with filled(postgres, fill) as made:
        yield made


def _nodes(plan: Plan) -> Iterator[Plan]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


async def scans_of(dsn: str, statement: str, *parameters: Any) -> dict[str, tuple[set[str], int]]:
    """By table: the indexes that are used, and how many rows are read in all."""
    connection = await asyncpg.connect(dsn)
    try:
        text = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters)
    finally:
        await connection.close()
    found: dict[str, tuple[set[str], int]] = {}
    for node in _nodes(json.loads(text)[0]["Plan"]):
        table = node.get("Relation Name")
        if table is not None and node["Node Type"] != "ModifyTable":
            indexes, rows = found.setdefault(table, (set(), 0))
            # The index of a bitmap is named below it.
            named = [one["Index Name"] for one in _nodes(node) if "Index Name" in one]
            indexes.update(named or ["no index"])
            read = node["Actual Rows"] + node.get("Rows Removed by Filter", 0)
            found[table] = indexes, rows + int(read * node["Actual Loops"])
    return found


WAYS = [
    (False, (positions.LATEST, UUID(int=0), positions.EARLIEST)),
    (False, (datetime(2025, 12, 31, 18, tzinfo=UTC), UUID(int=0), positions.EARLIEST)),
    (True, (datetime(2025, 12, 31, 18, tzinfo=UTC), UUID(int=0), positions.LATEST)),
]
both_ways = pytest.mark.parametrize(("is_upwards", "edge"), WAYS, ids=["newest", "deep", "up"])


def _md5(text: str) -> UUID:
    return UUID(hex=md5(text.encode(), usedforsecurity=False).hexdigest())


@both_ways
@pytest.mark.parametrize(
    "ranges",
    [
        [(_md5("t7"), 0)],
        [(_md5("t7"), 0), (_md5("t7"), 1), (_md5("t7"), 2)],
        [(_md5("type"), 3)],
    ],
    ids=["one", "any", "type"],
)
async def test_a_range_is_read_from_the_primary_key(
    dsn: str, is_upwards: bool, edge: tuple[Any, ...], ranges: list[tuple[UUID, int]]
) -> None:
    """A page of each range at most; no scan of the table, and no sort of more than that."""
    things, roles = [thing for thing, _ in ranges], [role for _, role in ranges]
    statement = positions._RANGES[is_upwards]
    scans = await scans_of(dsn, statement, things, roles, 3, *edge, PAGE)
    assert scans.keys() == {"role"}
    indexes, rows = scans["role"]
    assert indexes == {"role_pkey"}
    assert rows <= PAGE * len(ranges)


@both_ways
async def test_the_public_stream_is_read_from_role_time(
    dsn: str, is_upwards: bool, edge: tuple[Any, ...]
) -> None:
    """The rows of as many actions as are on the page."""
    scans = await scans_of(dsn, positions._TIME[is_upwards], 0, *edge, PAGE)
    indexes, rows = scans["role"]
    assert indexes == {"role_time"}
    assert rows <= 3 * PAGE


@both_ways
async def test_home_of_few_follows_is_merged(
    dsn: str, is_upwards: bool, edge: tuple[Any, ...]
) -> None:
    """A page of each that is followed at most, from the primary key."""
    statement = positions._HOME_MERGE[is_upwards]
    scans = await scans_of(dsn, statement, FEW, None, False, False, *edge, PAGE)
    indexes, rows = scans["role"]
    assert indexes == {"role_pkey"}
    assert rows <= PAGE * FEW.int * 3
    assert scans["follow"][0] <= {"follow_pkey", "follow_started"}
    assert scans["follow"][1] == FEW.int
    assert scans["relation"][0] <= {"relation_pkey", "relation_subject", "relation_ours"}


@both_ways
async def test_home_of_many_follows_is_walked(
    dsn: str, is_upwards: bool, edge: tuple[Any, ...]
) -> None:
    """All that happened, from role_time, until the page is full, and the follows once."""
    statement = positions._HOME_WALK[is_upwards]
    walked = limits.WALKED_ROWS * MANY.int
    scans = await scans_of(dsn, statement, MANY, None, False, False, *edge, PAGE, walked)
    indexes, rows = scans["role"]
    assert indexes == {"role_time"}
    assert rows <= 3 * 2 * PAGE  # two of three things are followed
    assert scans["follow"][1] <= 2 * MANY.int


@both_ways
async def test_a_walk_in_vain_ends(dsn: str, is_upwards: bool, edge: tuple[Any, ...]) -> None:
    """No more rows of all that happened than were allowed."""
    statement = positions._HOME_WALK[is_upwards]
    scans = await scans_of(dsn, statement, FEW, None, False, False, *edge, PAGE, 500)
    assert scans["role"] == ({"role_time"}, 500)


@both_ways
async def test_the_merge_of_many_follows_reads_few_of_them_further(
    dsn: str, is_upwards: bool, edge: tuple[Any, ...]
) -> None:
    """The newest of each, and a page of as many as could be on the page."""
    statement = positions._HOME_MERGE[is_upwards]
    scans = await scans_of(dsn, statement, MANY, None, False, False, *edge, PAGE)
    indexes, rows = scans["role"]
    assert indexes == {"role_pkey"}
    in_a_range = ACTIONS // THINGS * 3
    assert rows <= 3 * MANY.int + 3 * PAGE * in_a_range
    assert scans["follow"][1] <= 2 * MANY.int


async def test_what_decides_is_read_by_keys(dsn: str) -> None:
    """Participants from the two orders by time, activities by primary key, as many as asked for."""
    at = [
        NOW.replace(year=2025, month=12, day=31, hour=23, minute=59, second=59 - n)
        for n in range(20)
    ]
    keys = [_md5(f"a{n + 1}") for n in range(20)]
    scans = await scans_of(dsn, streams._PARTS, at, keys)
    assert scans["role"] == ({"role_time", "role_type"}, 80)
    scans = await scans_of(dsn, streams._ENTRIES, keys, ["a.b"])
    assert scans["activity"] == ({"activity_pkey"}, 20)


async def test_what_is_removed_is_found_by_its_time(dsn: str) -> None:
    """All four rows of an activity by the orders by time; then each by the primary key."""
    keys = [_md5(f"a{n}") for n in (1, 2, 3)]
    gone = 0
    for statement, index in zip(streams._REMOVE, ("role_time", "role_type"), strict=True):
        scans = await scans_of(dsn, statement, keys)
        indexes, rows = scans["role"]
        assert index in indexes
        assert indexes <= {index, "role_pkey"}
        gone += rows
    assert 12 <= gone <= 24
