"""The loop that prunes: once an hour, in one worker at a time, what is too old or too much goes.

Everything goes in chunks of a thousand rows, each in a transaction of its own, so that nobody
waits long for a lock. The order is that of the references: first what inboxes show, then the
activities that no inbox shows any more, then what they were about, then who made it. See
`store.retention` for what stays.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeAlias

from apserver import telemetry
from apserver.core import limits
from apserver.core.delivery import GIVE_UP_AFTER
from apserver.errors import Busy
from apserver.store import expiry, key_pairs, knocks, logins, periodic, reports, retention
from apserver.store.db import Connection, Database
from apserver.store.periodic import Turn
from apserver.store.retention import Chunk, Kind

KINDS = tuple(
    "receipts activities bodies objects actors keys jobs hosts signatures posted undone "
    "reports sessions".split()
)

_NAME = "prune"
_NO_CAP = 2**62
_DAYS = 20_000  #: more than any clock here can have seen

Step: TypeAlias = Callable[..., Awaitable[Chunk]]


#: What has an age of its own, by the kind of row: no setting says how long it is needed. Undos
#: that wait go before the actors that they keep.
_BY_AGE: tuple[tuple[str, Step, float], ...] = (
    ("signatures", expiry.prune_heard, 2 * limits.CLOCK_SKEW_S + limits.PRUNE_EVERY_S),
    ("posted", expiry.prune_posted, limits.IDEMPOTENCY_S),
    ("undone", expiry.prune_undone, GIVE_UP_AFTER.total_seconds()),
    ("jobs", retention.prune_jobs, limits.JOB_PARKED_S),
    ("sessions", logins.prune_sessions, 0.0),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long to keep what, in days, 0 for ever; and the most rows of one host, 0 for all.

    ``remote_days`` is for documents of others, ``receipts_days`` for what inboxes show,
    ``reports_days`` for reports that are closed.
    """

    remote_days: int
    receipts_days: int
    rows_per_host: int
    reports_days: int = 0


class TurnLost(Exception):
    """Another worker prunes now."""


class Pruner:
    """Removes what need not be kept any more."""

    def __init__(self, db: Database, keep: Retention):
        self._db = db
        self._keep = keep
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Prune whenever it is time, until `stop`."""
        while not self._stopping.is_set():
            try:
                await self._prune_if_due()
            except TurnLost:
                telemetry.warn("pruning was taken over by another worker")
            except Busy as error:
                telemetry.warn("pruning waits for PostgreSQL", reason=error)
            try:
                async with asyncio.timeout(limits.PRUNE_LOOK_S * random.uniform(0.5, 1)):
                    await self._stopping.wait()
            except TimeoutError:
                continue

    def stop(self) -> None:
        """Finish the chunk under way, and no more."""
        self._stopping.set()

    async def prune(self, turn: Turn | None = None) -> dict[str, int]:
        """Prune now; how many rows went, by each of KINDS. With a turn, as long as it is ours.

        In a `Rehearsal` nothing goes, and what would only be free by what goes before it is not
        counted.
        """
        removed = dict.fromkeys(KINDS, 0)
        async for name, step in self._steps():
            removed[name] += await self._walk(step, turn)
        await self._db.transaction(key_pairs.prune_retired)
        await self._db.transaction(knocks.prune_knocks)
        told = {name: gone for name, gone in removed.items() if gone}
        if told:
            telemetry.event("pruned", **told)
        return removed

    async def _prune_if_due(self) -> None:
        turn = await self._db.transaction(lambda conn: periodic.take_turn(conn, _NAME))
        if turn is None:
            return
        await self.prune(turn)
        wait = limits.PRUNE_EVERY_S * random.uniform(0.9, 1.1)
        if self._stopping.is_set():
            wait = 0.0  # it may have ended in the middle
        await self._db.transaction(lambda conn: periodic.end_turn(conn, turn, next_in_s=wait))

    async def _walk(self, step: Step, turn: Turn | None) -> int:
        """Take one step after another, each in its transaction; the rows that went."""
        gone = 0
        place: dict[str, Any] = {}
        while not self._stopping.is_set():

            async def work(conn: Connection, place: dict[str, Any] = place) -> Chunk:
                if turn is not None and not await periodic.keep_turn(conn, turn):
                    raise TurnLost
                return await step(conn, **place)

            # What a crash of PostgreSQL takes back is pruned the next time.
            chunk = await self._db.transaction(work, durable=False)
            gone += chunk.gone
            if chunk.after is None:
                break
            place = {"after": chunk.after}
        return gone

    async def _steps(self) -> AsyncIterator[tuple[str, Step]]:
        """What to do, in order, by the kind of row that goes."""
        async with self._db.connection() as conn:
            now = await retention.clock(conn)
        for name, prune, seconds in _BY_AGE:
            yield name, partial(prune, before=now - timedelta(seconds=seconds))
        received = _before(now, self._keep.receipts_days)
        documents = _before(now, self._keep.remote_days)
        forwarded = now - GIVE_UP_AFTER  # a delivery that waits may need them until then
        yield "receipts", partial(retention.prune_receipts, before=received)
        async for one in self._shares(retention.ACTIVITIES, min(received, forwarded)):
            yield one
        yield "bodies", partial(retention.prune_bodies, before=min(documents, forwarded))
        for kind in (retention.OBJECTS, retention.ACTORS, retention.KEYS):
            async for one in self._shares(kind, documents):
                yield one
        yield "hosts", await self._hosts(now)
        closed = _before(now, self._keep.reports_days)
        yield "reports", partial(reports.prune_reports, before=closed)

    async def _shares(self, kind: Kind, before: datetime) -> AsyncIterator[tuple[str, Step]]:
        cap = self._keep.rows_per_host or _NO_CAP
        async with self._db.connection() as conn:
            shares = await retention.shares(conn, kind, before=before, cap=cap)
        for share in shares:
            yield (
                kind.name,
                partial(retention.prune_share, kind=kind, share=share, before=before, cap=cap),
            )

    async def _hosts(self, now: datetime) -> Step:
        async with self._db.connection() as conn:
            idle = await retention.idle_hosts(conn)
        return partial(
            retention.prune_hosts,
            well_before=now - timedelta(seconds=limits.HOST_IDLE_S),
            failed_before=now - timedelta(seconds=limits.HOST_FAILED_S),
            excess=max(idle - limits.HOSTS_IDLE, 0),
        )


def _before(now: datetime, days: int) -> datetime:
    """What ``days`` make old; 0 makes nothing old."""
    return now - timedelta(days=min(days, _DAYS)) if days else retention.EPOCH
