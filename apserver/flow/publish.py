"""An activity of ours: made whole, checked by its rule, stored with its jobs in one transaction.

The client's 201 means: the activity, its object, its place in the outbox, the effects of its
rule and the job that delivers it are all in the database, or none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apserver.core import limits
from apserver.core.drafts import NewIds, draft
from apserver.core.effects import (
    Send,
)
from apserver.core.model import Activity
from apserver.core.names import Names
from apserver.core.origin import host_of, same_origin
from apserver.core.registry import Registry
from apserver.core.rules import move
from apserver.errors import (
    ApserverError,
    Astray,
    BadInput,
    DomainBlocked,
    Forbidden,
    Gone,
    RemoteGone,
    Unprocessable,
)
from apserver.flow.batch import Batch, Drafted, Outcome, Preamble, drafted_of
from apserver.flow.facts import Found, fetched
from apserver.flow.introductions import Introductions
from apserver.flow.live_rules import LiveRules
from apserver.flow.remote import Remote
from apserver.flow.screening import Screen
from apserver.identifiers import uuid7
from apserver.net.budget import Budget
from apserver.store import objects, posted
from apserver.store.db import Connection, Database
from apserver.store.objects import ActivityRow
from apserver.store.posted import Once


@dataclass(frozen=True, slots=True)
class Published:
    """An activity as it now stands: its id, and the JSON that the client gets. It is not new when
    what was posted was there already."""

    id: str
    body: bytes
    is_new: bool = True


class Publisher:
    """Publishes activities of the actors of one origin."""

    def __init__(
        self,
        db: Database,
        names: Names,
        registry: Registry,
        live: LiveRules,
        remote: Remote,
        *,
        screen: Screen | None = None,
    ):
        self._db = db
        self._names = names
        self._registry = registry
        self._live = live
        self._remote = remote
        self._screen = screen or Screen()
        self._introductions = Introductions(db, remote, live, registry, origin=names.origin)

    async def post(
        self,
        actor: str,
        document: Mapping[str, Any],
        *,
        once: Once | None = None,
        may_date: bool = False,
        before: Preamble | None = None,
    ) -> Published:
        """What a client posted to the outbox of ``actor``. BadInput, Forbidden or Missing if not.

        Ids are chosen here, once, so that a transaction that is tried again writes the same.
        ``once``: a request that was sent before is answered as it was then (fault 2).
        ``may_date``: it may say when it was published. ``before``: it is the site that posts, and
        this is written before, in the same transaction.
        """
        drafted = await self.draft(actor, document, may_date=may_date, by_site=before is not None)
        await self.introduce([drafted])

        async def work(conn: Connection) -> Published:
            there = await _posted_before(conn, once, drafted.activity.key)
            if there is not None:
                return there
            batch = self.batch(conn, before)
            [outcome] = await batch.publish([drafted])
            if isinstance(outcome, ApserverError):
                raise outcome
            if once is not None and not outcome.is_new:
                await posted.became(conn, once, outcome.row.key)
            [body] = await objects.compose_activities(conn, [outcome.row], known=batch.made)
            return Published(outcome.row.id or "", body, outcome.is_new)

        return await self._db.transaction(work)

    async def draft(
        self,
        actor: str,
        document: Mapping[str, Any],
        *,
        number: int | None = None,
        now: datetime | None = None,
        may_date: bool = False,
        by_site: bool = False,
    ) -> Drafted:
        """What a client posted, made into an activity. BadInput or Forbidden if it cannot be.

        With a ``number`` it is one of many, each posted a moment (``now``) after the one before.
        """
        now = now or datetime.now(UTC)
        activity = draft(
            document,
            actor=actor,
            ids=NewIds(self._names.activity(uuid7()), self._names.object(uuid7())),
            now=now,
            verbs=self._registry.verbs,
            may_date=may_date,
        )
        self._check_dealt_with(activity)
        await self._screen.check_own(activity)
        return Drafted(
            activity=activity,
            now=now,
            place=(number or 0,),
            posted=True,
            by_site=by_site,
            known=await self._documents_for(activity, alone=number is None),
        )

    async def introduce(self, drafted: Iterable[Drafted]) -> None:
        """Make known what these are about, as far as their recipients hang on it. Call it before
        the transaction: others are asked."""
        await self._introductions.make(one.activity for one in drafted)

    def batch(self, conn: Connection, before: Preamble | None = None) -> Batch:
        """What publishes activities within a transaction."""
        return Batch(conn, self._names, self._registry, before=before)

    def is_own(self, id_: str) -> bool:
        """Whether it is an id of this origin."""
        return same_origin(id_, self._names.origin)

    def _check_dealt_with(self, activity: Activity) -> None:
        """Refuse a Follow that would wait for ever, since nothing is sent to whom it asks; and a
        Move to such an account."""
        if activity.type not in ("Follow", "Move"):
            return
        is_move = activity.type == "Move"
        asked, pointer = activity.object_id, "/object"
        if is_move:
            asked, pointer = move.target_of(activity), "/target"
        if asked is None:
            return
        reason = self._live.barred(asked)
        if reason == "domain-blocked":
            raise DomainBlocked(host_of(asked), pointer=pointer)
        if reason is not None and (is_move or not self.is_own(asked)):
            raise Forbidden(f"{asked} is suspended here.", pointer=pointer)

    async def _documents_for(self, activity: Activity, *, alone: bool) -> Found:
        """What must be asked of others before it can be posted: of a Move, what the new account
        says of itself. RemoteTrouble when that cannot be had now."""
        target = move.target_of(activity)
        if not move.is_of_account(activity) or target is None or self.is_own(target):
            return {}
        if not alone:
            raise Unprocessable("An account is moved by a request of its own.", pointer="/type")
        try:
            document = await self._remote.document(target, Budget(), anew=True)
        except (RemoteGone, BadInput, Astray) as error:
            raise BadInput(
                f"{target}: {error}", public=f"There is no account at {target}.", pointer="/target"
            ) from error
        return fetched(target, document)

    async def answer(self, conn: Connection, sent: Send) -> None:
        """What a rule sends by itself, in the transaction of the rule's other effects."""
        drafted = drafted_of(sent, self._names, now=datetime.now(UTC))
        await publish(conn, drafted, names=self._names, registry=self._registry)

    async def answer_all(self, conn: Connection, sent: Sequence[Send]) -> list[Outcome]:
        """The same for several, as if each came after the one before. What came of each: who is
        refused holds up nobody."""
        now = datetime.now(UTC)
        drafted = [
            drafted_of(one, self._names, now=now, place=(number,))
            for number, one in enumerate(sent)
        ]
        return await self.batch(conn).publish(drafted)


