"""What our clients posted under an Idempotency-Key: the same request again is the first one."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from apserver.store.db import Connection

# Waits for a transaction that is just posting under the same key.
_CLAIM = """
INSERT INTO posted (actor, key, body, activity) VALUES ($1, $2, $3, $4)
ON CONFLICT (actor, key) DO UPDATE SET body = EXCLUDED.body, activity = EXCLUDED.activity,
    was_there = false, answer = NULL, posted_at = now()
    WHERE posted.posted_at < now() - make_interval(secs => $5)
RETURNING true
"""
# By primary key.
_FIND = "SELECT body, activity, was_there, answer FROM posted WHERE actor = $1 AND key = $2"
_BECAME = "UPDATE posted SET activity = $3, was_there = true WHERE actor = $1 AND key = $2"
_ANSWER = "UPDATE posted SET answer = $3 WHERE actor = $1 AND key = $2"


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """A request that is to count once: who posted, and hashes of its key and of its body."""

    actor: UUID
    key: UUID
    body: UUID


@dataclass(frozen=True, slots=True)
class Before:
    """What was posted under the key: the hash of the body, the activity that came of it, and
    whether that was there already; of many activities, what was answered."""

    body: UUID
    activity: UUID | None
    was_there: bool
    answer: bytes | None


async def claim(
    conn: Connection, once: Once, activity: UUID | None, *, for_s: float
) -> Before | None:
    """Take a key for an activity that this transaction makes, or with None for many; None when it
    was free, or last used ``for_s`` seconds ago and more."""
    if await conn.fetchval(_CLAIM, once.actor, once.key, once.body, activity, for_s):
        return None
    row = await conn.fetchrow(_FIND, once.actor, once.key)
    return Before(**row)


async def answer(conn: Connection, once: Once, body: bytes) -> None:
    """What is answered to a request of many activities."""
    await conn.execute(_ANSWER, once.actor, once.key, body)


async def became(conn: Connection, once: Once, activity: UUID) -> None:
    """Another activity stands for what was posted: it was there already."""
    await conn.execute(_BECAME, once.actor, once.key, activity)
