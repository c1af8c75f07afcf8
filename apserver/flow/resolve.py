"""Finds recipients that were not known when an activity was posted, and queues what they are owed.

Finding one takes requests to its server, which may hang or be down for days. So the work goes on
beside the job loop, where nobody waits for it: a ``resolve`` job is put off for as long as it may
take (whoever finds it due again afterwards takes it up), and each recipient is served as soon as
it is found. What is left to find, and the inboxes that have the activity already, stand in the
job's row and change in the transaction that queues, so that nobody gets it twice (AP-S2S-12) and
nobody is forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from apserver import telemetry
from apserver.core import limits
from apserver.errors import Astray, BadInput, DomainBlocked, RemoteGone
from apserver.flow.bell import Bell
from apserver.flow.beside import Beside
from apserver.flow.fan_out import owe
from apserver.flow.live_rules import LiveRules
from apserver.flow.put_off import put_off
from apserver.flow.remote import Remote
from apserver.net.budget import Budget
from apserver.store import jobs, objects
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.jobs import Job


class Resolver:
    """Does ``resolve`` jobs in the background; one per worker."""

    def __init__(self, db: Database, remote: Remote, live: LiveRules, bell: Bell):
        self._db = db
        self._remote = remote
        self._live = live
        self._bell = bell
        self._beside = Beside(db)
        self._slots = asyncio.Semaphore(limits.RESOLVES_IN_FLIGHT)

    def start(self, batch: Sequence[Job]) -> None:
        """Begin these jobs, which were put off by `jobs.reserve`."""
        for job in batch:
            self._beside.start(job, self._resolve(job))

    async def close(self) -> None:
        """Give up what is under way; it is due again at once."""
        await self._beside.close()

    async def _resolve(self, job: Job) -> None:
        serving = (self._serve(job, one) for one in job.recipients or ())
        ended = await asyncio.gather(*serving, return_exceptions=True)
        self._bell.ring()
        troubles = [one for one in ended if isinstance(one, Exception)]
        if troubles:
            await put_off(self._db, job, troubles[0], attempts=limits.RESOLVE_ATTEMPTS)

    async def _serve(self, job: Job, recipient: str) -> None:
        """Find one recipient and queue what it is owed; raises when it cannot be found now."""
        async with self._slots, asyncio.timeout(limits.LEASE_S - 2 * limits.GET_S):
            actor = await self._find(recipient)

        async def work(conn: Connection) -> None:
            await self._owe(conn, job, recipient, actor)

        await self._db.transaction(work, durable=False)

    async def _find(self, recipient: str) -> Actor | None:
        """The actor; None when there is none and never will be."""
        if (reason := self._live.barred(recipient)) is not None:
            telemetry.event("recipient let go", recipient=recipient, reason=reason)
            return None
        try:
            return await self._remote.actor(recipient, Budget())
        except (RemoteGone, BadInput, DomainBlocked, Astray) as error:
            telemetry.event("recipient let go", recipient=recipient, reason=error)
            return None

    async def _owe(self, conn: Connection, job: Job, recipient: str, actor: Actor | None) -> None:
        left = await jobs.left_to_find(conn, job)
        if left is None or recipient not in left.recipients:
            return
        rows = await objects.activities_by_key(conn, [job.activity])
        inboxes: list[str] = []
        if actor is not None and job.activity in rows:
            inboxes = await owe(conn, rows[job.activity], [actor], order=job.id, but=left.owed)
        await jobs.found(conn, job, recipient, inboxes, is_last=len(left.recipients) == 1)
