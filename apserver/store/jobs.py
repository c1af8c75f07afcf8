"""Background jobs on activities: leased by bucket, done in order, kept when they fail.

A worker leases a whole bucket, so that the activities of one host are applied one after the
other by one worker at a time. Leases are by the clock of the database. ``fence`` grows with
each lease: a worker that slept through its lease finds another number and must not commit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from apserver.core import limits
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class Lease:
    """One bucket held by this worker until its lease ends."""

    bucket: int
    fence: int


@dataclass(frozen=True, slots=True)
class Job:
    """A row of ``job``. ``owner`` is whose inbox, of a list job."""

    bucket: int
    id: UUID
    kind: str
    activity: UUID
    owner: UUID | None = None
    recipients: Sequence[str] | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """What a ``resolve`` job still has to find, and the inboxes there that need no more."""

    recipients: Sequence[str]
    owed: Sequence[str]


_ENQUEUE = """
INSERT INTO job (bucket, id, kind, activity, owner)
SELECT * FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[])
    AS i(bucket, id, kind, activity, owner) ORDER BY bucket, id
"""
_ENQUEUE_RESOLVE = """
INSERT INTO job (bucket, id, kind, activity, recipients, owed)
VALUES ($1, $2, 'resolve', $3, $4, $5)
"""

# Any bucket with something due that nobody holds.
_LEASE = """
UPDATE bucket b SET lease_until = now() + make_interval(secs => $1), fence = b.fence + 1,
    holder = $2
