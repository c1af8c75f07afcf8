"""Who this database belongs to, and who may act for an actor: origin and tokens."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apserver.core.scopes import Scope, known_scopes
from apserver.store.db import Connection

TOKEN_ID = 8  #: hexadecimal digits of the hash by which a token is named


@dataclass(frozen=True, slots=True)
class Holder:
    """Whom a valid token acts for, by the actor's id, and how far."""

    actor: str
    scopes: tuple[Scope, ...]


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A row of ``token``, with the name of its actor. The token itself is nowhere."""

    hash: bytes
    name: str
    scopes: tuple[Scope, ...]
    created_at: datetime
    revoked_at: datetime | None

    @property
    def id(self) -> str:
        """How the token is named: the beginning of its hash, which opens nothing."""
        return self.hash.hex()[:TOKEN_ID]


_CLAIM = """
INSERT INTO server (origin, handle_host) VALUES ($1, $2) ON CONFLICT (singleton) DO NOTHING
"""
_OWNER = "SELECT origin, handle_host FROM server"

_INSERT_TOKEN = "INSERT INTO token (hash, actor, scopes) VALUES ($1, $2, $3)"

# By primary key; the actor's row tells the id, so that one deleted or suspended has no access.
_HOLDERS = """
SELECT t.hash, a.id, t.scopes FROM token t JOIN actor a ON a.key = t.actor
WHERE t.hash = ANY($1::bytea[]) AND t.revoked_at IS NULL AND a.ours AND a.gone_at IS NULL
  AND a.suspended_at IS NULL
"""

# All of them, or those of one actor by token_actor.
_TOKENS = """
SELECT t.hash, a.name, t.scopes, t.created_at, t.revoked_at
FROM token t JOIN actor a ON a.key = t.actor
WHERE $1::uuid IS NULL OR t.actor = $1
ORDER BY a.folded_name, t.created_at, t.hash
"""

# By primary key: hashes are compared as bytes, so those with one beginning lie together.
_TOKENS_BETWEEN = """
SELECT t.hash, a.name, t.scopes, t.created_at, t.revoked_at
FROM token t JOIN actor a ON a.key = t.actor
WHERE t.hash BETWEEN $1 AND $2 ORDER BY t.hash
"""

_REVOKE = "UPDATE token SET revoked_at = now() WHERE hash = $1 AND revoked_at IS NULL"

# By token_actor.
_REVOKE_ALL = """
UPDATE token SET revoked_at = now() WHERE actor = $1 AND revoked_at IS NULL RETURNING hash
"""


async def claim_database(conn: Connection, origin: str, handle_host: str) -> tuple[str, str]:
    """Take an unclaimed database for this origin; returns whose it is now."""
    await conn.execute(_CLAIM, origin, handle_host)
    row = await conn.fetchrow(_OWNER)
    return row["origin"], row["handle_host"]


async def insert_token(
    conn: Connection, token_hash: bytes, actor: UUID, scopes: Sequence[Scope]
) -> None:
    """Let the holder of the token act for the actor. Only the SHA-256 of it is kept."""
    await conn.execute(_INSERT_TOKEN, token_hash, actor, scopes)


async def holders_of(conn: Connection, token_hashes: Iterable[bytes]) -> dict[bytes, Holder]:
    """The actors that tokens act for, by hash; without those that are not, or no longer, valid."""
    rows = await conn.fetch(_HOLDERS, list(token_hashes))
    return {row["hash"]: Holder(row["id"], known_scopes(row["scopes"])) for row in rows}


async def tokens_of(conn: Connection, actor: UUID | None) -> list[TokenRow]:
    """The tokens of an actor, or all, by name and age; revoked ones too."""
    return _rows(await conn.fetch(_TOKENS, actor))


async def tokens_from(conn: Connection, beginning: bytes) -> list[TokenRow]:
    """The tokens whose hash (32 bytes) begins so."""
    least, greatest = beginning.ljust(32, b"\x00"), beginning.ljust(32, b"\xff")
    return _rows(await conn.fetch(_TOKENS_BETWEEN, least, greatest))


async def revoke_token(conn: Connection, token_hash: bytes) -> None:
    """Let a token open nothing any more, from the next request on."""
    await conn.execute(_REVOKE, token_hash)


async def revoke_tokens_of(conn: Connection, actor: UUID) -> int:
    """Revoke every token of an actor; how many were valid until now."""
    return len(await conn.fetch(_REVOKE_ALL, actor))


def _rows(found: Sequence[object]) -> list[TokenRow]:
    rows = [dict(row) for row in found]  # type: ignore[call-overload]
    return [TokenRow(**{**row, "scopes": known_scopes(row["scopes"])}) for row in rows]
