"""Collections: one mechanism for inbox, outbox, followers, following, liked and the rest.

A collection has a counter row and members with rising positions; pages run downwards from the
newest (ActivityPub 5). Some members stand around 2^52 (`core.effects.AddTo`): above it those that
are ahead of all others, newest first among themselves; below it those that go to the end, oldest
first. Counters move by the rows that really came or went, under a lock on the counter row, taken in
key order: so a repeated addition counts once, and two writers cannot wait for each other.

``followers`` keeps one thing more, where its members are delivered to (``follower_inbox``), so
that a fan-out is one INSERT..SELECT.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from apserver.core.collections import KINDS, OF_OBJECTS
from apserver.core.origin import key_of
from apserver.store import reactions
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class Collection:
    """The counter row. ``public_total`` is what everyone but the owner is told."""

    key: UUID
    id: str
    owner: UUID
    name: str
    total: int
    public_total: int


@dataclass(frozen=True, slots=True)
class Membership:
    """Something to be in a collection; ``iri`` when it is shown as an id. ``place`` is 1 to be
    ahead of others, -1 to be behind them."""

    collection: UUID
    item: UUID
    iri: str | None
    author: UUID
    visibility: int
    place: int = 0


@dataclass(frozen=True, slots=True)
class Member:
    """A row of a page."""

    position: int
    item: UUID
    iri: str | None
    author: UUID
    visibility: int


MIDDLE = 1 << 52  #: where members stand around that are ahead of all others, or go to the end

_INSERT = "INSERT INTO collection (key, id, owner, name) VALUES ($1, $2, $3, $4)"

_OPEN = """
INSERT INTO collection (key, id, owner, name)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::text[]) AS i(key, id, owner, name)
ORDER BY key ON CONFLICT (key) DO NOTHING
"""

# By primary key.
_BY_KEYS = """
SELECT key, id, owner, name, total, public_total FROM collection WHERE key = ANY($1::uuid[])
"""

# By the primary key of member, backwards.
_IDS = """
SELECT iri FROM member WHERE collection = $1 AND iri IS NOT NULL ORDER BY position DESC LIMIT $2
"""

# By the primary key of member, backwards.
_AUTHORS = """
SELECT DISTINCT m.author FROM unnest($1::uuid[]) AS i(collection) CROSS JOIN LATERAL (
    SELECT author FROM member WHERE member.collection = i.collection
    ORDER BY position DESC LIMIT $2
) m
"""

# By primary key.
_TOTALS = "SELECT key, total FROM collection WHERE key = ANY($1::uuid[])"

_LOCK = "SELECT key FROM collection WHERE key = ANY($1::uuid[]) ORDER BY key FOR UPDATE"

# The counter rows are locked first, in order, and what is added goes on from what they say then:
# a locked row is read as it is now, not as it was when the statement began.
ADDED = """
input AS (
    SELECT *, row_number() OVER (PARTITION BY collection ORDER BY ord) AS n
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::smallint[], $6::smallint[])
        WITH ORDINALITY AS i(collection, item, iri, author, visibility, place, ord)
), locked AS MATERIALIZED (
    SELECT key, last_position FROM collection WHERE key = ANY($1::uuid[]) ORDER BY key FOR UPDATE
), added AS (
    INSERT INTO member (collection, position, item, iri, author, visibility)
    SELECT i.collection,
           CASE i.place WHEN 0 THEN c.last_position + i.n
               ELSE (1::bigint << 52) + i.place * (c.last_position + i.n) END,
           i.item, i.iri, i.author, i.visibility
    FROM input i JOIN locked c ON c.key = i.collection
    ORDER BY i.collection, i.n
    ON CONFLICT (collection, item) DO NOTHING
    RETURNING collection, item, visibility,
        CASE WHEN position < 1::bigint << 51 THEN position
            ELSE abs((1::bigint << 52) - position) END AS n
), moved AS (
    UPDATE collection c
    SET total = c.total + a.total, public_total = c.public_total + a.public,
        last_position = a.last
    FROM (
        SELECT collection, count(*) AS total, max(n) AS last,
               count(*) FILTER (WHERE visibility <= 1) AS public
        FROM added GROUP BY collection
    ) a
    WHERE c.key = a.collection
)
SELECT collection, item FROM added
"""
_ADD = "WITH " + ADDED

_REMOVE = """
WITH input AS (
    SELECT * FROM unnest($1::uuid[], $2::uuid[]) AS i(collection, item)
), removed AS (
    DELETE FROM member m USING input i
    WHERE m.collection = i.collection AND m.item = i.item
    RETURNING m.collection, m.item, m.visibility
), moved AS (
    UPDATE collection c SET total = c.total - r.total, public_total = c.public_total - r.public
    FROM (
        SELECT collection, count(*) AS total, count(*) FILTER (WHERE visibility <= 1) AS public
        FROM removed GROUP BY collection
    ) r
    WHERE c.key = r.collection
)
SELECT collection, item FROM removed
"""

_FOLLOWER_INBOXES_UP = """
INSERT INTO follower_inbox AS f (owner, inbox, host, bucket, n)
SELECT c.owner, coalesce(a.shared_inbox, a.inbox), min(a.host), min(a.bucket), count(*)
FROM unnest($1::uuid[], $2::uuid[]) AS i(collection, item)
JOIN collection c ON c.key = i.collection AND c.name = 'followers'
JOIN actor a ON a.key = i.item AND NOT a.ours
GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (owner, inbox) DO UPDATE SET n = f.n + EXCLUDED.n
"""

# Who had followers is to hear when something that they got is deleted (store/reached.py).
_FOLLOWER_INBOXES_DOWN = """
WITH gone AS (
    SELECT c.owner, coalesce(a.shared_inbox, a.inbox) AS inbox, count(*) AS n
    FROM unnest($1::uuid[], $2::uuid[]) AS i(collection, item)
    JOIN collection c ON c.key = i.collection AND c.name = 'followers'
    JOIN actor a ON a.key = i.item AND NOT a.ours
    GROUP BY 1, 2
), emptied AS (
    DELETE FROM follower_inbox f USING gone g
    WHERE f.owner = g.owner AND f.inbox = g.inbox AND f.n <= g.n
    RETURNING f.owner, f.bucket, f.host, f.inbox
), remembered AS (
    INSERT INTO reached AS r (actor, bucket, host, inbox, followed_until)
    SELECT DISTINCT ON (owner, bucket, host) owner, bucket, host, inbox, now() FROM emptied
    ORDER BY owner, bucket, host, inbox
    ON CONFLICT (actor, bucket, host) DO UPDATE SET followed_until = now()
)
UPDATE follower_inbox f SET n = f.n - g.n FROM gone g
WHERE f.owner = g.owner AND f.inbox = g.inbox AND f.n > g.n
"""

_FORGET_INBOXES = """
DELETE FROM follower_inbox f USING collection c
WHERE c.key = ANY($1::uuid[]) AND c.name = 'followers' AND f.owner = c.owner
"""
_EMPTY = "DELETE FROM member WHERE collection = ANY($1::uuid[])"
# By primary key.
_EMPTY_SOME = """
DELETE FROM member m USING (
    SELECT collection, position FROM member WHERE collection = ANY($1::uuid[])
    LIMIT $2 FOR UPDATE
) i
WHERE m.collection = i.collection AND m.position = i.position RETURNING 1
"""
_DROP = "DELETE FROM collection WHERE key = ANY($1::uuid[])"

# By primary key, backwards; with public_only by the partial index member_public.
_PAGE_DOWN = """
SELECT position, item, iri, author, visibility FROM member
WHERE collection = $1 AND position < $2 ORDER BY position DESC LIMIT $3
"""
_PAGE_DOWN_PUBLIC = """
SELECT position, item, iri, author, visibility FROM member
WHERE collection = $1 AND position < $2 AND visibility <= 1 ORDER BY position DESC LIMIT $3
"""
_PAGE_UP = """
SELECT position, item, iri, author, visibility FROM member
WHERE collection = $1 AND position > $2 ORDER BY position LIMIT $3
"""
_PAGE_UP_PUBLIC = """
SELECT position, item, iri, author, visibility FROM member
WHERE collection = $1 AND position > $2 AND visibility <= 1 ORDER BY position LIMIT $3
"""


async def insert_collection(
    conn: Connection, *, key: UUID, id: str, owner: UUID, name: str
) -> None:
    """Make an empty collection."""
    await conn.execute(_INSERT, key, id, owner, name)


async def open_collections(conn: Connection, opened: Iterable[tuple[UUID, str, UUID, str]]) -> None:
    """Make empty collections, given as (key, id, owner, name), but for those that are there."""
    rows = sorted(set(opened))
    await conn.execute(_OPEN, *(list(column) for column in zip(*rows, strict=True)))


async def collections_by_key(conn: Connection, keys: Iterable[UUID]) -> dict[UUID, Collection]:
    """The counter rows of collections, by ``key_of`` their ids."""
    return {row["key"]: Collection(**row) for row in await conn.fetch(_BY_KEYS, list(keys))}


async def ids_in(conn: Connection, key: UUID, *, newest: int) -> list[str]:
    """What this collection holds, as ids, newest first."""
    return [row["iri"] for row in await conn.fetch(_IDS, key, newest)]


async def authors_in(conn: Connection, keys: Sequence[UUID], *, newest: int) -> set[UUID]:
    """Whose the newest members of these collections are, so many of each."""
    return {row["author"] for row in await conn.fetch(_AUTHORS, keys, newest)}


async def totals(conn: Connection, keys: Sequence[UUID]) -> dict[UUID, int]:
    """How many members these collections have, as their owner is told."""
    return {row["key"]: row["total"] for row in await conn.fetch(_TOTALS, keys)}


async def told_totals(conn: Connection, ids: Sequence[str]) -> dict[str, int]:
    """How many members everybody is told that these collections have, given by their ids. Those
    that are not there yet are left out."""
    rows = await conn.fetch(_BY_KEYS, [key_of(id_) for id_ in ids])
    return {
        row["id"]: row["total" if KINDS[row["name"]].tells_total else "public_total"]
        for row in rows
    }


async def remove_collections(conn: Connection, keys: Iterable[UUID]) -> None:
    """Remove collections with all that is in them, and where their followers are delivered to.

    Whoever is adding to one of them at the same moment finds it gone afterwards.
    """
    ordered = sorted(keys)
    await conn.fetch(_LOCK, ordered)
    await conn.execute(_FORGET_INBOXES, ordered)
    await conn.execute(_EMPTY, ordered)
    await conn.execute(_DROP, ordered)


async def empty_some(conn: Connection, keys: Sequence[UUID], *, limit: int) -> bool:
    """Take up to so many members out of collections that are about to be removed; whether there
    may be more."""
    return len(await conn.fetch(_EMPTY_SOME, keys, limit)) == limit


async def remove_of_objects(conn: Connection, ids: Sequence[str]) -> None:
    """Remove the collections of objects of ours that are deleted, custom ones too."""
    if ids:
        names = [key_of(f"{id_}/{name}") for id_ in ids for name in OF_OBJECTS]
        await remove_collections(conn, [*names, *map(key_of, ids)])
        await reactions.drop_to(conn, [key_of(id_) for id_ in ids])


async def add_members(conn: Connection, members: Sequence[Membership]) -> None:
    """Put items into collections; what is in already stays where it is and counts once."""
    added = await conn.fetch(_ADD, *columns(members))
    if any(one.iri is not None for one in members):
        await conn.execute(_FOLLOWER_INBOXES_UP, *_pairs(added))


def columns(members: Iterable[Membership]) -> tuple[list[object], ...]:
    """What `ADDED` takes: each item once."""
    unique = {(one.collection, one.item): one for one in members}.values()
    return (
        [one.collection for one in unique],
        [one.item for one in unique],
        [one.iri for one in unique],
        [one.author for one in unique],
        [one.visibility for one in unique],
        [one.place for one in unique],
    )


async def remove_members(conn: Connection, members: Iterable[tuple[UUID, UUID]]) -> None:
    """Take items, given as (collection, item), out of collections."""
    pairs = sorted(set(members))
    await lock(conn, {collection for collection, _ in pairs})
    removed = await conn.fetch(_REMOVE, [one for one, _ in pairs], [item for _, item in pairs])
    await conn.execute(_FOLLOWER_INBOXES_DOWN, *_pairs(removed))


# By member_item.
_LISTINGS = "SELECT collection, item FROM member WHERE item = ANY($1::uuid[])"

# By member_item. Of several the first by its id.
_CONVERSATIONS = """
SELECT m.item, min(c.id) AS id FROM member m JOIN collection c ON c.key = m.collection
WHERE m.item = ANY($1::uuid[]) AND c.name = 'context' GROUP BY m.item
"""

_AMONG = """
SELECT m.collection, m.item FROM unnest($1::uuid[], $2::uuid[]) AS i(collection, item)
JOIN member m ON m.collection = i.collection AND m.item = i.item
"""


async def listings_of(conn: Connection, items: Sequence[UUID]) -> list[tuple[UUID, UUID]]:
    """All places of these items in whatever collections, as (collection, item)."""
    rows = await conn.fetch(_LISTINGS, items)
    return [(row["collection"], row["item"]) for row in rows]


async def conversations_of(conn: Connection, items: Sequence[UUID]) -> dict[UUID, str]:
    """The ids of the conversations that these objects are in, by their keys."""
    return {row["item"]: row["id"] for row in await conn.fetch(_CONVERSATIONS, items)}


async def members_among(
    conn: Connection, pairs: Sequence[tuple[UUID, UUID]]
) -> list[tuple[UUID, UUID]]:
    """Which of these (collection, item) there are."""
    rows = await conn.fetch(_AMONG, [one for one, _ in pairs], [item for _, item in pairs])
    return [(row["collection"], row["item"]) for row in rows]


async def leave_inboxes(conn: Connection, followers: Sequence[tuple[UUID, UUID]]) -> None:
    """Before an actor's inbox changes: count it out of where its followed are delivered to."""
    await conn.execute(
        _FOLLOWER_INBOXES_DOWN, [one for one, _ in followers], [item for _, item in followers]
    )


