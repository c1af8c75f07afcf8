"""Actors that move: where they went on, and who here follows them still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apserver.core.aliases import with_moved_to
from apserver.core.document import parse, render
from apserver.core.effects import Moved
from apserver.core.origin import key_of
from apserver.store.db import Connection

# All by primary key. Both accounts are locked in key order.
_LOCK = "SELECT key, document FROM actor WHERE key = ANY($1::uuid[]) ORDER BY key FOR UPDATE"
_SET = "UPDATE actor SET moved_to = $2, document = $3 WHERE key = $1"
_TOOK_PART = "UPDATE actor SET moved_at = $2 WHERE key = ANY($1::uuid[])"

# By relation_ours, and by relation_pending.
_FOLLOWERS = """
SELECT a.key, a.id, a.moved_to IS NOT NULL AS has_moved FROM (
    (SELECT subject FROM relation
     WHERE object = $1 AND kind = 'follow' AND subject_ours AND state = 'accepted'
     ORDER BY subject LIMIT $2)
    UNION ALL
    (SELECT subject FROM relation
     WHERE object = $1 AND kind = 'follow' AND subject_ours AND state = 'pending'
     ORDER BY subject LIMIT $2)
) r JOIN actor a ON a.key = r.subject
ORDER BY a.key LIMIT $2
"""


@dataclass(frozen=True, slots=True)
class Follower:
    """An actor of ours that follows one that has moved, or has asked to."""

    key: UUID
    id: str
    has_moved: bool


async def move_actor(conn: Connection, moved: Moved) -> None:
    """Mark an actor, in its document too, as moved to where it is now, or as back. Who is moved to
    has taken part as well."""
    key = key_of(moved.actor)
    both = [key] if moved.target is None else [key, key_of(moved.target)]
    documents = {row["key"]: row["document"] for row in await conn.fetch(_LOCK, both)}
    if key not in documents:
        return
    document = with_moved_to(parse(documents[key]), moved.target)
    if moved.target is not None:
        await conn.execute(_TOOK_PART, both, moved.at)
    await conn.execute(_SET, key, moved.target, render(document))


async def followers_here(conn: Connection, actor: UUID, *, limit: int) -> Sequence[Follower]:
    """Some actors of ours that follow this one or have asked to, in order of their keys."""
    return [Follower(**row) for row in await conn.fetch(_FOLLOWERS, actor, limit)]
