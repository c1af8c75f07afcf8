"""What PostgreSQL does for a thing of a site that many follow, and much is done with."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from apserver.core import limits
from apserver.store import things
from tests.store.filled import filled

ROWS = 100_000
THING, OTHER = UUID(int=1), UUID(int=2)

_FILL = (
    "INSERT INTO activity (key, local_key, actor, actor_id, type, visibility, audience, envelope,"
    " published_at, sort_at) SELECT md5('a' || n)::uuid, md5('l' || n)::uuid, md5('u' || n)::uuid,"
    " 'x', 'Add', 0, '{}', '{}', now(), now() - n * interval '1 s'"
    " FROM generate_series(1, $1::int) n",
    "INSERT INTO role SELECT CASE WHEN n % 2 = 0 THEN $2::uuid ELSE $3::uuid END, r,"
    " now() - n * interval '1 s', md5('a' || n)::uuid, 0"
    " FROM generate_series(1, $1::int) n, generate_series(0, 2) r",
    "INSERT INTO actor (key, id, ours, type, host, bucket, inbox, document)"
    " SELECT md5('u' || n)::uuid, 'https://x/' || n, true, 'Person', 'x', 0, 'x', '{}'"
    " FROM generate_series(1, $1::int) n",
    "INSERT INTO relation (object, kind, subject, subject_ours, state) SELECT $2::uuid, 'follow',"
    " md5('u' || n)::uuid, true, CASE WHEN n % 1000 = 0 THEN 'pending' ELSE 'accepted' END"
    " FROM generate_series(1, $1::int) n",
    "INSERT INTO follow (subject, flag, object, object_id, actor_only, mutes, activity_id,"
    " started_at) SELECT md5('u' || n)::uuid, '', $2::uuid, 'x', true, false,"
    " 'https://x/follows/' || n, now()"
    " FROM generate_series(1, $1::int) n",
)


@pytest.fixture(scope="module")
def dsn(postgres: str) -> Iterator[str]:
    """A database with that much in it."""

    async def fill(connection: asyncpg.Connection) -> None:
        for statement in _FILL:
            given = [ROWS, THING, OTHER][: len(set(re.findall(r"[$][0-9]", statement)))]
            await connection.execute(statement, *given)

    with filled(postgres, fill) as made:
        yield made


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


async def _read(dsn: str, statement: str, *parameters: Any) -> tuple[set[str], int]:
    """The ways in which tables are read, and how many rows of them in all."""
    connection = await asyncpg.connect(dsn)
    try:
        text = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters)
    finally:
        await connection.close()
    nodes = [one for one in _nodes(json.loads(text)[0]["Plan"]) if "Relation Name" in one]
    read = sum(
        int((one["Actual Rows"] + one.get("Rows Removed by Filter", 0)) * one["Actual Loops"])
        for one in nodes
    )
    return {one["Node Type"] for one in nodes}, read


LIMIT = 20


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        (things._TAKING_PART, (THING, OTHER, LIMIT)),
        (things._PENDING, ([THING, OTHER], UUID(int=0), UUID(int=0), LIMIT)),
        (things._FOLLOWED_BY, (THING, LIMIT)),
    ],
    ids=["actions", "pending", "followers"],
)
async def test_a_batch_reads_no_more_than_it_gives(
    dsn: str, statement: str, parameters: tuple[Any, ...]
) -> None:
    """No scan of a table, and rows of each table in proportion to the batch."""
    ways, read = await _read(dsn, statement, *parameters)
    assert "Seq Scan" not in ways
    assert read <= 5 * (LIMIT + 1)


async def test_followers_are_counted_up_to_a_bound(dsn: str) -> None:
    _, read = await _read(dsn, things._FOLLOWERS, THING, limits.COUNTED + 1)
    assert read <= limits.COUNTED + 1 + ROWS // 1_000
    connection = await asyncpg.connect(dsn)
    try:
        assert await things.count_followers(connection, THING) is None
        assert await things.count_followers(connection, OTHER) == 0
    finally:
        await connection.close()
