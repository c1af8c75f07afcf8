"""What a web site posts with its token: activities of its users, and its things as they are now.

Nothing is written when anything is refused: the actors of users and things that are named for the
first time, the things, and the activity with all that follows from it are one transaction.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apserver.core import limits
from apserver.core.audience import Visibility
from apserver.core.document import parse, render
from apserver.core.effects import Send
from apserver.core.names import Names
from apserver.core.origin import key_of
from apserver.core.site_actions import (
    SiteAction,
    leaving_user,
    named_in,
    read_action,
    resolved,
    told_of,
    with_actors,
)
from apserver.core.things import Things
from apserver.errors import Forbidden, Gone, Unprocessable
from apserver.flow.departure import Farewell
from apserver.flow.publish import Published, Publisher
from apserver.flow.stand_ins import StandIns
from apserver.store import actors, aliases, objects
from apserver.store.db import Connection, Database
from apserver.store.objects import ObjectRow
from apserver.store.posted import Once


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
        action = read_action(posted, self._things)
        ids, missing = await self._stand_ins.plan(self._wanted(action))
        actor = ids.get(action.actor, action.actor)
        await self._check_acts(actor, is_new=actor in {one.alias.actor_id for one in missing})
        if (leaving := leaving_user(action)) is not None:
            return await self._delete(ids[leaving], by=actor)
        document = with_actors(action, ids, self._things)
        now = datetime.now(UTC)

        async def first(conn: Connection) -> None:
            await self._stand_ins.make(conn, missing)
            await _write(conn, action, self._things, ids, now)
            await self._rename(conn, action, ids)

        return await self._publisher.post(
            actor, document, once=once, may_date=may_date, first=first
        )

    async def resolve(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """What a client of one actor posts: it may name users of the site as the site does, and
        says nothing of things but their ids."""
        named = {iri for iri, _ in named_in(document, self._things)}
        if not named:
            return document
        async with self._db.connection() as conn:
            known = await aliases.actors_for(conn, named)
        ids = {iri: one.actor_id for iri, one in known.items()}
        return resolved(document, ids, self._things)

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

    async def _rename(self, conn: Connection, action: SiteAction, ids: Mapping[str, str]) -> None:
        """A façade is called as its thing is now, and says so to its followers."""
        told = {iri: self._name(iri, one) for iri, one in action.things.items() if iri in ids}
        named = {ids[iri]: name for iri, name in sorted(told.items()) if name is not None}
        known = await actors.actors_by_key(conn, map(key_of, named)) if named else {}
        for facade, name in named.items():
            actor = known.get(key_of(facade))
            if actor is None or not actor.is_active or parse(actor.document)["name"] == name:
                continue
            changed = {"id": facade, "name": name}
            await self._publisher.answer(
                conn, Send({"type": "Update", "actor": facade, "object": changed})
            )

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

    async def _check_acts(self, actor: str, *, is_new: bool) -> None:
        if is_new:
            return
        async with self._db.connection() as conn:
            found = await actors.actor_by_key(conn, key_of(actor))
        if found is None or not found.ours:
            raise Unprocessable(f"There is no actor {actor} here.", pointer="/actor")
        if found.gone_at is not None:
            raise Gone(f"{actor} was deleted.", pointer="/actor")
        if found.suspended_at is not None:
            raise Forbidden(f"{actor} is suspended.", pointer="/actor")


async def _write(
    conn: Connection,
    action: SiteAction,
    things: Things,
    ids: Mapping[str, str],
    now: datetime,
) -> None:
    """What was embedded of things replaces what was there; what has only an id is known by it."""
    rows = [_row(action, iri, things, ids, now) for iri in action.things]
    for told in (True, False):
        some = [row for row in rows if (row.updated_at is not None) is told]
        if some:
            await objects.put_objects(conn, some, replace=told)


def _row(
    action: SiteAction, iri: str, things: Things, ids: Mapping[str, str], now: datetime
) -> ObjectRow:
    document = told_of(action, iri, ids, things)
    kind = things.find(iri)
    is_public = kind is not None and kind.access == "public"
    return ObjectRow(
        key=key_of(iri),
        id=iri,
        kind="site",
        type=document["type"],
        author=key_of(iri),  # it is nobody's here
        visibility=Visibility.PUBLIC if is_public else Visibility.DIRECT,
        audience=[],
        context=None,
        document=render(document),
        published_at=now,
        updated_at=None if action.things[iri] is None else now,
    )
