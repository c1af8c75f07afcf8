"""Jobs that are done beside the job loop, since they wait for other servers.

They were put off by `jobs.reserve` for as long as they may take; whoever finds one due after that
(this process was killed, or slow) does it from the start.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine

from apserver import telemetry
from apserver.errors import Busy
from apserver.store import jobs
from apserver.store.db import Database
from apserver.store.jobs import Job


class Beside:
    """What one worker does beside its loop: so many jobs of one bucket at a time as ``most`` says,
    any number without it."""

    def __init__(self, db: Database, *, most: int | None = None):
        self._db = db
        self._most = most
        self._running: dict[asyncio.Task[None], Job] = {}
        self._in_bucket: Counter[int] = Counter()

    def start(self, job: Job, work: Coroutine[None, None, None]) -> None:
        """Begin a job that is reserved. One too many is left for when it is due again: whoever
        makes us wait for slow servers takes nothing from the others."""
        if self._most is not None and self._in_bucket[job.bucket] >= self._most:
            work.close()
            return
        self._in_bucket[job.bucket] += 1
        task = asyncio.create_task(work)
        self._running[task] = job
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Give up what is under way; it is due again at once."""
        unfinished = list(self._running.values())
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        try:
            async with self._db.connection() as conn:
                await jobs.release(conn, unfinished)
        except Busy as error:
            telemetry.detail("jobs not released", reason=error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        job = self._running.pop(task)
        self._in_bucket[job.bucket] -= 1
        if not task.cancelled() and (error := task.exception()) is not None:
            telemetry.fault("job failed", error, kind=job.kind, activity=job.activity)
