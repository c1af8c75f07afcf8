"""Jobs that are done beside the job loop, since they wait for other servers.

They were put off by `jobs.reserve` for as long as they may take; whoever finds one due after that
(this process was killed, or slow) does it from the start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine

from apserver import telemetry
from apserver.errors import Busy
from apserver.store import jobs
from apserver.store.db import Database
from apserver.store.jobs import Job


class Beside:
    """What one worker does beside its loop."""

    def __init__(self, db: Database):
        self._db = db
        self._running: dict[asyncio.Task[None], Job] = {}

    def start(self, job: Job, work: Coroutine[None, None, None]) -> None:
        """Begin a job that is reserved."""
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
        if not task.cancelled() and (error := task.exception()) is not None:
            telemetry.fault("job failed", error, kind=job.kind, activity=job.activity)
