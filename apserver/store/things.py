"""What hangs on a thing of a site: who follows it or wants to, and the actions with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apserver.core import limits
from apserver.core.names import collection_id
from apserver.core.origin import key_of
from apserver.store import collections, follows, relations
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class PendingFollow:
    """A follow that waits for an answer: the id of the Follow, who asks since when, the key of what
    is asked for, and what the Follow wants of it (`core.flags`)."""

    subject: UUID
    follow_id: str | None
    actor_id: str
    object: UUID
    asked_at: datetime
    flag: str | None
    actor_only: bool | None


@dataclass(frozen=True, slots=True)
class Action:
    """An activity of ours that a thing takes part in. ``object`` is what it made, if anything."""

    key: UUID
    id: str
    type: str
    actor_id: str
    object: UUID | None


# By relation_pending, so many of each; the actors by primary key.
_PENDING = """
SELECT r.subject, r.activity_id AS follow_id, a.id AS actor_id, r.object,
       r.changed_at AS asked_at, w.flag, w.actor_only
FROM (
    SELECT f.* FROM unnest($1::uuid[]) AS i(object) CROSS JOIN LATERAL (
        SELECT object, subject, activity_id, changed_at FROM relation
        WHERE object = i.object AND state = 'pending' AND kind = 'follow'
          AND subject >= $2 AND (subject, object) > ($2, $3)
        ORDER BY subject LIMIT $4
    ) f ORDER BY f.subject, f.object LIMIT $4
) r JOIN actor a ON a.key = r.subject
LEFT JOIN follow w
    ON w.subject = r.subject AND w.object = r.object AND w.activity_id = r.activity_id
ORDER BY r.subject, r.object
"""

# By primary key, a bounded number of rows.
_FOLLOWERS = """
SELECT count(*) FROM (
    SELECT FROM relation
    WHERE object = $1 AND kind = 'follow' AND state = 'accepted' LIMIT $2) r
"""

# By primary key; the actor by primary key.
_FOLLOWED_BY = """
SELECT r.subject, a.id FROM relation r LEFT JOIN actor a ON a.key = r.subject AND a.ours
WHERE r.object = $1 AND r.kind = 'follow' ORDER BY r.subject LIMIT $2
"""
_MUTES = "DELETE FROM follow WHERE object = $1 AND mutes"

# By primary key, from its front; the activities by primary key.
_TAKING_PART = """
SELECT a.key, a.id, a.type, a.actor_id, a.spliced AS object
FROM (
    SELECT DISTINCT activity FROM (
        SELECT r.activity FROM role r JOIN activity o ON o.key = r.activity
        WHERE r.thing = $1 AND r.role < 3 AND o.local_key IS NOT NULL AND o.key <> $2
        ORDER BY r.role, r.sort_at, r.activity LIMIT $3
    ) front
) r JOIN activity a ON a.key = r.activity
ORDER BY a.actor, a.key
"""


async def pending(
    conn: Connection, asked: Sequence[UUID], *, after: tuple[UUID, UUID] | None, limit: int
) -> list[PendingFollow]:
    """Up to ``limit`` follows of these that wait, by the keys of who asks and of what."""
    rows = await conn.fetch(_PENDING, list(asked), *(after or (UUID(int=0), UUID(int=0))), limit)
    return [PendingFollow(**row) for row in rows]


async def count_followers(conn: Connection, thing: UUID) -> int | None:
    """How many follow a thing; None when they are more than are counted."""
    counted: int = await conn.fetchval(_FOLLOWERS, thing, limits.COUNTED + 1)
    return counted if counted <= limits.COUNTED else None


async def end_follows(conn: Connection, thing: UUID, *, limit: int) -> bool:
    """End up to ``limit`` follows of a thing, asked or accepted; False when none were left."""
    rows = await conn.fetch(_FOLLOWED_BY, thing, limit)
    if not rows:
        await conn.execute(_MUTES, thing)
        return False
    listings = [
        (key_of(collection_id(row["id"], "following")), thing)
        for row in rows
        if row["id"] is not None
    ]
    await collections.remove_members(conn, listings)
    await relations.unrelate(conn, [(thing, "follow", row["subject"]) for row in rows])
    await follows.drop_all(conn, [(row["subject"], thing) for row in rows])
    return True


async def actions_with(conn: Connection, thing: UUID, *, but: UUID, limit: int) -> list[Action]:
    """Up to ``limit`` activities of ours in streams that a thing takes part in, but for one."""
    rows = await conn.fetch(_TAKING_PART, thing, but, limit)
    return [Action(**row) for row in rows]
