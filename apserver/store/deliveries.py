"""The delivery queue: who is owed what, and when each host may be tried.

A fan-out adds rows to ``delivery`` and wakes the ``host`` rows. A deliverer leases due hosts,
posts the oldest deliveries of each, and settles: finished rows go, others wait, and the host
row says when to come back (``infinity`` when nothing waits). Settling first locks the host
row, so that it cannot miss a delivery that is being queued at the same moment: whoever queues
locks it too, and either sees the other's commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from apserver.core import limits
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class HostLease:
    """A host held by this worker; ``failures`` in a row so far."""

    bucket: int
    host: str
    fence: int
    failures: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """One activity owed to one inbox."""

    bucket: int
    host: str
    id: UUID
    inbox: str
    activity: UUID
    sender: UUID
    attempt: int
    since: datetime

    @property
    def sent(self) -> tuple[UUID, UUID]:
        """Who sends what: the keys of the actor and of the activity."""
        return (self.sender, self.activity)


@dataclass(frozen=True, slots=True)
class Target:
    """An inbox to deliver to, with the host that it waits under."""

    inbox: str
    host: str
    bucket: int


# The new rows wake their hosts in the same statement. A host that is down is not hurried.
_WAKE = """
, woken AS (
    INSERT INTO host AS h (bucket, host)
    SELECT DISTINCT bucket, host FROM added ORDER BY bucket, host
    ON CONFLICT (bucket, host) DO UPDATE SET next_at =
        CASE WHEN h.failures = 0 OR h.next_at = 'infinity' THEN now() ELSE h.next_at END
)
SELECT count(*) FROM added
"""

_TO_FOLLOWERS = (
    """
WITH added AS (
    INSERT INTO delivery (bucket, host, id, inbox, activity, sender)
    SELECT f.bucket, f.host, $2::uuid, f.inbox, $3::uuid, $1::uuid FROM follower_inbox f
    WHERE f.owner = $1 ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING
    RETURNING bucket, host
)"""
    + _WAKE
)

_TO_INBOXES = (
    """
WITH added AS (
    INSERT INTO delivery (bucket, host, id, inbox, activity, sender)
    SELECT i.bucket, i.host, $4::uuid, i.inbox, $5::uuid, $6::uuid
    FROM unnest($1::smallint[], $2::text[], $3::text[]) AS i(bucket, host, inbox)
    ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING
    RETURNING bucket, host
)"""
    + _WAKE
)

_ALL_BUCKETS = list(range(limits.BUCKETS))

# By host_due.
_LEASE = """
UPDATE host h SET lease_until = now() + make_interval(secs => $1), fence = h.fence + 1,
    holder = $4
FROM (
    SELECT bucket, host FROM host
    WHERE bucket = ANY($2::smallint[]) AND next_at <= now() AND lease_until < now()
    ORDER BY next_at LIMIT $3 FOR UPDATE SKIP LOCKED
) due
WHERE h.bucket = due.bucket AND h.host = due.host
RETURNING h.bucket, h.host, h.fence, h.failures
"""

# By primary key, the oldest of each host.
_OF_HOSTS = """
SELECT d.bucket, d.host, d.id, d.inbox, d.activity, d.sender, d.attempt, d.since
FROM unnest($1::smallint[], $2::text[]) AS h(bucket, host)
CROSS JOIN LATERAL (
    SELECT * FROM delivery d
    WHERE d.bucket = h.bucket AND d.host = h.host AND d.run_at <= now()
    ORDER BY d.id, d.inbox LIMIT $3
) d
"""

_LOCK_HOST = "SELECT fence FROM host WHERE bucket = $1 AND host = $2 FOR UPDATE"

_DONE = """
DELETE FROM delivery d USING unnest($3::uuid[], $4::text[]) AS i(id, inbox)
WHERE d.bucket = $1 AND d.host = $2 AND d.id = i.id AND d.inbox = i.inbox
"""
_LATER = """
UPDATE delivery d SET attempt = d.attempt + 1, run_at = now() + make_interval(secs => i.wait)
FROM unnest($3::uuid[], $4::text[], $5::float8[]) AS i(id, inbox, wait)
WHERE d.bucket = $1 AND d.host = $2 AND d.id = i.id AND d.inbox = i.inbox
"""
_GIVE_UP = """
DELETE FROM delivery WHERE bucket = $1 AND host = $2 AND since < now() - $3::interval
"""

# HAVING: without a row, min is null, which greatest overlooks.
_HOST_WELL = """
UPDATE host SET failures = 0, failing_since = NULL, last_error = NULL,
    lease_until = '-infinity', tried_at = now(),
    next_at = coalesce((SELECT greatest(min(run_at), now()) FROM delivery
                        WHERE bucket = $1 AND host = $2 HAVING count(*) > 0), 'infinity')
