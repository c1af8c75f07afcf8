"""Finds recipients that were not known when an activity was posted, and queues what they are owed.

Finding one takes requests to its server, which may hang or be down for days. So the work goes on
beside the job loop, where nobody waits for it: a ``resolve`` job is put off for as long as it may
take (whoever finds it due again afterwards takes it up), and each recipient is served as soon as
it is found. What is left to find, and the inboxes that have the activity already, stand in the
job's row and change in the transaction that queues, so that nobody gets it twice (AP-S2S-12) and
nobody is forgotten.

A recipient may turn out to be a collection; then its members are served (`flow.members`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from apserver import telemetry
from apserver.core import limits
from apserver.core.names import Names
from apserver.core.origin import key_of, same_origin
from apserver.errors import Astray, BadInput, DomainBlocked, OverBudget, RemoteGone
from apserver.flow.bell import Bell
from apserver.flow.beside import Beside
from apserver.flow.fan_out import owe
from apserver.flow.live_rules import LiveRules
from apserver.flow.members import MemberFanOut, members_of
from apserver.flow.paging import Document
from apserver.flow.put_off import put_off
from apserver.flow.remote import Remote
from apserver.flow.signers import Signers
from apserver.net.budget import Budget
from apserver.net.knock import Signer
from apserver.store import collections, jobs, objects
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.jobs import Job


@dataclass(frozen=True, slots=True)
class _Members:
    """Whom a collection led to."""

    ids: Sequence[str]


class Resolver:
    """Does ``resolve`` jobs in the background; one per worker."""

    def __init__(
        self,
        db: Database,
        remote: Remote,
        live: LiveRules,
        bell: Bell,
        signers: Signers,
        *,
        names: Names,
        allow_http: bool,
    ):
        self._db = db
        self._remote = remote
        self._live = live
        self._bell = bell
        self._signers = signers
        self._allow_http = allow_http
        self._origin = names.origin
        self._members = MemberFanOut(live, origin=names.origin)
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
        async with self._db.connection() as conn:
            left = await jobs.left_to_find(conn, job)
        if left is None:
            return
        serving = (self._serve(job, one, one in left.members) for one in left.recipients)
        ended = await asyncio.gather(*serving, return_exceptions=True)
        troubles = [one for one in ended if isinstance(one, Exception)]
        if any(one is True for one in ended):
            async with self._db.connection() as conn:
                await jobs.release(conn, [job])  # for the members
        elif troubles:
            await put_off(self._db, job, troubles[0], attempts=limits.RESOLVE_ATTEMPTS)
        self._bell.ring()

    async def _serve(self, job: Job, recipient: str, is_member: bool) -> bool:
        """Find one recipient and queue what it is owed; whether it led to others that are to be
        found now. A member of a collection leads no further. Raises when it cannot be found now."""
        async with self._slots, asyncio.timeout(limits.LEASE_S - 2 * limits.GET_S):
            found = await self._find(job, recipient, is_member)

        async def work(conn: Connection) -> bool:
            return await self._owe(conn, job, recipient, found)

        return await self._db.transaction(work, durable=False)

    async def _find(self, job: Job, recipient: str, is_member: bool) -> Actor | _Members | None:
        """The actor, or the members of the collection; None when there is neither and never will
        be."""
        if (reason := self._live.barred(recipient)) is not None:
            telemetry.event("recipient let go", recipient=recipient, reason=reason)
            return None
        if same_origin(recipient, self._origin):  # which the fan-out has found to be the sender's
            async with self._db.connection() as conn:
                key = key_of(recipient)
                return _Members(await collections.ids_in(conn, key, newest=limits.MEMBERS))
        budget = Budget()

        async def sender() -> Signer | None:
            return await self._sender_of(job)

        async def page(id_: str) -> Document:
            return await self._remote.page(id_, budget, in_name_of=sender)

        try:
            if is_member:
                return await self._remote.actor(recipient, budget)
            found = await self._remote.addressee(recipient, budget, in_name_of=sender)
            if isinstance(found, Actor):
                return found
            return _Members(await members_of(found, recipient, page, allow_http=self._allow_http))
        except (RemoteGone, BadInput, DomainBlocked, Astray, OverBudget) as error:
            telemetry.event("recipient let go", recipient=recipient, reason=error)
            return None

    async def _sender_of(self, job: Job) -> Signer | None:
        async with self._db.connection() as conn:
            rows = await objects.activities_by_key(conn, [job.activity])
        return await self._signers.actor(rows[job.activity].actor) if rows else None

    async def _owe(
        self, conn: Connection, job: Job, recipient: str, found: Actor | _Members | None
    ) -> bool:
        left = await jobs.left_to_find(conn, job)
        if left is None or recipient not in left.recipients:
            return False
        row = (await objects.activities_by_key(conn, [job.activity])).get(job.activity)
        if isinstance(found, _Members) and row is not None:
            return await self._members.queue(
                conn, job, row, left, recipient=recipient, members=found.ids
            )
        inboxes: list[str] = []
        if isinstance(found, Actor) and row is not None:
            inboxes = await owe(conn, row, [found], order=job.id, but=left.owed)
        await jobs.found(conn, job, recipient, inboxes, is_last=len(left.recipients) == 1)
        return False
