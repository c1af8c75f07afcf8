"""GET of the shared inbox: the public objects that are known here (ActivityPub 4.1)."""

from __future__ import annotations

import json

from aiohttp import hdrs, web

from apserver.core import limits
from apserver.core.audience import Viewer, may_read
from apserver.core.negotiation import as2_media_type
from apserver.core.vocabulary import AS2_CONTEXT
from apserver.errors import BadInput
from apserver.serve.pages import (
    PARAMETERS,
    Window,
    fitting,
    look,
    page_bytes,
    read_cursor,
    window_of,
    write_cursor,
)
from apserver.serve.responses import accepted_by, reply
from apserver.serve.site import Site, check_not_blocked, site_of
from apserver.serve.soundness import is_sound
from apserver.store.db import Connection
from apserver.store.objects import compose
from apserver.store.public_objects import Place, PublicObject, public_objects

_CACHE = "public, max-age=0"


async def get_shared_inbox(request: web.Request) -> web.Response:
    """The collection, or with ``page``, ``before`` or ``after`` a page of it.

    Everybody sees the same, whoever asks: what is in it is for all. It tells no number of items,
    as nobody counts them.
    """
    check_not_blocked(request)
    site = site_of(request)
    window = _window(request)
    if window is None:
        head = {"id": site.names.shared_inbox, "type": "OrderedCollection"}
        first = {"first": _url(site, Window())}
        body = json.dumps({"@context": AS2_CONTEXT, **head, **first}).encode()
    else:
        async with site.db.connection() as conn:
            body = await _page(conn, site, window)
    media_type = as2_media_type(accepted_by(request))
    return reply(request, body, content_type=media_type, cache=_CACHE, vary=hdrs.ACCEPT)


def _window(request: web.Request) -> Window[Place] | None:
    unknown = set(request.query) - set(PARAMETERS)
    if unknown:
        raise BadInput(f"Unknown parameter: {sorted(unknown)[0]}. Known: {', '.join(PARAMETERS)}.")
    return window_of(request.query, _read_place, _read_place)


async def _page(conn: Connection, site: Site, window: Window[Place]) -> bytes:
    async def read(edge: Place | None, limit: int) -> list[PublicObject]:
        return await public_objects(conn, edge, limit, upwards=window.is_upwards)

    async def sift(found: list[PublicObject]) -> list[PublicObject]:
        # An object is of its author's origin, so what domain rules say of one is said of the other.
        nobody = site.live.guard(Viewer(), {one.row.author: one.row.id for one in found})
        return [
            one
            for one in found
            if may_read(nobody, one.row)
            and not site.live.is_suspended(one.row.author)
            and is_sound(_body(one), table="object", key=one.row.key)
        ]

    seen = await look(window, read=read, sift=sift, at=lambda one: one.place)
    seen = fitting(seen, window, size=lambda one: len(one.row.document), at=lambda one: one.place)
    return page_bytes(
        seen,
        window,
        part_of=site.names.shared_inbox,
        url=lambda other: _url(site, other),
        items=[_body(one) for one in seen.items],
    )


def _body(one: PublicObject) -> bytes:
    return compose(one.row.document, one.row.context, nested=True)


def _url(site: Site, window: Window[Place]) -> str:
    if window.after is not None:
        place = f"after={_written(window.after)}"
    else:
        place = "page=first" if window.before is None else f"before={_written(window.before)}"
    size = "" if window.limit == limits.PAGE else f"&limit={window.limit}"
    return f"{site.names.shared_inbox}?{place}{size}"


def _written(place: Place) -> str:
    return write_cursor(place.stored_at, place.key)


def _read_place(text: str) -> Place:
    return Place(*read_cursor(text))
