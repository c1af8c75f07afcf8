"""Activities that are told in another way, or deleted, after they were done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apserver.store import collections, objects
from apserver.store.db import Connection
from apserver.store.objects import ActivityRow

#: Why a deleted activity has no effect, should it still be applied somewhere.
DELETED = "deleted"

# By primary key. What was deleted once is not deleted again.
_BURY = """
UPDATE activity a
SET envelope = i.stone, context = NULL, spliced = NULL, verb = NULL, data = NULL, deleted_at = $3
FROM (SELECT * FROM unnest($1::uuid[], $2::bytea[]) AS u(key, stone) ORDER BY key) i
WHERE a.key = i.key AND a.deleted_at IS NULL
"""

# By member_item.
_LISTED = "SELECT collection, item FROM member WHERE item = ANY($1::uuid[])"

# By primary key.
_FORGET = "DELETE FROM raw WHERE activity = ANY($1::uuid[])"

# By primary key.
_REVISE = """
UPDATE activity a SET envelope = i.envelope, context = i.context, verb = i.verb, data = i.data
FROM (
    SELECT * FROM unnest($1::uuid[], $2::bytea[], $3::bytea[], $4::text[], $5::jsonb[])
        AS u(key, envelope, context, verb, data)
    ORDER BY key
) i
WHERE a.key = i.key AND a.deleted_at IS NULL
"""

# By activity_age, in which the activities of one domain lie together.
_ELSEWHERE = "SELECT key FROM activity WHERE local_key IS NULL AND domain = $1 AND id = $2"

# The newest of an inbox by the primary key of member, so many; the activities by theirs. An id that
# two of them use names neither; a Follow is found by whom it asks (`store.relations`).
_IN_INBOX = """
SELECT i.inbox, i.id, found.key
FROM unnest($1::uuid[], $2::text[]) AS i(inbox, id)
CROSS JOIN LATERAL (
    SELECT (array_agg(a.key))[1] AS key FROM (
        SELECT item FROM member WHERE collection = i.inbox ORDER BY position DESC LIMIT $3
    ) m
    JOIN activity a ON a.key = m.item WHERE a.id = i.id
    HAVING count(*) = 1 AND min(a.type) <> 'Follow'
) found
"""


@dataclass(frozen=True, slots=True)
class Revision:
    """What an activity says from now on. ``data`` is JSON."""

    key: UUID
    envelope: bytes
    context: bytes | None
    verb: str | None
    data: str | None


async def in_inboxes(
    conn: Connection, sought: Sequence[tuple[UUID, str]], *, newest: int
) -> dict[tuple[UUID, str], UUID]:
    """The keys of activities by inbox and id, among so many that came last to each inbox."""
    rows = await conn.fetch(
        _IN_INBOX, [inbox for inbox, _ in sought], [id_ for _, id_ in sought], newest
    )
    return {(row["inbox"], row["id"]): row["key"] for row in rows}


async def activities_elsewhere(conn: Connection, id_: str, *, domain: str) -> list[ActivityRow]:
    """The activities of other servers with this id, by whomever."""
    keys = [row["key"] for row in await conn.fetch(_ELSEWHERE, domain, id_)]
    return [*(await objects.activities_by_key(conn, keys)).values()]


async def bury_activities(
    conn: Connection, stones: Mapping[UUID, bytes], *, deleted_at: datetime
) -> None:
    """Put Tombstones (without @context) in place of activities, by key, and list them nowhere."""
    ordered = sorted(stones)
    await objects.set_verdicts(conn, dict.fromkeys(ordered, DELETED))
    await conn.execute(_BURY, ordered, [stones[key] for key in ordered], deleted_at)
    listed = await conn.fetch(_LISTED, ordered)
    if listed:
        await collections.remove_members(conn, [(row["collection"], row["item"]) for row in listed])
    await conn.execute(_FORGET, ordered)


async def revise_activities(conn: Connection, revisions: Sequence[Revision]) -> None:
    """Tell activities in another way."""
    unique = sorted({one.key: one for one in revisions}.values(), key=lambda one: one.key)
    await conn.execute(
        _REVISE,
        [one.key for one in unique],
        [one.envelope for one in unique],
        [one.context for one in unique],
        [one.verb for one in unique],
        [one.data for one in unique],
    )
