"""What followers want of what they follow: one row for each flag (docs/decisions/0013)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class FollowRow:
    """A row of ``follow``."""

    subject: UUID
    flag: str
    object: UUID
    object_id: str
    actor_only: bool
    mutes: bool
    activity_id: str | None
    started_at: datetime


# By primary key. Locked in key order: what is decided on them is written in this transaction.
_BETWEEN = """
SELECT f.subject, f.flag, f.object, f.object_id, f.actor_only, f.mutes, f.activity_id, f.started_at
FROM unnest($1::uuid[], $2::uuid[]) AS i(subject, object)
JOIN follow f ON f.subject = i.subject AND f.object = i.object
ORDER BY f.subject, f.object, f.flag FOR UPDATE OF f
"""

# A follow goes on from when it began, whatever is changed of it.
_PUT = """
INSERT INTO follow AS f (subject, flag, object, object_id, actor_only, mutes, activity_id,
                         started_at)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::boolean[], $6::boolean[],
                     $7::text[], $8::timestamptz[])
    AS i(subject, flag, object, object_id, actor_only, mutes, activity_id, started_at)
ORDER BY subject, object, flag
ON CONFLICT (subject, object, flag) DO UPDATE
SET actor_only = EXCLUDED.actor_only, mutes = EXCLUDED.mutes, activity_id = EXCLUDED.activity_id
"""

# By primary key.
_DROP = """
DELETE FROM follow f
USING (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS u(subject, object, flag)
    ORDER BY subject, object, flag
) i
WHERE f.subject = i.subject AND f.object = i.object AND f.flag = i.flag
"""

# By primary key. What mutes does not hang on a relation, and stays when it ends.
_DROP_ALL = """
DELETE FROM follow f
USING (
    SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS u(subject, object) ORDER BY subject, object
) i
WHERE f.subject = i.subject AND f.object = i.object AND NOT f.mutes
"""

# Who takes part by role_time; then by follow_object and primary keys.
_INTERESTED = """
SELECT DISTINCT f.subject FROM role p
JOIN follow f ON f.object = p.thing AND NOT f.actor_only AND NOT f.mutes
JOIN relation r ON r.object = f.object AND r.kind = 'follow' AND r.subject = f.subject
    AND NOT r.subject_ours AND r.state = 'accepted'
WHERE p.sort_at = $1 AND p.activity = $2 AND p.role IN (1, 2)
"""

# Whom and what somebody follows, newest first, each once: by follow_started, then by primary keys.
# $4 is a flag, $5 one thing, $6 a type; null for any. What is muted is shown by its flag alone.
_FOLLOWED = """
SELECT f.object AS other, f.started_at FROM follow f
WHERE f.subject = $1 AND (f.started_at, f.object) < ($2, $3)
  AND CASE WHEN $4::text IS NULL THEN NOT f.mutes ELSE f.flag = $4 END
  AND ($5::uuid IS NULL OR f.object = $5)
  AND (f.mutes OR EXISTS (
      SELECT FROM relation r WHERE r.object = f.object AND r.kind = 'follow'
      AND r.subject = f.subject AND r.state = 'accepted'))
  AND ($6::text IS NULL
       OR EXISTS (SELECT FROM actor a WHERE a.key = f.object AND a.type = $6)
       OR EXISTS (SELECT FROM object o WHERE o.key = f.object AND o.type = $6))
  AND ($4::text IS NOT NULL OR NOT EXISTS (
      SELECT FROM follow e WHERE e.subject = f.subject AND e.object = f.object AND NOT e.mutes
      AND (e.started_at, e.flag) < (f.started_at, f.flag)))
ORDER BY f.started_at DESC, f.object DESC LIMIT $7
"""

# Who follows something, in the same way: by follow_object.
_FOLLOWERS = """
SELECT f.subject AS other, f.started_at FROM follow f
WHERE f.object = $1 AND (f.started_at, f.subject) < ($2, $3)
  AND NOT f.mutes AND ($4::text IS NULL OR f.flag = $4)
  AND ($5::uuid IS NULL OR f.subject = $5)
  AND EXISTS (
      SELECT FROM relation r WHERE r.object = f.object AND r.kind = 'follow'
      AND r.subject = f.subject AND r.state = 'accepted')
  AND ($6::text IS NULL OR EXISTS (SELECT FROM actor a WHERE a.key = f.subject AND a.type = $6))
  AND ($4::text IS NOT NULL OR NOT EXISTS (
      SELECT FROM follow e WHERE e.subject = f.subject AND e.object = f.object AND NOT e.mutes
      AND (e.started_at, e.flag) < (f.started_at, f.flag)))
