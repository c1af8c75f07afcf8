"""Objects as they come to be here, under their hashtags at once: one statement for many."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from apserver.store import hashtags
from apserver.store.db import Connection
from apserver.store.objects import INPUT, ObjectRow, columns

# What was found, and is sent to us after all, is as if it had not been found.
# (xmax is 0 in a row that is new, and not in one that was there.)
_ADD = (
    "WITH put AS ("
    + INPUT
    + """UPDATE SET is_found = false
    WHERE o.is_found AND NOT EXCLUDED.is_found AND o.author = EXCLUDED.author
      AND o.deleted_at IS NULL
    RETURNING key, xmax = 0 AS is_new, """
    + hashtags.SORT_AT
    + """ AS sort_at
), tagged AS (
    INSERT INTO hashtag (tag, sort_at, object)
    SELECT i.tag, p.sort_at, p.key
    FROM put p JOIN unnest($14::text[], $15::uuid[]) AS i(tag, object) ON i.object = p.key
    WHERE p.is_new ORDER BY 1, 2, 3
    ON CONFLICT DO NOTHING
)
SELECT key, is_new FROM put
"""
)


async def add_objects(conn: Connection, rows: Sequence[ObjectRow]) -> dict[UUID, ObjectRow]:
    """Add objects; what is there stays. Those that are new, by key."""
    if not rows:
        return {}
    by_key = {row.key: row for row in rows}
    tags = [(tag, row.key) for row in by_key.values() for tag in hashtags.tags_in(row)]
    put = await conn.fetch(
        _ADD, *columns(by_key.values()), [tag for tag, _ in tags], [key for _, key in tags]
    )
    found_before = [row["key"] for row in put if not row["is_new"]]
    if found_before:
        await hashtags.index(conn, found_before)
    return {row["key"]: by_key[row["key"]] for row in put if row["is_new"]}
