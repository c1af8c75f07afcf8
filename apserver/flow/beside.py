"""Jobs that are done beside the job loop, since they wait for other servers.

They were put off by `jobs.reserve` for as long as they may take; whoever finds one due after that
(this process was killed, or slow) does it from the start.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict, deque
from collections.abc import Coroutine, Sequence

from apserver import telemetry
from apserver.core import limits
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
        self._too_many: defaultdict[int, deque[Job]] = defaultdict(
            lambda: deque(maxlen=limits.ROUND_ROWS)
        )
        self._releasing: set[asyncio.Task[None]] = set()

    def start(self, job: Job, work: Coroutine[None, None, None]) -> None:
        """Begin a job that is reserved. One too many is due again when another one of its bucket
        has ended: whoever makes us wait for slow servers takes nothing from the others."""
        if self._most is not None and self._in_bucket[job.bucket] >= self._most:
            self._too_many[job.bucket].append(job)
            work.close()
            return
        self._in_bucket[job.bucket] += 1
        task = asyncio.create_task(work)
        self._running[task] = job
        task.add_done_callback(self._ended)

    async def close(self) -> None:
        """Give up what is under way; it is due again at once."""
        unfinished = list(self._running.values())
        unfinished += [job for waiting in self._too_many.values() for job in waiting]
        self._too_many.clear()
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, *self._releasing, return_exceptions=True)
        await self._release(unfinished)

    async def _release(self, reserved: Sequence[Job]) -> None:
        try:
            async with self._db.connection() as conn:
                await jobs.release(conn, reserved)
        except Busy as error:  # then they are due when their time has passed
            telemetry.detail("jobs not released", reason=error)

    def _ended(self, task: asyncio.Task[None]) -> None:
        job = self._running.pop(task)
        self._in_bucket[job.bucket] -= 1
        if waiting := self._too_many.get(job.bucket):
            releasing = asyncio.create_task(self._release([waiting.popleft()]))
            self._releasing.add(releasing)
            releasing.add_done_callback(self._releasing.discard)
        if not task.cancelled() and (error := task.exception()) is not None:
            telemetry.fault("job failed", error, kind=job.kind, activity=job.activity)
