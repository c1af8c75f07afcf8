"""Wakes those who wait for jobs or deliveries: in this process at once, in the others by NOTIFY.

Ringing is a hint and may be lost; everybody who waits looks by himself every second. NOTIFY is
sent outside of the transactions that make the work, since it makes their commits wait for each
other (measured: a quarter of the speed), and at most once in a few milliseconds.
"""

from __future__ import annotations

import asyncio
from typing import Literal, TypeAlias

from apserver import telemetry
from apserver.errors import Busy
from apserver.store.db import Database

_CHANNEL = "apserver_work"  # whoever hears it looks for either
_QUIET_S = 0.005
_RECONNECT_S = 5.0


Work: TypeAlias = Literal["jobs", "deliveries"]


class Bell:
    """One per process."""

    def __init__(self, db: Database, *, alone: bool):
        self._db = db
        self._alone = alone
        self._waiting: dict[asyncio.Event, Work] = {}
        self._sender: asyncio.Task[None] | None = None

    def ear(self, work: Work) -> asyncio.Event:
        """An event that is set whenever the bell rings for such work."""
        event = asyncio.Event()
        self._waiting[event] = work
        return event

    def ring(self, work: Work | None = None) -> None:
        """There is such work, or either. Requests make jobs, and only jobs make deliveries."""
        self._wake(work)
        if not self._alone and (self._sender is None or self._sender.done()):
            self._sender = asyncio.create_task(self._tell_others())

    async def listen(self) -> None:
        """Hear the other processes, until cancelled; a lost connection is made again."""
        while True:
            lost = asyncio.Event()
            try:
                connection = await self._db.listen(_CHANNEL, self._wake)
            except Busy as error:
                telemetry.detail("not listening", reason=error)
                await asyncio.sleep(_RECONNECT_S)
                continue
            try:
                connection.add_termination_listener(lambda _, lost=lost: lost.set())
                await lost.wait()
            finally:
                await connection.close(timeout=1)

    def _wake(self, work: Work | None = None) -> None:
        for event, awaited in self._waiting.items():
            if work in (None, awaited):
                event.set()

    async def _tell_others(self) -> None:
        await asyncio.sleep(_QUIET_S)
        try:
            await self._db.notify(_CHANNEL)
        except Busy as error:
            telemetry.detail("bell not heard", reason=error)
