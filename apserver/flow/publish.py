"""An activity of ours: made whole, checked by its rule, stored with its jobs in one transaction.

The client's 201 means: the activity, its object, its place in the outbox, the effects of its
rule and the job that delivers it are all in the database, or none of them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, TypeAlias
from uuid import UUID

from apserver.core import limits, rules
from apserver.core.audience import Visibility, visibility_of
from apserver.core.collections import OF_OBJECTS
from apserver.core.document import render
from apserver.core.drafts import NewIds, draft
from apserver.core.effects import (
    Bury,
    BuryActivity,
    Effects,
    EndThing,
    Instead,
    Put,
    ReviseActivity,
    Send,
)
from apserver.core.facts import Facts
from apserver.core.model import Activity, spliced_object
from apserver.core.names import Names, collection_id
from apserver.core.origin import activity_key, bucket_of, host_of, key_of, same_origin
from apserver.core.registry import Registry
from apserver.core.site_actions import things_in
from apserver.core.streams import place_of
from apserver.core.times import published_at
from apserver.errors import DomainBlocked, Forbidden, Gone, Unprocessable
from apserver.flow.facts import actor_found, load_facts
from apserver.flow.live_rules import LiveRules
from apserver.identifiers import uuid7
from apserver.store import actors, collections, follows, jobs, objects, posted
from apserver.store.collections import Membership
from apserver.store.db import Connection, Database
from apserver.store.effects import context_bytes, perform
from apserver.store.jobs import Job
from apserver.store.objects import ActivityRow
from apserver.store.posted import Once


@dataclass(frozen=True, slots=True)
class Published:
    """An activity as it now stands: its id, and the JSON that the client gets. It is not new when
    what was posted was there already."""

    id: str
    body: bytes
    is_new: bool = True


#: What is written before an activity, in its transaction.
First: TypeAlias = Callable[[Connection], Awaitable[None]]


class Publisher:
    """Publishes activities of the actors of one origin."""

    def __init__(self, db: Database, names: Names, registry: Registry, live: LiveRules):
        self._db = db
        self._names = names
        self._registry = registry
        self._live = live

    async def post(
        self,
        actor: str,
        document: Mapping[str, Any],
        *,
        once: Once | None = None,
        may_date: bool = False,
        first: First | None = None,
    ) -> Published:
        """What a client posted to the outbox of ``actor``. BadInput, Forbidden or Missing if not.

        Ids are chosen here, once, so that a transaction that is tried again writes the same.
        ``once``: a request that was sent before is answered as it was then (fault 2).
        ``may_date``: it may say when it was published. ``first``: it is the site that posts, and
        this is written before, in the same transaction.
        """
        ids = NewIds(self._names.activity(uuid7()), self._names.object(uuid7()))
        now = datetime.now(UTC)
        activity = draft(
            document,
            actor=actor,
            ids=ids,
            now=now,
            verbs=self._registry.verbs,
            may_date=may_date,
        )
        self._check_dealt_with(activity)
        job = uuid7()

        async def work(conn: Connection) -> Published:
            before = await _posted_before(conn, once, activity.key)
            if before is not None:
                return before
            if first is not None:
                await first(conn)
            row = await publish(
                conn,
                activity,
                job=job,
                names=self._names,
                registry=self._registry,
                now=now,
                by_site=first is not None,
            )
            if once is not None and row.key != activity.key:
                await posted.became(conn, once, row.key)
            [body] = await objects.compose_activities(conn, [row])
            return Published(row.id or "", body, is_new=row.id == ids.activity)

        return await self._db.transaction(work)

    def is_own(self, id_: str) -> bool:
        """Whether it is an id of this origin."""
        return same_origin(id_, self._names.origin)

    def _check_dealt_with(self, activity: Activity) -> None:
        """Refuse a Follow that would wait for ever: nothing is sent to whom it asks."""
        asked = activity.object_id
        if activity.type != "Follow" or asked is None:
            return
        reason = self._live.barred(asked)
        if reason == "domain-blocked":
            raise DomainBlocked(host_of(asked), pointer="/object")
        if reason is not None and not same_origin(asked, self._names.origin):
            raise Forbidden(f"{asked} is suspended here.", pointer="/object")

    async def answer(self, conn: Connection, sent: Send) -> None:
        """What a rule sends by itself, in the transaction of the rule's other effects."""
        await _answer(conn, sent, names=self._names, registry=self._registry)


