"""Background jobs on activities: leased by bucket, done in order, kept when they fail.

A worker leases whole buckets, so that the activities of one host are applied one after the other
by one worker at a time. It takes several, does one batch of what is due in them, and gives them
back: those that were looked at longest ago come first, so that a host which sends much does not
delay the others. Leases are by the clock of the database. ``fence`` grows with each lease: a worker
that slept through its lease finds another number and must not commit.

Some jobs wait for other servers. They are put off for as long as that may take (`reserve`), and
done without a lease (`flow.resolve`, `flow.suspended`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from apserver.core import limits
from apserver.errors import LeaseLost
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class Lease:
    """Buckets held by this worker until their lease ends, each with its fence."""

    fences: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Job:
    """A row of ``job``. ``owner`` is whose inbox, of a list job; ``recipients`` whom a resolve job
    has to find, or whose outbox an outbox job reads."""

    bucket: int
    id: UUID
    kind: str
    activity: UUID
    owner: UUID | None = None
    recipients: Sequence[str] | None = None
    attempt: int = 0


@dataclass(frozen=True, slots=True)
class Left:
    """What a ``resolve`` job still has to find, which of that are ``members`` of a collection, and
    the inboxes there that need no more."""

    recipients: Sequence[str]
    members: Sequence[str]
    owed: Sequence[str]


_ENQUEUE = """
INSERT INTO job (bucket, id, kind, activity, owner, recipients)
SELECT bucket, id, kind, activity, owner, CASE WHEN whose IS NOT NULL THEN ARRAY[whose] END
FROM unnest($1::smallint[], $2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::text[])
    AS i(bucket, id, kind, activity, owner, whose) ORDER BY bucket, id
"""
_ENQUEUE_RESOLVE = """
INSERT INTO job (bucket, id, kind, activity, recipients, owed)
VALUES ($1, $2, 'resolve', $3, $4, $5)
"""

# Any buckets with something due that nobody holds, the longest unattended first.
_LEASE = """
WITH free AS MATERIALIZED (
    SELECT bucket FROM bucket b
    WHERE lease_until < now() AND EXISTS (
        SELECT FROM job j WHERE j.bucket = b.bucket AND j.run_at <= now() AND j.parked_at IS NULL)
    ORDER BY lease_until, bucket LIMIT $3 FOR UPDATE SKIP LOCKED
)
UPDATE bucket b SET lease_until = now() + make_interval(secs => $1), fence = b.fence + 1,
    holder = $2
FROM free WHERE b.bucket = free.bucket
RETURNING b.bucket, b.fence
"""

_FREE = """
UPDATE bucket SET lease_until = '-infinity', fence = fence + 1
WHERE holder = $1 AND lease_until > now()
"""

# By primary key, locked in its order.
_STILL_HELD = """
SELECT b.bucket FROM bucket b JOIN unnest($1::smallint[], $2::bigint[]) AS i(bucket, fence)
    ON b.bucket = i.bucket AND b.fence = i.fence
WHERE b.lease_until > now() ORDER BY b.bucket FOR UPDATE OF b
"""
_LOCK = "SELECT FROM bucket WHERE bucket = $1 FOR UPDATE"
_RELEASE = """
UPDATE bucket b SET lease_until = now()
FROM (SELECT c.bucket FROM bucket c JOIN unnest($1::smallint[], $2::bigint[]) AS i(bucket, fence)
          ON c.bucket = i.bucket AND c.fence = i.fence
      ORDER BY c.bucket FOR UPDATE OF c) held
WHERE b.bucket = held.bucket
"""

# By primary key. A job that waits for its next try lets later ones pass.
_DUE = """
SELECT j.* FROM unnest($1::smallint[]) AS b(bucket) CROSS JOIN LATERAL (
    SELECT bucket, id, kind, activity, owner, recipients, attempt FROM job
    WHERE job.bucket = b.bucket AND run_at <= now() AND parked_at IS NULL ORDER BY id LIMIT $2
) j ORDER BY j.id
"""

_THERE = "SELECT EXISTS (SELECT FROM job WHERE bucket = $1 AND id = $2)"

# By primary key.
_FINISH = """
DELETE FROM job j USING unnest($1::smallint[], $2::uuid[]) AS i(bucket, id)
WHERE j.bucket = i.bucket AND j.id = i.id RETURNING j.id
"""
_PUT_OFF = """
UPDATE job j SET run_at = now() + make_interval(secs => $3)
FROM unnest($1::smallint[], $2::uuid[]) AS i(bucket, id)
WHERE j.bucket = i.bucket AND j.id = i.id AND j.parked_at IS NULL
"""
_LEFT = "SELECT recipients, members, owed FROM job WHERE bucket = $1 AND id = $2 FOR UPDATE"
_FOUND = """
UPDATE job SET recipients = array_remove(recipients, $3), owed = owed || $4::text[]
WHERE bucket = $1 AND id = $2
"""
_LED_TO = """
UPDATE job SET recipients = array_remove(recipients, $3) || $4::text[], members = members || $4,
    owed = owed || $5::text[]
