"""What is old, or too much, and goes: a chunk at a time.

Rows of one domain lie together, oldest first, in an index of each table: so one walk finds what
is older than a date as well as the oldest beyond a number. A walk passes each row once, however
many of them stay. The conditions of staying are part of the statement that deletes, and rows
are locked in key order before they go.

Nothing of ours goes, and nothing that somebody here needs:

* an actor stays while anybody here stands in a relation to it or lists it, while something that
  it made is here, and while an admin has suspended it; its keys go with it;
* an object stays while a collection lists it (`liked`), but not because its author has pinned it:
  what still is pinned is found again when its profile is looked at. An activity that carries the
  object names it by its id from then on;
* an activity stays while an inbox here shows it, but not beyond the number of its domain, and in
  any case while another collection lists it or a job is about it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apserver.core import limits
from apserver.core.names import collection_id
from apserver.core.origin import key_of
from apserver.store import collections, hashtags, profiles, streams
from apserver.store.db import Connection

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  #: nothing here is older
_NO_KEY = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Share:
    """A domain with rows that may have to go, and how many rows it has in all."""

    domain: str
    rows: int


@dataclass(frozen=True, slots=True)
class Chunk:
    """What a step of a walk did. ``after`` is where the next begins, None after the last."""

    gone: int
    after: tuple[Any, ...] | None


Remove = Callable[[Connection, Sequence[UUID], Sequence[UUID], datetime], Awaitable[int]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One table of others' things. ``remove`` takes the keys of rows beyond the number, those of
    old ones, and the date that makes them old; it gives the number of rows removed."""

    name: str
    tally: str
    oldest: str
    remove: Remove


START = (EPOCH, _NO_KEY, 0)  #: where a walk through a domain begins: time, key, rows passed


async def clock(conn: Connection) -> datetime:
    """The database's time."""
    now: datetime = await conn.fetchval("SELECT now()")
    return now


async def shares(conn: Connection, kind: Kind, *, before: datetime, cap: int) -> list[Share]:
    """The domains with rows older than ``before``, or with more than ``cap``."""
    return [Share(**row) for row in await conn.fetch(kind.tally, before, cap)]


async def prune_share(
    conn: Connection,
    kind: Kind,
    share: Share,
    *,
    before: datetime,
    cap: int,
    after: tuple[Any, ...] = START,
) -> Chunk:
    """One step through the rows of a domain, oldest first: old ones, and those beyond ``cap``."""
    at, key, passed = after
    rows = await conn.fetch(kind.oldest, share.domain, at, key, limits.PRUNE_ROWS)
    excess = max(share.rows - cap - passed, 0)
    beyond = [row["key"] for row in rows[:excess]]
    old = [row["key"] for row in rows[excess:] if row["at"] < before]
    gone = await kind.remove(conn, beyond, old, before) if beyond or old else 0
    if len(beyond) + len(old) < limits.PRUNE_ROWS:
        return Chunk(gone, None)
    return Chunk(gone, (rows[-1]["at"], rows[-1]["key"], passed + len(rows)))


# --- Activities ------------------------------------------------------------------------------

# The tallies scan an index of each table; what follows is by the same indexes, or by key.
_TALLY_ACTIVITIES = """
SELECT domain, count(*) AS rows FROM activity WHERE local_key IS NULL
GROUP BY domain HAVING count(*) > $2 OR min(stored_at) < $1 ORDER BY domain
"""
_OLDEST_ACTIVITIES = """
SELECT stored_at AS at, key FROM activity
WHERE local_key IS NULL AND domain = $1 AND (stored_at, key) > ($2, $3)
ORDER BY stored_at, key LIMIT $4
"""

# What was received later than the activity itself keeps it, too.
_FREE_ACTIVITIES = """
SELECT a.key FROM activity a
WHERE a.key = ANY($1::uuid[]) AND a.local_key IS NULL
  AND NOT EXISTS (SELECT FROM receipt r WHERE r.activity = a.key AND r.stored_at >= $2)
  AND NOT EXISTS (SELECT FROM job j WHERE j.activity = a.key)
  AND NOT EXISTS (SELECT FROM member m JOIN collection c ON c.key = m.collection
                  WHERE m.item = a.key AND c.name <> 'inbox')
ORDER BY a.key FOR UPDATE
"""
_LISTED = "SELECT collection, item FROM member WHERE item = ANY($1::uuid[])"
_DROP_ACTIVITIES = (
    "DELETE FROM receipt WHERE activity = ANY($1::uuid[])",
    "DELETE FROM raw WHERE activity = ANY($1::uuid[])",
    "DELETE FROM activity WHERE key = ANY($1::uuid[])",
)
_NO_RECEIPT_COUNTS = datetime.max.replace(tzinfo=UTC)


