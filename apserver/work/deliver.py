"""The loop that delivers: lease due hosts, post what waits for each, settle.

Hosts are served side by side, so that a slow one delays nobody else; one host gets its
deliveries in order, inbox by inbox. A round with a host ends early when the host turns out to
be down. See `core.delivery` for what counts as what, `store.deliveries` for the leases.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from apserver import telemetry
from apserver.core import limits
from apserver.core.delivery import GIVE_UP_AFTER, Outcome, outcome_of, wait_s
from apserver.errors import Busy
from apserver.flow.bell import Bell
from apserver.flow.signers import Sent, Signers
from apserver.net.knock import Signer
from apserver.net.post import Attempt, Poster
from apserver.store import deliveries, objects
from apserver.store.db import Connection, Database
from apserver.store.deliveries import Delivery, HostLease, Settlement

#: A round ends while its lease surely holds, however slow the host is.
_ROUND_S = limits.LEASE_S - 2 * limits.POST_S
#: What was delivered is recorded at least so often: what is not, is sent again after a crash.
_RECORD_S = 1.0


@dataclass(frozen=True, slots=True)
class _Said:
    """An activity as it is sent. Others may have made it, without an id."""

    id: str | None
    body: bytes


class Deliverer:
    """Delivers to any due host that nobody else holds."""

    def __init__(self, db: Database, poster: Poster, signers: Signers, bell: Bell, *, holder: str):
        self._db = db
        self._poster = poster
        self._signers = signers
        self._holder = holder
        self._wake = bell.ear("deliveries")
        self._stopping = False
        self._rounds: dict[asyncio.Task[None], HostLease] = {}
        self._unsure = False  #: whether we may hold leases that we were not told of

    async def run(self) -> None:
        """Deliver until `stop`, then finish the attempts under way."""
        leased: Sequence[HostLease] = ()
        while not self._stopping:
            try:
                # Those that could not be started for want of PostgreSQL are still ours.
                leased = leased or await self._lease()
                if leased:
                    await self._start_rounds(leased)
                    leased = ()
                    continue
            except Busy as error:
                self._unsure = not leased
                telemetry.warn("deliveries wait for PostgreSQL", reason=error)
            try:
                async with asyncio.timeout(limits.POLL_S):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
        if self._rounds:
            await asyncio.wait(self._rounds)

    def stop(self) -> None:
        """Start no new attempt."""
        self._stopping = True
        self._wake.set()

    async def _lease(self) -> list[HostLease]:
        free = limits.HOSTS_IN_FLIGHT - len(self._rounds)
        if free <= 0:
            return []
        async with self._db.connection() as conn:
            if self._unsure:
                known = list(self._rounds.values())
                await deliveries.free_hosts(conn, self._holder, but=known)
                self._unsure = False
            some = min(free, limits.HOSTS_PER_CLAIM)
            return await deliveries.lease_hosts(conn, some, self._holder)

    async def _start_rounds(self, leased: Sequence[HostLease]) -> None:
        async with self._db.connection() as conn:
            waiting = await deliveries.deliveries_of(conn, leased)
            said = await _said(conn, {one.activity for one in waiting})
            signers = await self._signers.of(conn, {one.sent for one in waiting})
        by_host: dict[tuple[int, str], list[Delivery]] = defaultdict(list)
        for one in waiting:
            by_host[(one.bucket, one.host)].append(one)
        for host in leased:
            mine = by_host[(host.bucket, host.host)]
            round_ = asyncio.create_task(self._round(host, mine, said, signers))
            self._rounds[round_] = host
            round_.add_done_callback(self._ended)

    def _ended(self, round_: asyncio.Task[None]) -> None:
        del self._rounds[round_]
        self._wake.set()
        if not round_.cancelled() and (error := round_.exception()) is not None:
            telemetry.fault("delivery round failed", error)

    async def _round(
        self,
        host: HostLease,
        waiting: Sequence[Delivery],
        said: Mapping[UUID, _Said],
        signers: Mapping[Sent, Sequence[Signer]],
    ) -> None:
        finished: list[Delivery] = []
        waits: dict[str, float] = {}
        down: Attempt | None = None
        clock = asyncio.get_running_loop().time
        end, recorded_at = clock() + _ROUND_S, clock()
        for one in waiting:
            if self._stopping or clock() > end:
                break
            if finished and clock() > recorded_at + _RECORD_S:
                if not await self._record(host, finished):
                    return
                finished, recorded_at = [], clock()
            if one.inbox in waits:
                continue  # what comes later must not overtake
            what, signed_by = said.get(one.activity), signers.get(one.sent)
            if what is None or signed_by is None:
                finished.append(one)  # deleted meanwhile: there is nothing to say any more
                continue
            attempt = await self._poster.post(one.inbox, what.body, signed_by)
            outcome = outcome_of(attempt.status)
            tries = host.failures + one.failures + 1
            _report(one, attempt, outcome, activity=what.id, tries=tries)
            if outcome is Outcome.HOST_DOWN:
                down = attempt
                break
            if outcome is Outcome.LATER:
                waits[one.inbox] = wait_s(one.failures + 1, spread=random.uniform(-1, 1))
            else:
                finished.append(one)
        await self._settle(host, finished, waits, down)

    async def _record(self, host: HostLease, finished: Sequence[Delivery]) -> bool:
        async def work(conn: Connection) -> bool:
            return await deliveries.finish(conn, host, finished)

        return await self._until_done(work, host)

    async def _settle(
        self,
        host: HostLease,
        finished: Sequence[Delivery],
        waits: Mapping[str, float],
        down: Attempt | None,
    ) -> None:
        down_s = None
        if down is not None:
            spread = random.uniform(-1, 1)
            down_s = wait_s(host.failures + 1, spread=spread, retry_after_s=down.retry_after_s)
        settlement = Settlement(host, finished, waits, down_s, down.reason if down else None)

        async def work(conn: Connection) -> bool:
            return await deliveries.settle(conn, settlement, give_up=GIVE_UP_AFTER)

        await self._until_done(work, host)

    async def _until_done(
        self, work: Callable[[Connection], Awaitable[bool]], host: HostLease
    ) -> bool:
        """An attempt that was made must be recorded, or it is made again. False when the lease
        has passed to another."""
        while True:
            try:
                held = await self._db.transaction(work, durable=False)
            except Busy:
                if self._stopping:
                    return False
                await asyncio.sleep(limits.POLL_S)
                continue
            if not held:
                telemetry.warn("lease lost", host=host.host)
            return held


async def _said(conn: Connection, keys: set[UUID]) -> dict[UUID, _Said]:
    """What is sent: the activities as they are now, each with its current object; those of others,
    which are forwarded, as they came. Of one that was deleted meanwhile nothing: its Delete is on
    the way."""
    found = (await objects.activities_by_key(conn, keys)).values()
    standing = [row for row in found if row.deleted_at is None]
    ours = [row for row in standing if row.local_key is not None]
    composed = await objects.compose_activities(conn, ours)
    bodies = {row.key: body for row, body in zip(ours, composed, strict=True)}
    if len(ours) < len(standing):
        bodies |= await objects.received_bodies(conn, {row.key for row in standing} - bodies.keys())
    return {row.key: _Said(row.id, bodies[row.key]) for row in standing if row.key in bodies}


def _report(
    one: Delivery, attempt: Attempt, outcome: Outcome, *, activity: str | None, tries: int
) -> None:
    telemetry.count(telemetry.DELIVERY, outcome.value)
    tell = telemetry.detail if outcome is Outcome.DONE else telemetry.event
    tell(
        "delivery",
        outcome=outcome.value,
        inbox=one.inbox,
        activity=activity or one.activity,
        attempt=tries,
        answer=attempt.reason,
    )
