"""What PostgreSQL does for a page of a hashtag, with many posts (issue 7)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from apserver.core import limits
from apserver.store import hashtags
from tests.store.filled import filled
from tests.store.test_stream_plans import scans_of

POSTS = 20_000
NOW = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = limits.PAGE_MAX + 1

_OBJECTS = """
INSERT INTO object (key, id, kind, type, author, visibility, audience, document, published_at)
SELECT md5(n::text)::uuid, 'https://far.example/' || n, 'remote', 'Note', md5('author')::uuid, 0,
       '{}', '{}', $2::timestamptz - n * interval '1 s'
FROM generate_series(1, $1::int) n
"""
# One that all have, and some that few have.
_TAGS = """
INSERT INTO hashtag
SELECT tag, $2::timestamptz - n * interval '1 s', md5(n::text)::uuid
FROM generate_series(1, $1::int) n, LATERAL (VALUES ('all'), ('few' || n % 500)) AS t(tag)
"""


@pytest.fixture(scope="module")
def dsn(postgres: str) -> Iterator[str]:
    """A database with that much in it."""

    async def fill(connection: asyncpg.Connection) -> None:
        for statement in (_OBJECTS, _TAGS):
            await connection.execute(statement, POSTS, NOW)

    with filled(postgres, fill) as made:
        yield made


@pytest.mark.parametrize("tag", ["all", "few7", "none"])
@pytest.mark.parametrize(
    ("statement", "edge"),
    [
        (hashtags._DOWN, datetime(9999, 1, 1, tzinfo=UTC)),
        (hashtags._DOWN, datetime(2025, 12, 31, 21, tzinfo=UTC)),
        (hashtags._UP, datetime(2025, 12, 31, 21, tzinfo=UTC)),
    ],
    ids=["newest", "deep", "up"],
)
async def test_a_page_is_read_from_the_primary_key(
    dsn: str, tag: str, statement: str, edge: datetime
) -> None:
    """As many entries as are on the page, and their objects."""
    found = await scans_of(dsn, statement, tag, edge, UUID(int=0), PAGE)
    assert found["hashtag"][0] == {"hashtag_pkey"}
    assert found["object"][0] == {"object_pkey"}
    assert max(rows for _, rows in found.values()) <= PAGE


async def test_what_is_removed_is_found_by_its_object(dsn: str) -> None:
    """Not by a scan of all entries."""
    keys: list[Any] = [UUID(int=n) for n in range(20)]
    found = await scans_of(dsn, hashtags._REMOVE, keys)
    assert found["hashtag"][0] <= {"hashtag_object", "hashtag_pkey"}
