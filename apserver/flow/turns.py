"""Jobs that may be very much: done a turn at a time.

Each turn does a bounded part, in one transaction with a new job for what is left. So nothing is
lost or done twice when a worker dies, and others have their turn in between.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from apserver.identifiers import uuid7
from apserver.store import jobs
from apserver.store.db import Connection, Database
from apserver.store.jobs import Job

Hold = Callable[[Connection], Awaitable[None]]
#: Does a part of a job, and tells whether something is left.
Turn: TypeAlias = Callable[[Connection, Job], Awaitable[bool]]


class Turns:
    """Does jobs by turns; ``takers`` by their kind."""

    def __init__(self, db: Database, takers: Mapping[str, Turn]):
        self._db = db
        self._takers = takers

    def __contains__(self, kind: str) -> bool:
        return kind in self._takers

    async def work_on(self, batch: Sequence[Job], *, hold: Hold) -> None:
        """Do a turn of each of these jobs, a transaction for each."""
        for job in batch:
            await self._db.transaction(partial(self._turn, job=job, hold=hold))

    async def _turn(self, conn: Connection, *, job: Job, hold: Hold) -> None:
        await hold(conn)
        if await self._takers[job.kind](conn, job):
            await jobs.enqueue(conn, [replace(job, id=uuid7())])
        await jobs.finish_jobs(conn, [job])