async def _posted_before(conn: Connection, once: Once | None, activity: UUID) -> Published | None:
    """What came of the same request before, as it is now; None when there was none.

    Unprocessable when the key stands for another request (draft-ietf-httpapi-idempotency-key).
    """
    if once is None:
        return None
    before = await posted.claim(conn, once, activity, for_s=limits.IDEMPOTENCY_S)
    if before is None:
        return None
    if before.body != once.body or before.activity is None:
        raise posted_otherwise()
    rows = await objects.activities_by_key(conn, [before.activity])
    if before.activity not in rows:
        raise Gone("What was posted under this Idempotency-Key is no longer here.")
    row = rows[before.activity]
    [body] = await objects.compose_activities(conn, [row])
    return Published(row.id or "", body, is_new=not before.was_there)


def posted_otherwise() -> Unprocessable:
    """The key stands for another request."""
    return Unprocessable("This Idempotency-Key was used for another request. Choose a new one.")


async def publish(
    conn: Connection, drafted: Drafted, *, names: Names, registry: Registry
) -> ActivityRow:
    """Publish an activity of ours within a transaction; the row that stands for it now."""
    [outcome] = await Batch(conn, names, registry).publish([drafted])
    if isinstance(outcome, ApserverError):
        raise outcome
    return outcome.row
