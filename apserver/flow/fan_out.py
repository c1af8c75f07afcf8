"""From one activity of ours to the inboxes that it is owed to.

Recipients that are known are queued by one INSERT..SELECT per audience. One that is not known
yet has to be fetched first, which may take long or fail: it gets a job of its own (``resolve``),
so that nobody waits for it. Recipients here get no HTTP but the same effects, by an ``apply``
job (AP-S2S-19).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from uuid import UUID

from apserver import telemetry
from apserver.core import delivery
from apserver.core.audience import Visibility
from apserver.core.origin import key_of, same_origin
from apserver.errors import ApserverError, BadInput, DomainBlocked, RemoteGone
from apserver.flow.live_rules import LiveRules
from apserver.flow.remote import Remote
from apserver.identifiers import uuid7
from apserver.store import actors, deliveries, jobs, objects
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.deliveries import Target
from apserver.store.jobs import Job
from apserver.store.objects import ActivityRow

Hold = Callable[[Connection], Awaitable[None]]


class FanOut:
    """Queues deliveries of activities of the actors of one origin."""

    def __init__(self, db: Database, remote: Remote, live: LiveRules, *, origin: str):
        self._db = db
        self._remote = remote
        self._live = live
        self._origin = origin

    async def queue(self, batch: Sequence[Job], *, hold: Hold) -> None:
        """Do ``fan_out`` jobs."""

        async def work(conn: Connection) -> None:
            await hold(conn)
            rows = await objects.activities_by_key(conn, {job.activity for job in batch})
            for job in batch:
                if job.activity in rows:
                    await self._queue_one(conn, job, rows[job.activity])
            await jobs.finish_jobs(conn, batch)

        await self._db.transaction(work, durable=False)

    async def resolve(self, batch: Sequence[Job], *, hold: Hold) -> list[tuple[Job, ApserverError]]:
        """Do ``resolve`` jobs: find recipients, all at once, and queue what is owed to them.

        One that is gone, or is no actor, is let go. Returned are the jobs whose recipient did
        not answer, to be tried again.
        """
        found = await asyncio.gather(*(self._find(job) for job in batch))
        pairs = list(zip(batch, found, strict=True))
        done = [job for job, actor in pairs if not isinstance(actor, ApserverError)]

        async def work(conn: Connection) -> None:
            await hold(conn)
            rows = await objects.activities_by_key(conn, {job.activity for job in done})
            for job, actor in pairs:
                if isinstance(actor, Actor) and job.activity in rows:
                    row = rows[job.activity]
                    followers = await _followers_of(conn, row)
                    await _owe(conn, row, [actor], order=job.id, followers=followers)
            await jobs.finish_jobs(conn, done)

        if done:
            await self._db.transaction(work, durable=False)
        return [(job, error) for job, error in pairs if isinstance(error, ApserverError)]

    async def _find(self, job: Job) -> Actor | ApserverError | None:
        assert job.recipient is not None
        if (reason := self._live.barred(job.recipient)) is not None:
            telemetry.event("recipient let go", recipient=job.recipient, reason=reason)
            return None
        try:
            return await self._remote.actor(job.recipient)
        except (RemoteGone, BadInput, DomainBlocked) as error:
            telemetry.event("recipient let go", recipient=job.recipient, reason=error)
            return None
        except ApserverError as error:
            return error

    async def _queue_one(self, conn: Connection, job: Job, row: ActivityRow) -> None:
        followers = await _followers_of(conn, row)
        named = [one for one in row.recipients or () if one != followers]
        known = await actors.actors_by_key(conn, {key_of(one) for one in named})
        remote = [one for one in known.values() if not (one.ours or self._live.barred(one.id))]
        await _owe(conn, row, remote, order=job.id, followers=followers, to_followers=True)
        unknown = [
            Job(job.bucket, uuid7(), "resolve", row.key, recipient=one)
            for one in named
            if key_of(one) not in known and not same_origin(one, self._origin)
        ]
        # Actors here may be concerned, as addressed or as followers; the rule finds out.
        await jobs.enqueue(conn, [*unknown, Job(job.bucket, uuid7(), "apply", row.key)])


async def _followers_of(conn: Connection, row: ActivityRow) -> str | None:
    sender = await actors.actor_by_key(conn, row.actor)
    return sender.followers if sender else None


async def _owe(
    conn: Connection,
    row: ActivityRow,
    to: Sequence[Actor],
    *,
    order: UUID,
    followers: str | None,
    to_followers: bool = False,
) -> None:
    """Queue deliveries. ``order`` is the job's id."""
    addressed = followers is not None and followers in (row.recipients or ())
    to_many = addressed or row.visibility <= Visibility.UNLISTED
    shared = delivery.uses_shared_inbox(row.type, to_many=to_many)
    inboxes = {(one.shared_inbox if shared else None) or one.inbox: one for one in to}
    await deliveries.queue(
        conn,
        activity=row.key,
        sender=row.actor,
        order=order,
        targets=[Target(inbox, one.host, one.bucket) for inbox, one in inboxes.items()],
        to_followers=addressed and to_followers,
    )