WHERE bucket = $1 AND host = $2
"""
_HOST_DOWN = """
UPDATE host SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
    last_error = $4, lease_until = '-infinity', tried_at = now(),
    next_at = CASE WHEN EXISTS (SELECT FROM delivery WHERE bucket = $1 AND host = $2)
              THEN now() + make_interval(secs => $3) ELSE 'infinity' END
WHERE bucket = $1 AND host = $2
"""
_FREE = """
UPDATE host SET lease_until = '-infinity', fence = fence + 1
WHERE holder = $1 AND lease_until > '-infinity'
"""


async def queue(
    conn: Connection,
    *,
    activity: UUID,
    sender: UUID,
    order: UUID,
    targets: Sequence[Target],
    to_followers: bool,
) -> int:
    """Owe an activity to these inboxes and, with ``to_followers``, to the sender's followers.

    ``order`` is a UUIDv7: deliveries to one host are made in its order. An inbox that is named
    twice is owed once (AP-S2S-12). Returns how many deliveries were added.
    """
    added = 0
    if to_followers:
        added += await conn.fetchval(_TO_FOLLOWERS, sender, order, activity)
    if targets:
        added += await conn.fetchval(
            _TO_INBOXES,
            [target.bucket for target in targets],
            [target.host for target in targets],
            [target.inbox for target in targets],
            order,
            activity,
            sender,
        )
    return added


async def lease_hosts(conn: Connection, limit: int, holder: str) -> list[HostLease]:
    """Lease up to ``limit`` hosts that are due, the longest due first."""
    rows = await conn.fetch(_LEASE, float(limits.LEASE_S), _ALL_BUCKETS, limit, holder)
    return [HostLease(**row) for row in rows]


async def deliveries_of(conn: Connection, hosts: Sequence[HostLease]) -> list[Delivery]:
    """The oldest deliveries of each leased host, in order."""
    rows = await conn.fetch(
        _OF_HOSTS,
        [host.bucket for host in hosts],
        [host.host for host in hosts],
        limits.DELIVERIES_PER_HOST,
    )
    return [Delivery(**row) for row in rows]


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a round with one host went. ``down_s`` is how long to leave the host alone, if down."""

    host: HostLease
    finished: Sequence[Delivery]
    later: Sequence[tuple[Delivery, float]]
    down_s: float | None = None
    error: str | None = None


async def settle(conn: Connection, settlement: Settlement, *, give_up: timedelta) -> bool:
    """Record a round and give the host back; False when its lease had passed to another."""
    host = settlement.host
    at = (host.bucket, host.host)
    if await conn.fetchval(_LOCK_HOST, *at) != host.fence:
        return False
    if settlement.finished:
        ids = [one.id for one in settlement.finished]
        await conn.execute(_DONE, *at, ids, [one.inbox for one in settlement.finished])
    if settlement.later:
        ids = [one.id for one, _ in settlement.later]
        inboxes = [one.inbox for one, _ in settlement.later]
        await conn.execute(_LATER, *at, ids, inboxes, [wait for _, wait in settlement.later])
    if settlement.later or settlement.down_s is not None:
        await conn.execute(_GIVE_UP, *at, give_up)
    if settlement.down_s is None:
        await conn.execute(_HOST_WELL, *at)
    else:
        await conn.execute(_HOST_DOWN, *at, settlement.down_s, settlement.error)
    return True


async def free_hosts(conn: Connection, holder: str) -> None:
    """End the leases of a worker that is no more, in the name of its successor."""
    await conn.execute(_FREE, holder)
