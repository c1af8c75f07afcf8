"""Actors and their keys."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apserver.core import limits
from apserver.core.actors import Profile
from apserver.core.origin import Handle, Origin, bucket_of, host_of, key_of
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
    suspended_at: datetime | None = None
    moved_to: str | None = None
    moved_at: datetime | None = None

    @property
    def is_active(self) -> bool:
        """Neither deleted nor suspended."""
        return self.gone_at is None and self.suspended_at is None


@dataclass(frozen=True, slots=True)
class PublicKeyRow:
    """A public key of an actor elsewhere; ``der`` is a SubjectPublicKeyInfo."""

    key_id: str
    owner: str
    der: bytes
    fetched_at: datetime


def remote_actor(profile: Profile, document: bytes) -> Actor:
    """The row of an actor elsewhere, from what its document says."""
    host = host_of(profile.inbox)
    return Actor(
        key=key_of(profile.id),
        id=profile.id,
        ours=False,
        type=profile.type,
        host=host,
        bucket=bucket_of(host),
        name=profile.name,
        inbox=profile.inbox,
        shared_inbox=profile.shared_inbox,
        followers=profile.followers,
        manual_approval=profile.manual_approval,
        document=document,
        moved_to=profile.moved_to,
    )


_COLUMNS = (
    "key, id, ours, type, host, bucket, name, inbox, shared_inbox, followers, manual_approval, "
    "document, folded_name, handle_host, fetched_at, gone_at, suspended_at, moved_to, moved_at"
)

# By primary key. One key is asked for by `=`: to send and to plan an array costs as much again.
_BY_KEY = "SELECT " + _COLUMNS + " FROM actor WHERE key = $1"
_BY_KEYS = "SELECT " + _COLUMNS + " FROM actor WHERE key = ANY($1::uuid[])"

# By the unique index actor_handle.
_BY_HANDLE = (
    "SELECT " + _COLUMNS + " FROM actor WHERE ours AND handle_host = $1 AND folded_name = $2"
)

# Ours by the unique index actor_handle, others by actor_named.
BY_HANDLES = f"""
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[]) AS w(at_host, at_domain, folded)
)
SELECT {_COLUMNS} FROM wanted w
JOIN actor ON ours AND handle_host = w.at_host AND folded_name = w.folded
UNION ALL
SELECT {_COLUMNS} FROM wanted w
JOIN actor ON NOT ours AND gone_at IS NULL AND domain = w.at_domain AND lower(name) = w.folded
"""

# By actor_domain.
_KNOWN_HOST = "SELECT EXISTS (SELECT FROM actor WHERE NOT ours AND domain = $1 AND host = $2)"

# By actor_handle.
_OWN = "SELECT " + _COLUMNS + " FROM actor WHERE ours ORDER BY handle_host, folded_name"

# What others hold against the row (its key, its followers' addresses) stays: only what it says
# changes.
_BURY_OWN = """
UPDATE actor SET gone_at = $2, document = $3 WHERE key = $1 AND ours AND gone_at IS NULL
RETURNING true
"""

# By the unique index actor_handle. Rare: see serve.nodeinfo.
_COUNT_OWN = """
SELECT count(*) FROM actor WHERE ours AND gone_at IS NULL AND folded_name <> 'instance'
    AND NOT EXISTS (SELECT FROM alias WHERE alias.actor = actor.key AND NOT is_user)
"""

_LOCK_OWN = "SELECT document FROM actor WHERE key = $1 AND ours AND gone_at IS NULL FOR UPDATE"

# By primary key.
_LOCK_ALL_OWN = """
SELECT key FROM actor WHERE key = ANY($1::uuid[]) AND ours AND gone_at IS NULL
ORDER BY key FOR UPDATE
"""

# By primary key.
_STAY = (
    "SELECT " + _COLUMNS + " FROM actor "
    "WHERE key = ANY($1::uuid[]) AND ours AND gone_at IS NULL ORDER BY key FOR SHARE"
)

_SET_DOCUMENT = """
UPDATE actor SET document = $2, manual_approval = coalesce($3, manual_approval)
WHERE key = $1 AND ours
"""

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
                   manual_approval, document, moved_to)
VALUES ($1, $2, false, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT (key) DO UPDATE
SET type = EXCLUDED.type, host = EXCLUDED.host, bucket = EXCLUDED.bucket, name = EXCLUDED.name,
    inbox = EXCLUDED.inbox, shared_inbox = EXCLUDED.shared_inbox, followers = EXCLUDED.followers,
    manual_approval = EXCLUDED.manual_approval, document = EXCLUDED.document, fetched_at = now(),
    moved_to = EXCLUDED.moved_to, gone_at = NULL, missing_since = NULL, missing_days = 0
WHERE NOT actor.ours
"""

_FORGET_KEYS = "DELETE FROM public_key WHERE owner = $1"

_END = "UPDATE actor SET gone_at = now() WHERE key = $1 AND NOT ours"

_SET_ENDING = "UPDATE actor SET ending = $2 WHERE key = $1 AND ours"