async def _remove_activities(
    conn: Connection, beyond: Sequence[UUID], old: Sequence[UUID], before: datetime
) -> int:
    rows = await conn.fetch(_FREE_ACTIVITIES, beyond, _NO_RECEIPT_COUNTS)
    rows += await conn.fetch(_FREE_ACTIVITIES, old, before)
    keys = [row["key"] for row in rows]
    await streams.remove(conn, keys)
    for statement in _DROP_ACTIVITIES:
        await conn.execute(statement, keys)
    listed = await conn.fetch(_LISTED, keys)
    await collections.remove_members(conn, [(row["collection"], row["item"]) for row in listed])
    return len(keys)


ACTIVITIES = Kind("activities", _TALLY_ACTIVITIES, _OLDEST_ACTIVITIES, _remove_activities)

# --- Objects ---------------------------------------------------------------------------------

_TALLY_OBJECTS = """
SELECT domain, count(*) AS rows FROM object WHERE kind = 'remote'
GROUP BY domain HAVING count(*) > $2 OR min(stored_at) < $1 ORDER BY domain
"""
_OLDEST_OBJECTS = """
SELECT stored_at AS at, key FROM object
WHERE kind = 'remote' AND domain = $1 AND (stored_at, key) > ($2, $3)
ORDER BY stored_at, key LIMIT $4
"""
_DROP_OBJECTS = """
DELETE FROM object o USING (
    SELECT c.key FROM object c
    WHERE c.key = ANY($1::uuid[]) AND c.kind = 'remote'
      AND NOT EXISTS (SELECT FROM member m JOIN collection l ON l.key = m.collection
                      WHERE m.item = c.key AND l.name <> 'pinned')
    ORDER BY c.key FOR UPDATE
) i
WHERE o.key = i.key RETURNING o.key, o.id
"""

# By activity_spliced. The envelope is the bytes of a JSON object; a member is put at its end.
_NAME_OBJECTS = """
UPDATE activity a SET spliced = NULL, envelope =
    substring(a.envelope FOR octet_length(a.envelope) - 1)
    || CASE WHEN a.envelope = '{}' THEN '' ELSE ',' END::bytea
    || convert_to('"object":' || to_json(i.id)::text || '}', 'UTF8')
FROM (
    SELECT c.key, u.id FROM unnest($1::uuid[], $2::text[]) AS u(object, id)
    JOIN activity c ON c.spliced = u.object ORDER BY c.key FOR UPDATE OF c
) i
WHERE a.key = i.key
"""


async def _remove_objects(
    conn: Connection, beyond: Sequence[UUID], old: Sequence[UUID], _before: datetime
) -> int:
    rows = await conn.fetch(_DROP_OBJECTS, [*beyond, *old])
    keys = [row["key"] for row in rows]
    await conn.execute(_NAME_OBJECTS, keys, [row["id"] for row in rows])
    await hashtags.remove(conn, keys)
    await collections.remove_members(conn, await collections.listings_of(conn, keys))
    return len(rows)


OBJECTS = Kind("objects", _TALLY_OBJECTS, _OLDEST_OBJECTS, _remove_objects)

# --- Actors and their keys -------------------------------------------------------------------

_TALLY_ACTORS = """
SELECT domain, count(*) AS rows FROM actor WHERE NOT ours
GROUP BY domain HAVING count(*) > $2 OR min(fetched_at) < $1 ORDER BY domain
"""
_OLDEST_ACTORS = """
SELECT fetched_at AS at, key FROM actor
WHERE NOT ours AND domain = $1 AND (fetched_at, key) > ($2, $3)
ORDER BY fetched_at, key LIMIT $4
"""
_DROP_ACTORS = """
DELETE FROM actor a USING (
    SELECT c.key FROM actor c
    WHERE c.key = ANY($1::uuid[]) AND NOT c.ours AND c.suspended_at IS NULL
      AND NOT EXISTS (SELECT FROM relation r WHERE r.object = c.key)
      AND NOT EXISTS (SELECT FROM relation r WHERE r.subject = c.key)
      AND NOT EXISTS (SELECT FROM member m WHERE m.item = c.key)
      AND NOT EXISTS (SELECT FROM activity v WHERE v.actor = c.key AND v.local_key IS NULL)
      AND NOT EXISTS (SELECT FROM object o WHERE o.author = c.key AND o.kind = 'remote')
    ORDER BY c.key FOR UPDATE
) i
WHERE a.key = i.key RETURNING a.id
"""
_DROP_KEYS_OF = "DELETE FROM public_key WHERE owner = ANY($1::text[])"

