"""Who this database belongs to, and who may act for an actor: origin and tokens."""

from __future__ import annotations

from uuid import UUID

from apserver.store.db import Connection

_CLAIM = """
INSERT INTO server (origin, handle_host) VALUES ($1, $2) ON CONFLICT (singleton) DO NOTHING
"""
_OWNER = "SELECT origin, handle_host FROM server"

_INSERT_TOKEN = "INSERT INTO token (hash, actor) VALUES ($1, $2)"

# By primary key; the actor's row tells the id, so that a deleted actor has no access.
_TOKEN = """
SELECT a.id FROM token t JOIN actor a ON a.key = t.actor
WHERE t.hash = $1 AND t.revoked_at IS NULL AND a.ours AND a.gone_at IS NULL
"""


async def claim_database(conn: Connection, origin: str, handle_host: str) -> tuple[str, str]:
    """Take an unclaimed database for this origin; returns whose it is now."""
    await conn.execute(_CLAIM, origin, handle_host)
    row = await conn.fetchrow(_OWNER)
    return row["origin"], row["handle_host"]


async def insert_token(conn: Connection, token_hash: bytes, actor: UUID) -> None:
    """Let the holder of the token act for the actor. Only the SHA-256 of it is kept."""
    await conn.execute(_INSERT_TOKEN, token_hash, actor)


async def actor_of_token(conn: Connection, token_hash: bytes) -> str | None:
    """The id of the actor that the token acts for, or None."""
    id_: str | None = await conn.fetchval(_TOKEN, token_hash)
    return id_
