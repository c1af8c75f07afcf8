"""What was received, by whom: the accepting statement, receipts, and who is concerned."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apserver.store import collections, streams
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class Arrival:
    """A verified activity as it is taken at an inbox; ``owner`` is None at the shared one.

    ``apply_job`` and ``list_job`` are fresh UUIDv7, in this order, for the jobs it may cause.
    """

    key: UUID
    id: str | None
    actor: UUID
    actor_id: str
    type: str
    visibility: int
    audience: Sequence[UUID]
    spliced: UUID | None
    context: bytes | None
    envelope: bytes
    published_at: datetime
    body: bytes
    owner: UUID | None
    bucket: int
    signature: UUID  #: of the request: `digest_key` of it
    apply_job: UUID
    list_job: UUID
    apply_kind: str = "apply"  #: recall, for what happened before; announced
    verb: str | None = None  #: this and the next two: `core.streams.place_of`
    data: str | None = None
    sort_at: datetime | None = None
    compacted: bytes | None = None  #: what the body says by JSON-LD, when its text says otherwise
    carrier: str | None = None  #: the host of who brought it, when that was not its actor


# One statement, one commit for a whole round. A repeat adds no row and so causes no job; the
# same activity at a second inbox is a new receipt, so it is listed there and not applied again.
# Only a Follow and its Undo are applied again: some servers (Misskey) have one id for all Follows
# of one pair, and one for all their Undos, and the rule knows what still stands. Each is signed
# anew; under a signature that was heard before it is a replay, and is not applied.
# What was only found in an outbox before is applied when it is delivered.
# (xmax is 0 in a row that is new, and not in one that was there.)
_ACCEPT = """
WITH input AS (
    SELECT * FROM unnest(
        $1::uuid[], $2::text[], $3::uuid[], $4::text[], $5::text[], $6::smallint[], $7::text[],
        $8::uuid[], $9::bytea[], $10::bytea[], $11::timestamptz[], $12::bytea[], $13::uuid[],
        $14::smallint[], $15::uuid[], $16::uuid[], $17::uuid[], $18::bytea[], $19::text[],
        $20::text[], $21::timestamptz[], $22::text[], $23::text[]
    ) AS i(key, id, actor, actor_id, type, visibility, audience, spliced, context, envelope,
           published_at, body, owner, bucket, signature, apply_job, list_job, compacted, verb,
           data, sort_at, apply_kind, carrier)
), one_each AS (
    SELECT DISTINCT ON (key) * FROM input ORDER BY key, owner NULLS LAST
), stored AS (
    INSERT INTO activity (key, id, actor, actor_id, type, visibility, audience, spliced, context,
                          envelope, published_at, in_person, verb, data, sort_at, recalled)
    SELECT key, id, actor, actor_id, type, visibility,
           (SELECT coalesce(array_agg(a::uuid), '{}')
            FROM unnest(string_to_array(audience, ',')) a),
           spliced, context, envelope, published_at, owner IS NOT NULL, verb, data::jsonb, sort_at,
           (apply_kind = 'recall')::int
    FROM one_each ORDER BY key
    ON CONFLICT (key) DO UPDATE
    SET in_person = activity.in_person OR EXCLUDED.in_person,
        recalled = CASE WHEN activity.recalled = 1 AND EXCLUDED.recalled = 0 THEN 2
                   ELSE activity.recalled END
        WHERE EXCLUDED.in_person AND NOT activity.in_person
           OR EXCLUDED.recalled = 0 AND activity.recalled = 1
    RETURNING key, xmax = 0 AS is_new, recalled
), activities AS (
    SELECT key FROM stored WHERE is_new
), bodies AS (
    INSERT INTO raw (activity, body, compacted, carrier)
    SELECT o.key, o.body, o.compacted, o.carrier
    FROM one_each o JOIN activities USING (key) ORDER BY o.key
    ON CONFLICT DO NOTHING
), receipts AS (
    INSERT INTO receipt (owner, activity)
    SELECT DISTINCT owner, key FROM input WHERE owner IS NOT NULL ORDER BY owner, key
    ON CONFLICT DO NOTHING
    RETURNING owner, activity
), anew AS (
    INSERT INTO heard (signature)
    SELECT DISTINCT signature FROM input WHERE type IN ('Follow', 'Undo') ORDER BY signature
    ON CONFLICT DO NOTHING
    RETURNING signature
), jobs AS (
    INSERT INTO job (bucket, id, kind, activity, owner)
    SELECT o.bucket, o.apply_job, o.apply_kind, o.key, NULL::uuid
    FROM one_each o JOIN activities USING (key)
    UNION ALL
    SELECT o.bucket, o.apply_job, 'apply', o.key, NULL::uuid
    FROM one_each o JOIN stored s USING (key)
    WHERE NOT s.is_new AND s.recalled = 2 AND o.type NOT IN ('Follow', 'Undo')
    UNION ALL
    SELECT DISTINCT ON (i.key) i.bucket, i.apply_job, 'apply', i.key, NULL::uuid
    FROM anew JOIN input i USING (signature) WHERE i.key NOT IN (SELECT key FROM activities)
    UNION ALL
    SELECT DISTINCT ON (r.owner, r.activity) i.bucket, i.list_job, 'list', r.activity, r.owner
    FROM receipts r JOIN input i ON i.key = r.activity AND i.owner = r.owner
)
SELECT key FROM activities
"""

# Followers here by relation_ours, addressed actors by primary key, who wants to know of what
# happens to something by follow_object.
_REACHED = """
SELECT i.n FROM unnest($1::int[], $2::uuid[], $3::boolean[]) AS i(n, actor, to_followers)
WHERE (i.to_followers AND EXISTS (
          SELECT FROM relation r WHERE r.object = i.actor AND r.kind = 'follow'
          AND r.subject_ours AND r.state = 'accepted'))
   OR EXISTS (
          SELECT FROM unnest($4::int[], $5::uuid[]) AS named(n, actor)
          JOIN actor a ON a.key = named.actor AND a.ours AND a.gone_at IS NULL
          WHERE named.n = i.n)
   OR EXISTS (
          SELECT FROM unnest($6::int[], $7::uuid[]) AS part(n, thing)
          JOIN follow f ON f.object = part.thing AND NOT f.actor_only AND NOT f.mutes
          JOIN relation r ON r.object = f.object AND r.kind = 'follow' AND r.subject = f.subject
              AND r.subject_ours AND r.state = 'accepted'
          WHERE part.n = i.n)
