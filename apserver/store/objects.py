"""Objects and activities: written once, composed from bytes when read.

A document is kept as bytes without its @context, which is kept beside it only when it is not
the plain AS2 one. `compose` joins them again; nothing is parsed on the way out.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from json import dumps, loads
from types import MappingProxyType
from uuid import UUID

from apserver.core.audience import Visibility
from apserver.core.collections import PROPERTIES, with_collections
from apserver.core.document import render
from apserver.core.names import collection_id
from apserver.core.origin import key_of
from apserver.core.rules.question import counters, with_votes
from apserver.core.splicing import with_things
from apserver.core.vocabulary import COLLECTION_TYPES
from apserver.store import streams
from apserver.store.collections import listings_of, remove_members, told_totals
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class ObjectRow:
    """A row of ``object``; with ``deleted_at`` the document is a Tombstone."""

    key: UUID
    id: str
    kind: str
    type: str
    author: UUID
    visibility: int
    audience: Sequence[UUID]
    context: bytes | None
    document: bytes
    published_at: datetime
    updated_at: datetime | None = None
    deleted_at: datetime | None = None
    is_found: bool = False  #: is written, and not read: see `core.effects.Put`

    @property
    def has_collections(self) -> bool:
        """Whether it can be liked, shared and answered here: an object of ours that is there."""
        is_there = self.kind == "ours" and self.deleted_at is None
        return is_there and self.type not in COLLECTION_TYPES


@dataclass(frozen=True, slots=True)
class ActivityRow:
    """A row of ``activity``. ``spliced`` names the object whose row completes the envelope."""

    key: UUID
    id: str | None
    local_key: UUID | None
    actor: UUID
    actor_id: str
    type: str
    visibility: int
    audience: Sequence[UUID]
    recipients: Sequence[str] | None
    spliced: UUID | None
    context: bytes | None
    envelope: bytes
    published_at: datetime
    verdict: str | None = None
    verb: str | None = None
    data: str | None = None  #: JSON
    sort_at: datetime | None = None  #: its place in streams; None: it is in none
    deleted_at: datetime | None = None  #: then the envelope is a Tombstone
    things: Sequence[str] | None = None  #: of a site, by id: shown as they are now

    @property
    def author(self) -> UUID:
        """The actor, under the name that `core.audience.Readable` uses."""
        return self.actor


_ACTIVITY = (
    "key, id, local_key, actor, actor_id, type, visibility, audience, recipients, spliced, "
    "context, envelope, published_at, verdict, verb, data, sort_at, things"
)

# By primary key.
_BY_KEYS = "SELECT " + _ACTIVITY + ", deleted_at FROM activity WHERE key = ANY($1::uuid[])"
# By the partial unique index activity_local.
_BY_LOCAL_KEYS = (
    "SELECT " + _ACTIVITY + ", deleted_at FROM activity WHERE local_key = ANY($1::uuid[])"
)

# By activity_spliced.
_RECIPIENTS = """
SELECT DISTINCT unnest(recipients) AS id FROM activity WHERE spliced = ANY($1::uuid[])
"""

# Ids hold commas, but no JSON is misread.
_INSERT_ACTIVITIES = (
    "INSERT INTO activity (" + _ACTIVITY + ") "
    """
SELECT i.key, i.id, i.local_key, i.actor, i.actor_id, i.type, i.visibility,
       ARRAY(SELECT a::uuid FROM jsonb_array_elements_text(i.audience) a),
       CASE WHEN i.recipients IS NOT NULL
            THEN ARRAY(SELECT jsonb_array_elements_text(i.recipients)) END,
       i.spliced, i.context, i.envelope, i.published_at, i.verdict, i.verb, i.data, i.sort_at,
       CASE WHEN i.things IS NOT NULL THEN ARRAY(SELECT jsonb_array_elements_text(i.things)) END
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],
            $7::smallint[], $8::jsonb[], $9::jsonb[], $10::uuid[], $11::bytea[], $12::bytea[],
            $13::timestamptz[], $14::text[], $15::text[], $16::jsonb[], $17::timestamptz[],
            $18::jsonb[])
    AS i(key, id, local_key, actor, actor_id, type, visibility, audience, recipients, spliced,
         context, envelope, published_at, verdict, verb, data, sort_at, things)
ORDER BY i.key
"""
)

# By primary key.
_OBJECTS = """
SELECT key, id, kind, type, author, visibility, audience, context, document, published_at,
       updated_at, deleted_at