_TALLY_KEYS = """
SELECT domain, count(*) AS rows FROM public_key
GROUP BY domain HAVING count(*) > $2 OR min(fetched_at) < $1 ORDER BY domain
"""
_OLDEST_KEYS = """
SELECT fetched_at AS at, key FROM public_key
WHERE domain = $1 AND (fetched_at, key) > ($2, $3)
ORDER BY fetched_at, key LIMIT $4
"""
_OWNERS = "SELECT key, owner FROM public_key WHERE key = ANY($1::uuid[])"
_DROP_KEYS = """
DELETE FROM public_key k USING (
    SELECT c.key FROM unnest($1::uuid[], $2::uuid[]) AS u(key, owner)
    JOIN public_key c ON c.key = u.key
    WHERE NOT EXISTS (SELECT FROM relation r WHERE r.object = u.owner)
      AND NOT EXISTS (SELECT FROM relation r WHERE r.subject = u.owner)
    ORDER BY c.key FOR UPDATE OF c
) i
WHERE k.key = i.key RETURNING k.key
"""


async def _remove_actors(
    conn: Connection, beyond: Sequence[UUID], old: Sequence[UUID], _before: datetime
) -> int:
    rows = await conn.fetch(_DROP_ACTORS, [*beyond, *old])
    ids = [row["id"] for row in rows]
    await conn.execute(_DROP_KEYS_OF, ids)
    await profiles.forget(conn, [key_of(id_) for id_ in ids], ids)
    return len(rows)


async def _remove_keys(
    conn: Connection, beyond: Sequence[UUID], old: Sequence[UUID], _before: datetime
) -> int:
    owners = {
        row["key"]: key_of(row["owner"]) for row in await conn.fetch(_OWNERS, [*beyond, *old])
    }
    return len(await conn.fetch(_DROP_KEYS, list(owners), list(owners.values())))


ACTORS = Kind("actors", _TALLY_ACTORS, _OLDEST_ACTORS, _remove_actors)
KEYS = Kind("keys", _TALLY_KEYS, _OLDEST_KEYS, _remove_keys)

# --- What only has an age --------------------------------------------------------------------

# By receipt_age.
_OLD_RECEIPTS = """
SELECT stored_at AS at, activity, owner FROM receipt
WHERE stored_at < $1 AND (stored_at, activity, owner) > ($2, $3, $4)
ORDER BY stored_at, activity, owner LIMIT $5
"""
_OWNER_IDS = "SELECT key, id FROM actor WHERE key = ANY($1::uuid[])"
_DROP_RECEIPTS = """
DELETE FROM receipt r USING (
    SELECT c.activity, c.owner FROM unnest($1::uuid[], $2::uuid[]) AS u(activity, owner)
    JOIN receipt c ON c.activity = u.activity AND c.owner = u.owner
    ORDER BY c.activity, c.owner FOR UPDATE OF c
) i
WHERE r.activity = i.activity AND r.owner = i.owner
"""

# By raw_age. What a job still has to read stays.
_PRUNE_BODIES = """
WITH old AS (
    SELECT stored_at AS at, activity FROM raw
    WHERE stored_at < $1 AND (stored_at, activity) > ($2, $3)
    ORDER BY stored_at, activity LIMIT $4
), gone AS (
    DELETE FROM raw r USING (
        SELECT c.activity FROM raw c JOIN old USING (activity)
        WHERE NOT EXISTS (SELECT FROM job j WHERE j.activity = c.activity)
        ORDER BY c.activity FOR UPDATE OF c
    ) i
    WHERE r.activity = i.activity RETURNING 1
)
SELECT at, activity, (SELECT count(*) FROM gone) AS gone FROM old ORDER BY at, activity
"""

# By job_parked.
_PRUNE_JOBS = """
WITH gone AS (
    DELETE FROM job j USING (
        SELECT bucket, id FROM job WHERE parked_at < $1 AND (parked_at, bucket, id) > ($2, $3, $4)
        ORDER BY parked_at, bucket, id LIMIT $5 FOR UPDATE
    ) i
    WHERE j.bucket = i.bucket AND j.id = i.id RETURNING j.parked_at AS at, j.bucket, j.id
)
SELECT at, bucket, id FROM gone ORDER BY at, bucket, id
"""