ORDER BY f.started_at DESC, f.subject DESC LIMIT $7
"""

# By primary key.
_READ = """
SELECT f.subject, f.flag, f.object, f.object_id, f.actor_only, f.mutes, f.activity_id, f.started_at,
       a.id AS subject_id, coalesce(o.type, t.type) AS type
FROM unnest($1::uuid[], $2::uuid[]) AS i(subject, object)
JOIN follow f ON f.subject = i.subject AND f.object = i.object
JOIN actor a ON a.key = f.subject
LEFT JOIN actor o ON o.key = f.object
LEFT JOIN object t ON t.key = f.object
ORDER BY f.flag
"""

Pair = tuple[UUID, UUID]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a follow stands among those of one side: since when, and the key of the other side."""

    started_at: datetime
    other: UUID


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which follows are asked for; None for any."""

    flag: str | None = None
    other: UUID | None = None
    type: str | None = None


@dataclass(frozen=True, slots=True)
class KnownFollow(FollowRow):
    """A follow with the follower's id, and the type of what is followed when it is known here."""

    subject_id: str
    type: str | None


_FROM_THE_TOP = Place(datetime(9999, 12, 31, tzinfo=UTC), UUID(int=2**128 - 1))


async def page_of(
    conn: Connection,
    side: Literal["following", "followers"],
    whose: UUID,
    wanted: Wanted,
    *,
    before: Place | None,
    limit: int,
) -> list[Place]:
    """Up to ``limit`` of what ``whose`` follows, or of who follows it, newest first."""
    before = before or _FROM_THE_TOP
    rows = await conn.fetch(
        _FOLLOWED if side == "following" else _FOLLOWERS,
        whose,
        before.started_at,
        before.other,
        wanted.flag,
        wanted.other,
        wanted.type,
        limit,
    )
    return [Place(row["started_at"], row["other"]) for row in rows]


async def known(conn: Connection, pairs: Sequence[Pair]) -> dict[Pair, list[KnownFollow]]:
    """All that is known of the follows between these (subject, object), by flag."""
    rows = await conn.fetch(_READ, [one for one, _ in pairs], [other for _, other in pairs])
    found: dict[Pair, list[KnownFollow]] = defaultdict(list)
    for row in rows:
        found[(row["subject"], row["object"])].append(KnownFollow(**row))
    return found


async def between(conn: Connection, pairs: Sequence[Pair]) -> Mapping[Pair, Sequence[FollowRow]]:
    """The rows of these (subject, object), by flag."""
    rows = await conn.fetch(_BETWEEN, [one for one, _ in pairs], [other for _, other in pairs])
    found: dict[Pair, list[FollowRow]] = defaultdict(list)
    for row in rows:
        found[(row["subject"], row["object"])].append(FollowRow(**row))
    return found


async def put(conn: Connection, rows: Iterable[FollowRow]) -> None:
    """Add follows, or change them; of two for one flag the last counts."""
    unique = {(row.subject, row.object, row.flag): row for row in rows}
    chosen = [unique[at] for at in sorted(unique)]
    await conn.execute(
        _PUT,
        [row.subject for row in chosen],
        [row.flag for row in chosen],
        [row.object for row in chosen],
        [row.object_id for row in chosen],
        [row.actor_only for row in chosen],
        [row.mutes for row in chosen],
        [row.activity_id for row in chosen],
        [row.started_at for row in chosen],
    )


async def drop(conn: Connection, triples: Iterable[tuple[UUID, UUID, str]]) -> None:
    """Remove follows, given as (subject, object, flag)."""
    ordered = sorted(set(triples))
    await conn.execute(
        _DROP,
        [subject for subject, _, _ in ordered],
        [object_ for _, object_, _ in ordered],
        [flag for _, _, flag in ordered],
    )


async def drop_all(conn: Connection, pairs: Iterable[Pair]) -> None:
    """Remove follows with all their flags, given as (subject, object)."""
    ordered = sorted(set(pairs))
    await conn.execute(_DROP_ALL, [one for one, _ in ordered], [other for _, other in ordered])


async def interested(conn: Connection, activity: UUID, *, sort_at: datetime) -> list[UUID]:
    """Who elsewhere wants to know what happens to something that takes part in the activity."""
    rows = await conn.fetch(_INTERESTED, sort_at, activity)
    return [row["subject"] for row in rows]
