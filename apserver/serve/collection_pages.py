"""A page of a collection: what is on it for whoever asks.

Bytes are joined, not parsed: a page of activities is the stored envelopes and objects with
commas between. Strangers are served from the public part alone; others may make it load a few
times (`serve.pages`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from apserver.core import limits
from apserver.core.audience import Readable, Viewer, Visibility, is_hidden, may_read
from apserver.core.collections import KINDS
from apserver.core.origin import key_of
from apserver.serve.pages import Window, look, page_bytes
from apserver.serve.site import Site
from apserver.serve.viewing import bodies_of, viewer_among
from apserver.store import collections, objects, relations
from apserver.store.collections import Collection, Member
from apserver.store.db import Connection
from apserver.store.objects import ActivityRow, ObjectRow


async def page(
    conn: Connection,
    site: Site,
    collection: Collection,
    window: Window[int],
    *,
    viewer: str | None,
    is_ordered: bool = True,
    alone: Member | None = None,
) -> bytes:
    """The JSON of a page of what the viewer, given by its id, may see. ``alone`` is the only member
    of a collection that is not stored yet."""
    looking = _Looking(conn, site, collection, viewer, alone)
    seen = await look(
        window,
        read=lambda edge, limit: looking.read(window, edge, limit),
        sift=looking.sift,
        at=lambda member: member.position,
    )
    return page_bytes(
        seen,
        window,
        part_of=collection.id,
        url=lambda other: url(collection, other),
        items=await looking.bodies(seen.items),
        members={"totalItems": total(collection, is_owner=looking.is_owner)},
        is_ordered=is_ordered,
    )


def total(collection: Collection, *, is_owner: bool) -> int:
    """How many items a reader is told that there are."""
    for_all = is_owner or KINDS[collection.name].tells_total
    return collection.total if for_all else collection.public_total


def url(collection: Collection, window: Window[int]) -> str:
    """The id of a page."""
    if window.after is not None:
        place = f"after={window.after}"
    else:
        place = "page=first" if window.before is None else f"before={window.before}"
    size = "" if window.limit == limits.PAGE else f"&limit={window.limit}"
    return f"{collection.id}?{place}{size}"


@dataclass(slots=True)
class _Looking:
    """Somebody looks at a collection. What the items are is loaded once."""

    conn: Connection
    site: Site
    collection: Collection
    viewer: str | None
    alone: Member | None = None
    asked: set[UUID] = field(default_factory=set)
    activities: dict[UUID, ActivityRow] = field(default_factory=dict)
    things: dict[UUID, ObjectRow] = field(default_factory=dict)  #: that are shown as ids

    @property
    def is_owner(self) -> bool:
        return self.viewer is not None and key_of(self.viewer) == self.collection.owner

    async def read(self, window: Window[int], edge: int | None, limit: int) -> list[Member]:
        """Members from a position on, the nearest first."""
        if self.alone is not None:
            at = self.alone.position
            beyond = edge is None or (at > edge if window.is_upwards else at < edge)
            return [self.alone] if beyond else []
        rows = await collections.page_of(
            self.conn,
            self.collection.key,
            limit=limit,
            before=None if window.is_upwards else edge,
            after=edge if window.is_upwards else None,
            public_only=self.viewer is None,
        )
        return rows[::-1] if window.is_upwards else rows

    async def sift(self, members: list[Member]) -> list[Member]:
        """What is for the viewer: for the owner all that is in it, but of those blocked either
        way, and what moderation hides."""
        if self.is_owner and self.site.live.hides_nothing:
            authors = list({one.author for one in members})
            key = key_of(str(self.viewer))
            estranged = await relations.estranged_from(self.conn, key, authors)
            return [one for one in members if one.author not in estranged]
        await self._load(members, things=not self.is_owner)
        who = await viewer_among(
            self.conn, self.viewer, [one.author for one in self._readables(members)]
        )
        rows = self.activities.values()
        # Domain rules go by the host, and a thing is of its author's.
        things = {one.author: one.id for one in self.things.values()}
        who = self.site.live.guard(who, things | {row.actor: row.actor_id for row in rows})
        if self.is_owner:
            return [one for one in members if not self._is_kept_from_owner(who, one)]
        return [one for one in members if self._may_read(who, one)]

    async def bodies(self, members: Sequence[Member]) -> list[bytes]:
        """Each as it is shown: an id, or the whole activity. What is damaged is left out."""
        await self._load(members, things=False)
        shown = [self.activities[one.item] for one in members if one.item in self.activities]
        bodies = await bodies_of(self.conn, shown)
        return [
            bodies[one.item] if one.iri is None else json.dumps(one.iri).encode()
            for one in members
            if one.iri is not None or one.item in bodies
        ]

    async def _load(self, members: Sequence[Member], *, things: bool) -> None:
        wanted = {one.item for one in members if one.iri is None} - self.asked
        if wanted:
            self.activities |= await objects.activities_by_key(self.conn, wanted)
        named = {one.item for one in members if one.iri is not None} - self.asked if things else ()
        if named:
            self.things |= await objects.objects_by_key(self.conn, named)
        self.asked |= {*wanted, *named}

    def _readables(self, members: Sequence[Member]) -> list[Readable]:
        found = (self.activities.get(one.item) or self.things.get(one.item) for one in members)
        return [one for one in found if one is not None]

    def _may_read(self, who: Viewer, one: Member) -> bool:
        """Of what is shown as an id, and is not here, the place in the collection tells."""
        if one.iri is None:
            return one.item in self.activities and may_read(who, self.activities[one.item])
        if self._is_barred(one):
            return False
        thing = self.things.get(one.item)
        if thing is None:
            return one.visibility <= Visibility.UNLISTED and one.author not in who.hidden
        return thing.deleted_at is None and may_read(who, thing)

    def _is_barred(self, one: Member) -> bool:
        """Whether nobody is shown what stands here by its id."""
        live = self.site.live
        return live.barred(str(one.iri)) is not None or live.is_suspended(one.author)

    def _is_kept_from_owner(self, who: Viewer, one: Member) -> bool:
        if one.iri is not None:
            return self._is_barred(one)
        row = self.activities.get(one.item)
        return row is not None and is_hidden(who, row.actor, asking=row.type == "Follow")
