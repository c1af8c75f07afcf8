"""Accepted activities, applied: facts, rule, effects, a batch in one transaction.

The jobs of a bucket are done in order. A batch is a run of jobs of one kind whose activities
touch different things, so that the facts of one are not changed by another; its facts are read
and its effects written together. When a batch fails its jobs are done again one by one, so that
one bad activity holds up nobody else. The jobs go in the same transaction as their effects:
after a crash either both have happened or neither.

What an activity makes us fetch in one run of its job is paid from one budget, also when it is done
again by itself. Documents are fetched side by side: one that cannot be had puts off its own job.
"""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from apserver import telemetry
from apserver.core import limits, rules
from apserver.core.audience import Audience
from apserver.core.clipping import clip
from apserver.core.delivery import wait_s
from apserver.core.document import parse
from apserver.core.effects import Effect, Fetch, Refuse, Send
from apserver.core.model import VerifiedActivity, parse_activity
from apserver.errors import (
    ApserverError,
    Astray,
    BadInput,
    Busy,
    DomainBlocked,
    OverBudget,
    RemoteGone,
)
from apserver.flow.facts import Found, fetched, load_facts
from apserver.flow.fan_out import FanOut
from apserver.flow.live_rules import LiveRules
from apserver.flow.publish import Publisher
from apserver.flow.remote import Remote
from apserver.flow.resolve import Resolver
from apserver.net.budget import Budget
from apserver.store import inboxes, jobs, objects
from apserver.store.db import Connection, Database
from apserver.store.effects import perform, show_to
from apserver.store.jobs import Job, Lease
from apserver.store.objects import ActivityRow, compose_activities

#: What each activity may still cost, in this run of its job.
Budgets = defaultdict[UUID, Budget]


class LeaseLost(Exception):
    """Another worker has the bucket; what was not committed is its to do."""


@dataclass(slots=True)
class _Outcome:
    """What came of a batch of activities."""

    effects: list[Effect] = field(default_factory=list)
    sends: list[Send] = field(default_factory=list)
    refused: dict[UUID, str] = field(default_factory=dict)
    fetches: dict[UUID, Fetch] = field(default_factory=dict)
    again: set[UUID] = field(default_factory=set)


