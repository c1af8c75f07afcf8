"""What a site says of its users and things with an activity: written before the activity.

Of many activities those go together that say the same of each thing: each is judged by what its
own activity says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apserver.core.audience import Visibility
from apserver.core.document import parse, render
from apserver.core.effects import Send
from apserver.core.origin import key_of
from apserver.core.site_actions import SiteAction, told_of
from apserver.core.things import Things
from apserver.flow.publish import Publisher
from apserver.flow.stand_ins import StandIn, StandIns
from apserver.store import actors, objects
from apserver.store.db import Connection
from apserver.store.new_objects import add_objects
from apserver.store.objects import ObjectRow


@dataclass(frozen=True, slots=True)
class Told:
    """What comes before one activity: actors that are to be made, things, and how façades are
    called now, by their ids."""

    missing: Sequence[StandIn]
    things: Sequence[ObjectRow]
    names: Mapping[str, str]


class SitePreamble:
    """What comes before some activities, by their numbers (`flow.batch.Preamble`)."""

    def __init__(self, publisher: Publisher, stand_ins: StandIns, told: Mapping[int, Told]):
        self._publisher = publisher
        self._stand_ins = stand_ins
        self._told = told

    def agreeing(self, numbers: Sequence[int]) -> int:
        """How many of these, from the first, say nothing of a thing but what it is already for
        those before."""
        known: dict[UUID, bytes | None] = {}
        for at, number in enumerate(numbers):
            for row in self._told[number].things:
                if row.updated_at is None:
                    known.setdefault(row.key, None)
                elif known.setdefault(row.key, row.document) != row.document:
                    return at
        return len(numbers)

    def is_empty(self, number: int) -> bool:
        """Whether nothing is written before this activity."""
        told = self._told[number]
        return not (told.missing or told.things or told.names)

    async def begin(self, conn: Connection, numbers: Sequence[int]) -> None:
        """Make the actors."""
        missing = {
            one.alias.thing_id: one for number in numbers for one in self._told[number].missing
        }
        await self._stand_ins.make(conn, [missing[iri] for iri in sorted(missing)])

    async def write(self, conn: Connection, numbers: Sequence[int]) -> None:
        """What was embedded of things replaces what was there; what has only an id is known by it.
        A façade is called as its thing is now."""
        rows = [row for number in numbers for row in self._told[number].things]
        told = [row for row in rows if row.updated_at is not None]
        if told:
            await objects.replace_objects(conn, told)
        await add_objects(conn, [row for row in rows if row.updated_at is None])
        names = {id_: name for one in numbers for id_, name in self._told[one].names.items()}
        if names:
            await self._rename(conn, names)

    async def _rename(self, conn: Connection, names: Mapping[str, str]) -> None:
        """Façades say to their followers how they are called now."""
        known = await actors.actors_by_key(conn, map(key_of, names))
        for facade, name in sorted(names.items()):
            actor = known.get(key_of(facade))
            if actor is None or not actor.is_active or parse(actor.document)["name"] == name:
                continue
            changed = {"id": facade, "name": name}
            update = {"type": "Update", "actor": facade, "object": changed}
            await self._publisher.answer(conn, Send(update))


def thing_row(
    action: SiteAction, iri: str, things: Things, ids: Mapping[str, str], now: datetime
) -> ObjectRow:
    """The row of a thing as an activity tells of it."""
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