async def join_inboxes(conn: Connection, followers: Sequence[tuple[UUID, UUID]]) -> None:
    """After it has changed: count it in again."""
    await conn.execute(
        _FOLLOWER_INBOXES_UP, [one for one, _ in followers], [item for _, item in followers]
    )


async def page_of(
    conn: Connection,
    collection: UUID,
    *,
    limit: int,
    before: int | None = None,
    after: int | None = None,
    public_only: bool,
) -> list[Member]:
    """Up to ``limit`` members, newest first: below ``before``, or the nearest above ``after``."""
    if after is not None:
        query = _PAGE_UP_PUBLIC if public_only else _PAGE_UP
        rows = await conn.fetch(query, collection, after, limit)
        return [Member(**row) for row in reversed(rows)]
    query = _PAGE_DOWN_PUBLIC if public_only else _PAGE_DOWN
    rows = await conn.fetch(query, collection, before or 2**63 - 1, limit)
    return [Member(**row) for row in rows]


async def lock(conn: Connection, keys: Iterable[UUID]) -> None:
    """Lock collections in order of their keys, before several steps change them: who takes them
    one step after the other waits for somebody who does it the other way round."""
    await conn.fetch(_LOCK, sorted(keys))


def _pairs(rows: Sequence[object]) -> tuple[list[UUID], list[UUID]]:
    return [row["collection"] for row in rows], [row["item"] for row in rows]  # type: ignore[index]
