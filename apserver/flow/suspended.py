"""Activities that name their object by id wait for it beside the job loop, and are applied then.

Fetching takes as long as another server likes, and whoever posts to us chooses the server. So the
bucket is not held meanwhile: the transaction that finds that a document is missing puts the job off
for as long as it may take, others of the bucket go on, and the job is done here as soon as the
document is there, or the reason why there never will be one. Whoever finds it due before that (this
process was killed, or slow) does it from the start.

No lease says then that the job is still ours, and two things stand for it. The transaction locks
the row of the bucket, as every other transaction on that bucket's jobs does, so that they go one
after the other; and ending a job that somebody else has ended takes the transaction back
(`jobs.finish_jobs`). What one activity makes us fetch, one document after the other, is paid from
one budget.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from uuid import UUID

from apserver import telemetry
from apserver.core import limits
from apserver.core.effects import Fetch
from apserver.errors import (
    Astray,
    BadInput,
    Busy,
    DomainBlocked,
    LeaseLost,
    OverBudget,
    RemoteGone,
)
from apserver.flow.apply import Applied, Applier
from apserver.flow.bell import Bell
from apserver.flow.facts import Found, fetched
from apserver.flow.put_off import put_off
from apserver.flow.remote import Remote
from apserver.net.budget import Budget
from apserver.store import jobs
from apserver.store.db import Connection, Database
from apserver.store.jobs import Job


class Suspended:
    """``apply`` jobs that wait for documents; one per worker."""

    def __init__(self, db: Database, applier: Applier, remote: Remote, bell: Bell):
        self._db = db
        self._applier = applier
        self._remote = remote
        self._bell = bell
        self._running: dict[UUID, tuple[Job, asyncio.Task[None]]] = {}
        self._in_bucket: Counter[int] = Counter()

    def take(self, job: Job, wanted: Fetch) -> None:
        """Fetch and apply this job, which was put off by `jobs.reserve`.

        When too many of its bucket wait already, it is left for when it is due again: whoever
        makes us wait for slow servers takes nothing from the others.
        """
        if job.id in self._running or self._in_bucket[job.bucket] >= limits.SUSPENDED:
            return
        task = asyncio.create_task(self._fetch_and_apply(job, wanted))
        self._running[job.id] = (job, task)
        self._in_bucket[job.bucket] += 1
        task.add_done_callback(lambda task: self._ended(job, task))

    async def close(self) -> None:
        """Give up what is under way; it is due again at once."""
        unfinished = list(self._running.values())
        for _, task in unfinished:
            task.cancel()
        await asyncio.gather(*(task for _, task in unfinished), return_exceptions=True)
        try:
            async with self._db.connection() as conn:
                await jobs.release(conn, [job for job, _ in unfinished])
        except Busy as error:
            telemetry.detail("jobs not released", reason=error)

    def _ended(self, job: Job, task: asyncio.Task[None]) -> None:
        del self._running[job.id]
        self._in_bucket[job.bucket] -= 1
        if not task.cancelled() and (error := task.exception()) is not None:
            telemetry.fault("job failed", error, kind=job.kind, activity=job.activity)

    async def _fetch_and_apply(self, job: Job, wanted: Fetch) -> None:
        try:
            await self._until_applied(job, wanted)
        except LeaseLost as error:
            telemetry.detail("job done by another", activity=job.activity, reason=error)
        except Exception as trouble:
            try:
                await put_off(self._db, job, trouble)
            except Busy as error:  # it is due again by itself
                telemetry.detail("job left", activity=job.activity, reason=error)
        self._bell.ring()  # there may be deliveries now, or something to list

    async def _until_applied(self, job: Job, wanted: Fetch) -> None:
        known: Found = {}
        budget = Budget()
        end = asyncio.get_running_loop().time() + limits.LEASE_S - 2 * limits.GET_S
        for _ in range(limits.FETCHES_PER_EVENT):
            async with asyncio.timeout_at(end):
                known |= await self._fetch(wanted, budget)
            applied = await self._apply(job, known)
            if job.activity not in applied.missing:
                return
            wanted = applied.missing[job.activity]
        raise BadInput("too many documents are needed to apply this activity")

    async def _fetch(self, wanted: Fetch, budget: Budget) -> Found:
        """The document, or the reason why there never will be one; else RemoteTrouble: later."""
        try:
            return fetched(wanted.id, await self._remote.document(wanted.id, budget, anew=True))
        except RemoteGone:
            return fetched(wanted.id, None, "object-gone")
        except BadInput:
            return fetched(wanted.id, None, "object-unreadable")
        except DomainBlocked:
            return fetched(wanted.id, None, "object-domain-blocked")
        except OverBudget:
            return fetched(wanted.id, None, "over-budget")
        except Astray:
            return fetched(wanted.id, None, "object-astray")

    async def _apply(self, job: Job, known: Found) -> Applied:
        async def work(conn: Connection) -> Applied:
            await jobs.lock_bucket(conn, job.bucket)
            applied = await self._applier.apply(conn, [job], known)
            if applied.done:
                await jobs.wake_lists(conn, job)
            elif not applied.missing:
                await jobs.release(conn, [job])
            return applied

        applied = await self._db.transaction(work, durable=False)
        for _ in applied.done:
            telemetry.count(telemetry.JOBS, job.kind, "done")
        return applied