WHERE bucket = $1 AND id = $2
"""

# By primary key: whatever is before a job that is due was done or put off.
_WAIT_FOR_APPLY = """
UPDATE job l SET run_at = before.run_at, parked_at = before.parked_at
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[]) AS i(bucket, id, activity)
CROSS JOIN LATERAL (
    SELECT run_at, parked_at FROM job a
    WHERE a.bucket = i.bucket AND a.id < i.id AND a.activity = i.activity
        AND a.kind IN ('apply', 'announced')
    ORDER BY a.id LIMIT 1
) before
WHERE l.bucket = i.bucket AND l.id = i.id
RETURNING l.id
"""
# By primary key: all of the bucket that is younger.
_WAKE_LISTS = """
UPDATE job SET run_at = now()
WHERE bucket = $1 AND id > $2 AND kind = 'list' AND activity = $3 AND parked_at IS NULL
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
        [job.recipients[0] if job.recipients else None for job in jobs],
    )


async def enqueue_resolve(conn: Connection, job: Job, *, owed: Sequence[str]) -> None:
    """Add a ``resolve`` job; ``owed`` are inboxes that the activity is queued for already."""
    await conn.execute(
        _ENQUEUE_RESOLVE, job.bucket, job.id, job.activity, list(job.recipients or ()), owed
    )


async def lease_buckets(conn: Connection, holder: str) -> Lease | None:
    """Lease some buckets that have work, or None when there is no work to be had."""
    rows = await conn.fetch(_LEASE, float(limits.LEASE_S), holder, limits.BUCKETS_PER_LEASE)
    return Lease({row["bucket"]: row["fence"] for row in rows}) if rows else None


async def free_buckets(conn: Connection, holder: str) -> None:
    """End the leases of a worker that is no more, in the name of its successor."""
    await conn.execute(_FREE, holder)


async def release_buckets(conn: Connection, lease: Lease) -> None:
    """Give back what still is held; others come first the next time."""
    await conn.execute(_RELEASE, list(lease.fences), list(lease.fences.values()))


async def hold(conn: Connection, lease: Lease) -> None:
    """Inside a transaction: LeaseLost unless all of it still is ours; and keep it so until its
    end."""
    rows = await conn.fetch(_STILL_HELD, list(lease.fences), list(lease.fences.values()))
    if len(rows) < len(lease.fences):
        lost = sorted(lease.fences.keys() - {row["bucket"] for row in rows})
        raise LeaseLost(f"buckets {lost}")


async def lock_bucket(conn: Connection, bucket: int) -> None:
    """Inside a transaction: nobody else writes what this bucket's jobs do until its end."""
    await conn.execute(_LOCK, bucket)


async def due_jobs(conn: Connection, buckets: Iterable[int]) -> list[Job]:
    """The next jobs of these buckets, a like number of each, in order."""
    asked = list(buckets)
    rows = await conn.fetch(_DUE, asked, max(1, limits.JOB_BATCH // len(asked)))
    return [Job(**row) for row in rows]


async def is_there(conn: Connection, job: Job) -> bool:
    """Whether the job is still to be done."""
    return bool(await conn.fetchval(_THERE, job.bucket, job.id))


async def finish_jobs(conn: Connection, jobs: Sequence[Job]) -> None:
    """Delete jobs, in the transaction of their effects. LeaseLost when one of them is gone, for
    then another worker has done it: the transaction must not commit."""
    if not jobs:
        return
    ended = await conn.fetch(_FINISH, *_places(jobs))
    if len(ended) < len(jobs):
        raise LeaseLost(f"{len(jobs) - len(ended)} jobs are done already")


async def reserve(conn: Connection, jobs: Sequence[Job]) -> None:
    """Put off jobs that are done beside the loop, for as long as a lease lasts."""
    await conn.execute(_PUT_OFF, *_places(jobs), float(limits.LEASE_S))


async def release(conn: Connection, jobs: Sequence[Job]) -> None:
    """Make reserved jobs due at once."""
    await conn.execute(_PUT_OFF, *_places(jobs), 0.0)


async def wake_lists(conn: Connection, applied: Job) -> None:
    """Make due what `put_behind_apply` has put behind this job, which is done."""
    await conn.execute(_WAKE_LISTS, applied.bucket, applied.id, applied.activity)


def _places(jobs: Sequence[Job]) -> tuple[list[int], list[UUID]]:
    """The primary keys of jobs, in order, as two columns."""
    ordered = sorted((job.bucket, job.id) for job in jobs)
    return [bucket for bucket, _ in ordered], [id_ for _, id_ in ordered]


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
        await finish_jobs(conn, [job])
    else:
        await conn.execute(_FOUND, job.bucket, job.id, recipient, inboxes)


async def led_to(
    conn: Connection, job: Job, recipient: str, members: Sequence[str], inboxes: Sequence[str]
) -> None:
    """A recipient is a collection: these of its members are to be found instead, and those inboxes
    need no more."""
    await conn.execute(_LED_TO, job.bucket, job.id, recipient, members, inboxes)


async def put_behind_apply(conn: Connection, jobs: Sequence[Job]) -> set[UUID]:
    """Put off those of these ``list`` jobs whose activity is still to be applied; their ids.

    What applying may yet refuse must not be listed.
    """
    ordered = sorted(jobs, key=lambda job: (job.bucket, job.id))
    rows = await conn.fetch(_WAIT_FOR_APPLY, *_places(ordered), [job.activity for job in ordered])
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
