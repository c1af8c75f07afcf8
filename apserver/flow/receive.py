"""The jobs of leased buckets: done in batches, one transaction each; put off when they fail.

The jobs of a bucket are done in order. A batch has from each bucket a run of jobs, all of one kind,
whose activities do not meddle with each other, so that the facts of one are not changed by another;
its facts are read and its effects written together (`flow.apply`). When a batch fails its jobs are
done again one by one, so that one bad activity holds up nobody else. The jobs go in the same
transaction as their effects: after a crash either both have happened or neither.

Nothing here waits for another server. Jobs that do go on beside the loop (`flow.suspended`,
`flow.resolve`, `flow.outboxes`, `flow.threads`, `flow.profiles`, `flow.announced`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol
from uuid import UUID

from apserver import telemetry
from apserver.core.audience import Visibility
from apserver.errors import BadInput, Busy, LeaseLost
from apserver.flow.apply import Applied, Applier
from apserver.flow.fan_out import FanOut
from apserver.flow.put_off import put_off
from apserver.flow.suspended import Suspended
from apserver.flow.turns import Turns
from apserver.store import jobs, objects
from apserver.store.db import Connection, Database
from apserver.store.effects import show_to
from apserver.store.jobs import Job, Lease
from apserver.store.objects import ActivityRow


class AsksOthers(Protocol):
    """Does jobs of one kind in the background, since they wait for other servers."""

    def start(self, batch: Sequence[Job]) -> None:
        """Begin these jobs, which were put off by `jobs.reserve`."""

    async def close(self) -> None:
        """Give up what is under way; it is due again at once."""


class Receiver:
    """Does the jobs of leased buckets; those of the kinds in ``asking`` beside the loop."""

    def __init__(
        self,
        db: Database,
        *,
        applier: Applier,
        suspended: Suspended,
        fan_out: FanOut,
        asking: Mapping[str, AsksOthers],
        turns: Turns,
    ):
        self._db = db
        self._applier = applier
        self._suspended = suspended
        self._fan_out = fan_out
        self._asking = asking
        self._turns = turns

    async def close(self) -> None:
        """Give up what goes on beside the jobs; it is taken up again at the next start."""
        for one in self._asking.values():
            await one.close()
        await self._suspended.close()

    async def work_on(self, lease: Lease) -> None:
        """Do one batch of the jobs that are due in these buckets."""
        async with self._db.connection() as conn:
            due = await jobs.due_jobs(conn, lease.fences)
            rows = await objects.activities_by_key(conn, {job.activity for job in due})
        batch = _batch(due, rows)
        try:
            await self._do(lease, batch)
        except (LeaseLost, Busy):
            raise
        except Exception:
            for job in batch:
                await self._do_alone(lease, job)

    async def _do_alone(self, lease: Lease, job: Job) -> None:
        """Do it again by itself, unless it was finished before the rest of its batch failed."""
        async with self._db.connection() as conn:
            if not await jobs.is_there(conn, job):
                return
        try:
            await self._do(lease, [job])
        except (LeaseLost, Busy):
            raise
        except Exception as error:
            await put_off(self._db, job, error, hold=lambda conn: jobs.hold(conn, lease))

    async def _do(self, lease: Lease, batch: Sequence[Job]) -> None:
        if not batch:
            return
        done = batch
        match batch[0].kind:
            case "apply" | "recall" | "announced":
                done = await self._apply(lease, batch)
            case "list":
                await self._list(lease, batch)
            case "fan_out":
                await self._fan_out.queue(batch, hold=lambda conn: jobs.hold(conn, lease))
            case kind if kind in self._asking:
                await self._reserve(lease, batch)
                self._asking[kind].start(batch)
                return
            case kind if kind in self._turns:
                await self._turns.work_on(batch, hold=lambda conn: jobs.hold(conn, lease))
            case kind:
                raise BadInput(f"no such kind of job: {kind}")
        for job in done:
            telemetry.count(telemetry.JOBS, job.kind, "done")

    async def _reserve(self, lease: Lease, batch: Sequence[Job]) -> None:
        async def work(conn: Connection) -> None:
            await jobs.hold(conn, lease)
            await jobs.reserve(conn, batch)

        await self._db.transaction(work)

    async def _list(self, lease: Lease, batch: Sequence[Job]) -> None:
        async def work(conn: Connection) -> None:
            await jobs.hold(conn, lease)
            waiting = await jobs.put_behind_apply(conn, batch)
            ready = [job for job in batch if job.id not in waiting]
            await show_to(conn, [(job.owner, job.activity) for job in ready if job.owner])
            await jobs.finish_jobs(conn, ready)

        await self._db.transaction(work, durable=False)

    async def _apply(self, lease: Lease, batch: Sequence[Job]) -> Sequence[Job]:
        """Apply a batch; the jobs that are done. Those that miss a document of another server go
        on beside the loop, and hold up nobody."""

        async def work(conn: Connection) -> Applied:
            await jobs.hold(conn, lease)
            applied = await self._applier.apply(conn, batch, {})
            if applied.missing:
                await jobs.reserve(conn, [job for job in batch if job.activity in applied.missing])
            return applied

        applied = await self._db.transaction(work, durable=False)
        for job in batch:
            if job.activity in applied.missing:
                self._suspended.take(job, applied.missing[job.activity])
        return applied.done


def _batch(due: Sequence[Job], rows: Mapping[UUID, ActivityRow]) -> list[Job]:
    """From each bucket the longest run of jobs from the front, all of the kind of the oldest, of
    which none reads or writes what another one writes."""
    batch: list[Job] = []
    read: set[UUID] = set()
    written: set[UUID] = set()
    stopped: set[int] = set()
    for job in due:
        if job.bucket in stopped:
            continue
        reads, writes = _touches(job, rows.get(job.activity))
        meddles = not (written.isdisjoint(reads | writes) and read.isdisjoint(writes))
        if job.kind != due[0].kind or meddles:
            stopped.add(job.bucket)
            continue
        read |= reads
        written |= writes
        batch.append(job)
    return batch


def _touches(job: Job, row: ActivityRow | None) -> tuple[set[UUID], set[UUID]]:
    """Keys of what a job's facts are read from, and of what it may write. A Create leaves its actor
    as it is, so that many Creates of one actor go together; but one to some people alone may be a
    vote, of which the next one must know."""
    if job.kind not in ("apply", "recall", "announced"):
        return set(), set()
    if row is None:
        return set(), {job.activity}
    if row.type == "Create" and row.visibility != Visibility.DIRECT:
        return {row.actor, *row.audience}, {row.spliced or row.key}
    return set(), {row.actor, row.spliced or row.key, *row.audience}
