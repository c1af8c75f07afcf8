"""The loop that does jobs: lease buckets, do one batch of what is due in them, give them back.

A NOTIFY, or a job made in this process, wakes the loop at once; a look every second makes sure
that nothing depends on being woken.
"""

from __future__ import annotations

import asyncio

from apserver import telemetry
from apserver.core import limits
from apserver.errors import Busy, LeaseLost
from apserver.flow.bell import Bell
from apserver.flow.receive import Receiver
from apserver.store import jobs
from apserver.store.db import Database
from apserver.store.jobs import Lease


class JobLoop:
    """Does the jobs of any buckets that nobody else holds."""

    def __init__(self, db: Database, receiver: Receiver, bell: Bell, *, holder: str):
        self._db = db
        self._receiver = receiver
        self._bell = bell
        self._holder = holder
        self._wake = bell.ear("jobs")
        self._stopping = False
        self._held: Lease | None = None
        self._unsure = False  #: whether we may hold a lease that we were not told of

    async def run(self) -> None:
        """Work until `stop`. What PostgreSQL's absence interrupts is taken up again."""
        while not self._stopping:
            try:
                worked = await self._work_once()
            except Busy as error:
                self._unsure = self._held is None
                telemetry.warn("jobs wait for PostgreSQL", reason=error)
                await asyncio.sleep(limits.POLL_S)
                continue
            if not worked:
                await _wait(self._wake, limits.POLL_S)
        await self._receiver.close()

    def stop(self) -> None:
        """Finish the batch under way, and no more."""
        self._stopping = True
        self._wake.set()

    async def _work_once(self) -> bool:
        """Do one batch; False when there is none. What `Busy` interrupts stays leased: once
        PostgreSQL is back the next call goes on with it."""
        if self._held is None:
            self._held = await self._lease()
        if self._held is None:
            return False
        try:
            await self._receiver.work_on(self._held)
        except LeaseLost as error:
            telemetry.warn("lease lost", reason=error)
        async with self._db.connection() as conn:
            await jobs.release_buckets(conn, self._held)
        self._held = None
        self._bell.ring()  # there may be deliveries now, or jobs in other buckets
        return True

    async def _lease(self) -> Lease | None:
        async with self._db.connection() as conn:
            if self._unsure:
                await jobs.free_buckets(conn, self._holder)
                self._unsure = False
            return await jobs.lease_buckets(conn, self._holder)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass
    event.clear()
