"""What the activities of a batch do: facts, rule, effects, in the transaction that ends their jobs.

After a crash either both have happened, the effects and the end of the job, or neither. What needs
a document of another server has no effect yet and keeps its job: nobody waits for other servers
inside a transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from apserver import telemetry
from apserver.core import rules
from apserver.core.audience import Audience
from apserver.core.document import parse
from apserver.core.effects import (
    CheckQuote,
    Confirm,
    Effect,
    Effects,
    EndActor,
    Explore,
    Fetch,
    Forward,
    MoveFollowers,
    Recall,
    Refuse,
    Relate,
    Revisit,
    Send,
)
from apserver.core.facts import Facts
from apserver.core.intake import take_in
from apserver.core.model import VerifiedActivity, parse_activity
from apserver.core.origin import key_of
from apserver.core.registry import Registry
from apserver.flow.facts import Found, load_facts
from apserver.flow.forwarding import queue_forward
from apserver.flow.later import Later, queue
from apserver.flow.live_rules import LiveRules
from apserver.flow.publish import Publisher
from apserver.store import inboxes, jobs, objects
from apserver.store.db import Connection
from apserver.store.effects import perform
from apserver.store.jobs import Job
from apserver.store.objects import ActivityRow, compose_activities

Judge = Callable[[VerifiedActivity, Facts], Effects]

#: By kind of job.
_JUDGES: Mapping[str, Judge] = {
    "apply": rules.receive,
    "recall": rules.recall,
    "announced": rules.receive_announced,
}


@dataclass(frozen=True, slots=True)
class Applied:
    """The jobs that are done, and the documents that others miss, by activity. A job that is
    neither here nor there is to be done again."""

    done: Sequence[Job]
    missing: Mapping[UUID, Fetch]


@dataclass(slots=True)
class _Outcome:
    """What came of a batch of activities."""

    effects: list[Effect] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    later: list[Later] = field(default_factory=list)
    forwards: list[Forward] = field(default_factory=list)
    refused: dict[UUID, str] = field(default_factory=dict)
    fetches: dict[UUID, Fetch] = field(default_factory=dict)
    again: set[UUID] = field(default_factory=set)
    ids: dict[UUID, str | None] = field(default_factory=dict)
    acting: dict[UUID, UUID] = field(default_factory=dict)  #: actors elsewhere, by activity
    voted: set[tuple[str, str]] = field(default_factory=set)  #: who, and on which Question

    def heard_of(self) -> set[UUID]:
        """The actors elsewhere who have done something that counts here."""
        apart = self.refused.keys() | self.fetches.keys()
        return {actor for key, actor in self.acting.items() if key not in apart}

    def add(self, key: UUID, effect: Effect) -> None:
        """An effect of the activity with this key."""
        match effect:
            case Fetch():
                self.fetches[key] = effect
            case Refuse(reason):
                self.refused[key] = reason
            case Send():
                self.sends.append(effect)
            case Recall() | Revisit() | CheckQuote() | Explore() | Confirm() | MoveFollowers():
                self.later.append(effect)
            case Forward():
                self.forwards.append(effect)
            case EndActor():
                self.effects.append(effect)
                self.later.append(effect)
            case _:
                self.effects.append(effect)

    def is_second_vote(self, effects: Effects) -> bool:
        """Whether its actor votes in this batch already: what it may choose now is not known
        before that is written. Votes are for one actor, and then go one by one (`flow.receive`);
        but those that are shown to everybody count too (IO-79)."""
        votes = {
            (one.subject, one.object)
            for one in effects
            if isinstance(one, Relate) and one.kind == "vote"
        }
        if not self.voted.isdisjoint(votes):
            return True
        self.voted |= votes
        return False


class Applier:
    """Applies activities that were accepted."""

    def __init__(self, publisher: Publisher, live: LiveRules, registry: Registry):
        self._publisher = publisher
        self._live = live
        self._registry = registry

    async def apply(self, conn: Connection, batch: Sequence[Job], known: Found) -> Applied:
        """Apply the activities of these jobs, and end the jobs. Part of a transaction that holds
        their buckets. ``known`` are documents that were fetched for them."""
        outcome = await self._judge(conn, batch, known, _JUDGES[batch[0].kind])
        await self._write(conn, outcome)
        kept = outcome.fetches.keys() | outcome.again
        done = [job for job in batch if job.activity not in kept]
        await jobs.finish_jobs(conn, done)
        return Applied(done, outcome.fetches)

    async def _judge(
        self, conn: Connection, batch: Sequence[Job], known: Found, judge: Judge
    ) -> _Outcome:
        activities = await _rebuild(conn, batch)
        facts = await load_facts(
            conn,
            list(activities.values()),
            rules.needs,
            now=datetime.now(UTC),
            known=known,
            is_limited=self._live.is_limited,
            registry=self._registry,
        )
        outcome = _Outcome(refused=await self._live.objections(conn, activities))
        for key, activity in activities.items():
            outcome.ids[key] = activity.id
            if not activity.ours:
                outcome.acting[key] = key_of(activity.actor)
            if key in outcome.refused:
                continue
            effects = judge(activity, facts)
            if outcome.is_second_vote(effects):
                outcome.again.add(key)
                continue
            if any(isinstance(effect, Fetch) for effect in effects):
                effects = self._fetches(effects)
            for effect in effects:
                outcome.add(key, effect)
        return outcome

    def _fetches(self, effects: Effects) -> Effects:
        """What is to be fetched before anything else counts. Of ourselves we do not ask: what is
        not here is nowhere."""
        fetches = tuple(one for one in effects if isinstance(one, Fetch))
        if any(self._publisher.is_own(one.id) for one in fetches):
            return (Refuse("object-not-here"),)
        return fetches

    async def _write(self, conn: Connection, outcome: _Outcome) -> None:
        unknown = {key for key, why in outcome.refused.items() if why == "no-local-relation"}
        if unknown:
            # Those that have come to the inbox of one actor since are applied again, as such.
            outcome.again |= unknown - await inboxes.drop(conn, sorted(unknown))
        kept = {key: why for key, why in outcome.refused.items() if key not in unknown}
        if kept:
            await objects.set_verdicts(conn, kept)
        for key, why in outcome.refused.items():
            if key in outcome.again:
                continue
            telemetry.count(telemetry.APPLIED, why)
            telemetry.event("activity without effect", activity=outcome.ids[key] or key, reason=why)
        await perform(conn, outcome.effects)
        await queue(conn, outcome.later, acting=outcome.heard_of())
        for forward in outcome.forwards:
            await queue_forward(conn, forward)
        # In order of who sends, as everybody takes locks in order.
        for send in sorted(outcome.sends, key=lambda one: str(one.document["actor"])):
            await self._publisher.answer(conn, send)


async def _rebuild(conn: Connection, batch: Sequence[Job]) -> dict[UUID, VerifiedActivity]:
    """The activities of these jobs as they were verified, in the order of the jobs; the only other
    way to a `VerifiedActivity` is `core.model.authenticate`."""
    rows = await objects.activities_by_key(conn, {job.activity for job in batch})
    bodies = await objects.told_bodies(conn, rows)
    own = [row for row in rows.values() if row.local_key is not None]
    bodies |= dict(zip([row.key for row in own], await compose_activities(conn, own), strict=True))
    in_person = await inboxes.in_person(conn, rows)
    return {
        key: _verified(rows[key], bodies[key], in_person=key in in_person)
        for key in dict.fromkeys(job.activity for job in batch)
        if key in rows and key in bodies
    }


def _verified(row: ActivityRow, body: bytes, *, in_person: bool) -> VerifiedActivity:
    document = parse(body)
    if row.local_key is None:
        document = take_in(document)
    activity = parse_activity(document, signer=row.actor_id)
    # Ours went to more than its document shows: to those in bto and bcc too.
    hidden = Audience(hidden=tuple(row.recipients or ()))
    return VerifiedActivity(
        activity.document,
        activity.id,
        activity.type,
        activity.actor,
        addressed=None if row.local_key is None else activity.audience | hidden,
        stored_key=row.key,
        ours=row.local_key is not None,
        in_person=in_person,
    )
