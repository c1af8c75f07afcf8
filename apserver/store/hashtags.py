"""Which public objects have which hashtag, in the order in which they were published.

The index is made anew from an object as it is stored, whenever it was written: so it does not
matter who wrote it, or how often. What is shown is decided by the object's row when it is read:
what is deleted, or for fewer than all, is gone at once whatever the index says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from json import loads
from typing import Any
from uuid import UUID

from apserver.core.hashtags import tags_of
from apserver.store.db import Connection
from apserver.store.objects import ObjectRow
from apserver.store.public_objects import NEWEST, Place, PublicObject

#: The place of an object. Dates in documents have whole seconds: what is published in the second in
#: which it is stored keeps its order (as in `core.streams`).
SORT_AT = """
CASE WHEN published_at < date_trunc('second', stored_at) THEN published_at ELSE stored_at END"""

# By primary key; locked, so that nobody edits it meanwhile.
_STORED = (
    """
SELECT key, id, kind, type, author, visibility, audience, context, document, published_at,
       updated_at, deleted_at, is_found, """
    + SORT_AT
    + """ AS sort_at
FROM object WHERE key = ANY($1::uuid[]) ORDER BY key FOR UPDATE
"""
)

# By hashtag_object.
_REMOVE = """
DELETE FROM hashtag h USING (
    SELECT c.tag, c.sort_at, c.object FROM hashtag c WHERE c.object = ANY($1::uuid[])
    ORDER BY 1, 2, 3 FOR UPDATE
) i
WHERE h.tag = i.tag AND h.sort_at = i.sort_at AND h.object = i.object
"""
_INSERT = """
INSERT INTO hashtag (tag, sort_at, object)
SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::uuid[]) ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING
"""

# By primary key of object.
_AFTER = """
SELECT key FROM object WHERE key > $1 ORDER BY key LIMIT $2
"""

# Both by the primary key of hashtag, then by that of object.
_SELECT = """
SELECT o.key, o.id, o.kind, o.type, o.author, o.visibility, o.audience, o.context, o.document,
       o.published_at, o.updated_at, o.deleted_at, h.sort_at
FROM hashtag h JOIN object o ON o.key = h.object AND o.visibility = 0 AND o.deleted_at IS NULL
WHERE h.tag = $1 AND (h.sort_at, h.object)
"""
_DOWN = _SELECT + "< ($2, $3) ORDER BY h.sort_at DESC, h.object DESC LIMIT $4"
_UP = _SELECT + "> ($2, $3) ORDER BY h.sort_at, h.object LIMIT $4"

_MARK = b"Hashtag"  #: stands in every document that has one, as we write JSON


def tags_in(row: ObjectRow) -> list[str]:
    """The hashtags that an object is shown under: none when it is not for everybody."""
    is_public = row.visibility == 0 and row.deleted_at is None and not row.is_found
    if not is_public or row.kind == "site" or _MARK not in row.document:
        return []
    return tags_of(_read(row.document))


async def index(conn: Connection, keys: Collection[UUID]) -> None:
    """Put objects that are here under the hashtags that they have now, and under no others."""
    rows = await conn.fetch(_STORED, sorted(keys))
    await conn.execute(_REMOVE, [row["key"] for row in rows])
    entries = [
        (tag, one.place.moment, one.place.key)
        for one in map(_placed, rows)
        for tag in tags_in(one.row)
    ]
    if entries:
        await conn.execute(_INSERT, *map(list, zip(*entries, strict=True)))


def _read(document: bytes) -> Mapping[str, Any]:
    """A stored document; empty when it was damaged since."""
    try:
        read = loads(document)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


async def remove(conn: Connection, keys: Collection[UUID]) -> None:
    """Take objects that are gone out of the index."""
    await conn.execute(_REMOVE, list(keys))


async def keys_after(conn: Connection, key: UUID, *, limit: int) -> list[UUID]:
    """The next objects, whatever they are, in the order of their keys."""
    return [row["key"] for row in await conn.fetch(_AFTER, key, limit)]


async def tagged(
    conn: Connection, edge: Place | None, limit: int, *, upwards: bool, tag: str
) -> list[PublicObject]:
    """Up to ``limit`` public objects with a ``tag`` (folded) from a place on, which is not among
    them, in the order in which they were published; the nearest first."""
    edge = edge or NEWEST
    rows = await conn.fetch(_UP if upwards else _DOWN, tag, edge.moment, edge.key, limit)
    return [*map(_placed, rows)]


def _placed(row: Mapping[str, Any]) -> PublicObject:
    columns = dict(row)
    return PublicObject(Place(columns.pop("sort_at"), row["key"]), ObjectRow(**columns))
