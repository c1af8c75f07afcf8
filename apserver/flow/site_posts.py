"""What a web site posts with its token: activities of its users, and its things as they are now.

Nothing is written when anything is refused: the actors of users and things that are named for the
first time, the things, and the activity with all that follows from it are one transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apserver.core import limits
from apserver.core.names import Names
from apserver.core.origin import key_of
from apserver.core.site_actions import (
    SiteAction,
    leaving_user,
    named_in,
    read_action,
    resolved,
    with_actors,
)
from apserver.core.things import Things
from apserver.errors import ApserverError, Forbidden, Gone, Unprocessable
from apserver.flow.bulk import Posting
from apserver.flow.departure import Farewell
from apserver.flow.publish import Published, Publisher
from apserver.flow.site_preamble import SitePreamble, Told, thing_row
from apserver.flow.stand_ins import StandIn, StandIns
from apserver.store import actors, aliases, objects
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.posted import Once


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """What a site posts: who acts, what is published, what comes before it. ``leaving`` is the user
    that it deletes."""

    actor: str
    document: Mapping[str, Any]
    told: Told
    leaving: str | None


class SitePosts:
    """Publishes what a site posts, for one origin."""

    def __init__(
        self,
        db: Database,
        publisher: Publisher,
        stand_ins: StandIns,
        farewell: Farewell,
        *,
        names: Names,
        things: Things,
    ):
        self._db = db
        self._publisher = publisher
        self._stand_ins = stand_ins
        self._farewell = farewell
        self._names = names
        self._things = things

    async def post(
        self, posted: Mapping[str, Any], *, once: Once | None = None, may_date: bool = False
    ) -> Published:
        """Publish it as if the actor had posted it to its own outbox.

        BadInput or Unprocessable when it is not as it should be; Conflict when an actor cannot be
        made; what `Publisher.post` raises.
        """
        [plan] = await self._plan([posted])
        if isinstance(plan, ApserverError):
            raise plan
        if plan.leaving is not None:
            return await self._delete(plan.leaving, by=plan.actor)
        before = SitePreamble(self._publisher, self._stand_ins, {0: plan.told})
        return await self._publisher.post(
            plan.actor, plan.document, once=once, may_date=may_date, before=before
        )

    async def prepare(
        self, posted: Sequence[Mapping[str, Any] | ApserverError]
    ) -> tuple[list[Posting | ApserverError], SitePreamble]:
        """The same for many: by whom each is posted and how, and what comes before them."""
        plans = await self._plan(posted, actors_made=limits.BULK_ACTORS)
        told = {n: one.told for n, one in enumerate(plans) if isinstance(one, _Plan)}
        return [_posting(one) for one in plans], SitePreamble(
            self._publisher, self._stand_ins, told
        )

    async def resolve(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a client of one actor posts: it may name users of the site as the site does, and
        says nothing of things but their ids."""
        [one] = await self.resolve_each([document])
        return one

    async def resolve_each(
        self, documents: Sequence[Mapping[str, Any]]
    ) -> Sequence[Mapping[str, Any]]:
        """The same for many."""
        if not self._things.configured:
            return documents
        named = {iri for one in documents for iri, _ in named_in(one, self._things)}
        if not named:
            return documents
        async with self._db.connection() as conn:
            known = await aliases.actors_for(conn, named)
        ids = {iri: one.actor_id for iri, one in known.items()}
        return [resolved(one, ids, self._things) for one in documents]

    async def _plan(
        self, posted: Sequence[Mapping[str, Any] | ApserverError], *, actors_made: int | None = None
    ) -> list[_Plan | ApserverError]:
        """What the site means by each. It may be that only so many actors are made."""
        actions = [_action(one, self._things) for one in posted]
        wanted = [[] if isinstance(one, ApserverError) else self._wanted(one) for one in actions]
        planned = await self._stand_ins.plan_each(wanted, most=actors_made)
        now = datetime.now(UTC)
        plans = [
            action
            if isinstance(action, ApserverError)
            else stand_ins
            if isinstance(stand_ins, ApserverError)
            else self._planned(action, *stand_ins, now=now)
            for action, stand_ins in zip(actions, planned, strict=True)
        ]
        known = await self._acting({one.actor for one in plans if isinstance(one, _Plan)})
        return [
            one if isinstance(one, ApserverError) else _objection(one, known) or one
            for one in plans
        ]

    def _planned(
        self,
        action: SiteAction,
        ids: Mapping[str, str],
        missing: Sequence[StandIn],
        *,
        now: datetime,
    ) -> _Plan:
        user = leaving_user(action)
        told = {iri: self._name(iri, one) for iri, one in action.things.items() if iri in ids}
        return _Plan(
            actor=ids.get(action.actor, action.actor),
            document=with_actors(action, ids, self._things),
            told=Told(
                missing,
                [thing_row(action, iri, self._things, ids, now) for iri in action.things],
                {ids[iri]: name for iri, name in told.items() if name is not None},
            ),
            leaving=None if user is None else ids[user],
        )

    async def _acting(self, ids: Iterable[str]) -> Mapping[UUID, Actor]:
        async with self._db.connection() as conn:
            return await actors.actors_by_key(conn, map(key_of, ids))

    async def _delete(self, user: str, *, by: str) -> Published:
        """Delete the actor of a user, in its own name (seed row B15)."""
        if by not in (user, self._names.instance):
            raise Forbidden("A user is deleted by itself, or by the server's own actor.")

        async def work(conn: Connection) -> Published:
            actor = await actors.actor_by_key(conn, key_of(user))
            departure = None if actor is None else await self._farewell.depart(conn, actor)
            if departure is None:
                raise Gone(f"{user} is not here, or was deleted before.", pointer="/object")
            rows = await objects.own_activities(conn, [key_of(departure.activity)])
            [body] = await objects.compose_activities(conn, list(rows.values()))
            return Published(departure.activity, body)

        return await self._db.transaction(work)

    def _wanted(self, action: SiteAction) -> list[tuple[str, str | None]]:
        """Who and what needs an actor: users, and things with a façade."""
        users = [(iri, self._name(iri, one)) for iri, one in action.users.items()]
        facades = {**dict.fromkeys(action.facades), **action.things}
        return users + [
            (iri, self._name(iri, one))
            for iri, one in facades.items()
            if (kind := self._things.find(iri)) is not None and kind.facade
        ]

    def _name(self, iri: str, document: Mapping[str, Any] | None) -> str | None:
        """What its actor is called; a façade tells no more of its thing than may be seen of it."""
        kind = self._things.find(iri)
        if kind is None or (kind.facade and kind.access != "public"):
            return None
        name = kind.shown(iri, document).get("name")
        return name[: limits.DISPLAY_NAME] if isinstance(name, str) else None


def _action(
    posted: Mapping[str, Any] | ApserverError, things: Things
) -> SiteAction | ApserverError:
    if isinstance(posted, ApserverError):
        return posted
    try:
        return read_action(posted, things)
    except ApserverError as error:
        return error


def _objection(plan: _Plan, known: Mapping[UUID, Actor]) -> ApserverError | None:
    """Why an actor that is not new cannot act."""
    actor = plan.actor
    if actor in {one.alias.actor_id for one in plan.told.missing}:
        return None
    found = known.get(key_of(actor))
    if found is None or not found.ours:
        return Unprocessable(f"There is no actor {actor} here.", pointer="/actor")
    if found.gone_at is not None:
        return Gone(f"{actor} was deleted.", pointer="/actor")
    if found.suspended_at is not None:
        return Forbidden(f"{actor} is suspended.", pointer="/actor")
    return None


def _posting(plan: _Plan | ApserverError) -> Posting | ApserverError:
    if isinstance(plan, ApserverError):
        return plan
    if plan.leaving is not None:
        return Unprocessable("A user is deleted by a request of its own.", pointer="/object")
    return Posting(plan.actor, plan.document)
