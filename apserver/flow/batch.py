"""Activities of ours, published in one transaction as if each came after the one before.

They are judged in rounds (`core.rounds`): facts are read for all that are left, rules are asked in
turn until one looks at what an earlier one changes, and what they said is written, each kind of
effect by one statement. So a thousand Likes are one round, and a Follow with its Undo two.

A rule refuses before anything of its activity is written. So the others go on, and nothing is
to be taken back, but for what a site says of its things (`Preamble`), which comes first.

What stands in outboxes, and the jobs that deliver, are written at the end, in the order of the
activities, with those that rules send right after what they belong to.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from operator import itemgetter
from typing import Protocol, TypeAlias
from uuid import UUID

from apserver import telemetry
from apserver.core import limits, rules
from apserver.core.audience import Visibility, visibility_of
from apserver.core.document import render
from apserver.core.drafts import NewIds, draft
from apserver.core.effects import Effects, EndThing, Instead, Send
from apserver.core.facts import Facts
from apserver.core.model import Activity, spliced_object
from apserver.core.names import Names, collection_id
from apserver.core.origin import bucket_of, key_of
from apserver.core.registry import Registry
from apserver.core.rounds import Noted, Round
from apserver.core.rules import move
from apserver.core.site_actions import things_in
from apserver.core.streams import place_of
from apserver.core.times import published_at
from apserver.errors import ApserverError, Gone
from apserver.flow.facts import Found, actor_found, load_facts
from apserver.flow.interested import for_interested
from apserver.identifiers import uuid7
from apserver.store import actors, objects, outboxes
from apserver.store.actors import Actor
from apserver.store.collections import Membership
from apserver.store.db import Connection
from apserver.store.effects import context_bytes, perform
from apserver.store.jobs import Job
from apserver.store.objects import ActivityRow, ObjectRow

#: The order of an activity among others. What a rule sends stands below the place of what it
#: belongs to.
Place: TypeAlias = tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafted:
    """An activity that is to be published, drafted ``now``.

    ``posted``: by whose it is, and not by a rule. ``by_site``: by the site that uses this server.
    ``known`` are documents that were fetched for it.
    """

    activity: Activity
    now: datetime
    place: Place = (0,)
    posted: bool = False
    by_site: bool = False
    known: Found = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """What came of an activity: its row, or when it was there in another form, the row of that.
    ``made`` is the id of the object that it made, if it did."""

    row: ActivityRow
    is_new: bool = True
    made: str | None = None


Outcome: TypeAlias = Kept | ApserverError


class Preamble(Protocol):
    """What is written before activities, in their transaction, each known by its number."""

    def agreeing(self, numbers: Sequence[int]) -> int:
        """How many of these, from the first, can be written together."""
        ...

    async def begin(self, conn: Connection, numbers: Sequence[int]) -> None:
        """Write what all of them need before any other thing."""
        ...

    async def write(self, conn: Connection, numbers: Sequence[int]) -> None:
        """Write what is to be there when these are judged. Doing it again changes nothing."""
        ...

    def is_empty(self, number: int) -> bool:
        """Whether nothing is written before this one."""
        ...


@dataclass(frozen=True, slots=True)
class _Judged:
    drafted: Drafted
    activity: Activity
    effects: Effects
    facts: Facts


class Batch:
    """Publishes activities within a transaction of the caller."""

    def __init__(
        self, conn: Connection, names: Names, registry: Registry, *, before: Preamble | None = None
    ):
        self._conn = conn
        self._names = names
        self._registry = registry
        self._before = before
        self._outcomes: dict[Place, Outcome] = {}
        self._ended: dict[Place, list[str]] = {}
        self.made: dict[UUID, ObjectRow] = {}  #: the objects that are new with it, by key

    async def publish(self, drafted: Sequence[Drafted]) -> list[Outcome]:
        """Store activities with everything that follows from them, the activities among it that
        their rules send. What came of each."""
        if self._before is not None:
            await self._before.begin(self._conn, [one.place[0] for one in drafted])
        await self._run(drafted)
        await self._end()
        return [self._outcomes[one.place] for one in drafted]

    async def _run(self, drafted: Sequence[Drafted]) -> None:
        """In rounds. After a short one facts are read for a few activities only, lest those of all
        that are left be read for each."""
        # Who acts for them meanwhile must know of each of these, where one counts only once.
        turns = {key_of(one.activity.actor) for one in drafted if rules.takes_turns(one.activity)}
        if turns:
            await actors.lock_own_actors(self._conn, turns)
        begun, ahead = 0, len(drafted)
        while begun < len(drafted):
            taken = await self._round(drafted[begun : begun + ahead])
            begun, ahead = begun + taken, max(2 * taken, limits.ROUND_AHEAD)

    async def _round(self, some: Sequence[Drafted]) -> int:
        """Judge and write as many of these as one reading of the facts is good for; how many."""
        if self._before is not None and len(some[0].place) == 1:
            numbers = [one.place[0] for one in some]
            some = some[: self._before.agreeing(numbers)]
            await self._before.write(self._conn, numbers[: len(some)])
        ours = {key_of(one.activity.actor) for one in some}
        senders = await actors.keep_own_actors(self._conn, ours)
        facts = await self._facts(some, senders)
        round_, judged, taken = Round(), list[_Judged](), 0
        for one in some:
            noted = Noted(facts.found)
            found = _judge(one, replace(facts, now=one.now, found=noted), senders)
            effects = found.effects if isinstance(found, _Judged) else ()
            if not round_.admits(noted.asked, effects):
                break
            taken += 1
            if isinstance(found, _Judged):
                judged.append(found)
            else:
                self._outcomes[one.place] = found
            round_.add(effects)
            if round_.has_ended:
                break
            if taken % limits.ROUND_BREATH == 0:
                await asyncio.sleep(0)  # others are served meanwhile
        if judged:
            await self._write(judged)
        return taken

    async def _facts(self, some: Sequence[Drafted], senders: Mapping[UUID, Actor]) -> Facts:
        known: Found = {}
        for sender in senders.values():
            known |= actor_found(sender)
        for one in some:
            known |= one.known
        return await load_facts(
            self._conn,
            [one.activity for one in some],
            rules.needs_to_send,
            now=some[0].now,
            known=known,
            registry=self._registry,
            by_site=some[0].by_site,
        )

    async def _write(self, judged: Sequence[_Judged]) -> None:
        there = await self._there_already(judged)
        new: list[ActivityRow] = []
        for one in judged:
            place, row = one.drafted.place, there.get(one.drafted.place)
            if row is None:
                row = _row(one.activity, one.facts)
                row = await for_interested(self._conn, row, one.effects, one.facts)
                new.append(row)
            self._outcomes[place] = Kept(row, place not in there, _made(one.activity))
            self._ended[place] = [it.id for it in one.effects if isinstance(it, EndThing)]
        if new:
            await objects.insert_activities(self._conn, new)
        effects = chain.from_iterable(one.effects for one in judged)
        self.made |= await perform(self._conn, [*effects])
        sent = [*chain.from_iterable(map(self._sent, judged))]
        if sent:
            await self._run(sent)
            for outcome in (self._outcomes[one.place] for one in sent):
                if isinstance(outcome, ApserverError):
                    raise outcome

    def _sent(self, judged: _Judged) -> list[Drafted]:
        """What the rule of an activity has its actor, or others here, send."""
        sent = [one for one in judged.effects if isinstance(one, Send)]
        return [
            drafted_of(one, self._names, now=judged.drafted.now, place=(*judged.drafted.place, n))
            for n, one in enumerate(sent)
        ]

    async def _there_already(self, judged: Sequence[_Judged]) -> dict[Place, ActivityRow]:
        wanted = {
            one.drafted.place: key_of(effect.id)
            for one in judged
            for effect in one.effects
            if isinstance(effect, Instead)
        }
        rows = await objects.own_activities(self._conn, wanted.values()) if wanted else {}
        return {place: rows[key] for place, key in wanted.items() if key in rows}

    async def _end(self) -> None:
        found = sorted(self._outcomes.items(), key=itemgetter(0))
        kept = [(place, one) for place, one in found if isinstance(one, Kept)]
        members = [_membership(one.row) for _, one in kept if one.is_new]
        to_do = [job for place, one in kept for job in _jobs(one, self._ended[place])]
        await outboxes.place(self._conn, members, to_do)


def drafted_of(sent: Send, names: Names, *, now: datetime, place: Place = (0,)) -> Drafted:
    """What a rule sends by itself, made into an activity."""
    ids = NewIds(sent.id or names.activity(uuid7()), sent.object_id or names.object(uuid7()))
    actor = str(sent.document["actor"])
    activity = draft(sent.document, actor=actor, ids=ids, now=now, checked=False)
    return Drafted(activity=activity, now=now, place=place)


def _judge(one: Drafted, facts: Facts, senders: Mapping[UUID, Actor]) -> _Judged | ApserverError:
    """What its rule says of an activity, or why it refuses. A fault of ours is of this activity
    alone, too."""
    try:
        sender = senders.get(key_of(one.activity.actor))
        if sender is None:
            raise Gone(f"{one.activity.actor} was deleted a moment ago.")
        if one.posted:
            move.check_may_post(one.activity, sender.moved_to)
        activity = rules.complete(one.activity, facts)
        return _Judged(one, activity, rules.send(activity, facts), facts)
    except ApserverError as error:
        return error
    except Exception as error:
        telemetry.fault("activity could not be judged", error, activity=one.activity.id)
        return ApserverError()


def _made(activity: Activity) -> str | None:
    """The id of the object that a Create makes."""
    made = spliced_object(activity) if activity.type == "Create" else None
    return None if made is None else str(made["id"])


def _membership(row: ActivityRow) -> Membership:
    outbox = key_of(collection_id(row.actor_id, "outbox"))
    return Membership(outbox, row.key, None, row.actor, row.visibility)


def _jobs(kept: Kept, ended: Sequence[str]) -> list[Job]:
    """What is to be done later: the delivery, and the end of what hangs on things."""
    row = kept.row
    is_told = bool(row.recipients or (row.sort_at and row.visibility <= Visibility.UNLISTED))
    told = Job(bucket_of(row.actor_id), uuid7(), "fan_out", row.key)
    return [*([told] if kept.is_new and is_told else ()), *(_ending(one, row) for one in ended)]


def _ending(thing: str, row: ActivityRow) -> Job:
    """The job that ends what hangs on a thing of a site (`flow.endings`)."""
    return Job(bucket_of(thing), uuid7(), "end_thing", row.key, owner=key_of(thing))


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
        audience=[] if rules.is_confidential(activity) else activity.audience.keys(),
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