"""

# By primary key.
_IN_PERSON = "SELECT key FROM activity WHERE key = ANY($1::uuid[]) AND in_person"
# Waits for a round that is just storing the activity for somebody, and then leaves it.
_DROP = """
DELETE FROM activity a USING (
    SELECT key FROM activity WHERE key = ANY($1::uuid[]) AND NOT in_person
    ORDER BY key FOR UPDATE
) i
WHERE a.key = i.key
RETURNING a.key
"""
_DROP_RAW = "DELETE FROM raw WHERE activity = ANY($1::uuid[])"

# By activity_author.
_KEYS_OF = "SELECT key FROM activity WHERE actor = $1 AND local_key IS NULL LIMIT $2"
_DROP_RECEIPTS = "DELETE FROM receipt WHERE activity = ANY($1::uuid[])"
_REMOVE = """
DELETE FROM activity a USING (
    SELECT key FROM activity WHERE key = ANY($1::uuid[]) ORDER BY key FOR UPDATE
) i
WHERE a.key = i.key
"""

# Who here is concerned: those named, and followers when it is for followers. Each gets it once.
_RECEIVE = """
INSERT INTO receipt (owner, activity)
SELECT owner, activity FROM (
    SELECT a.key AS owner, i.activity FROM unnest($1::uuid[], $2::uuid[]) AS i(activity, named)
    JOIN actor a ON a.key = i.named AND a.ours AND a.gone_at IS NULL
    UNION
    SELECT r.subject, i.activity FROM unnest($3::uuid[], $4::uuid[]) AS i(activity, actor)
    JOIN relation r ON r.object = i.actor AND r.kind = 'follow' AND r.subject_ours
        AND r.state = 'accepted'
) concerned
ORDER BY owner, activity
ON CONFLICT DO NOTHING
RETURNING owner, activity
"""


async def accept(conn: Connection, arrivals: Sequence[Arrival]) -> None:
    """Store a round of arrivals with their jobs, each activity and each receipt once."""
    await conn.fetch(
        _ACCEPT,
        [one.key for one in arrivals],
        [one.id for one in arrivals],
        [one.actor for one in arrivals],
        [one.actor_id for one in arrivals],
        [one.type for one in arrivals],
        [one.visibility for one in arrivals],
        [",".join(map(str, one.audience)) for one in arrivals],
        [one.spliced for one in arrivals],
        [one.context for one in arrivals],
        [one.envelope for one in arrivals],
        [one.published_at for one in arrivals],
        [one.body for one in arrivals],
        [one.owner for one in arrivals],
        [one.bucket for one in arrivals],
        [one.signature for one in arrivals],
        [one.apply_job for one in arrivals],
        [one.list_job for one in arrivals],
        [one.compacted for one in arrivals],
        [one.verb for one in arrivals],
        [one.data for one in arrivals],
        [one.sort_at for one in arrivals],
        [one.apply_kind for one in arrivals],
        [one.carrier for one in arrivals],
    )


async def receive(
    conn: Connection,
    *,
    named: Sequence[tuple[UUID, UUID]],
    for_followers: Sequence[tuple[UUID, UUID]],
) -> list[tuple[UUID, UUID]]:
    """Give receipts to those concerned; returns the new ones as (owner, activity).

    ``named`` holds (activity, addressed actor), ``for_followers`` (activity, followed actor).
    """
    rows = await conn.fetch(
        _RECEIVE,
        [one for one, _ in named],
        [actor for _, actor in named],
        [one for one, _ in for_followers],
        [actor for _, actor in for_followers],
    )
    return [(row["owner"], row["activity"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Concern:
    """What may concern somebody here: who did it, whether it is for followers, who is addressed,
    what takes part in it and is for everybody to see."""

    actor: UUID
    to_followers: bool
    addressed: Sequence[UUID]
    participants: Sequence[UUID]


async def reached(conn: Connection, asked: Sequence[Concern]) -> list[bool]:
    """Whether anybody here is concerned, for each."""
    named = [(n, one) for n, concern in enumerate(asked) for one in concern.addressed]
    parts = [(n, one) for n, concern in enumerate(asked) for one in concern.participants]
    rows = await conn.fetch(
        _REACHED,
        list(range(len(asked))),
        [concern.actor for concern in asked],
        [concern.to_followers for concern in asked],
        [n for n, _ in named],
        [one for _, one in named],
        [n for n, _ in parts],
        [one for _, one in parts],
    )
    found = {row["n"] for row in rows}
    return [n in found for n in range(len(asked))]


async def in_person(conn: Connection, keys: Iterable[UUID]) -> set[UUID]:
    """Which of these activities came to the inbox of one actor."""
    return {row["key"] for row in await conn.fetch(_IN_PERSON, list(keys))}


async def drop(conn: Connection, keys: Sequence[UUID]) -> set[UUID]:
    """Forget activities that concern nobody here; a later copy is taken as new.

    Returns the keys of those that are gone: what has come to the inbox of one actor stays.
    """
    gone = {row["key"] for row in await conn.fetch(_DROP, keys)}
    await conn.execute(_DROP_RAW, gone)
    return gone


async def remove_activities_of(conn: Connection, actor: UUID, *, limit: int) -> int:
    """Remove up to so much of what an actor elsewhere sent, from every collection and from streams
    too; how much."""
    keys = [row["key"] for row in await conn.fetch(_KEYS_OF, actor, limit)]
    await collections.remove_members(conn, await collections.listings_of(conn, keys))
    await streams.remove(conn, keys)
    await conn.execute(_DROP_RECEIPTS, keys)
    await conn.execute(_REMOVE, keys)
    await conn.execute(_DROP_RAW, keys)
    return len(keys)
