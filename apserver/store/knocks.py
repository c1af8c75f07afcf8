"""Which signature scheme servers took after refusing the other (see `net.knock`)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from apserver.core import limits
from apserver.core.signatures import Scheme
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class KnockRow:
    """A row of ``knock``."""

    origin: str
    scheme: Scheme
    learnt_at: datetime


# The whole table, which `_PRUNE` keeps small.
_ALL = "SELECT origin, scheme, learnt_at FROM knock ORDER BY learnt_at"

_PUT = """
INSERT INTO knock (origin, scheme, learnt_at) VALUES ($1, $2, $3)
ON CONFLICT (origin) DO UPDATE SET scheme = EXCLUDED.scheme, learnt_at = EXCLUDED.learnt_at
"""
_FORGET = "DELETE FROM knock WHERE origin = $1"

_PRUNE = """
DELETE FROM knock WHERE learnt_at < now() - $1::interval OR origin IN (
    SELECT origin FROM knock ORDER BY learnt_at DESC OFFSET $2
)
"""


async def all_knocks(conn: Connection) -> list[KnockRow]:
    """What is known, the oldest first."""
    return [KnockRow(**row) for row in await conn.fetch(_ALL)]


async def put_knock(conn: Connection, row: KnockRow) -> None:
    """Remember the scheme of a server."""
    await conn.execute(_PUT, row.origin, row.scheme, row.learnt_at)


async def forget_knock(conn: Connection, origin: str) -> None:
    """Remember nothing of a server."""
    await conn.execute(_FORGET, origin)


async def prune_knocks(conn: Connection) -> None:
    """Forget what is old, and the oldest beyond `limits.KNOCKS_LEARNT`."""
    age = timedelta(seconds=limits.KNOCK_REMEMBERED_S)
    await conn.execute(_PRUNE, age, limits.KNOCKS_LEARNT)
