"""What counts once, and for how long that must be known: signatures heard, keys of requests, early
Undos. Each has an age of its own, whatever `[retention]` says; see `store.retention` for the rest.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from apserver.core import limits
from apserver.store.db import Connection
from apserver.store.retention import EPOCH, Chunk

NO_KEY = UUID(int=0)

# By heard_age.
_PRUNE_HEARD = """
WITH gone AS (
    DELETE FROM heard h USING (
        SELECT signature FROM heard WHERE heard_at < $1 AND (heard_at, signature) > ($2, $3)
        ORDER BY heard_at, signature LIMIT $4 FOR UPDATE
    ) i
    WHERE h.signature = i.signature RETURNING h.heard_at AS at, h.signature
)
SELECT at, signature FROM gone ORDER BY at, signature
"""

# By posted_age.
_PRUNE_POSTED = """
WITH gone AS (
    DELETE FROM posted p USING (
        SELECT actor, key FROM posted
        WHERE posted_at < $1 AND (posted_at, actor, key) > ($2, $3, $4)
        ORDER BY posted_at, actor, key LIMIT $5 FOR UPDATE
    ) i
    WHERE p.actor = i.actor AND p.key = i.key RETURNING p.posted_at AS at, p.actor, p.key
)
SELECT at, actor, key FROM gone ORDER BY at, actor, key
"""

# By relation_undone.
_PRUNE_UNDONE = """
WITH gone AS (
    DELETE FROM relation r USING (
        SELECT object, subject FROM relation
        WHERE kind = 'undone' AND changed_at < $1 AND (changed_at, object, subject) > ($2, $3, $4)
        ORDER BY changed_at, object, subject LIMIT $5 FOR UPDATE
    ) i
    WHERE r.object = i.object AND r.kind = 'undone' AND r.subject = i.subject
    RETURNING r.changed_at AS at, r.object, r.subject
)
SELECT at, object, subject FROM gone ORDER BY at, object, subject
"""


async def prune_heard(
    conn: Connection, *, before: datetime, after: tuple[Any, ...] = (EPOCH, NO_KEY)
) -> Chunk:
    """Signatures whose date is too old for anybody to send them again."""
    rows = await conn.fetch(_PRUNE_HEARD, before, *after, limits.PRUNE_ROWS)
    return chunk_of(rows, "at", "signature")


async def prune_posted(
    conn: Connection, *, before: datetime, after: tuple[Any, ...] = (EPOCH, NO_KEY, NO_KEY)
) -> Chunk:
    """What was posted under an Idempotency-Key that has expired."""
    rows = await conn.fetch(_PRUNE_POSTED, before, *after, limits.PRUNE_ROWS)
    return chunk_of(rows, "at", "actor", "key")


async def prune_undone(
    conn: Connection, *, before: datetime, after: tuple[Any, ...] = (EPOCH, NO_KEY, NO_KEY)
) -> Chunk:
    """Undos of what has not come, and is not delivered any more."""
    rows = await conn.fetch(_PRUNE_UNDONE, before, *after, limits.PRUNE_ROWS)
    return chunk_of(rows, "at", "object", "subject")


def chunk_of(rows: Sequence[Any], *columns: str) -> Chunk:
    """All these went; the next step begins after them, unless they were the last."""
    if len(rows) < limits.PRUNE_ROWS:
        return Chunk(len(rows), None)
    return Chunk(len(rows), tuple(rows[-1][column] for column in columns))