async def _posted_before(conn: Connection, once: Once | None, activity: UUID) -> Published | None:
    """What came of the same request before, as it is now; None when there was none.

    Unprocessable when the key stands for another request (draft-ietf-httpapi-idempotency-key).
    """
    if once is None:
        return None
    before = await posted.claim(conn, once, activity, for_s=limits.IDEMPOTENCY_S)
    if before is None:
        return None
    if before.body != once.body:
        raise Unprocessable("This Idempotency-Key was used for another request. Choose a new one.")
    rows = await objects.activities_by_key(conn, [before.activity])
    if before.activity not in rows:
        raise Gone("What was posted under this Idempotency-Key is no longer here.")
    row = rows[before.activity]
    [body] = await objects.compose_activities(conn, [row])
    return Published(row.id or "", body, is_new=not before.was_there)


async def _answer(conn: Connection, sent: Send, *, names: Names, registry: Registry) -> None:
    ids = NewIds(sent.id or names.activity(uuid7()), sent.object_id or names.object(uuid7()))
    document, actor = sent.document, str(sent.document["actor"])
    now = datetime.now(UTC)
    activity = draft(document, actor=actor, ids=ids, now=now, checked=False)
    await publish(conn, activity, job=uuid7(), names=names, registry=registry, now=now)


async def publish(
    conn: Connection,
    drafted: Activity,
    *,
    job: UUID,
    names: Names,
    registry: Registry,
    now: datetime,
    by_site: bool = False,
) -> ActivityRow:
    """Store an activity of ours, drafted ``now``, with everything that follows from it, the
    activities among it that its rule sends. Part of a transaction.

    When it is there already in another form, that one is returned and it is not stored.
    """
    if rules.takes_turns(drafted):  # what is read for it is written by it, or by another like it
        await actors.lock_own_document(conn, key_of(drafted.actor))
    sender = await actors.keep_own_actor(conn, key_of(drafted.actor))
    if sender is None:
        raise Gone(f"{drafted.actor} was deleted a moment ago.")
    facts = await load_facts(
        conn,
        [drafted],
        rules.needs_to_send,
        now=now,
        known=actor_found(sender),
        registry=registry,
        by_site=by_site,
    )
    activity = rules.complete(drafted, facts)
    effects = rules.send(activity, facts)
    there = await _there_already(conn, effects)
    row = there or await _for_interested(conn, _row(activity, facts), effects, facts)
    if there is None:
        await objects.insert_activity(conn, row)
    await perform(conn, effects)
    if there is None:
        await _list_in_outbox(conn, row)
        if row.recipients or (row.sort_at and row.visibility <= Visibility.UNLISTED):
            await jobs.enqueue(conn, [Job(bucket_of(activity.actor), job, "fan_out", row.key)])
    for effect in effects:
        if isinstance(effect, EndThing):
            await jobs.enqueue(conn, [end_job(bucket_of(effect.id), row.key, effect.id)])
        if isinstance(effect, Send):
            await _answer(conn, effect, names=names, registry=registry)
    return row


