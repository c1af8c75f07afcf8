"""The role index: who and what takes part in which activity (`core.streams`).

What stands where in a stream is told by `store.positions`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apserver.core.effects import Index
from apserver.core.origin import key_of
from apserver.store.aliases import canonical
from apserver.store.db import Connection
from apserver.store.positions import Position

# By primary keys, and alias_actor. What stands for something of a site counts as that, and users
# of a site as their actors here. A type has the key that core.origin.key_of gives it; that of what
# fewer may read than the activity tells too much of it.
_INDEX = """
WITH participant AS (
    SELECT i.activity, i.role, coalesce(u.actor, f.thing, i.thing) AS thing,
           a.sort_at, a.visibility
    FROM unnest($1::uuid[], $2::smallint[], $3::uuid[]) AS i(activity, role, thing)
    JOIN activity a ON a.key = i.activity AND a.sort_at IS NOT NULL
    LEFT JOIN alias u ON u.thing = i.thing AND u.is_user
    LEFT JOIN alias f ON f.actor = i.thing AND NOT f.is_user
), typed AS (
    SELECT p.activity, p.sort_at, p.visibility, a.type
    FROM participant p JOIN actor a ON a.key = p.thing
    UNION
    SELECT p.activity, p.sort_at, p.visibility, o.type
    FROM participant p JOIN object o ON o.key = p.thing
        AND (o.kind = 'site' OR o.visibility <= greatest(p.visibility, 1))
)
INSERT INTO role (thing, role, sort_at, activity, visibility)
SELECT thing, role, sort_at, activity, visibility FROM participant
UNION
SELECT encode(substring(sha256(convert_to(type, 'UTF8')) FOR 16), 'hex')::uuid, 3::smallint,
       sort_at, activity, visibility
FROM typed
ORDER BY 1, 2, 3, 4
ON CONFLICT DO NOTHING
"""

# By role_time, and by role_type; the activities by primary key.
_REMOVE = (
    """
DELETE FROM role r USING (
    SELECT c.thing, c.role, c.sort_at, c.activity
    FROM activity a JOIN role c ON c.sort_at = a.sort_at AND c.activity = a.key AND c.role < 3
    WHERE a.key = ANY($1::uuid[])
    ORDER BY 1, 2, 3, 4 FOR UPDATE OF c
) i
WHERE r.thing = i.thing AND r.role = i.role AND r.sort_at = i.sort_at AND r.activity = i.activity
""",
    """
DELETE FROM role r USING (
    SELECT c.thing, c.role, c.sort_at, c.activity
    FROM activity a JOIN role c ON c.sort_at = a.sort_at AND c.activity = a.key AND c.role = 3
    WHERE a.key = ANY($1::uuid[])
    ORDER BY 1, 2, 3, 4 FOR UPDATE OF c
) i
WHERE r.thing = i.thing AND r.role = i.role AND r.sort_at = i.sort_at AND r.activity = i.activity
""",
)

# By role_time, and by role_type.
_PARTS = """
SELECT r.activity, r.role, r.thing
FROM unnest($1::timestamptz[], $2::uuid[]) AS i(sort_at, activity)
JOIN role r ON r.sort_at = i.sort_at AND r.activity = i.activity AND r.role < 3
UNION ALL
SELECT r.activity, r.role, r.thing
FROM unnest($1::timestamptz[], $2::uuid[]) AS i(sort_at, activity)
JOIN role r ON r.sort_at = i.sort_at AND r.activity = i.activity AND r.role = 3
"""

# By primary keys. The length of what lies apart (TOAST) is told without reading it.
_ENTRIES = """
SELECT a.key, a.type, a.verb, a.published_at, a.actor, a.actor_id, a.visibility, a.audience,
       (SELECT array_agg(a.data #>> string_to_array(p.path, '.') ORDER BY p.n)
        FROM unnest($2::text[]) WITH ORDINALITY AS p(path, n)) AS data,
       octet_length(a.envelope) + coalesce(octet_length(o.document), 0) AS size
FROM activity a LEFT JOIN object o ON o.key = a.spliced WHERE a.key = ANY($1::uuid[])
"""

# By the primary key of role.
_KNOWS_TYPE = """
SELECT EXISTS (SELECT FROM role WHERE thing = $1 AND role = 3 AND visibility <= 1)
"""


@dataclass(frozen=True, slots=True)
class EntryRow:
    """What decides whether an action is shown, without what is shown."""

    key: UUID
    type: str
    verb: str | None
    data: Mapping[str, str | None]
    published_at: datetime
    actor: UUID
    actor_id: str
    visibility: int
    audience: Sequence[UUID]
    size: int  #: bytes of what is shown, with what it made

    @property
    def author(self) -> UUID:
        """The actor, under the name that `core.audience.Readable` uses."""
        return self.actor


async def index(conn: Connection, entries: Sequence[Index]) -> None:
    """Put activities under their participants, and the types of those that are known here."""
    rows = [
        (entry.activity, role, key_of(iri)) for entry in entries for role, iri in entry.participants
    ]
    await conn.execute(_INDEX, *map(list, zip(*rows, strict=True)))


async def remove(conn: Connection, activities: Iterable[UUID]) -> None:
    """Take activities out of all streams; before they go themselves."""
    keys = list(activities)
    for statement in _REMOVE:
        await conn.execute(statement, keys)


async def entries(
    conn: Connection, activities: Sequence[UUID], *, paths: Sequence[str]
) -> dict[UUID, EntryRow]:
    """What decides of these activities, by key; of their actionData what stands under the paths:
    texts as they are, the rest as JSON writes it."""
    rows = await conn.fetch(_ENTRIES, activities, paths)
    return {
        row["key"]: EntryRow(**{**row, "data": dict(zip(paths, row["data"] or (), strict=False))})
        for row in rows
    }


async def parts(
    conn: Connection, at: Sequence[Position]
) -> dict[UUID, frozenset[tuple[int, UUID]]]:
    """Who takes part in the activities at these positions: (role, thing) by activity."""
    rows = await conn.fetch(_PARTS, [one.sort_at for one in at], [one.activity for one in at])
    found: dict[UUID, set[tuple[int, UUID]]] = {one.activity: set() for one in at}
    for row in rows:
        found[row["activity"]].add((row["role"], row["thing"]))
    return {key: frozenset(pairs) for key, pairs in found.items()}


async def knows_type(conn: Connection, type_: str) -> bool:
    """Whether something of this type took part in an action that everybody may see."""
    return bool(await conn.fetchval(_KNOWS_TYPE, key_of(type_)))


async def keys_in_index(conn: Connection, names: Collection[str]) -> dict[str, UUID]:
    """Under which key each of these ids (or types) stands in the index: what stands for something
    of a site as that, a user of a site as its actor here."""
    meant = await canonical(conn, names) if names else {}
    return {name: key_of(iri) for name, iri in meant.items()}
