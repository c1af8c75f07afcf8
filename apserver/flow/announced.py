"""What groups announce that others did: found out at its origin, and taken in then (IO-81).

The rule says what is worth it (`core.rules.announced`). What its actor is shown to have done goes
the way of everything that comes to an inbox, as a row of its own under (actor, id): so it counts
once, whoever else tells us. Of a Delete the object's own server is asked, and nothing else: if it
says that the object is gone, it is, whoever has deleted it. Nobody but their readers can ask for
objects that are not for everybody, so of those a group says nothing that can be checked.

All of one Announce is paid from one budget, and what a group makes us ask of other servers is
counted (`flow.asked`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID

from apserver import telemetry
from apserver.core import limits
from apserver.core.audience import Visibility
from apserver.core.document import encoded, first, ids_of, parse, types_of
from apserver.core.intake import take_in
from apserver.core.model import Activity, parse_activity
from apserver.core.origin import bucket_of, digest_key, host_of, key_of
from apserver.core.rules import announced, objects
from apserver.errors import ApserverError, Busy, RemoteGone
from apserver.flow.arrivals import arrival_of
from apserver.flow.asked import Asked
from apserver.flow.bell import Bell
from apserver.flow.beside import Beside
from apserver.flow.doors import Doors
from apserver.flow.facts import load_facts
from apserver.flow.passed_on import Confirmed
from apserver.flow.put_off import put_off
from apserver.flow.remote import Remote
from apserver.net.budget import Budget
from apserver.store import inboxes, jobs
from apserver.store import objects as stored_objects
from apserver.store.db import Connection, Database
from apserver.store.effects import perform
from apserver.store.jobs import Job


@dataclass(frozen=True, slots=True)
class _Heard:
    """An activity that somebody announced, and the bytes of it."""

    activity: Activity
    body: bytes
    by: str


class AnnouncedReader:
    """Does ``confirm`` jobs in the background; one per worker."""

    def __init__(self, db: Database, remote: Remote, doors: Doors, asked: Asked, bell: Bell):
        self._db = db
        self._remote = remote
        self._doors = doors
        self._asked = asked
        self._bell = bell
        self._beside = Beside(db, most=limits.CONFIRMED)

    def start(self, batch: Sequence[Job]) -> None:
        """Begin these jobs, which were put off by `jobs.reserve`."""
        for job in batch:
            self._beside.start(job, self._read(job))

    async def close(self) -> None:
        """Give up what is under way; it is due again at once."""
        await self._beside.close()

    async def _read(self, job: Job) -> None:
        try:
            async with asyncio.timeout(limits.LEASE_S - 2 * limits.GET_S):
                await self._look_into(job.activity)
        except Busy as error:
            await put_off(self._db, job, error)
            return
        except (ApserverError, TimeoutError) as error:
            telemetry.event("announced activity not believed", announce=job.activity, reason=error)
        await self._db.transaction(lambda conn: jobs.finish_jobs(conn, [job]))
        telemetry.count(telemetry.JOBS, job.kind, "done")
        self._bell.ring()

    async def _look_into(self, announce: UUID) -> None:
        heard = await self._heard(announce)
        if heard is None or self._doors.live.barred(heard.activity.actor) is not None:
            return
        budget = Budget()
        if heard.activity.type == "Delete":
            await self._end_if_gone(str(heard.activity.object_id), heard.by, budget)
            return
        self._asked.check(str(heard.activity.id), by=heard.by)
        redefines = self._doors.reader.redefines(heard.activity.document)
        confirmed = await self._doors.passed_on.confirm(
            heard.activity, heard.body, budget, redefines=redefines
        )
        if announced.may_count(confirmed.activity):
            await self._take(confirmed, heard.by, budget)

    async def _heard(self, announce: UUID) -> _Heard | None:
        """What is announced; None when the Announce or what it says is not news any more."""
        async with self._db.connection() as conn:
            rows = await stored_objects.activities_by_key(conn, [announce])
            bodies = await stored_objects.told_bodies(conn, rows)
        if announce not in bodies:
            return None
        embedded = first(parse(bodies[announce]).get("object"))
        if not isinstance(embedded, dict):
            return None
        body = encoded(embedded)  # as it came: a proof covers each of its members
        inner = parse_activity(take_in(parse(body)))
        if inner.id is None or not announced.may_count(inner):
            return None
        async with self._db.connection() as conn:
            known = await stored_objects.activities_by_key(conn, [inner.key])
        return None if known else _Heard(inner, body, rows[announce].actor_id)

    async def _take(self, confirmed: Confirmed, by: str, budget: Budget) -> None:
        activity = confirmed.activity
        author = await self._remote.actor(activity.actor, budget)
        if author.gone_at is not None or await self._doors.screen.refuses(activity):
            return
        # The id stands for the signature of a request, so that nobody has an Undo applied often.
        told_once = digest_key(str(activity.id).encode())
        arrival = arrival_of(activity, author, confirmed.body, signature=told_once, job="announced")
        whole = replace(arrival, compacted=confirmed.told, carrier=host_of(by))
        await self._db.transaction(lambda conn: inboxes.accept(conn, [whole]))

    async def _end_if_gone(self, id_: str, by: str, budget: Budget) -> None:
        """A Tombstone in place of a post for everybody that its own server does not have now."""
        async with self._db.connection() as conn:
            row = (await stored_objects.objects_by_key(conn, [key_of(id_)])).get(key_of(id_))
        if row is None or row.kind != "remote" or row.visibility > Visibility.UNLISTED:
            return
        authors = ids_of(parse(row.document).get("attributedTo"))
        author = next((one for one in authors if key_of(one) == row.author), None)
        if author is None or row.deleted_at is not None:
            return
        self._asked.check(id_, by=by)
        try:  # anew: that it was not there before it was made says nothing
            document = await self._remote.document(id_, budget, anew=True)
        except RemoteGone:
            await self._end(id_, author)
        else:
            if "Tombstone" in types_of(document):
                await self._end(id_, author)

    async def _end(self, id_: str, author: str) -> None:
        members = {"type": "Delete", "actor": author, "object": id_}
        delete = Activity(members, None, "Delete", author)

        async def work(conn: Connection) -> None:
            await jobs.lock_bucket(conn, bucket_of(host_of(author)))
            facts = await load_facts(conn, [delete], objects.needs, now=datetime.now(UTC))
            await perform(conn, objects.gone(delete, facts))

        await self._db.transaction(work)
