"""The loop that looks at old profiles: a few at a time, in one worker, of each host only some."""

from __future__ import annotations

import asyncio
import random

from apserver import telemetry
from apserver.core import limits
from apserver.errors import Busy
from apserver.flow.bell import Bell
from apserver.flow.later import asking
from apserver.store import jobs, periodic, profiles
from apserver.store.db import Connection, Database

_NAME = "profiles"


class ProfileLoop:
    """Queues the profiles that are to be looked at again, since that was a week ago."""

    def __init__(self, db: Database, bell: Bell):
        self._db = db
        self._bell = bell
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Look whenever it is time, until `stop`."""
        while not self._stopping.is_set():
            try:
                if await self._db.transaction(_queue_if_due):
                    self._bell.ring()
            except Busy as error:
                telemetry.warn("profiles wait for PostgreSQL", reason=error)
            try:
                async with asyncio.timeout(limits.PROFILES_LOOK_S * random.uniform(0.5, 1)):
                    await self._stopping.wait()
            except TimeoutError:
                continue

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()


async def _queue_if_due(conn: Connection) -> int:
    """One round, if it is time; how many profiles are queued."""
    turn = await periodic.take_turn(conn, _NAME)
    if turn is None:
        return 0
    old = await profiles.take_old(
        conn,
        older_than_s=limits.PROFILE_OLD_S,
        most=limits.PROFILES_ROUND,
        of_host=limits.PROFILES_OF_HOST,
        later_s=limits.PROFILES_LATER_S,
    )
    if old:
        await jobs.enqueue(conn, asking("profile", old))
    await periodic.end_turn(conn, turn, next_in_s=limits.PROFILES_EVERY_S)
    return len(old)
