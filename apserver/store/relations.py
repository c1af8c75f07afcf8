"""Relations between actors: who follows whom, and since which Follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apserver.store.db import Connection
from apserver.store.deliveries import Target


@dataclass(frozen=True, slots=True)
class Relation:
    """A row of ``relation``; ``activity_id`` is that of the Follow."""

    object: UUID
    kind: str
    subject: UUID
    state: str
    activity_id: str | None


# Accepted stays accepted when it is asked for again; the newer Follow's id counts.
_RELATE = """
INSERT INTO relation AS r (object, kind, subject, subject_ours, state, activity_id)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::boolean[], $5::text[], $6::text[])
    AS i(object, kind, subject, subject_ours, state, activity_id)
ORDER BY object, kind, subject
ON CONFLICT (object, kind, subject) DO UPDATE
SET state = CASE WHEN r.state = 'accepted' THEN r.state ELSE EXCLUDED.state END,
    activity_id = EXCLUDED.activity_id, changed_at = now()
"""

_UNRELATE = """
DELETE FROM relation r
USING (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS u(object, kind, subject)
    ORDER BY object, kind, subject
) i
WHERE r.object = i.object AND r.kind = i.kind AND r.subject = i.subject
"""

# By primary key. Locked in key order: what is decided on them is written in this transaction.
_FIND = """
SELECT r.object, r.kind, r.subject, r.state, r.activity_id
FROM unnest($1::uuid[], $2::text[], $3::uuid[]) AS i(object, kind, subject)
JOIN relation r ON r.object = i.object AND r.kind = i.kind AND r.subject = i.subject
ORDER BY r.object, r.kind, r.subject FOR UPDATE OF r
"""

# By relation_activity, the actor by primary key.
_ASKERS = """
SELECT DISTINCT r.object, r.activity_id, a.id
FROM unnest($1::uuid[], $2::text[]) AS i(object, activity_id)
JOIN relation r ON r.object = i.object AND r.activity_id = i.activity_id AND r.kind = 'follow'
JOIN actor a ON a.key = r.subject
"""

# By primary key, and by relation_subject.
_NEIGHBOURS = """
SELECT a.id, true AS follows FROM relation r JOIN actor a ON a.key = r.subject AND a.ours
WHERE r.object = $1 AND r.kind = 'follow' AND r.subject_ours
UNION ALL
SELECT a.id, false FROM relation r JOIN actor a ON a.key = r.object AND a.ours
WHERE r.subject = $1 AND r.kind = 'follow'
"""

# By relation_subject.
_FOLLOWED_INBOXES = """
SELECT coalesce(a.shared_inbox, a.inbox) AS inbox, min(a.host) AS host, min(a.bucket) AS bucket
FROM relation r JOIN actor a ON a.key = r.object AND NOT a.ours
WHERE r.subject = $1 AND r.kind = 'follow'
GROUP BY 1 ORDER BY 1
"""

# By primary key, and by relation_subject. Blocks by others stay (see below).
_SOME = """
(SELECT object, kind, subject FROM relation
 WHERE object = $1 AND NOT (kind = 'block' AND subject_ours) LIMIT $2)