FROM object WHERE key = ANY($1::uuid[])
"""

#: Many objects; what to do with those that are there comes after it.
INPUT = """
INSERT INTO object AS o (key, id, kind, type, author, visibility, audience, context, document,
                         published_at, updated_at, deleted_at, is_found)
SELECT i.key, i.id, i.kind, i.type, i.author, i.visibility,
       (SELECT coalesce(array_agg(a::uuid), '{}') FROM unnest(string_to_array(i.audience, ',')) a),
       i.context, i.document, i.published_at, i.updated_at, i.deleted_at, i.is_found
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::smallint[],
            $7::text[], $8::bytea[], $9::bytea[], $10::timestamptz[], $11::timestamptz[],
            $12::timestamptz[], $13::boolean[])
     AS i(key, id, kind, type, author, visibility, audience, context, document, published_at,
          updated_at, deleted_at, is_found)
ORDER BY i.key
ON CONFLICT (key) DO
"""

# An id never changes hands, and what was deleted stays deleted. Whom a thing of another server is
# for was said when it was made (CVE-2024-37903).
_REPLACE = (
    INPUT
    + """UPDATE
SET type = EXCLUDED.type, context = EXCLUDED.context, document = EXCLUDED.document,
    updated_at = EXCLUDED.updated_at, deleted_at = EXCLUDED.deleted_at,
    is_found = o.is_found AND EXCLUDED.is_found,
    visibility = CASE o.kind WHEN 'remote' THEN o.visibility ELSE EXCLUDED.visibility END,
    audience = CASE o.kind WHEN 'remote' THEN o.audience ELSE EXCLUDED.audience END