# By host_idle. Nothing waits for such a host; without failures it has nothing to remember. An
# inbox of it may be remembered still, when its deliveries were taken back.
_COUNT_IDLE = "SELECT count(*) FROM host WHERE next_at = 'infinity'"
_PRUNE_HOSTS = """
WITH old AS (
    SELECT tried_at AS at, bucket, host, failures,
           row_number() OVER (ORDER BY tried_at, bucket, host) AS n
    FROM host WHERE next_at = 'infinity' AND (tried_at, bucket, host) > ($3, $4, $5)
    ORDER BY tried_at, bucket, host LIMIT $6
), gone AS (
    DELETE FROM host h USING (
        SELECT c.bucket, c.host FROM host c JOIN old USING (bucket, host)
        WHERE c.next_at = 'infinity' AND c.lease_until < now()
          AND (old.n <= $7 OR c.tried_at < $2 OR c.tried_at < $1 AND c.failures = 0)
        ORDER BY c.bucket, c.host FOR UPDATE OF c
    ) i
    WHERE h.bucket = i.bucket AND h.host = i.host RETURNING h.bucket, h.host
), inboxes AS (
    DELETE FROM waiting_inbox w USING gone g WHERE w.bucket = g.bucket AND w.host = g.host
)
SELECT at, bucket, host, (SELECT count(*) FROM gone) AS gone FROM old ORDER BY at, bucket, host
"""


async def prune_receipts(
    conn: Connection, *, before: datetime, after: tuple[Any, ...] = (EPOCH, _NO_KEY, _NO_KEY)
) -> Chunk:
    """Old receipts, and their places in the inboxes."""
    rows = await conn.fetch(_OLD_RECEIPTS, before, *after, limits.PRUNE_ROWS)
    found = await conn.fetch(_OWNER_IDS, list({row["owner"] for row in rows}))
    inboxes = {row["key"]: key_of(collection_id(row["id"], "inbox")) for row in found}
    await conn.execute(
        _DROP_RECEIPTS, [row["activity"] for row in rows], [row["owner"] for row in rows]
    )
    await collections.remove_members(
        conn,
        [(inboxes[row["owner"]], row["activity"]) for row in rows if row["owner"] in inboxes],
    )
    return Chunk(len(rows), _last(rows, "at", "activity", "owner"))


async def prune_bodies(
    conn: Connection, *, before: datetime, after: tuple[Any, ...] = (EPOCH, _NO_KEY)
) -> Chunk:
    """The exact bytes of what was received."""
    rows = await conn.fetch(_PRUNE_BODIES, before, *after, limits.PRUNE_ROWS)
    return Chunk(rows[0]["gone"] if rows else 0, _last(rows, "at", "activity"))


async def prune_jobs(
    conn: Connection, *, before: datetime, after: tuple[Any, ...] = (EPOCH, -1, _NO_KEY)
) -> Chunk:
    """Jobs that were given up."""
    rows = await conn.fetch(_PRUNE_JOBS, before, *after, limits.PRUNE_ROWS)
    return Chunk(len(rows), _last(rows, "at", "bucket", "id"))


async def idle_hosts(conn: Connection) -> int:
    """How many hosts nothing waits for."""
    count: int = await conn.fetchval(_COUNT_IDLE)
    return count


async def prune_hosts(
    conn: Connection,
    *,
    well_before: datetime,
    failed_before: datetime,
    excess: int,
    after: tuple[Any, ...] = (EPOCH, -1, "", 0),
) -> Chunk:
    """Hosts that nothing waits for: by age, failed ones later, and the ``excess`` oldest."""
    *place, passed = after
    left = max(excess - passed, 0)
    rows = await conn.fetch(
        _PRUNE_HOSTS, well_before, failed_before, *place, limits.PRUNE_ROWS, left
    )
    last = _last(rows, "at", "bucket", "host")
    done = last is None or (len(rows) >= left and last[0] >= well_before)
    gone = rows[0]["gone"] if rows else 0
    return Chunk(gone, None if done or last is None else (*last, passed + len(rows)))


def _last(rows: Sequence[Any], *columns: str) -> tuple[Any, ...] | None:
    """Where the next chunk begins; None when this one was not full."""
    if len(rows) < limits.PRUNE_ROWS:
        return None
    return tuple(rows[-1][column] for column in columns)