UNION
(SELECT object, kind, subject FROM relation WHERE subject = $1 LIMIT $2)
"""

# By primary key, and by relation_subject; by follow_object, and its primary key. Whom one of ours
# blocks or mutes stays so: the actor may come back.
_ISOLATE = (
    "DELETE FROM relation WHERE object = $1 AND NOT (kind = 'block' AND subject_ours)",
    "DELETE FROM relation WHERE subject = $1",
    "DELETE FROM follow WHERE object = $1 AND NOT mutes",
    "DELETE FROM follow WHERE subject = $1",
)

# By primary key, and by relation_subject.
_ESTRANGED = """
SELECT subject AS other FROM relation
WHERE object = $1 AND kind = 'block' AND subject = ANY($2::uuid[])
UNION
SELECT object FROM relation
WHERE subject = $1 AND kind = 'block' AND object = ANY($2::uuid[])
"""

# By relation_subject, and as above.
_STANDING = f"""
SELECT object AS other, false AS is_estranged FROM relation
WHERE subject = $1 AND kind = 'follow' AND state = 'accepted' AND object = ANY($2::uuid[])
UNION ALL
SELECT other, true FROM ({_ESTRANGED}) e
"""

# By primary key.
_BLOCKS = """
SELECT r.subject, r.object FROM unnest($1::uuid[], $2::uuid[]) AS i(subject, object)
JOIN relation r ON r.object = i.object AND r.kind = 'block' AND r.subject = i.subject
"""

Triple = tuple[UUID, str, UUID]


async def relate(
    conn: Connection, rows: Sequence[Relation], *, subjects_ours: Sequence[bool]
) -> None:
    """Add relations, or renew them; of two for one pair the last counts, accepted above all."""
    unique: dict[Triple, tuple[Relation, bool]] = {}
    for row, ours in zip(rows, subjects_ours, strict=True):
        at = (row.object, row.kind, row.subject)
        if at not in unique or unique[at][0].state == "pending" or row.state == "accepted":
            unique[at] = (row, ours)
    chosen = [unique[at] for at in sorted(unique)]
    await conn.execute(
        _RELATE,
        [row.object for row, _ in chosen],
        [row.kind for row, _ in chosen],
        [row.subject for row, _ in chosen],
        [ours for _, ours in chosen],
        [row.state for row, _ in chosen],
        [row.activity_id for row, _ in chosen],
    )


async def unrelate(conn: Connection, triples: Sequence[Triple]) -> None:
    """Remove relations, given as (object, kind, subject)."""
    await conn.execute(_UNRELATE, *_split(sorted(set(triples))))


async def find_relations(conn: Connection, triples: Sequence[Triple]) -> dict[Triple, Relation]:
    """The relations among (object, kind, subject) that there are."""
    rows = await conn.fetch(_FIND, *_split(triples))
    return {(row["object"], row["kind"], row["subject"]): Relation(**row) for row in rows}


async def estranged_from(conn: Connection, viewer: UUID, among: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these actors block the viewer, or are blocked by it."""
    rows = await conn.fetch(_ESTRANGED, viewer, among)
    return frozenset(row["other"] for row in rows)


async def blocks_among(
    conn: Connection, pairs: Sequence[tuple[UUID, UUID]]
) -> frozenset[tuple[UUID, UUID]]:
    """Which of these (subject, object) are blocks."""
    rows = await conn.fetch(_BLOCKS, [one for one, _ in pairs], [other for _, other in pairs])
    return frozenset((row["subject"], row["object"]) for row in rows)


async def neighbours(conn: Connection, actor: UUID) -> list[tuple[str, bool]]:
    """The actors of ours that follow it (with True) or that it follows, asked or accepted."""
    return [(row["id"], row["follows"]) for row in await conn.fetch(_NEIGHBOURS, actor)]


async def followed_inboxes(conn: Connection, actor: UUID) -> list[Target]:
    """Where the actors elsewhere that it follows are reached, each server once if it can be."""
    return [Target(**row) for row in await conn.fetch(_FOLLOWED_INBOXES, actor)]


async def some_of(conn: Connection, actor: UUID, *, limit: int) -> list[Triple]:
    """Up to so many relations on each side of an actor, as (object, kind, subject)."""
    rows = await conn.fetch(_SOME, actor, limit)
    return [(row["object"], row["kind"], row["subject"]) for row in rows]


async def isolate(conn: Connection, actor: UUID) -> None:
    """Remove every relation that the actor stands in, on either side, but that others block it."""
    for statement in _ISOLATE:
        await conn.execute(statement, actor)


async def askers(
    conn: Connection, asked: Sequence[tuple[UUID, str]]
) -> dict[tuple[UUID, str], str]:
    """Who sent the Follow with this id to this actor: ids by (asked actor, id of the Follow).

    When several did, nobody did: one of them took the id to be answered in place of the other.
    """
    rows = await conn.fetch(_ASKERS, [who for who, _ in asked], [id_ for _, id_ in asked])
    pairs = Counter((row["object"], row["activity_id"]) for row in rows)
    return {at: row["id"] for row in rows if pairs[at := (row["object"], row["activity_id"])] == 1}


async def standing(
    conn: Connection, viewer: UUID, among: Sequence[UUID]
) -> tuple[frozenset[UUID], frozenset[UUID]]:
    """Which of these actors the viewer follows, accepted, and which block it or are blocked."""
    rows = await conn.fetch(_STANDING, viewer, among)
    followed = frozenset(row["other"] for row in rows if not row["is_estranged"])
    return followed, frozenset(row["other"] for row in rows if row["is_estranged"])


def _split(triples: Sequence[Triple]) -> tuple[list[UUID], list[str], list[UUID]]:
    return [one[0] for one in triples], [one[1] for one in triples], [one[2] for one in triples]
