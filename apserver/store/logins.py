"""Passwords of actors of ours, and the sessions of browsers that are signed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from apserver.core import limits
from apserver.core.passwords import Hashed
from apserver.store.db import Connection
from apserver.store.expiry import chunk_of
from apserver.store.retention import EPOCH, Chunk


@dataclass(frozen=True, slots=True)
class Login:
    """An actor that can sign in, and what its password must fit."""

    actor: UUID
    password: Hashed


@dataclass(frozen=True, slots=True)
class Session:
    """Whose a session is. ``is_old`` tells that it was not written for a while that it is used."""

    actor: str
    name: str
    is_old: bool


_PUT_PASSWORD = """
INSERT INTO password AS w (actor, salt, digest, n, r, p) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (actor) DO UPDATE
SET salt = EXCLUDED.salt, digest = EXCLUDED.digest, n = EXCLUDED.n, r = EXCLUDED.r,
    p = EXCLUDED.p, changed_at = now()
"""
_DROP_PASSWORD = "DELETE FROM password WHERE actor = $1"

# By actor_handle, then by primary key. One statement, whether there is such a name or not.
_LOGIN = """
SELECT w.actor, w.salt, w.digest, w.n, w.r, w.p
FROM actor a JOIN password w ON w.actor = a.key
WHERE a.handle_host = $1 AND a.folded_name = $2 AND a.ours AND a.gone_at IS NULL
  AND a.suspended_at IS NULL
"""

# By primary keys. The locks make whoever changes the password, or suspends the actor, wait until
# the session is there to be ended, or this find that it is too late.
_START = """
INSERT INTO session (hash, actor, ends_at)
SELECT $1, k.actor, now() + least($4::float8, $5::float8) * interval '1 second'
FROM (
    SELECT w.actor FROM password w JOIN actor a ON a.key = w.actor
    WHERE w.actor = $2 AND w.digest = $3 AND a.gone_at IS NULL AND a.suspended_at IS NULL
    FOR SHARE OF w, a
) k
RETURNING 1
"""

# By session_actor: the newest stay.
_KEEP_FEW = """
DELETE FROM session s USING (
    SELECT c.hash FROM session c JOIN (
        SELECT hash FROM session WHERE actor = $1 ORDER BY started_at DESC, hash DESC OFFSET $2
    ) o USING (hash)
    ORDER BY c.hash FOR UPDATE OF c
) i
WHERE s.hash = i.hash
"""

# By primary keys; the actor's row tells that it can be anybody still.
_READ = """
SELECT a.id AS actor, a.name, s.seen_at < now() - $2 * interval '1 second' AS is_old
FROM session s JOIN actor a ON a.key = s.actor
WHERE s.hash = $1 AND s.ends_at > now() AND a.ours AND a.gone_at IS NULL
  AND a.suspended_at IS NULL
"""
_SEE = """
UPDATE session SET seen_at = now(),
    ends_at = least(started_at + $3 * interval '1 second', now() + $2 * interval '1 second')
WHERE hash = $1 AND ends_at > now()
"""
_END = "DELETE FROM session WHERE hash = $1"
# By session_actor.
_END_ALL = """
DELETE FROM session s USING (
    SELECT hash FROM session WHERE actor = $1 ORDER BY hash FOR UPDATE
) i
WHERE s.hash = i.hash RETURNING s.hash
"""

# By session_end.
_PRUNE = """
WITH gone AS (
    DELETE FROM session s USING (
        SELECT hash FROM session WHERE ends_at < $1 AND (ends_at, hash) > ($2, $3)
        ORDER BY ends_at, hash LIMIT $4 FOR UPDATE
    ) i
    WHERE s.hash = i.hash RETURNING s.ends_at AS at, s.hash
)
SELECT at, hash FROM gone ORDER BY at, hash
"""


async def put_password(conn: Connection, actor: UUID, password: Hashed) -> int:
    """Set a password, and end all sessions of the actor: how many."""
    kept = password
    await conn.execute(_PUT_PASSWORD, actor, kept.salt, kept.digest, kept.n, kept.r, kept.p)
    return await end_all(conn, actor)


async def drop_login(conn: Connection, actor: UUID) -> int:
    """Let nobody sign in as the actor any more, and end its sessions: how many."""
    await conn.execute(_DROP_PASSWORD, actor)
    return await end_all(conn, actor)


async def login(conn: Connection, handle_host: str, folded_name: str) -> Login | None:
    """The login of that name; None when there is none, or the actor is deleted or suspended."""
    row = await conn.fetchrow(_LOGIN, handle_host, folded_name)
    if row is None:
        return None
    kept = Hashed(row["salt"], row["digest"], row["n"], row["r"], row["p"])
    return Login(row["actor"], kept)


async def start(conn: Connection, hash_: bytes, known: Login) -> bool:
    """Begin a session for whom the password was right; False when that is true no more."""
    begun = await conn.fetchval(
        _START,
        hash_,
        known.actor,
        known.password.digest,
        limits.SESSION_IDLE_S,
        limits.SESSION_S,
    )
    if begun:
        await conn.execute(_KEEP_FEW, known.actor, limits.SESSIONS)
    return begun is not None


async def session(conn: Connection, hash_: bytes) -> Session | None:
    """The session with this hash; None when there is none, or not any more."""
    row = await conn.fetchrow(_READ, hash_, limits.SESSION_SEEN_S)
    return None if row is None else Session(**row)


async def see(conn: Connection, hash_: bytes) -> None:
    """A session was used: it goes on."""
    await conn.execute(_SEE, hash_, limits.SESSION_IDLE_S, limits.SESSION_S)


async def end(conn: Connection, hash_: bytes) -> None:
    """End a session."""
    await conn.execute(_END, hash_)


async def end_all(conn: Connection, actor: UUID) -> int:
    """End the sessions of an actor: how many."""
    return len(await conn.fetch(_END_ALL, actor))


async def prune_sessions(
    conn: Connection, *, before: datetime, after: tuple[Any, ...] = (EPOCH, b"")
) -> Chunk:
    """Sessions that ended before."""
    rows = await conn.fetch(_PRUNE, before, *after, limits.PRUNE_ROWS)
    return chunk_of(rows, "at", "hash")
