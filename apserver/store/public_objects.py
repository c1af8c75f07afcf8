"""Objects that are for everybody, in the order in which they were stored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from apserver.store.db import Connection
from apserver.store.objects import ObjectRow


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object stands in a list: two may be there since one moment."""

    moment: datetime
    key: UUID


@dataclass(frozen=True, slots=True)
class PublicObject:
    """An object that is for everybody, and its place."""

    place: Place
    row: ObjectRow


NEWEST = Place(datetime(9999, 1, 1, tzinfo=UTC), UUID(int=0))

_SELECT = """
SELECT key, id, kind, type, author, visibility, audience, context, document, published_at,
       updated_at, deleted_at, stored_at
FROM object
WHERE visibility = 0 AND deleted_at IS NULL AND kind <> 'site' AND NOT is_found
    AND (stored_at, key)
"""

# Both by the partial index object_public.
_DOWN = _SELECT + "< ($1, $2) ORDER BY stored_at DESC, key DESC LIMIT $3"
_UP = _SELECT + "> ($1, $2) ORDER BY stored_at, key LIMIT $3"


async def public_objects(
    conn: Connection, edge: Place | None, limit: int, *, upwards: bool
) -> list[PublicObject]:
    """Up to ``limit`` objects from a place on, which is not among them; the nearest first."""
    edge = edge or NEWEST
    rows = await conn.fetch(_UP if upwards else _DOWN, edge.moment, edge.key, limit)
    return [
        PublicObject(Place(one.pop("stored_at"), one["key"]), ObjectRow(**one))
        for one in map(dict, rows)
    ]
