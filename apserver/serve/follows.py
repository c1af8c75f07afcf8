"""GET: who follows whom and what, with which flags, as the one whose list it is may ask.

``following`` and ``followers`` of an actor are collections of ids. With one of the parameters
here they are answered from the follows themselves, newest first: one with a flag, of a type, or
with one other side, so that "do I follow it?" is a page with one item or none.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import web

from apserver.core.namespace import with_definitions
from apserver.core.origin import key_of
from apserver.core.times import stamp
from apserver.errors import BadInput
from apserver.serve.pages import (
    PARAMETERS,
    Seen,
    Window,
    look,
    page_bytes,
    read_cursor,
    window_of,
    write_cursor,
)
from apserver.store import follows
from apserver.store.db import Connection
from apserver.store.follows import KnownFollow, Pair, Place, Wanted

#: Parameters that ask for follows, beside those of pages; the other side is named by its role.
FILTERS: Mapping[str, tuple[str, ...]] = {
    "following": ("object", "flag", "type", "view"),
    "followers": ("actor", "flag", "type", "view"),
}
_VIEWS = ("ids", "flags", "relation")

Side = Literal["following", "followers"]


def asks_for_follows(request: web.Request) -> bool:
    """Whether the parameters are those of follows, and it is a collection that has them."""
    side = request.match_info["collection"]
    return side in FILTERS and not set(FILTERS[side]).isdisjoint(request.query)


async def actor_follows_page(
    conn: Connection, request: web.Request, *, whose: str, collection: str
) -> bytes:
    """The page of an actor's follows that a request for this collection asks for."""
    side: Side = "following" if request.match_info["collection"] == "following" else "followers"
    unknown = set(request.query) - {*FILTERS[side], *PARAMETERS}
    if unknown:
        known = ", ".join((*FILTERS[side], *PARAMETERS))
        raise BadInput(f"Unknown parameter: {min(unknown)}. Known: {known}.")
    return await follows_page(conn, request, side=side, whose=whose, collection=collection)


async def follows_page(
    conn: Connection, request: web.Request, *, side: Side, whose: str, collection: str
) -> bytes:
    """The page of what ``whose`` follows, or of who follows it. ``collection`` is the URL that
    parameters are added to; which of them there may be was looked at."""
    query = request.query
    if any("\0" in value for value in query.values()):
        raise BadInput("NUL is in no text.")
    view = query.get("view", "flags")
    if view not in _VIEWS:
        raise BadInput(f"view is one of {', '.join(_VIEWS)}.")
    if "after" in query:
        raise BadInput("Follows are read from the newest on: use before.")
    window = window_of(query, _place, _place) or Window()
    seen = await _look(conn, side, key_of(whose), _wanted(request, side), window)
    pairs = [_pair(side, key_of(whose), one) for one in seen.items]
    known_ = await follows.known(conn, pairs)
    items = [
        item
        for pair in pairs
        for item in _items(_matching(known_.get(pair, []), query.get("flag")), view, side)
    ]
    given = {name: query[name] for name in FILTERS[side] if name in query}
    counted = {"totalItems": len(seen.items)} if _other(side) in query else {}
    return page_bytes(
        seen,
        window,
        part_of=collection,
        url=lambda at: _url(request, collection, given, at),
        items=[json.dumps(item, ensure_ascii=False).encode() for item in items],
        members=counted,
    )


async def _look(
    conn: Connection, side: Side, whose: UUID, wanted: Wanted, window: Window[Place]
) -> Seen[Place, Place]:
    async def read(edge: Place | None, limit: int) -> list[Place]:
        return await follows.page_of(conn, side, whose, wanted, before=edge, limit=limit)

    async def sift(places: list[Place]) -> list[Place]:
        return places

    return await look(window, read=read, sift=sift, at=lambda place: place)


def _wanted(request: web.Request, side: Side) -> Wanted:
    other = request.query.get(_other(side))
    return Wanted(
        flag=request.query.get("flag"),
        other=None if other is None else key_of(other),
        type=request.query.get("type"),
    )


def _other(side: Side) -> str:
    return "object" if side == "following" else "actor"


def _pair(side: Side, whose: UUID, place: Place) -> Pair:
    return (whose, place.other) if side == "following" else (place.other, whose)


def _matching(rows: Sequence[KnownFollow], flag: str | None) -> list[KnownFollow]:
    """Those asked for: with the flag, else all but what is muted."""
    return [row for row in rows if (not row.mutes if flag is None else row.flag == flag)]


def _items(rows: Sequence[KnownFollow], view: str, side: Side) -> list[Any]:
    if not rows:
        return []
    if view == "relation":
        return [_relation(row) for row in rows]
    other = rows[0].object_id if side == "following" else rows[0].subject_id
    if view == "ids":
        return [other]
    item: dict[str, Any] = {"id": other}
    if side == "following" and rows[0].type is not None:
        item["type"] = rows[0].type
    item["followFlag"] = [row.flag for row in rows if row.flag]
    item["actorOnly"] = all(row.actor_only for row in rows)
    item["published"] = stamp(min(row.started_at for row in rows))
    return [with_definitions(item)]


def _relation(row: KnownFollow) -> dict[str, Any]:
    """The Follow as it stands now."""
    follow: dict[str, Any] = {} if row.activity_id is None else {"id": row.activity_id}
    follow |= {"type": "Follow", "actor": row.subject_id, "object": row.object_id}
    if row.flag:
        follow["followFlag"] = row.flag
    follow |= {"actorOnly": row.actor_only, "published": stamp(row.started_at)}
    return with_definitions(follow)


def _place(text: str) -> Place:
    return Place(*read_cursor(text))


def _url(request: web.Request, collection: str, given: dict[str, str], at: Window[Place]) -> str:
    place = {"page": "first"}
    if at.before is not None:
        place = {"before": write_cursor(at.before.started_at, at.before.other)}
    size = {"limit": request.query["limit"]} if "limit" in request.query else {}
    mark = "&" if "?" in collection else "?"
    return f"{collection}{mark}{urlencode({**given, **place, **size})}"
