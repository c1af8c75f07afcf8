"""Whether those who are quoted have agreed: their stamps are fetched and compared (FEP-044f).

A quote with a stamp is shown as pending until the stamp was seen at its own server. So nobody waits
for that server, and when it does not answer nothing changes. Who wrote what is quoted is known from
the post that is here, or from its own server; not from who quotes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from json import loads
from typing import Any
from uuid import UUID

from apserver import telemetry
from apserver.core import limits, quotes
from apserver.core.document import render
from apserver.core.origin import key_of
from apserver.core.quotes import State
from apserver.errors import ApserverError, Astray, BadInput, DomainBlocked, OverBudget, RemoteGone
from apserver.flow.asked import Asked
from apserver.flow.beside import Beside
from apserver.flow.posts import Posts
from apserver.flow.put_off import put_off
from apserver.flow.remote import Remote
from apserver.net.budget import Budget
from apserver.store import jobs, objects
from apserver.store.db import Connection, Database
from apserver.store.jobs import Job
from apserver.store.objects import ObjectRow

#: There is no such stamp, or no such post.
_NEVER = (RemoteGone, BadInput, DomainBlocked, OverBudget, Astray)


class QuoteChecker:
    """Does ``quote`` jobs in the background; one per worker."""

    def __init__(self, db: Database, remote: Remote, posts: Posts, asked: Asked):
        self._db = db
        self._remote = remote
        self._posts = posts
        self._asked = asked
        self._beside = Beside(db, most=limits.QUOTES)

    def start(self, batch: Sequence[Job]) -> None:
        """Begin these jobs, which were put off by `jobs.reserve`."""
        for job in batch:
            self._beside.start(job, self._check(job))

    async def close(self) -> None:
        """Give up what is under way; it is due again at once."""
        await self._beside.close()

    async def _check(self, job: Job) -> None:
        row = await self._row(job.activity)
        state: State | None = None
        try:
            async with asyncio.timeout(limits.LEASE_S - 2 * limits.GET_S):
                state = None if row is None else await self._state(loads(row.document))
        except _NEVER as error:
            telemetry.detail("quote not approved", activity=job.activity, reason=error)
        except (ApserverError, TimeoutError) as error:
            if job.attempt + 1 < limits.QUOTE_ATTEMPTS:
                await put_off(self._db, job, error)
                return

        async def end(conn: Connection) -> None:
            if row is not None and state is not None:
                document = render({**loads(row.document), quotes.STATE: state})
                await objects.amend(conn, row, document)
            await jobs.finish_jobs(conn, [job])

        await self._db.transaction(end)
        telemetry.count(telemetry.JOBS, job.kind, "done")

    async def _row(self, key: UUID) -> ObjectRow | None:
        async with self._db.connection() as conn:
            return (await objects.objects_by_key(conn, [key])).get(key)

    async def _state(self, post: Mapping[str, Any]) -> State | None:
        """How the quote stands by its stamp; None when there is nothing to be checked any more."""
        stamp, quoted = quotes.stamp_to_check(post), quotes.quoted(post)
        if stamp is None or quoted is None:
            return None
        budget, id_ = Budget(), str(post.get("id"))
        author = await self._author(quoted, budget, by=id_)
        self._asked.check(stamp, by=id_)
        said = await self._remote.document(stamp, budget)
        agrees = quotes.approves(said, stamp, post=id_, quoted=quoted)
        return "approved" if agrees == author else "denied"

    async def _author(self, quoted: str, budget: Budget, *, by: str) -> UUID:
        row = await self._row(key_of(quoted))
        if row is not None and row.deleted_at is None:
            return row.author
        return key_of((await self._posts.post(quoted, budget, by=by)).author)
