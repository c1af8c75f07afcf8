"""From one activity of ours to the inboxes that it is owed to.

Recipients that are known are queued by one INSERT..SELECT per audience. Those that are not known
yet have to be fetched first, which may take long or fail: they get a job of their own
(`flow.resolve`), so that nobody waits for them. Recipients here get no HTTP but the same effects,
by an ``apply`` job (AP-S2S-19).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Container, Iterable, Sequence
from uuid import UUID

from apserver.core import delivery
from apserver.core.audience import Visibility
from apserver.core.collections import CUSTOM
from apserver.core.document import first, id_of, parse
from apserver.core.origin import bucket_of, host_of, key_of, same_origin
from apserver.errors import BadInput
from apserver.flow.live_rules import LiveRules
from apserver.identifiers import uuid7
from apserver.store import (
    actors,
    collections,
    deliveries,
    follows,
    jobs,
    objects,
    reached,
    relations,
)
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.deliveries import Target
from apserver.store.jobs import Job
from apserver.store.objects import ActivityRow

Hold = Callable[[Connection], Awaitable[None]]


class FanOut:
    """Queues deliveries of activities of the actors of one origin."""

    def __init__(self, db: Database, live: LiveRules, *, origin: str):
        self._db = db
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

    async def _queue_one(self, conn: Connection, job: Job, row: ActivityRow) -> None:
        followers = await _followers_of(conn, row)
        named = [one for one in row.recipients or () if one != followers]
        interested = await _interested(conn, row)
        known = await actors.actors_by_key(conn, {*map(key_of, named), *interested})
        blocked = await blocked_among(conn, row, known)
        remote = [
            one
            for key, one in known.items()
            if not (one.ours or self._live.barred(one.id) or (row.actor, key) in blocked)
        ]
        await owe(conn, row, remote, order=job.id, to_followers=True)
        if row.type == "Delete" and row.visibility < Visibility.DIRECT:
            await _tell_former_followers(conn, row, order=job.id)
        unknown = [one for one in named if key_of(one) not in known]
        here = [one for one in unknown if same_origin(one, self._origin)]
        lists = await _lists_of(conn, row, here) if here else ()
        unknown = [one for one in unknown if one not in here or one in lists]
        if unknown:
            owed = await deliveries.owed(conn, job.id, _hosts_of(unknown))
            looking = Job(job.bucket, uuid7(), "resolve", row.key, recipients=unknown)
            await jobs.enqueue_resolve(conn, looking, owed=owed)
        # Actors here may be concerned, as addressed or as followers; the rule finds out.
        await jobs.enqueue(conn, [Job(job.bucket, uuid7(), "apply", row.key)])


async def _tell_former_followers(conn: Connection, row: ActivityRow, *, order: UUID) -> None:
    """Who had followers of the sender when what it deletes was made has got it, too. Others hear
    nothing of it: it may have been for followers alone."""
    deleted = id_of(first(parse(row.envelope).get("object")))
    if deleted is None:
        return
    key = key_of(deleted)
    found = (await objects.objects_by_key(conn, [key])).get(key)
    made = found or (await objects.own_activities(conn, [key])).get(key)
    if made is not None:
        await reached.tell_former_followers(
            conn, activity=row.key, sender=row.actor, order=order, since=made.published_at
        )


async def _lists_of(conn: Connection, row: ActivityRow, ids: Sequence[str]) -> Sequence[str]:
    """Which of these are collections that the sender has made: their members are served as those
    of a collection elsewhere (AP-S2S-20)."""
    found = await collections.collections_by_key(conn, map(key_of, ids))
    return [one.id for one in found.values() if (one.owner, one.name) == (row.actor, CUSTOM)]


async def _interested(conn: Connection, row: ActivityRow) -> Sequence[UUID]:
    """Who follows not only what an actor here does, but also what happens to it."""
    if row.sort_at is None or row.visibility > Visibility.UNLISTED:
        return ()
    return await follows.interested(conn, row.key, sort_at=row.sort_at)


#: What ends something: who is blocked must hear that it ended.
_ENDINGS = frozenset({"Reject", "Undo", "Delete"})


async def blocked_among(
    conn: Connection, row: ActivityRow, recipients: Iterable[UUID]
) -> frozenset[tuple[UUID, UUID]]:
    """Whom among the recipients the sender blocks, as (sender, recipient)."""
    if row.type in _ENDINGS:
        return frozenset()
    return await relations.blocks_among(conn, [(row.actor, key) for key in recipients])


def _hosts_of(ids: Iterable[str]) -> list[tuple[int, str]]:
    """The hosts of these ids with their buckets; what is no id of a host is passed over."""
    hosts: set[tuple[int, str]] = set()
    for one in ids:
        try:
            host = host_of(one)
        except BadInput:
            continue
        hosts.add((bucket_of(host), host))
    return sorted(hosts)


async def _followers_of(conn: Connection, row: ActivityRow) -> str | None:
    sender = await actors.actor_by_key(conn, row.actor)
    return sender.followers if sender else None


async def owe(
    conn: Connection,
    row: ActivityRow,
    to: Sequence[Actor],
    *,
    order: UUID,
    to_followers: bool = False,
    but: Container[str] = (),
) -> list[str]:
    """Queue deliveries to these actors and, with ``to_followers``, to the followers if they are
    addressed; the inboxes of the actors. ``order`` is the job's id, ``but`` need no more."""
    followers = await _followers_of(conn, row)
    addressed = followers is not None and followers in (row.recipients or ())
    inboxes = await inboxes_of(conn, row, to)
    await deliveries.queue(
        conn,
        activity=row.key,
        sender=row.actor,
        order=order,
        targets=[
            Target(inbox, one.host, one.bucket)
            for inbox, one in inboxes.items()
            if inbox not in but
        ],
        to_followers=addressed and to_followers,
    )
    return list(inboxes)


async def inboxes_of(conn: Connection, row: ActivityRow, to: Iterable[Actor]) -> dict[str, Actor]:
    """Where these actors get an activity, each inbox once with one of those who get it there."""
    followers = await _followers_of(conn, row)
    addressed = followers is not None and followers in (row.recipients or ())
    to_many = addressed or row.visibility <= Visibility.UNLISTED
    shared = delivery.uses_shared_inbox(row.type, to_many=to_many)
    return {(one.shared_inbox if shared else None) or one.inbox: one for one in to}