async def _for_interested(
    conn: Connection, row: ActivityRow, effects: Effects, facts: Facts
) -> ActivityRow:
    """What changes or takes back an activity is also for those who got it because it happened to
    something that they follow; what does so to an object, for those who have it because they did
    something with it, or were addressed by bto or bcc."""
    changed = [
        activity_key(effect.actor, effect.id)
        for effect in effects
        if isinstance(effect, BuryActivity | ReviseActivity)
    ]
    interested: set[UUID] = set()
    for one in (await objects.activities_by_key(conn, changed)).values() if changed else ():
        if one.sort_at is not None and one.visibility <= Visibility.UNLISTED:
            interested |= {*await follows.interested(conn, one.key, sort_at=one.sort_at)}
    interested |= await _engaged(conn, row, effects)
    secret = await _in_secret(conn, row, effects, facts)
    if not interested and not secret:
        return row
    known = await actors.actors_by_key(conn, interested)
    ids = sorted({*secret, *(one.id for one in known.values())})
    return replace(row, recipients=[*dict.fromkeys((*(row.recipients or ()), *ids))])


async def _engaged(conn: Connection, row: ActivityRow, effects: Effects) -> set[UUID]:
    """Who answered, liked or shared the object that is edited or deleted: their servers have it,
    whether they follow its author or not (IO-59)."""
    changed = [
        effect.id
        for effect in effects
        if (isinstance(effect, Bury) or (isinstance(effect, Put) and effect.replace))
        and effect.kind == "ours"
    ]
    if not changed or row.visibility > Visibility.UNLISTED:
        return set()
    lists = [key_of(collection_id(id_, name)) for id_ in changed for name in OF_OBJECTS]
    return await collections.authors_in(conn, lists, newest=limits.ENGAGED) - {row.actor}


async def _in_secret(
    conn: Connection, row: ActivityRow, effects: Effects, facts: Facts
) -> set[str]:
    """Who else got an object that is edited or deleted: the ids of those addressed by bto or bcc,
    which are with the activity that made it, and nowhere else."""
    secret: set[UUID] = set()
    for effect in effects:
        if isinstance(effect, Put):
            secret |= effect.also
        elif isinstance(effect, Bury) and (stored := facts.object(effect.id)) is not None:
            secret |= stored.audience
    secret -= {*map(key_of, row.recipients or ()), row.actor}
    if not secret:
        return set()
    changed = [key_of(one.id) for one in effects if isinstance(one, Put | Bury)]
    return {one for one in await objects.recipients_of(conn, changed) if key_of(one) in secret}


def end_job(bucket: int, activity: UUID, thing: str) -> Job:
    """The job that ends what hangs on a thing of a site (`flow.endings`)."""
    return Job(bucket, uuid7(), "end_thing", activity, owner=key_of(thing))


async def _there_already(conn: Connection, effects: Effects) -> ActivityRow | None:
    for effect in effects:
        if isinstance(effect, Instead):
            key = key_of(effect.id)
            return (await objects.own_activities(conn, [key])).get(key)
    return None


async def _list_in_outbox(conn: Connection, row: ActivityRow) -> None:
    outbox = key_of(collection_id(row.actor_id, "outbox"))
    member = Membership(outbox, row.key, None, row.actor, row.visibility)
    await collections.add_members(conn, [member])


def _row(activity: Activity, facts: Facts) -> ActivityRow:
    assert activity.id is not None, "an activity of ours has an id"
    author = facts.actor(activity.actor)
    spliced = spliced_object(activity)
    apart = {"@context"} if spliced is None else {"@context", "object"}
    envelope = {key: value for key, value in activity.document.items() if key not in apart}
    place = place_of(activity, now=facts.now)
    return ActivityRow(
        key=activity.key,
        id=activity.id,
        local_key=key_of(activity.id),
        actor=key_of(activity.actor),
        actor_id=activity.actor,
        type=activity.type,
        visibility=visibility_of(activity.audience, author.followers if author else None),
        audience=activity.audience.keys(),
        recipients=[one for one in activity.audience.recipients if one != activity.actor],
        spliced=None if spliced is None else key_of(str(spliced["id"])),
        context=context_bytes(activity.document.get("@context")),
        envelope=render(envelope),
        published_at=published_at(activity.document.get("published"), facts.now),
        verb=place.verb,
        data=place.data,
        sort_at=place.sort_at,
        things=things_in(activity, facts.registry.things) or None,
    )
