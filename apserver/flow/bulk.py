"""Many activities of ours from one request, kept together, or each if it can be.

All are drafted before any is written, and what cannot be drafted, or is refused by its rule, is
told with the others. With ``atomic`` one such is the end of all. Else the others are kept: a rule
refuses before anything of its activity is written. What a site says of its things is written before
(`flow.batch.Preamble`): where it said something with what is refused, the transaction is taken back
and done again without that.

What fails in the database, and not by its rule, shows only there, and takes all with it. Then each
is tried alone, without being kept, and those that fail so are left out.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from apserver import telemetry
from apserver.core import bulk, limits
from apserver.core.bulk import Done, Result
from apserver.errors import ApserverError, Busy, Unprocessable
from apserver.flow.batch import Drafted, Outcome, Preamble
from apserver.flow.publish import Publisher, posted_otherwise
from apserver.store import posted
from apserver.store.db import Connection, Database
from apserver.store.posted import Once


@dataclass(frozen=True, slots=True)
class Posting:
    """What an actor of ours posts."""

    actor: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How many are posted: all or none of them (``atomic``), once (fault 2), with dates of their
    own."""

    atomic: bool = False
    once: Once | None = None
    may_date: bool = False


class _Again(Exception):
    """Something was written for what was refused."""

    def __init__(self, refused: Mapping[int, ApserverError]):
        super().__init__()
        self.refused = refused


class _TakenBack(Exception):
    """It was a trial."""


class Bulk:
    """Publishes many activities of the actors of one origin.

    ``turns`` are for whoever posts them: few are done at a time, and others wait. A body is read
    before its turn, or who sends it slowly would keep the others waiting; so those that are there
    are bounded by `place`.
    """

    def __init__(self, db: Database, publisher: Publisher):
        self._db = db
        self._publisher = publisher
        self.turns = asyncio.Semaphore(limits.BULKS)
        self._places: Counter[str] = Counter()

    @contextmanager
    def place(self, actor: str) -> Iterator[None]:
        """Room for the body of a request by the token of this actor, until it is done. Busy when
        there is none: a few for each actor, and not many in all."""
        if (
            self._places[actor] >= limits.BULKS_OF_ACTOR
            or self._places.total() >= limits.BULKS_WAITING
        ):
            raise Busy(
                f"too many bulk requests, the last by {actor}",
                public="Too many requests of many activities at a time. Send one after the other.",
                retry_after_s=5,
            )
        self._places[actor] += 1
        try:
            yield
        finally:
            self._places[actor] -= 1
            if not self._places[actor]:
                del self._places[actor]

    async def post(
        self,
        postings: Sequence[Posting | ApserverError],
        manner: Manner,
        *,
        before: Preamble | None = None,
    ) -> bytes:
        """Publish them in their order; the answer that tells what came of each (`core.bulk`).

        BulkRefused when all were to be kept and some cannot be. ``before``: it is the site that
        posts, and this is written before.
        """
        found = await self._drafted(postings, manner, by_site=before is not None)
        refused = {n: one for n, one in enumerate(found) if isinstance(one, ApserverError)}
        drafted = [one for one in found if isinstance(one, Drafted)]
        await self._publisher.introduce(drafted)
        for _ in range(limits.BULK_PASSES):
            if manner.atomic and refused:
                raise bulk.refusal(refused)
            drafted = [one for one in drafted if one.place[0] not in refused]
            try:
                answer, new = await self._keep(drafted, refused, manner, before)
            except _Again as again:
                refused |= again.refused
            except (Busy, Unprocessable):
                raise
            except Exception:
                failing = await self._failing(drafted, before)
                if not failing:
                    raise
                refused |= failing
            else:
                _count({**refused, **new})
                return answer
        raise Unprocessable("Too much hangs together here. Post it in several requests.")

    async def _drafted(
        self, postings: Sequence[Posting | ApserverError], manner: Manner, *, by_site: bool
    ) -> list[Drafted | ApserverError]:
        found: list[Drafted | ApserverError] = []
        now = datetime.now(UTC)
        for number, one in enumerate(postings):
            now = max(datetime.now(UTC), now + timedelta(microseconds=1))
            await asyncio.sleep(0)  # a long text takes its time, and others are served meanwhile
            if isinstance(one, ApserverError):
                found.append(one)
                continue
            try:
                drafted = await self._publisher.draft(
                    one.actor,
                    one.document,
                    number=number,
                    now=now,
                    may_date=manner.may_date,
                    by_site=by_site,
                )
            except Exception as error:
                found.append(_told(error, one.document.get("type")))
            else:
                found.append(drafted)
        return found

    async def _keep(
        self,
        drafted: Sequence[Drafted],
        refused: Mapping[int, ApserverError],
        manner: Manner,
        before: Preamble | None,
    ) -> tuple[bytes, Mapping[int, ApserverError]]:
        """The answer, and what was refused besides."""

        async def work(conn: Connection) -> tuple[bytes, Mapping[int, ApserverError]]:
            if manner.once is not None:
                there = await _answered_before(conn, manner.once)
                if there is not None:
                    return there, {}
            outcomes = await self._publisher.batch(conn, before).publish(drafted)
            by_number = {one.place[0]: it for one, it in zip(drafted, outcomes, strict=True)}
            new = {n: it for n, it in by_number.items() if isinstance(it, ApserverError)}
            if manner.atomic and new:
                raise bulk.refusal(new)
            if before is not None and not all(map(before.is_empty, new)):
                raise _Again(new)
            answer = bulk.answer(_results(refused, by_number))
            if manner.once is not None:
                await posted.answer(conn, manner.once, answer)
            return answer, new

        return await self._db.transaction(work)

    async def _failing(
        self, drafted: Sequence[Drafted], before: Preamble | None
    ) -> dict[int, ApserverError]:
        """Which of these cannot be written even alone."""
        failing: dict[int, ApserverError] = {}
        for one in drafted:

            async def work(conn: Connection, one: Drafted = one) -> None:
                await self._publisher.batch(conn, before).publish([one])
                raise _TakenBack

            try:
                await self._db.transaction(work)
            except _TakenBack:
                pass
            except Busy:
                raise
            except Exception as error:
                failing[one.place[0]] = _told(error, one.activity.type)
        return failing


def _told(error: Exception, type_: object) -> ApserverError:
    """What is told of it: of a fault of ours, nothing but that it is one."""
    if isinstance(error, ApserverError):
        return error
    telemetry.fault("activity of many failed", error, type=type_)
    return ApserverError()


def _count(refused: Mapping[int, ApserverError]) -> None:
    """One count for each that was refused, and one line for all."""
    for error in refused.values():
        telemetry.count(telemetry.REFUSED, "bulk item", error.kind)
    if refused:
        reasons = Counter(error.kind for error in refused.values())
        telemetry.event("items refused", reasons=dict(reasons))


def _results(refused: Mapping[int, ApserverError], outcomes: Mapping[int, Outcome]) -> list[Result]:
    found = {**refused, **outcomes}
    return [_result(found[number]) for number in sorted(found)]


def _result(outcome: Outcome) -> Result:
    if isinstance(outcome, ApserverError):
        return outcome
    return Done(outcome.row.id or "", outcome.made, outcome.is_new)


async def _answered_before(conn: Connection, once: Once) -> bytes | None:
    """What was answered to the same request before; None when there was none. Unprocessable when
    the key stands for another request."""
    before = await posted.claim(conn, once, None, for_s=limits.IDEMPOTENCY_S)
    if before is None:
        return None
    if before.body != once.body or before.answer is None:
        raise posted_otherwise()
    return before.answer