WHERE o.author = EXCLUDED.author AND o.deleted_at IS NULL
"""
)

_VERDICTS = """
UPDATE activity a SET verdict = v.verdict, sort_at = NULL
FROM (SELECT * FROM unnest($1::uuid[], $2::text[]) AS u(key, verdict) ORDER BY key) v
WHERE a.key = v.key
"""

# By primary key. What was deleted once is not deleted again.
_BURY = """
UPDATE object o SET document = i.document, context = NULL, deleted_at = $3
FROM (SELECT * FROM unnest($1::uuid[], $2::bytea[]) AS u(key, document) ORDER BY key) i
WHERE o.key = i.key AND o.deleted_at IS NULL
"""

# By primary key.
_AMEND = "UPDATE object SET document = $2 WHERE key = $1 AND document = $3 AND deleted_at IS NULL"

_HIDE = """
UPDATE activity a SET visibility = $2, audience = '{}', sort_at = NULL
FROM (SELECT unnest($1::uuid[]) AS key ORDER BY 1) i
WHERE a.key = i.key
"""

# By activity_spliced.
_FORGET_RAW = """
DELETE FROM raw r USING activity a WHERE a.spliced = ANY($1::uuid[]) AND r.activity = a.key
"""

# By activity_spliced; then by primary key.
_TELLING = """
SELECT key FROM activity WHERE spliced = ANY($1::uuid[]) AND sort_at IS NOT NULL
ORDER BY key FOR UPDATE
"""
_UNPLACE = "UPDATE activity SET sort_at = NULL WHERE key = ANY($1::uuid[])"

# By object_author.
_REMOVE_OF = """
DELETE FROM object o USING (
    SELECT key FROM object WHERE author = $1 AND kind = 'remote' LIMIT $2 FOR UPDATE
) i
WHERE o.key = i.key RETURNING o.key
"""

# By primary key.
_RECEIVED = "SELECT activity, body FROM raw WHERE activity = ANY($1::uuid[])"

# By primary key.
_TOLD = """
SELECT activity, coalesce(compacted, body) AS body FROM raw WHERE activity = ANY($1::uuid[])
"""


async def received_bodies(conn: Connection, keys: Iterable[UUID]) -> dict[UUID, bytes]:
    """The bytes of activities of others, exactly as they came, by key."""
    rows = await conn.fetch(_RECEIVED, list(keys))
    return {row["activity"]: row["body"] for row in rows}


async def recipients_of(conn: Connection, keys: Collection[UUID]) -> set[str]:
    """To whom activities of ours with these objects in them went."""
    return {row["id"] for row in await conn.fetch(_RECIPIENTS, list(keys))}


async def activities_by_key(conn: Connection, keys: Iterable[UUID]) -> dict[UUID, ActivityRow]:
    """Activities by `core.origin.activity_key`."""
    rows = await conn.fetch(_BY_KEYS, list(keys))
    return {row["key"]: ActivityRow(**row) for row in rows}


async def own_activities(conn: Connection, keys: Iterable[UUID]) -> dict[UUID, ActivityRow]:
    """Activities of ours, by ``key_of`` their id."""
    rows = await conn.fetch(_BY_LOCAL_KEYS, list(keys))
    return {row["local_key"]: ActivityRow(**row) for row in rows}


async def insert_activities(conn: Connection, rows: Sequence[ActivityRow]) -> None:
    """Add activities of ours, many in one statement."""
    await conn.execute(
        _INSERT_ACTIVITIES,
        [row.key for row in rows],
        [row.id for row in rows],
        [row.local_key for row in rows],
        [row.actor for row in rows],
        [row.actor_id for row in rows],
        [row.type for row in rows],
        [row.visibility for row in rows],
        [_json(map(str, row.audience)) for row in rows],
        [None if row.recipients is None else _json(row.recipients) for row in rows],
        [row.spliced for row in rows],
        [row.context for row in rows],
        [row.envelope for row in rows],
        [row.published_at for row in rows],
        [row.verdict for row in rows],
        [row.verb for row in rows],
        [row.data for row in rows],
        [row.sort_at for row in rows],
        [None if row.things is None else _json(row.things) for row in rows],
    )


def _json(values: Iterable[str]) -> str:
    return dumps([*values], ensure_ascii=False)


async def objects_by_key(conn: Connection, keys: Iterable[UUID]) -> dict[UUID, ObjectRow]:
    """Objects by ``key_of`` their id."""
    rows = await conn.fetch(_OBJECTS, list(keys))
    return {row["key"]: ObjectRow(**row) for row in rows}


async def replace_objects(conn: Connection, rows: Iterable[ObjectRow]) -> None:
    """Add objects, many in one statement, or put them in place of what is there, if it is of the
    same author and not deleted."""
    await conn.execute(_REPLACE, *columns({row.key: row for row in rows}.values()))


def columns(rows: Collection[ObjectRow]) -> tuple[list[object], ...]:
    """What `INPUT` takes."""
    return (
        [row.key for row in rows],
        [row.id for row in rows],
        [row.kind for row in rows],
        [row.type for row in rows],
        [row.author for row in rows],
        [row.visibility for row in rows],
        [",".join(map(str, row.audience)) for row in rows],
        [row.context for row in rows],
        [row.document for row in rows],
        [row.published_at for row in rows],
        [row.updated_at for row in rows],
        [row.deleted_at for row in rows],
        [row.is_found for row in rows],
    )


async def amend(conn: Connection, row: ObjectRow, document: bytes) -> None:
    """Put a document in place of that of a row, if it is as it was read."""
    await conn.execute(_AMEND, row.key, document, row.document)


async def set_verdicts(conn: Connection, verdicts: dict[UUID, str]) -> None:
    """Record why activities had no effect; they are not listed, nor in streams."""
    await streams.remove(conn, verdicts)
    await conn.execute(_VERDICTS, list(verdicts), list(verdicts.values()))


async def bury_objects(
    conn: Connection, tombstones: Mapping[UUID, bytes], *, deleted_at: datetime
) -> None:
    """Put Tombstones (without @context) in place of objects."""
    ordered = sorted(tombstones.items())
    await conn.execute(
        _BURY, [key for key, _ in ordered], [document for _, document in ordered], deleted_at
    )


async def hide_activities(conn: Connection, keys: Collection[UUID]) -> None:
    """Show activities of ours to nobody but their author any more, by whatever door."""
    await streams.remove(conn, keys)
    await conn.execute(_HIDE, list(keys), Visibility.DIRECT)


async def forget_raw(conn: Connection, keys: Iterable[UUID]) -> None:
    """Forget the bytes in which these objects came."""
    await conn.execute(_FORGET_RAW, list(keys))


async def leave_streams(conn: Connection, keys: Iterable[UUID]) -> None:
    """Take what made these objects out of streams, for the objects are gone."""
    telling = [row["key"] for row in await conn.fetch(_TELLING, list(keys))]
    if telling:
        await streams.remove(conn, telling)
        await conn.execute(_UNPLACE, telling)


async def remove_objects_of(conn: Connection, author: UUID, *, limit: int) -> list[UUID]:
    """Remove the copies of up to so much that an actor elsewhere made, from collections too; their
    keys."""
    keys = [row["key"] for row in await conn.fetch(_REMOVE_OF, author, limit)]
    await remove_members(conn, await listings_of(conn, keys))
    return keys


async def told_bodies(conn: Connection, keys: Iterable[UUID]) -> dict[UUID, bytes]:
    """What was received, by activity key: the exact bytes, or what they say by JSON-LD."""
    return {row["activity"]: row["body"] for row in await conn.fetch(_TOLD, list(keys))}


async def with_totals(conn: Connection, rows: Iterable[ObjectRow]) -> dict[UUID, bytes]:
    """The documents of objects of ours with their collections (`core.collections`), by key; other
    objects are left out."""
    ours = [row for row in rows if row.has_collections]
    ids = [id_ for row in ours for id_ in counted_of(row)]
    totals = await told_totals(conn, ids) if ids else {}
    return {row.key: as_counted(row, totals) for row in ours}


def counted_of(row: ObjectRow) -> list[str]:
    """The collections whose numbers of items are shown with an object of ours."""
    ids = [collection_id(row.id, name) for name in PROPERTIES]
    return ids + (counters(row.id, loads(row.document)) if row.type == "Question" else [])


def as_counted(row: ObjectRow, totals: Mapping[str, int]) -> bytes:
    """The document of an object of ours with these numbers."""
    document = row.document
    if row.type == "Question":
        document = render(with_votes(row.id, loads(document), totals, datetime.now(UTC)))
    return with_collections(document, row.id, totals)


async def compose_activities(
    conn: Connection,
    rows: Sequence[ActivityRow],
    *,
    nested: bool = False,
    counted: bool = False,
    known: Mapping[UUID, ObjectRow] = MappingProxyType({}),
) -> list[bytes]:
    """The JSON of activities, each with its object as it is now, in full when that is the actor's
    and for all whom the activity is for.

    ``nested`` leaves out an @context that is the plain AS2 one: the document around has it.
    ``counted`` shows objects of ours with their collections. ``known`` are objects that need not be
    read, by key.
    """
    named = {iri: key_of(iri) for iri in {iri for row in rows for iri in row.things or ()}}
    wanted = {row.spliced for row in rows if row.spliced is not None}.union(named.values())
    unread = wanted - known.keys()
    objects = {**known, **(await objects_by_key(conn, unread) if unread else {})}
    documents = await with_totals(conn, objects.values()) if counted and objects else {}
    things = _things_shown(named, objects)
    bodies = []
    for row in rows:
        envelope = row.envelope
        if row.things:
            envelope = with_things(envelope, row.things, things)
        if row.spliced is not None and row.spliced in objects:
            object_ = objects[row.spliced]
            document = documents.get(object_.key, object_.document)
            whole = object_.author == row.actor and _is_for_all_of(row, object_)
            inner = document if whole else dumps(object_.id).encode()
            comma = b"," if envelope != b"{}" else b""
            envelope = envelope[:-1] + comma + b'"object":' + inner + b"}"
        bodies.append(compose(envelope, row.context, nested=nested))
    return bodies


def _is_for_all_of(row: ActivityRow, object_: ObjectRow) -> bool:
    """Whether whoever may read the activity may read its object: since it was made, the author may
    have kept it from some. Whom those of others are for does not change."""
    if object_.kind != "ours" or object_.visibility <= Visibility.UNLISTED:
        return True
    return object_.visibility <= row.visibility and set(row.audience) <= set(object_.audience)


def _things_shown(named: Mapping[str, UUID], objects: Mapping[UUID, ObjectRow]) -> dict[str, bytes]:
    """What may be shown now of each thing of a site that takes part, or its Tombstone, by id."""
    shown = {}
    for iri, key in named.items():
        object_ = objects.get(key)
        if object_ is not None and (
            object_.visibility <= Visibility.UNLISTED or object_.deleted_at is not None
        ):
            shown[iri] = object_.document
    return shown


PLAIN_CONTEXT = b'"https://www.w3.org/ns/activitystreams"'


def compose(document: bytes, context: bytes | None, *, nested: bool = False) -> bytes:
    """Put a stored document (``{...}``, not empty) and its @context together."""
    if context is None and nested:
        return document
    return b'{"@context":' + (context or PLAIN_CONTEXT) + b"," + document[1:]
