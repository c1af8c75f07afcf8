"""Wakes those who wait for work: in this process at once, in the others by NOTIFY.

Ringing is a hint and may be lost; everybody who waits looks by himself every second. NOTIFY is
sent outside of the transactions that make the work, since it makes their commits wait for each
other (measured: a quarter of the speed), and at most once in a few milliseconds.
"""

from __future__ import annotations

import asyncio

from apserver import telemetry
from apserver.errors import Busy
from apserver.store.db import Database

_CHANNEL = "apserver_work"
_QUIET_S = 0.005
_RECONNECT_S = 5.0


class Bell:
    """One per process."""

    def __init__(self, db: Database, *, alone: bool):
        self._db = db
        self._alone = alone
        self._waiting: list[asyncio.Event] = []
        self._sender: asyncio.Task[None] | None = None

    def ear(self) -> asyncio.Event:
        """An event that is set whenever the bell rings."""
        event = asyncio.Event()
        self._waiting.append(event)
        return event

    def ring(self) -> None:
        """There is work."""
        self._wake()
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

    def _wake(self) -> None:
        for event in self._waiting:
            event.set()

    async def _tell_others(self) -> None:
        await asyncio.sleep(_QUIET_S)
        try:
            await self._db.notify(_CHANNEL)
        except Busy as error:
            telemetry.detail("bell not heard", reason=error)
