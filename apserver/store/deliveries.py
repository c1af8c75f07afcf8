"""The delivery queue: who is owed what, and when each host may be tried.

A fan-out adds rows to ``delivery`` and wakes the ``host`` rows. A deliverer leases due hosts,
posts the oldest deliveries of each, and settles: finished rows go, others wait, and the host
row says when to come back (``infinity`` when nothing waits). Settling first locks the host
row, so that it cannot miss a delivery that is being queued at the same moment: whoever queues
locks it too, and either sees the other's commit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
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
    """One activity owed to one inbox; ``failures`` in a row of that inbox, not of its host."""

    bucket: int
    host: str
    id: UUID
    inbox: str
    activity: UUID
    sender: UUID
    failures: int

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


# By primary key. A host that has failed for as long as a delivery is tried (core.delivery) is owed
# nothing more until it speaks to us (IO-64), or is forgotten (store/retention.py).
IS_REACHABLE = """
NOT EXISTS (SELECT FROM host h WHERE h.bucket = i.bucket AND h.host = i.host
    AND h.failing_since < now() - interval '7 days')
"""

# The new rows wake their hosts in the same statement. A host that is down is not hurried.
WAKE = """
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
    SELECT i.bucket, i.host, $2::uuid, i.inbox, $3::uuid, $1::uuid FROM follower_inbox i
    WHERE i.owner = $1 AND """
    + IS_REACHABLE
    + """
    ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING
    RETURNING bucket, host
)"""
    + WAKE
)

# By primary key; follower_inbox by its leading column. Everybody who is in several of the audience
# has it once. What was forwarded before is not claimed again, so nothing goes in a circle.
_FORWARD = (
    """
WITH claimed AS (
    UPDATE activity SET forwarded_at = now() WHERE key = $1 AND forwarded_at IS NULL
    RETURNING (SELECT carrier FROM raw WHERE activity = $1) AS carrier
), added AS (
    INSERT INTO delivery (bucket, host, id, inbox, activity, sender)
    SELECT DISTINCT ON (i.bucket, i.host, i.inbox)
        i.bucket, i.host, $4::uuid, i.inbox, $1::uuid, i.owner
    FROM claimed JOIN collection c ON c.key = ANY($2::uuid[]) AND c.name = 'followers'
    JOIN follower_inbox i ON i.owner = c.owner
    WHERE i.host <> $3 AND i.host IS DISTINCT FROM claimed.carrier AND """
    + IS_REACHABLE
    + """
    ORDER BY i.bucket, i.host, i.inbox, i.owner
    ON CONFLICT DO NOTHING
    RETURNING bucket, host
)"""
    + WAKE
)

# What is addressed to somebody there is remembered of the host (store/reached.py), once.
_TO_INBOXES = (
    """
WITH added AS (
    INSERT INTO delivery (bucket, host, id, inbox, activity, sender)
    SELECT i.bucket, i.host, $4::uuid, i.inbox, $5::uuid, $6::uuid
    FROM unnest($1::smallint[], $2::text[], $3::text[]) AS i(bucket, host, inbox)
    WHERE """
    + IS_REACHABLE
    + """
    ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING
    RETURNING bucket, host, inbox
), remembered AS (
    INSERT INTO reached (actor, bucket, host, inbox)
    SELECT $6::uuid, bucket, host, inbox FROM added ORDER BY bucket, host, inbox
    ON CONFLICT DO NOTHING
)"""
    + WAKE
)

# By primary key.
_OWED = """
SELECT d.inbox FROM unnest($1::smallint[], $2::text[]) AS i(bucket, host)
JOIN delivery d ON d.bucket = i.bucket AND d.host = i.host AND d.id = $3
"""

_ALL_BUCKETS = list(range(limits.BUCKETS))

# By host_due.
_LEASE = """
UPDATE host h SET lease_until = now() + make_interval(secs => $1), fence = h.fence + 1,
    holder = $4
FROM (
    SELECT bucket, host FROM host
    WHERE bucket = ANY($2::smallint[]) AND next_at <= now() AND next_at < 'infinity'
        AND lease_until < now()
    ORDER BY next_at LIMIT $3 FOR UPDATE SKIP LOCKED
) due
WHERE h.bucket = due.bucket AND h.host = due.host
RETURNING h.bucket, h.host, h.fence, h.failures
"""

# By primary key, the oldest of each host.
_OF_HOSTS = """
SELECT d.bucket, d.host, d.id, d.inbox, d.activity, d.sender, d.failures
FROM unnest($1::smallint[], $2::text[]) AS h(bucket, host)
CROSS JOIN LATERAL (
    SELECT d.*, coalesce(w.failures, 0) AS failures FROM delivery d
    LEFT JOIN waiting_inbox w
        ON w.bucket = d.bucket AND w.host = d.host AND w.inbox = d.inbox
    WHERE d.bucket = h.bucket AND d.host = h.host AND coalesce(w.until <= now(), true)
    ORDER BY d.id, d.inbox LIMIT $3
) d
"""

_LOCK_HOST = "SELECT fence FROM host WHERE bucket = $1 AND host = $2 FOR UPDATE"

_DONE = """
DELETE FROM delivery d USING unnest($3::uuid[], $4::text[]) AS i(id, inbox)
WHERE d.bucket = $1 AND d.host = $2 AND d.id = i.id AND d.inbox = i.inbox
"""
_WAIT = """
INSERT INTO waiting_inbox AS w (bucket, host, inbox, until)
SELECT $1, $2, inbox, now() + make_interval(secs => wait)
FROM unnest($3::text[], $4::float8[]) AS i(inbox, wait) ORDER BY inbox
ON CONFLICT (bucket, host, inbox) DO UPDATE SET failures = w.failures + 1, until = EXCLUDED.until
"""
_WAIT_OVER = "DELETE FROM waiting_inbox WHERE bucket = $1 AND host = $2 AND inbox = ANY($3::text[])"
_GIVE_UP = """
DELETE FROM delivery WHERE bucket = $1 AND host = $2 AND since < now() - $3::interval
"""
_FORGET_WAIT = """
DELETE FROM waiting_inbox w WHERE w.bucket = $1 AND w.host = $2 AND NOT EXISTS (
    SELECT FROM delivery d WHERE d.bucket = $1 AND d.host = $2 AND d.inbox = w.inbox)
