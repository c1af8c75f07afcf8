"""Collections of objects that are for everybody: the shared inbox, and what has a hashtag.

They are read from an index, and tell no number of items, as nobody counts them. Whoever asks sees
what everybody may see, but for what is hidden from him: of somebody who is blocked, either way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from apserver.core import limits
from apserver.core.audience import may_read
from apserver.errors import BadInput
from apserver.serve.pages import (
    PARAMETERS,
    Seen,
    Window,
    fitting,
    look,
    page_bytes,
    read_cursor,
    window_of,
    write_cursor,
)
from apserver.serve.site import Site
from apserver.serve.soundness import is_sound
from apserver.serve.viewing import viewer_among
from apserver.store.db import Connection
from apserver.store.objects import compose
from apserver.store.public_objects import Place, PublicObject


class Read(Protocol):
    """Gives so many objects from a place on, the nearest first."""

    async def __call__(
        self, conn: Connection, edge: Place | None, limit: int, *, upwards: bool
    ) -> list[PublicObject]: ...


@dataclass(frozen=True, slots=True)
class Listing:
    """A collection by its id, and where its objects are read from."""

    id: str
    read: Read

    def url(self, window: Window[Place]) -> str:
        """The id of a page."""
        if window.after is not None:
            place = f"after={_written(window.after)}"
        else:
            place = "page=first" if window.before is None else f"before={_written(window.before)}"
        size = "" if window.limit == limits.PAGE else f"&limit={window.limit}"
        return f"{self.id}?{place}{size}"

    async def page(
        self, conn: Connection, site: Site, window: Window[Place], *, viewer: str | None
    ) -> bytes:
        """The JSON of a page of what the viewer, given by its id, may see."""
        seen = await self._look(conn, site, window, viewer)
        seen = fitting(
            seen, window, size=lambda one: len(one.row.document), at=lambda one: one.place
        )
        return page_bytes(
            seen,
            window,
            part_of=self.id,
            url=self.url,
            items=[_body(one) for one in seen.items],
        )

    async def _look(
        self, conn: Connection, site: Site, window: Window[Place], viewer: str | None
    ) -> Seen[PublicObject, Place]:
        async def read(edge: Place | None, limit: int) -> list[PublicObject]:
            return await self.read(conn, edge, limit, upwards=window.is_upwards)

        async def sift(found: list[PublicObject]) -> list[PublicObject]:
            who = await viewer_among(conn, viewer, [one.row.author for one in found])
            # An object is of its author's origin: what domain rules say of one holds for both.
            who = site.live.guard(who, {one.row.author: one.row.id for one in found})
            return [
                one
                for one in found
                if may_read(who, one.row)
                and not site.live.is_suspended(one.row.author)
                and is_sound(_body(one), table="object", key=one.row.key)
            ]

        return await look(window, read=read, sift=sift, at=lambda one: one.place)


def place_window(query: Mapping[str, str]) -> Window[Place] | None:
    """The page that parameters ask for; None when they ask for the collection."""
    unknown = set(query) - set(PARAMETERS)
    if unknown:
        raise BadInput(f"Unknown parameter: {sorted(unknown)[0]}. Known: {', '.join(PARAMETERS)}.")
    return window_of(query, _read_place, _read_place)


def _body(one: PublicObject) -> bytes:
    return compose(one.row.document, one.row.context, nested=True)


def _written(place: Place) -> str:
    return write_cursor(place.moment, place.key)


def _read_place(text: str) -> Place:
    return Place(*read_cursor(text))