# A 404 counts once on a day.
_MISSING = """
UPDATE actor SET missing_since = coalesce(missing_since, now()), missing_days = missing_days + 1
WHERE key = $1 AND NOT ours AND gone_at IS NULL
    AND (missing_since IS NULL OR missing_since + missing_days * interval '1 day' <= now())
RETURNING missing_days >= $2 AND missing_since + make_interval(secs => $3) <= now()
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
    row = await conn.fetchrow(_BY_KEY, key)
    return None if row is None else Actor(**row)


async def actors_by_handles(conn: Connection, handles: Iterable[Handle]) -> dict[Handle, Actor]:
    """The actors with these handles, names in lower case: ours, and others whose id is on the host
    of the handle. Where one host has several of a name, nobody is meant."""
    wanted = [(one.host, _domain_of(one.host), one.name) for one in handles]
    rows = await conn.fetch(BY_HANDLES, *map(list, zip(*wanted, strict=True)))
    found: dict[Handle, list[Actor]] = {}
    for actor in {row["key"]: Actor(**row) for row in rows}.values():  # ports ask for one twice
        host = (actor.handle_host or "") if actor.ours else host_of(actor.id)
        found.setdefault(Handle((actor.name or "").lower(), host), []).append(actor)
    return {handle: those[0] for handle, those in found.items() if len(those) == 1}


def _domain_of(host: str) -> str:
    """The host without a port."""
    return re.sub(r":[0-9]+$", "", host)


async def actor_by_handle(conn: Connection, host: str, folded_name: str) -> Actor | None:
    """An actor of ours by the two halves of its handle, the name case-folded."""
    row = await conn.fetchrow(_BY_HANDLE, host, folded_name)
    return None if row is None else Actor(**row)


async def lock_own_document(conn: Connection, key: UUID) -> bytes | None:
    """The document of an actor of ours, which nobody else changes until the transaction ends.

    None when there is no such actor, or no longer.
    """
    document: bytes | None = await conn.fetchval(_LOCK_OWN, key)
    return document


async def lock_own_actors(conn: Connection, keys: Collection[UUID]) -> None:
    """Let nobody else act for these actors of ours until the transaction ends, who does the same
    or changes their documents."""
    await conn.execute(_LOCK_ALL_OWN, list(keys))


async def keep_own_actors(conn: Connection, keys: Collection[UUID]) -> dict[UUID, Actor]:
    """Those of these actors of ours that are not gone; they stay until the transaction ends."""
    return {row["key"]: Actor(**row) for row in await conn.fetch(_STAY, list(keys))}


async def set_own_document(
    conn: Connection, key: UUID, document: bytes, *, manual_approval: bool | None = None
) -> None:
    """Change what is served of an actor of ours, and whether its followers wait."""
    await conn.execute(_SET_DOCUMENT, key, document, manual_approval)


async def is_known_host(conn: Connection, origin: Origin) -> bool:
    """Whether an actor lives there with its inbox; what other hosts say of it does not count."""
    return bool(await conn.fetchval(_KNOWN_HOST, origin.host, origin.authority))


async def own_actors(conn: Connection) -> list[Actor]:
    """All actors of ours by name, also those that are gone."""
    return [Actor(**row) for row in await conn.fetch(_OWN)]


async def bury_own_actor(
    conn: Connection, key: UUID, *, document: bytes, gone_at: datetime
) -> bool:
    """Put ``document`` in place of an actor of ours for good; False when it is gone already.

    Its name and its keys stay: the one is never given out again, the others sign the farewell.
    """
    return bool(await conn.fetchval(_BURY_OWN, key, gone_at, document))


async def count_own(conn: Connection) -> int:
    """How many actors live here, without the one that speaks for the server."""
    count: int = await conn.fetchval(_COUNT_OWN)
    return count


async def insert_own_actor(conn: Connection, actor: Actor) -> bool:
    """Add an actor of ours; False when the id or the handle is taken."""
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
    return added is not None


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
        actor.moved_to,
    )


async def public_key(conn: Connection, key: UUID) -> PublicKeyRow | None:
    """A cached public key of an actor elsewhere, by ``key_of`` its id."""
    row = await conn.fetchrow(_PUBLIC_KEY, key)
    return None if row is None else PublicKeyRow(**row)


async def put_public_key(
    conn: Connection, *, key: UUID, key_id: str, owner: str, der: bytes
) -> None:
    """Remember a public key that was shown to be its owner's."""
    await conn.execute(_PUT_PUBLIC_KEY, key, key_id, owner, der)


async def forget_public_keys(conn: Connection, owner: str) -> None:
    """Forget the keys of an actor elsewhere; they are fetched again when they are needed."""
    await conn.execute(_FORGET_KEYS, owner)


async def set_ending(conn: Connection, key: UUID, *, ending: bool) -> None:
    """Whether what is left of an actor of ours, which is gone, is being removed."""
    await conn.execute(_SET_ENDING, key, ending)


async def note_missing(conn: Connection, key: UUID) -> bool:
    """The server of an actor says that it is not there. Whether it has said so often enough, on
    several days, to be gone. That its document is had again takes all of it back."""
    is_gone = await conn.fetchval(_MISSING, key, limits.MISSING_DAYS, limits.MISSING_S)
    return bool(is_gone)


async def end_remote_actor(conn: Connection, key: UUID) -> None:
    """Mark an actor elsewhere as gone. Fetching it again, if it is back, takes the mark away."""
    await conn.execute(_END, key)
