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

# By primary keys, in the same way.
_ACTIVITIES = """
SELECT a.key, octet_length(a.envelope) + coalesce(octet_length(o.document), 0) AS size
FROM activity a LEFT JOIN object o ON o.key = a.spliced WHERE a.key = ANY($1::uuid[])
"""


async def sizes_of(conn: Connection, keys: Iterable[UUID]) -> dict[UUID, int]:
    """The bytes of the documents of these actors and objects, by key."""
    return {row["key"]: row["size"] for row in await conn.fetch(_SIZES, list(keys))}


async def sizes_of_activities(conn: Connection, keys: Iterable[UUID]) -> dict[UUID, int]:
    """The bytes of these activities with what they made, by key."""
    return {row["key"]: row["size"] for row in await conn.fetch(_ACTIVITIES, list(keys))}