class Receiver:
    """Does the jobs of leased buckets."""

    def __init__(
        self,
        db: Database,
        publisher: Publisher,
        fan_out: FanOut,
        resolver: Resolver,
        remote: Remote,
        live: LiveRules,
    ):
        self._db = db
        self._publisher = publisher
        self._fan_out = fan_out
        self._resolver = resolver
        self._remote = remote
        self._live = live

    async def close(self) -> None:
        """Give up what goes on beside the jobs; it is taken up again at the next start."""
        await self._resolver.close()

    async def work_on(self, lease: Lease) -> int:
        """Do the jobs of a bucket that are due, one batch; the number of jobs looked at."""
        async with self._db.connection() as conn:
            due = await jobs.due_jobs(conn, lease.bucket)
            rows = await objects.activities_by_key(conn, {job.activity for job in due})
        batch = _batch(due, rows)
        budgets: Budgets = defaultdict(Budget)
        try:
            await self._do(lease, batch, budgets)
        except (LeaseLost, Busy):
            raise
        except Exception:
            for job in batch:
                await self._do_alone(lease, job, budgets)
        return len(batch)

    async def _do_alone(self, lease: Lease, job: Job, budgets: Budgets) -> None:
        """Do it again by itself, unless it was finished before the rest of its batch failed."""
        async with self._db.connection() as conn:
            if not await jobs.is_there(conn, job):
                return
        try:
            await self._do(lease, [job], budgets)
        except (LeaseLost, Busy):
            raise
        except Exception as error:
            await self._put_off(lease, job, error)

    async def _put_off(self, lease: Lease, job: Job, error: Exception) -> None:
        wait = wait_s(job.attempt + 1, spread=random.uniform(-1, 1))

        async def work(conn: Connection) -> bool:
            await _hold(conn, lease)
            return await jobs.fail_job(conn, job, error=repr(error), wait_s=wait)

        parked = await self._db.transaction(work)
        telemetry.count(telemetry.JOBS, job.kind, "parked" if parked else "failed")
        if isinstance(error, ApserverError):
            telemetry.warn("job put off", kind=job.kind, activity=job.activity, reason=error)
        else:
            telemetry.fault("job failed", error, kind=job.kind, activity=job.activity)

    async def _do(self, lease: Lease, batch: Sequence[Job], budgets: Budgets) -> None:
        if not batch:
            return
        match batch[0].kind:
            case "apply":
                batch = await self._apply_all(lease, batch, budgets)
            case "list":
                await self._list(lease, batch)
            case "fan_out":
                await self._fan_out.queue(batch, hold=lambda conn: _hold(conn, lease))
            case "resolve":
                await self._begin_to_resolve(lease, batch)
                return
            case kind:
                raise BadInput(f"no such kind of job: {kind}")
        for job in batch:
            telemetry.count(telemetry.JOBS, job.kind, "done")

    async def _begin_to_resolve(self, lease: Lease, batch: Sequence[Job]) -> None:
        async def work(conn: Connection) -> None:
            await _hold(conn, lease)
            await jobs.reserve(conn, batch)

        await self._db.transaction(work)
        self._resolver.start(batch)

    async def _list(self, lease: Lease, batch: Sequence[Job]) -> None:
        async def work(conn: Connection) -> None:
            await _hold(conn, lease)
            waiting = await jobs.put_behind_apply(conn, batch)
            ready = [job for job in batch if job.id not in waiting]
            await show_to(conn, [(job.owner, job.activity) for job in ready if job.owner])
            await jobs.finish_jobs(conn, ready)

        await self._db.transaction(work, durable=False)

    async def _apply_all(
        self, lease: Lease, batch: Sequence[Job], budgets: Budgets
    ) -> Sequence[Job]:
        """Apply a batch; what misses a document of another server is applied again with it, or is
        put off when that cannot be had now. The jobs that are done."""
        known: Found = {}
        waiting, late = list(batch), set[UUID]()
        for _ in range(limits.FETCHES_PER_EVENT + 1):
            missing = await self._apply(lease, waiting, known)
            if not missing:
                return [job for job in batch if job.activity not in late]
            gathered = await asyncio.gather(
                *(self._fetch(one, budgets[activity]) for activity, one in missing.items()),
                return_exceptions=True,
            )
            waiting = [job for job in waiting if job.activity in missing]
            came = dict(zip(missing, gathered, strict=True))
            for job in tuple(waiting):
                match came[job.activity]:
                    case Exception() as trouble:
                        waiting.remove(job)
                        late.add(job.activity)
                        await self._put_off(lease, job, trouble)
                    case dict() as found:
                        known |= found
        raise BadInput("too many documents are needed to apply this activity")

    async def _fetch(self, wanted: Fetch, budget: Budget) -> Found:
        """The document, or the reason why there never will be one; else RemoteTrouble: later."""
        try:
            return fetched(wanted.id, await self._remote.document(wanted.id, budget, anew=True))
        except RemoteGone:
            return fetched(wanted.id, None, "object-gone")
        except BadInput:
            return fetched(wanted.id, None, "object-unreadable")
        except DomainBlocked:
            return fetched(wanted.id, None, "object-domain-blocked")
        except OverBudget:
            return fetched(wanted.id, None, "over-budget")
        except Astray:
            return fetched(wanted.id, None, "object-astray")

    async def _apply(
        self, lease: Lease, batch: Sequence[Job], known: Found
    ) -> Mapping[UUID, Fetch]:
        """One transaction. Returns what is missing, by activity; those jobs stay."""

        async def work(conn: Connection) -> Mapping[UUID, Fetch]:
            await _hold(conn, lease)
            outcome = await self._judge(conn, batch, known)
            await self._write(conn, outcome)
            kept = outcome.fetches.keys() | outcome.again
            await jobs.finish_jobs(conn, [job for job in batch if job.activity not in kept])
            return outcome.fetches

        return await self._db.transaction(work, durable=False)

    async def _judge(self, conn: Connection, batch: Sequence[Job], known: Found) -> _Outcome:
        activities = await _rebuild(conn, batch)
        facts = await load_facts(
            conn,
            list(activities.values()),
            rules.needs,
            now=datetime.now(UTC),
            known=known,
            is_limited=self._live.is_limited,
        )
        outcome = _Outcome(refused=await self._live.objections(conn, activities))
        for key, activity in activities.items():
            if key in outcome.refused:
                continue
            effects = rules.receive(activity, facts)
            if any(isinstance(effect, Fetch) for effect in effects):
                effects = tuple(one for one in effects if isinstance(one, Fetch))
            for effect in effects:
                match effect:
                    case Fetch():
                        outcome.fetches[key] = effect
                    case Refuse(reason):
                        outcome.refused[key] = reason
                    case Send():
                        outcome.sends.append(effect)
                    case _:
                        outcome.effects.append(effect)
        return outcome

    async def _write(self, conn: Connection, outcome: _Outcome) -> None:
        unknown = {key for key, why in outcome.refused.items() if why == "no-local-relation"}
        if unknown:
            # Those that have come to the inbox of one actor since are applied again, as such.
            outcome.again = unknown - await inboxes.drop(conn, sorted(unknown))
        kept = {key: why for key, why in outcome.refused.items() if key not in unknown}
        if kept:
            await objects.set_verdicts(conn, kept)
        for key, why in outcome.refused.items():
            if key in outcome.again:
                continue
            telemetry.count(telemetry.APPLIED, why)
            telemetry.event("activity without effect", activity=key, reason=why)
        await perform(conn, outcome.effects)
        # In order of who sends, as everybody takes locks in order.
        for send in sorted(outcome.sends, key=lambda one: str(one.document["actor"])):
            await self._publisher.answer(conn, send.document)


