"""Reactions by an emoji: who reacted how to what, and by which activity."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class Reaction:
    """A row of ``reaction``; the first two are keys."""

    object: UUID
    actor: UUID
    emoji: str
    activity_id: str


# By primary key.
_BETWEEN = """
SELECT r.object, r.actor, r.emoji, r.activity_id
FROM unnest($1::uuid[], $2::uuid[]) AS i(object, actor)
JOIN reaction r ON r.object = i.object AND r.actor = i.actor
ORDER BY r.reacted_at, r.emoji
"""

_PUT = """
INSERT INTO reaction (object, actor, emoji, activity_id)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[])
    AS i(object, actor, emoji, activity_id)
ORDER BY object, actor, emoji
ON CONFLICT (object, actor, emoji) DO UPDATE SET activity_id = EXCLUDED.activity_id
"""

_DROP = """
DELETE FROM reaction r USING (
    SELECT c.object, c.actor, c.emoji
    FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS u(object, actor, emoji)
    JOIN reaction c ON c.object = u.object AND c.actor = u.actor AND c.emoji = u.emoji
    ORDER BY c.object, c.actor, c.emoji FOR UPDATE OF c
) i
WHERE r.object = i.object AND r.actor = i.actor AND r.emoji = i.emoji
"""

# By primary key, and by reaction_actor.
_DROP_TO = """
DELETE FROM reaction r USING (
    SELECT object, actor, emoji FROM reaction WHERE object = ANY($1::uuid[])
    ORDER BY object, actor, emoji FOR UPDATE
) i
WHERE r.object = i.object AND r.actor = i.actor AND r.emoji = i.emoji
"""
_DROP_BY = """
DELETE FROM reaction r USING (
    SELECT object, actor, emoji FROM reaction WHERE actor = $1
    ORDER BY object, actor, emoji LIMIT $2 FOR UPDATE
) i
WHERE r.object = i.object AND r.actor = i.actor AND r.emoji = i.emoji
RETURNING 1
"""


async def between(
    conn: Connection, pairs: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], list[Reaction]]:
    """The reactions to things by actors, given as (object, actor), the oldest first."""
    found: dict[tuple[UUID, UUID], list[Reaction]] = {}
    for row in await conn.fetch(_BETWEEN, [one for one, _ in pairs], [who for _, who in pairs]):
        found.setdefault((row["object"], row["actor"]), []).append(Reaction(**row))
    return found


async def put(conn: Connection, rows: Sequence[Reaction]) -> None:
    """Keep reactions; a later one with the same emoji takes the place of the earlier."""
    await conn.execute(
        _PUT,
        [row.object for row in rows],
        [row.actor for row in rows],
        [row.emoji for row in rows],
        [row.activity_id for row in rows],
    )


async def drop(conn: Connection, taken_back: Iterable[tuple[UUID, UUID, str]]) -> None:
    """Forget reactions, given as (object, actor, emoji)."""
    rows = sorted(taken_back)
    await conn.execute(_DROP, *(list(column) for column in zip(*rows, strict=True)))


async def drop_to(conn: Connection, objects: Sequence[UUID]) -> None:
    """Forget all reactions to things that are gone."""
    await conn.execute(_DROP_TO, objects)


async def drop_by(conn: Connection, actor: UUID, *, limit: int) -> bool:
    """Forget up to so many reactions of an actor that is gone; whether there may be more."""
    return len(await conn.fetch(_DROP_BY, actor, limit)) >= limit
