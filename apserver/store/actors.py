"""Actors and their keys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class Actor:
    """A row of ``actor``; ``document`` is the JSON as served, with its @context."""

    key: UUID
    id: str
    ours: bool
    type: str
    host: str
    bucket: int
    name: str | None
    inbox: str
    shared_inbox: str | None
    followers: str | None
    manual_approval: bool
    document: bytes
    folded_name: str | None = None
    handle_host: str | None = None
    fetched_at: datetime | None = None
    gone_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SealedKey:
    """The key pair of an actor of ours; ``private`` is sealed (see `apserver.vault`)."""

    actor: UUID
    key_id: str
    private: bytes


@dataclass(frozen=True, slots=True)
class PublicKeyRow:
    """A public key of an actor elsewhere; ``der`` is a SubjectPublicKeyInfo."""

    key_id: str
    owner: str
    der: bytes
    fetched_at: datetime


_COLUMNS = (
    "key, id, ours, type, host, bucket, name, inbox, shared_inbox, followers, manual_approval, "
    "document, folded_name, handle_host, fetched_at, gone_at"
)

# By primary key.
_BY_KEYS = "SELECT " + _COLUMNS + " FROM actor WHERE key = ANY($1::uuid[])"

# By the unique index actor_handle.
_BY_HANDLE = (
    "SELECT " + _COLUMNS + " FROM actor WHERE ours AND handle_host = $1 AND folded_name = $2"
)

_INSERT_OWN = """
INSERT INTO actor (key, id, ours, type, host, bucket, name, folded_name, handle_host, inbox,
                   shared_inbox, followers, manual_approval, document)
VALUES ($1, $2, true, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT DO NOTHING
RETURNING key
"""

# An actor of ours is never overwritten by what somebody serves under its id.
_PUT_REMOTE = """
INSERT INTO actor (key, id, ours, type, host, bucket, name, inbox, shared_inbox, followers,
                   manual_approval, document)
VALUES ($1, $2, false, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (key) DO UPDATE
SET type = EXCLUDED.type, host = EXCLUDED.host, bucket = EXCLUDED.bucket, name = EXCLUDED.name,
    inbox = EXCLUDED.inbox, shared_inbox = EXCLUDED.shared_inbox, followers = EXCLUDED.followers,
    manual_approval = EXCLUDED.manual_approval, document = EXCLUDED.document, fetched_at = now(),
    gone_at = NULL
WHERE NOT actor.ours
"""

_INSERT_KEY = """
INSERT INTO key_pair (actor, algorithm, key_id, private) VALUES ($1, 'rsa', $2, $3)
"""

_KEYS_OF = """
SELECT actor, key_id, private FROM key_pair WHERE actor = ANY($1::uuid[]) AND algorithm = 'rsa'
"""

_PUBLIC_KEY = "SELECT key_id, owner, der, fetched_at FROM public_key WHERE key = $1"

_PUT_PUBLIC_KEY = """
INSERT INTO public_key (key, key_id, owner, der) VALUES ($1, $2, $3, $4)
ON CONFLICT (key) DO UPDATE SET owner = EXCLUDED.owner, der = EXCLUDED.der, fetched_at = now()
"""


async def actors_by_key(conn: Connection, keys: Iterable[UUID]) -> dict[UUID, Actor]:
    """The actors that are known, by key."""
    rows = await conn.fetch(_BY_KEYS, list(keys))
    return {row["key"]: Actor(**row) for row in rows}


async def actor_by_key(conn: Connection, key: UUID) -> Actor | None:
    """One actor, or None."""
    return (await actors_by_key(conn, [key])).get(key)


async def actor_by_handle(conn: Connection, host: str, folded_name: str) -> Actor | None:
    """An actor of ours by the two halves of its handle, the name case-folded."""
    row = await conn.fetchrow(_BY_HANDLE, host, folded_name)
    return None if row is None else Actor(**row)


async def insert_own_actor(conn: Connection, actor: Actor, key: SealedKey) -> bool:
    """Add an actor of ours with its key pair; False when the id or the handle is taken."""
    added = await conn.fetchval(
        _INSERT_OWN,
        actor.key,
        actor.id,
        actor.type,
        actor.host,
        actor.bucket,
        actor.name,
        actor.folded_name,
        actor.handle_host,
        actor.inbox,
        actor.shared_inbox,
        actor.followers,
        actor.manual_approval,
        actor.document,
    )
    if added is None:
        return False
    await conn.execute(_INSERT_KEY, key.actor, key.key_id, key.private)
    return True


async def put_remote_actor(conn: Connection, actor: Actor) -> None:
    """Store what an actor elsewhere says of itself, in place of an older copy."""
    await conn.execute(
        _PUT_REMOTE,
        actor.key,
        actor.id,
        actor.type,
        actor.host,
        actor.bucket,
        actor.name,
        actor.inbox,
        actor.shared_inbox,
        actor.followers,
        actor.manual_approval,
        actor.document,
    )


async def sealed_keys(conn: Connection, actors: Sequence[UUID]) -> dict[UUID, SealedKey]:
    """The key pairs of these actors of ours."""
    return {row["actor"]: SealedKey(**row) for row in await conn.fetch(_KEYS_OF, actors)}


async def public_key(conn: Connection, key: UUID) -> PublicKeyRow | None:
    """A cached public key of an actor elsewhere, by ``key_of`` its id."""
    row = await conn.fetchrow(_PUBLIC_KEY, key)
    return None if row is None else PublicKeyRow(**row)


async def put_public_key(
    conn: Connection, *, key: UUID, key_id: str, owner: str, der: bytes
) -> None:
    """Remember a public key that was shown to be its owner's."""
    await conn.execute(_PUT_PUBLIC_KEY, key, key_id, owner, der)
