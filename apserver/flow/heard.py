"""Hosts that speak to us are up: what waits for one that was down need not wait any longer (IO-64).

Nearly all hosts that speak were never down, and they speak often. So each is looked up once in
`limits.HEARD_S` at most. That bounds the other way too: whoever posts to us and answers nothing
makes us try its inboxes so often, and no more.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from apserver import telemetry
from apserver.core import limits
from apserver.core.origin import bucket_of
from apserver.errors import Busy
from apserver.store import deliveries
from apserver.store.db import Connection, Database


class Heard:
    """One per worker."""

    def __init__(self, db: Database, *, clock: Callable[[], float] = time.monotonic):
        self._db = db
        self._clock = clock
        self._last: OrderedDict[str, float] = OrderedDict()

    async def speaks(self, host: str) -> None:
        """A request that somebody on this host has signed was taken."""
        now = self._clock()
        if now - self._last.get(host, -limits.HEARD_S) < limits.HEARD_S:
            return
        self._last[host] = now
        self._last.move_to_end(host)
        while len(self._last) > limits.HOSTS_MET:
            self._last.popitem(last=False)

        async def work(conn: Connection) -> None:
            await deliveries.heard_from(conn, bucket_of(host), host)

        try:
            await self._db.transaction(work, durable=False)
        except Busy as error:
            telemetry.detail("not looked whether a host was down", host=host, reason=error)
