"""What is known here at all, whatever it is."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from apserver.store.db import Connection

# By both primary keys. Those that are known, in no order.
_KNOWN = """
SELECT key FROM object WHERE key = ANY($1::uuid[])
UNION ALL SELECT key FROM actor WHERE key = ANY($1::uuid[])
"""


async def known_keys(conn: Connection, keys: Collection[UUID]) -> set[UUID]:
    """Which of these are keys of objects or actors, deleted ones too."""
    return {row["key"] for row in await conn.fetch(_KNOWN, list(keys))}
