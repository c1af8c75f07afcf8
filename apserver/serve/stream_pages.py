"""What is on a page of a stream, for whoever looks at it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias
from uuid import UUID

from apserver.core import limits
from apserver.core.audience import Visibility, may_read
from apserver.core.roles import Role
from apserver.core.stream_filters import Entry, Query
from apserver.serve.expansion import expanded
from apserver.serve.pages import Seen, Window, fitting, look
from apserver.serve.site import Site
from apserver.serve.viewing import bodies_of, viewer_among
from apserver.store import objects, streams
from apserver.store.db import Connection
from apserver.store.positions import (
    Home,
    Overview,
    Position,
    Stretch,
    home_positions,
    overview,
    positions,
)
from apserver.store.streams import EntryRow

#: How the participants of an item are shown: not at all (the item is its id), as they are stored,
#: or as the documents that are served of them.
Expand: TypeAlias = Literal["none", "ids", "full"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream as it was asked for. With ``owner`` it is the home of that actor, or a part of it:
    what it mutes is not there; ``home`` tells the follows, ``without_owner`` leaves out what the
    owner did."""

    id: str  #: its URL, with all parameters but those of pages
    query: Query
    name: str = ""
    owner: UUID | None = None
    home: Home | None = None
    without_owner: bool = False


class Look:
    """One look at a stream, by one viewer."""

    def __init__(self, conn: Connection, site: Site, stream: Stream, viewer: str | None):
        self._conn = conn
        self._site = site
        self._stream = stream
        self._is_exact = stream.query.is_exact
        self._sizes: dict[UUID, int] = {}
        self._viewer = viewer
        self._keys: Mapping[str, UUID] = {}
        self._overview = Overview(0, frozenset())

    async def at(self, window: Window[Position]) -> Seen[Position, Position]:
        """The positions of a page."""
        stream = self._stream
        self._keys = await streams.keys_in_index(self._conn, stream.query.names)
        if stream.owner is not None:
            self._overview = await overview(self._conn, stream.owner)

        async def read(edge: Position | None, limit: int) -> list[Position]:
            span = stream.query.span
            return await self._read(
                Stretch.of(edge, span, limit=limit, is_upwards=window.is_upwards)
            )

        step = window.limit + limits.SPARE if self._is_exact else limits.SIFTED
        return await look(window, read=read, sift=self._sift, at=lambda one: one, step=step)

    async def _read(self, stretch: Stretch) -> list[Position]:
        home, query = self._stream.home, self._stream.query
        if home is not None:
            follows = self._overview.follows
            return await home_positions(self._conn, home, stretch, follows=follows)
        ranges = query.ranges
        found = None if ranges is None else [(self._keys[name], role) for role, name in ranges]
        return await positions(self._conn, found, stretch, visibility=self._most_private)

    @property
    def _most_private(self) -> Visibility:
        if self._stream.query.public:
            return Visibility.PUBLIC
        return Visibility.UNLISTED if self._viewer is None else Visibility.DIRECT

    async def _sift(self, found: list[Position]) -> list[Position]:
        """Those that the viewer may see, and that were asked for."""
        query, muted = self._stream.query, self._overview.muted
        rows = await streams.entries(self._conn, [one.activity for one in found], paths=query.paths)
        self._sizes |= {key: row.size for key, row in rows.items()}
        parts: Mapping[UUID, frozenset[tuple[int, UUID]]] = {}
        if muted or query.is_by_parts:
            parts = await streams.parts(self._conn, found)
        who = await viewer_among(self._conn, self._viewer, [row.actor for row in rows.values()])
        who = self._site.live.guard(who, {row.actor: row.actor_id for row in rows.values()})
        return [
            one
            for one in found
            if (row := rows.get(one.activity)) is not None
            and may_read(who, row)
            and self._is_wanted(row, parts.get(one.activity, frozenset()))
        ]

    def _is_wanted(self, row: EntryRow, parts: frozenset[tuple[int, UUID]]) -> bool:
        if self._stream.without_owner and row.actor == self._stream.owner:
            return False
        if any(role != Role.TYPE and thing in self._overview.muted for role, thing in parts):
            return False
        if self._is_exact:
            return True
        entry = Entry(row.type, row.verb, row.published_at, parts, row.data)
        return self._stream.query.matches(entry, self._keys)

    def fitting(
        self, seen: Seen[Position, Position], window: Window[Position]
    ) -> Seen[Position, Position]:
        """As much of a page as it may have in bytes; before anything of it is loaded."""
        return fitting(seen, window, size=lambda one: self._sizes[one.activity], at=lambda one: one)

    async def items(self, found: Sequence[Position], expand: Expand) -> list[bytes]:
        """What is shown of these, in their order. What is damaged is left out."""
        rows = await objects.activities_by_key(self._conn, [one.activity for one in found])
        shown = [rows[one.activity] for one in found if one.activity in rows]
        if expand == "none":
            return [json.dumps(row.id).encode() for row in shown if row.id is not None]
        bodies = await bodies_of(self._conn, shown)
        whole = [bodies[row.key] for row in shown if row.key in bodies]
        if expand == "ids":
            return whole
        return await expanded(self._conn, self._site, self._viewer, whole)
