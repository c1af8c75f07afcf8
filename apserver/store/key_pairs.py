"""Key pairs of actors of ours, in use and retired. Private halves are sealed (`apserver.vault`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from apserver.core.delivery import GIVE_UP_AFTER
from apserver.core.keys import KeyKind
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class SealedKey:
    """A key pair of an actor of ours."""

    actor: UUID
    algorithm: KeyKind
    key_id: str
    private: bytes


@dataclass(frozen=True, slots=True)
class SigningKey:
    """What requests are signed with. ``only_for`` is the one activity that a retired key signs."""

    actor: UUID
    actor_id: str
    key_id: str
    private: bytes
    only_for: UUID | None


#: As long as a delivery may wait: what is signed with a retired key is over then.
_RETIRED_FOR: timedelta = GIVE_UP_AFTER

# A new pair takes the place of an older one of its kind.
_PUT = """
INSERT INTO key_pair (actor, algorithm, key_id, private) VALUES ($1, $2, $3, $4)
ON CONFLICT (actor, algorithm) DO UPDATE
SET key_id = EXCLUDED.key_id, private = EXCLUDED.private, created_at = now()
"""

_RETIRE = """
INSERT INTO retired_key (activity, actor, key_id, private)
SELECT $2, actor, key_id, private FROM key_pair WHERE actor = $1 AND algorithm = 'rsa'
"""

# Both by primary key.
_SIGNING = """
SELECT k.actor, a.id AS actor_id, k.key_id, k.private, k.only_for
FROM (
    SELECT actor, key_id, private, NULL::uuid AS only_for FROM key_pair
    WHERE actor = ANY($1::uuid[]) AND algorithm = 'rsa'
    UNION ALL
    SELECT actor, key_id, private, activity FROM retired_key WHERE activity = ANY($2::uuid[])
) k
JOIN actor a ON a.key = k.actor
"""

_IDS = """
SELECT actor, key_id FROM key_pair WHERE actor = ANY($1::uuid[]) ORDER BY actor, created_at, key_id
"""

# The table is tiny: one row for each rotation of the last days.
_PRUNE = "DELETE FROM retired_key WHERE retired_at < now() - $1::interval"
# Few actors of ours are gone; they are found by actor_handle.
_PRUNE_GONE = """
DELETE FROM key_pair k USING actor a
WHERE a.key = k.actor AND a.ours AND a.gone_at < now() - $1::interval
"""


async def put(conn: Connection, keys: Sequence[SealedKey]) -> None:
    """Give an actor these key pairs."""
    await conn.executemany(_PUT, [(k.actor, k.algorithm, k.key_id, k.private) for k in keys])


async def replace(conn: Connection, keys: Sequence[SealedKey], *, announced_by: UUID) -> None:
    """Put new key pairs in place of the old ones of one actor.

    The old RSA key signs the activity that announces the new one, and nothing else (KEY-10).
    """
    await conn.execute(_RETIRE, keys[0].actor, announced_by)
    await put(conn, keys)


async def signing_keys(
    conn: Connection, actors: Sequence[UUID], *, for_activities: Sequence[UUID] = ()
) -> list[SigningKey]:
    """What these actors of ours sign with, and the retired keys that sign these activities."""
    rows = await conn.fetch(_SIGNING, actors, for_activities)
    return [SigningKey(**row) for row in rows]


async def key_ids(conn: Connection, actors: Sequence[UUID]) -> dict[UUID, list[str]]:
    """The ids of the key pairs of these actors of ours."""
    found: dict[UUID, list[str]] = {}
    for row in await conn.fetch(_IDS, actors):
        found.setdefault(row["actor"], []).append(row["key_id"])
    return found


async def prune_retired(conn: Connection) -> None:
    """Forget keys that have nothing left to sign: retired ones, and those of deleted actors."""
    await conn.execute(_PRUNE, _RETIRED_FOR)
    await conn.execute(_PRUNE_GONE, _RETIRED_FOR)