"""

# greatest overlooks a null: an inbox that does not wait is due now.
_HOST_WELL = """
UPDATE host SET failures = 0, failing_since = NULL, last_error = NULL,
    lease_until = '-infinity', tried_at = now(),
    next_at = coalesce((
        SELECT min(greatest(w.until, now())) FROM delivery d
        LEFT JOIN waiting_inbox w
            ON w.bucket = d.bucket AND w.host = d.host AND w.inbox = d.inbox
        WHERE d.bucket = $1 AND d.host = $2), 'infinity')
WHERE bucket = $1 AND host = $2
"""
_HOST_DOWN = """
UPDATE host SET failures = failures + 1, failing_since = coalesce(failing_since, now()),
    last_error = $4, lease_until = '-infinity', tried_at = now(),
    next_at = CASE WHEN EXISTS (SELECT FROM delivery WHERE bucket = $1 AND host = $2)
              THEN now() + make_interval(secs => $3) ELSE 'infinity' END
WHERE bucket = $1 AND host = $2
"""
# By primary key.
_OF_FOLLOWERS = "SELECT inbox FROM follower_inbox WHERE owner = $1 AND inbox = ANY($2::text[])"

# By primary key.
_HEARD = """
UPDATE host SET failing_since = NULL,
    next_at = CASE next_at WHEN 'infinity' THEN next_at ELSE least(next_at, now()) END
WHERE bucket = $1 AND host = $2 AND failures > 0
"""
_FREE = """
UPDATE host SET lease_until = '-infinity', fence = fence + 1
WHERE holder = $1 AND lease_until > '-infinity'
    AND (bucket, host) NOT IN (SELECT * FROM unnest($2::smallint[], $3::text[]))
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


async def forward(
    conn: Connection, *, activity: UUID, to: Sequence[UUID], but: str, order: UUID
) -> int:
    """Owe an activity of another server to the members of these followers collections of ours,
    given by key, in the name of their owners: once, and neither to the host ``but`` nor to the one
    that it came from. Returns how many deliveries were added."""
    added: int = await conn.fetchval(_FORWARD, activity, list(to), but, order)
    return added


async def of_followers(conn: Connection, owner: UUID, inboxes: Sequence[str]) -> set[str]:
    """Which of these inboxes are those of followers of an actor."""
    rows = await conn.fetch(_OF_FOLLOWERS, owner, inboxes)
    return {row["inbox"] for row in rows}


async def heard_from(conn: Connection, bucket: int, host: str) -> None:
    """A host that was down has spoken: what it is owed goes out now (IO-64)."""
    await conn.execute(_HEARD, bucket, host)


async def owed(conn: Connection, order: UUID, hosts: Sequence[tuple[int, str]]) -> list[str]:
    """The inboxes at these hosts, given as (bucket, host), that were queued for in this order."""
    buckets, names = [bucket for bucket, _ in hosts], [host for _, host in hosts]
    return [row["inbox"] for row in await conn.fetch(_OWED, buckets, names, order)]


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
    """How a round with one host went.

    ``waits`` has the seconds to leave single inboxes alone, ``down_s`` those for the host, if down.
    """

    host: HostLease
    finished: Sequence[Delivery]
    waits: Mapping[str, float]
    down_s: float | None = None
    error: str | None = None


async def finish(conn: Connection, host: HostLease, finished: Sequence[Delivery]) -> bool:
    """Record deliveries of a round that goes on; False when its lease had passed to another."""
    at = (host.bucket, host.host)
    if await conn.fetchval(_LOCK_HOST, *at) != host.fence:
        return False
    ids, inboxes = [one.id for one in finished], [one.inbox for one in finished]
    await conn.execute(_DONE, *at, ids, inboxes)
    well = [one.inbox for one in finished if one.failures]
    if well:
        await conn.execute(_WAIT_OVER, *at, well)
    return True


async def settle(conn: Connection, settlement: Settlement, *, give_up: timedelta) -> bool:
    """Record a round and give the host back; False when its lease had passed to another."""
    host = settlement.host
    at = (host.bucket, host.host)
    if not await finish(conn, host, settlement.finished):
        return False
    if settlement.waits:
        await conn.execute(_WAIT, *at, list(settlement.waits), list(settlement.waits.values()))
    if settlement.waits or settlement.down_s is not None:
        await conn.execute(_GIVE_UP, *at, give_up)
        await conn.execute(_FORGET_WAIT, *at)
    if settlement.down_s is None:
        await conn.execute(_HOST_WELL, *at)
    else:
        await conn.execute(_HOST_DOWN, *at, settlement.down_s, settlement.error)
    return True


async def free_hosts(conn: Connection, holder: str, *, but: Sequence[HostLease] = ()) -> None:
    """End the leases of a worker that is no more, in the name of its successor; or all of one
    that lives but those it knows of."""
    await conn.execute(_FREE, holder, [one.bucket for one in but], [one.host for one in but])
