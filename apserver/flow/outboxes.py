"""What an actor did before anybody here followed it, from its outbox (seed R7).

Home is a question about all that the followed did, and a new follow would leave it empty. So the
newest public activities of the outbox are taken in, within one budget: stored and in streams, in
nobody's inbox (`core.rules.recall`).

They are believed because the outbox lies at the origin of its actor, as its ids must, and embeds
them; whatever is of somebody else, or is named by its id alone, is passed over.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from apserver import telemetry
from apserver.core import limits
from apserver.core.document import id_of, parse, render
from apserver.core.intake import take_in
from apserver.core.model import authenticate, parse_activity
from apserver.core.origin import digest_key, same_origin
from apserver.core.times import read_time
from apserver.errors import ApserverError, Astray, BadInput, DomainBlocked, OverBudget, RemoteGone
from apserver.flow.arrivals import arrival_of
from apserver.flow.bell import Bell
from apserver.flow.beside import Beside
from apserver.flow.live_rules import LiveRules
from apserver.flow.paging import Document, items_of, pages_of
from apserver.flow.put_off import put_off
from apserver.flow.remote import Remote
from apserver.identifiers import made_at
from apserver.net.budget import Budget
from apserver.store import inboxes, jobs
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.inboxes import Arrival
from apserver.store.jobs import Job


class OutboxReader:
    """Does ``outbox`` jobs in the background; one per worker."""

    def __init__(
        self, db: Database, remote: Remote, live: LiveRules, bell: Bell, *, allow_http: bool
    ):
        self._db = db
        self._remote = remote
        self._live = live
        self._bell = bell
        self._allow_http = allow_http
        self._beside = Beside(db)

    def start(self, batch: Sequence[Job]) -> None:
        """Begin these jobs, which were put off by `jobs.reserve`."""
        for job in batch:
            self._beside.start(job, self._read(job))

    async def close(self) -> None:
        """Give up what is under way; it is due again at once."""
        await self._beside.close()

    async def _read(self, job: Job) -> None:
        [whose] = job.recipients or ("",)
        try:
            arrivals = await self._arrivals(whose, before=made_at(job.id))
        except (RemoteGone, BadInput, DomainBlocked, Astray, OverBudget) as error:
            telemetry.event("outbox not read", actor=whose, reason=error)
            arrivals = []
        except (ApserverError, TimeoutError) as error:
            await put_off(self._db, job, error)
            return

        async def work(conn: Connection) -> None:
            if arrivals:
                await inboxes.accept(conn, arrivals)
            await jobs.finish_jobs(conn, [job])

        await self._db.transaction(work)
        telemetry.count(telemetry.JOBS, job.kind, "done")
        self._bell.ring()

    async def _arrivals(self, whose: str, *, before: datetime) -> list[Arrival]:
        if self._live.barred(whose) is not None:
            return []
        budget = Budget()
        actor = await self._remote.actor(whose, budget)
        outbox = id_of(parse(actor.document).get("outbox"))
        if outbox is None or not same_origin(outbox, actor.id):
            return []
        found: list[Arrival] = []
        for document in await self._newest(outbox, budget):
            published = read_time(document.get("published"))
            if published is not None and published >= before:
                continue  # it is sent to us, as we follow by now, and belongs in inboxes too
            arrival = self._arrival(document, actor)
            if arrival is not None:
                found.append(arrival)
            if len(found) == limits.RECALLED:
                break
            await asyncio.sleep(0)  # each may be as much to clean as one that was sent
        return found

    async def _newest(self, outbox: str, budget: Budget) -> list[Document]:
        """What the first pages embed, until there is enough or the budget is spent."""

        async def get(id_: str) -> Document:
            return await self._remote.document(id_, budget, anew=True)

        collection = await get(outbox)
        pages = await pages_of(
            collection, outbox, get, items=limits.RECALLED, pages=limits.RECALL_PAGES
        )
        embedded = (one for page in pages for one in _embedded(page))
        return list(islice(embedded, limits.RECALL_ITEMS))

    def _arrival(self, document: Document, actor: Actor) -> Arrival | None:
        """An activity as it is stored; None for what is not the actor's, or not for everybody."""
        try:
            activity = parse_activity(take_in(document))
            verified = authenticate(activity, actor.id, allow_http=self._allow_http)
        except ApserverError as error:
            telemetry.detail("outbox item passed over", actor=actor.id, reason=error)
            return None
        if not verified.audience.is_public or verified.type in ("Update", "Delete", "Undo"):
            return None
        body = render(dict(document))
        return arrival_of(verified, actor, body, signature=digest_key(body), job="recall")


def _embedded(page: Document) -> Iterator[Document]:
    for item in items_of(page):
        if isinstance(item, Mapping):
            yield {"@context": page.get("@context"), **item}