WHERE b.bucket = (
    SELECT c.bucket FROM bucket c
    WHERE c.lease_until < now() AND EXISTS (
        SELECT FROM job j WHERE j.bucket = c.bucket AND j.run_at <= now() AND j.parked_at IS NULL)
    ORDER BY c.lease_until LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING b.bucket, b.fence
"""

_FREE = """
UPDATE bucket SET lease_until = '-infinity', fence = fence + 1
WHERE holder = $1 AND lease_until > now()
"""

_STILL_HELD = """
SELECT true FROM bucket WHERE bucket = $1 AND fence = $2 AND lease_until > now() FOR UPDATE
"""
_RENEW = """
UPDATE bucket SET lease_until = now() + make_interval(secs => $3)
WHERE bucket = $1 AND fence = $2 RETURNING true
"""
_RELEASE = "UPDATE bucket SET lease_until = '-infinity' WHERE bucket = $1 AND fence = $2"

# By primary key. A job that waits for its next try lets later ones pass.
_DUE = """
SELECT bucket, id, kind, activity, owner, recipients, attempt FROM job
WHERE bucket = $1 AND run_at <= now() AND parked_at IS NULL ORDER BY id LIMIT $2
"""

_THERE = "SELECT EXISTS (SELECT FROM job WHERE bucket = $1 AND id = $2)"

_FINISH = "DELETE FROM job WHERE bucket = $1 AND id = ANY($2::uuid[])"

# By primary key.
_RESERVE = """
UPDATE job SET run_at = now() + make_interval(secs => $3)
WHERE bucket = $1 AND id = ANY($2::uuid[])
"""
_RELEASE_JOBS = """
UPDATE job j SET run_at = now() FROM unnest($1::smallint[], $2::uuid[]) AS i(bucket, id)
WHERE j.bucket = i.bucket AND j.id = i.id AND j.parked_at IS NULL
"""
_LEFT = "SELECT recipients, owed FROM job WHERE bucket = $1 AND id = $2 FOR UPDATE"
_FOUND = """
UPDATE job SET recipients = array_remove(recipients, $3), owed = owed || $4::text[]
WHERE bucket = $1 AND id = $2
"""

# By primary key: whatever is before a job that is due was done or put off.
_WAIT_FOR_APPLY = """
UPDATE job l SET run_at = a.run_at, parked_at = a.parked_at
FROM job a
WHERE l.bucket = $1 AND l.id = ANY($2::uuid[])
    AND a.bucket = $1 AND a.id < $3 AND a.kind = 'apply' AND a.activity = l.activity
RETURNING l.id
"""

_FAIL = """
UPDATE job SET attempt = attempt + 1, error = $3,
    run_at = now() + make_interval(secs => $4),
    parked_at = CASE WHEN attempt + 1 >= $5 THEN now() END
WHERE bucket = $1 AND id = $2
RETURNING parked_at IS NOT NULL
"""


async def enqueue(conn: Connection, jobs: Sequence[Job]) -> None:
    """Add jobs, in the transaction of what causes them."""
    await conn.execute(
        _ENQUEUE,
        [job.bucket for job in jobs],
        [job.id for job in jobs],
        [job.kind for job in jobs],
        [job.activity for job in jobs],
        [job.owner for job in jobs],
    )


async def enqueue_resolve(conn: Connection, job: Job, *, owed: Sequence[str]) -> None:
    """Add a ``resolve`` job; ``owed`` are inboxes that the activity is queued for already."""
    await conn.execute(
        _ENQUEUE_RESOLVE, job.bucket, job.id, job.activity, list(job.recipients or ()), owed
    )


async def lease_bucket(conn: Connection, holder: str) -> Lease | None:
    """Lease a bucket that has work, or None when there is no work to be had."""
    row = await conn.fetchrow(_LEASE, float(limits.LEASE_S), holder)
    return None if row is None else Lease(row["bucket"], row["fence"])


async def free_buckets(conn: Connection, holder: str) -> None:
    """End the leases of a worker that is no more, in the name of its successor."""
    await conn.execute(_FREE, holder)


async def renew_bucket(conn: Connection, lease: Lease) -> bool:
    """Hold it for another full time; False when somebody else has it."""
    return bool(await conn.fetchval(_RENEW, lease.bucket, lease.fence, float(limits.LEASE_S)))


async def release_bucket(conn: Connection, lease: Lease) -> None:
    """Give it back at once."""
    await conn.execute(_RELEASE, lease.bucket, lease.fence)


async def hold(conn: Connection, lease: Lease) -> bool:
    """Inside a transaction: whether the lease still is ours, and keep it so until its end."""
    return bool(await conn.fetchval(_STILL_HELD, lease.bucket, lease.fence))


async def due_jobs(conn: Connection, bucket: int) -> list[Job]:
    """The next jobs of a bucket, in order."""
    return [Job(**row) for row in await conn.fetch(_DUE, bucket, limits.JOB_BATCH)]


async def is_there(conn: Connection, job: Job) -> bool:
    """Whether the job is still to be done."""
    return bool(await conn.fetchval(_THERE, job.bucket, job.id))


async def finish_jobs(conn: Connection, jobs: Sequence[Job]) -> None:
    """Delete jobs of one bucket, in the transaction of their effects."""
    if jobs:
        await conn.execute(_FINISH, jobs[0].bucket, [job.id for job in jobs])


async def reserve(conn: Connection, jobs: Sequence[Job]) -> None:
    """Put off jobs of one bucket that are done beside the loop, for as long as a lease lasts."""
    await conn.execute(_RESERVE, jobs[0].bucket, [job.id for job in jobs], float(limits.LEASE_S))


async def release(conn: Connection, jobs: Sequence[Job]) -> None:
    """Make reserved jobs due at once, at shutdown."""
    await conn.execute(_RELEASE_JOBS, [job.bucket for job in jobs], [job.id for job in jobs])


async def left_to_find(conn: Connection, job: Job) -> Left | None:
    """What a ``resolve`` job has left to do, locked; None when it is done."""
    row = await conn.fetchrow(_LEFT, job.bucket, job.id)
    return None if row is None else Left(**row)


async def found(
    conn: Connection, job: Job, recipient: str, inboxes: Sequence[str], *, is_last: bool
) -> None:
    """A recipient is served, or let go, and its inboxes need no more; with the last one the job
    is done."""
    if is_last:
        await conn.execute(_FINISH, job.bucket, [job.id])
    else:
        await conn.execute(_FOUND, job.bucket, job.id, recipient, inboxes)


async def put_behind_apply(conn: Connection, jobs: Sequence[Job]) -> set[UUID]:
    """Put off those of these ``list`` jobs whose activity is still to be applied; their ids.

    What applying may yet refuse must not be listed.
    """
    ids = [job.id for job in jobs]
    rows = await conn.fetch(_WAIT_FOR_APPLY, jobs[0].bucket, ids, max(ids))
    return {row["id"] for row in rows}


async def fail_job(
    conn: Connection,
    job: Job,
    *,
    error: str,
    wait_s: float,
    attempts: int = limits.JOB_ATTEMPTS,
) -> bool:
    """Put a job off after a failure; True when it is parked for good, after so many attempts."""
    parked = await conn.fetchval(_FAIL, job.bucket, job.id, error[:2_000], wait_s, attempts)
    return bool(parked)