def _batch(due: Sequence[Job], rows: Mapping[UUID, ActivityRow]) -> list[Job]:
    """The longest run of jobs of one kind from the front whose activities touch nothing twice."""
    batch: list[Job] = []
    touched: set[UUID] = set()
    for job in due:
        row = rows.get(job.activity)
        touches = {job.activity} if row is None else {row.actor, row.spliced or row.key}
        if job.kind == "apply" and row is not None and row.type != "Create":
            touches |= set(row.audience)
        if batch and (job.kind != batch[0].kind or not touched.isdisjoint(touches)):
            break
        if job.kind == "apply":
            touched |= touches
        batch.append(job)
    return batch


async def _rebuild(conn: Connection, batch: Sequence[Job]) -> dict[UUID, VerifiedActivity]:
    """The activities of these jobs as they were verified; the only other way to a
    `VerifiedActivity` is `core.model.authenticate`."""
    rows = await objects.activities_by_key(conn, {job.activity for job in batch})
    bodies = await objects.told_bodies(conn, rows)
    own = [row for row in rows.values() if row.local_key is not None]
    bodies |= dict(zip([row.key for row in own], await compose_activities(conn, own), strict=True))
    in_person = await inboxes.in_person(conn, rows)
    return {
        key: _verified(row, bodies[key], in_person=key in in_person)
        for key, row in rows.items()
        if key in bodies
    }


def _verified(row: ActivityRow, body: bytes, *, in_person: bool) -> VerifiedActivity:
    document = parse(body)
    if row.local_key is None:
        document = clip(document)
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


async def _hold(conn: Connection, lease: Lease) -> None:
    if not await jobs.hold(conn, lease):
        raise LeaseLost(f"bucket {lease.bucket}")
