"""How big documents are, before anybody loads them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from apserver.store.db import Connection

# By primary keys. The length of what lies apart (TOAST) is told without reading it.
_SIZES = """
SELECT key, octet_length(document) AS size FROM actor WHERE key = ANY($1::uuid[])
UNION ALL
SELECT key, octet_length(document) FROM object WHERE key = ANY($1::uuid[])
"""


async def sizes_of(conn: Connection, keys: Iterable[UUID]) -> dict[UUID, int]:
    """The bytes of the documents of these actors and objects, by key."""
    return {row["key"]: row["size"] for row in await conn.fetch(_SIZES, list(keys))}
