"""GET: actors, objects, activities and collections, to whoever may read them.

Bytes are joined, not parsed: a page of activities is the stored envelopes and objects with
commas between. What may not be read is not told from what is not there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from aiohttp import hdrs, web

from apserver.core import limits
from apserver.core.audience import Viewer, Visibility, is_hidden, may_read
from apserver.core.names import collection_id
from apserver.core.negotiation import as2_media_type
from apserver.core.origin import key_of
from apserver.errors import ApserverError, BadInput, Forbidden, Gone, Missing, NotTrusted
from apserver.serve.follows import asks_for_follows, follows_page
from apserver.serve.pages import (
    PARAMETERS,
    Seen,
    Window,
    look,
    number,
    page_bytes,
    window_of,
)
from apserver.serve.responses import accepted_by, reply
from apserver.serve.site import Site, check_not_blocked, site_of, viewer_of
from apserver.serve.soundness import is_sound
from apserver.serve.streams import with_streams
from apserver.serve.viewing import bodies_of, viewer_among
from apserver.store import actors, collections, objects, relations
from apserver.store.collections import Collection, Member
from apserver.store.db import Connection
from apserver.store.objects import ActivityRow

#: Who is in them is their owner's to know; others get the number (decisions, "Reading").
_COUNTS_ONLY = frozenset({"followers", "following", "liked"})


async def get_actor(request: web.Request) -> web.Response:
    """An actor of ours."""
    site = site_of(request)
    actor = await site.lookups.actors.get(key_of(site.names.actor(request.match_info["name"])))
    if actor is None or not actor.ours:
        raise Missing
    if actor.gone_at is not None:
        return _tombstone(request, actor.document, shared=True)
    if not actor.is_active:
        raise Missing
    if actor.id != site.names.instance:
        check_not_blocked(request)
    # The same for everybody: signed requests, each with another signature, share one copy.
    body = _intact(actor.document, "actor", actor.key)
    if actor.id != site.names.instance:
        body = with_streams(body, site, actor.id)
    return _document(request, body, shared=True, vary=hdrs.ACCEPT)


async def get_object(request: web.Request) -> web.Response:
    """An object of ours; a deleted one is a Tombstone with 410 (AP-C2S-28)."""
    site = site_of(request)
    viewer = await viewer_of(request)
    key = key_of(f"{site.names.origin}{request.path}")
    row = await site.lookups.objects.get(key)
    if row is None or row.kind != "ours" or site.live.is_suspended(row.author):
        raise Missing
    if not may_read(await _viewer_of_one(site, viewer, row.author), row):
        raise Missing
    body = _intact(objects.compose(row.document, row.context), "object", key)
    shared = row.visibility <= Visibility.UNLISTED
    if row.deleted_at is not None:
        return _tombstone(request, body, shared=shared)
    return _document(request, body, shared=shared)


async def _viewer_of_one(site: Site, viewer: str | None, author: UUID) -> Viewer:
    if viewer is None:
        return Viewer()
    async with site.db.connection() as conn:
        return await viewer_among(conn, viewer, [author])


async def get_activity(request: web.Request) -> web.Response:
    """An activity of ours; a deleted one is a Tombstone with 410."""
    site = site_of(request)
    viewer = await viewer_of(request)
    key = key_of(f"{site.names.origin}{request.path}")
    async with site.db.connection() as conn:
        row = (await objects.own_activities(conn, [key])).get(key)
        if row is None or site.live.is_suspended(row.actor):
            raise Missing
        if not may_read(await viewer_among(conn, viewer, [row.actor]), row):
            raise Missing
        [body] = await objects.compose_activities(conn, [row])
    body = _intact(body, "activity", row.key)
    shared = row.visibility <= Visibility.UNLISTED
    if row.deleted_at is not None:
        return _tombstone(request, body, shared=shared)
    return _document(request, body, shared=shared)


async def get_collection(request: web.Request) -> web.Response:
    """A collection of an actor of ours: its head, or with ``page``, ``before``, ``after`` a page.

    The inbox is for its owner alone (AP-COL-06); of others only the public part is for all.
    """
    site = site_of(request)
    viewer = await viewer_of(request)
    owner = site.names.actor(request.match_info["name"])
    name = request.match_info["collection"]
    async with site.db.connection() as conn:
        found = await collections.collection_by_key(conn, key_of(collection_id(owner, name)))
        if found is None:
            raise await _absence(conn, owner)
        if site.live.is_suspended(found.owner):
            raise Missing
        is_owner = viewer == owner
        asks = asks_for_follows(request)
        if not is_owner and (name == "inbox" or asks):
            what = "Who follows whom" if asks else "The inbox"
            if viewer is None:
                raise NotTrusted(f"{what} is for its owner. Send the actor's bearer token.")
            raise Forbidden(f"{what} is for its owner.")
        window = None if asks else _window(request)
        if asks:
            body = await follows_page(conn, request, whose=owner, collection=found.id)
        elif window is None:
            body = _head(found, is_owner=is_owner)
        elif name in _COUNTS_ONLY and not is_owner:
            raise Missing
        else:
            body = await _page(conn, site, found, window, viewer=viewer)
    shared = viewer is None and request.headers.get(hdrs.AUTHORIZATION) is None
    return _document(request, body, shared=shared, max_age_s=0)


def _window(request: web.Request) -> Window[int] | None:
    query = request.query
    unknown = set(query) - set(PARAMETERS)
    if unknown:
        raise BadInput(f"Unknown parameter: {sorted(unknown)[0]}. Known: {', '.join(PARAMETERS)}.")
    return window_of(
        query,
        lambda text: number(text, "before", least=1),
        lambda text: number(text, "after", least=0),
    )


def _head(collection: Collection, *, is_owner: bool) -> bytes:
    head: dict[str, object] = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": collection.id,
        "type": "OrderedCollection",
        "totalItems": collection.total if is_owner else collection.public_total,
    }
    if is_owner or collection.name not in _COUNTS_ONLY:
        head["first"] = _url(collection, Window())
    return json.dumps(head, separators=(",", ":")).encode()


async def _page(
    conn: Connection, site: Site, collection: Collection, window: Window[int], *, viewer: str | None
) -> bytes:
    """A page of what the viewer may see."""
    is_owner = viewer == _owner_id(collection)
    activities = _Activities(conn)
    seen = await _visible(conn, site, collection, window, viewer, activities)
    return page_bytes(
        seen,
        window,
        part_of=collection.id,
        url=lambda other: _url(collection, other),
        items=await _items(conn, seen.items, activities),
        members={"totalItems": collection.total if is_owner else collection.public_total},
    )


def _url(collection: Collection, window: Window[int]) -> str:
    if window.after is not None:
        place = f"after={window.after}"
    else:
        place = "page=first" if window.before is None else f"before={window.before}"
    size = "" if window.limit == limits.PAGE else f"&limit={window.limit}"
    return f"{collection.id}?{place}{size}"


def _owner_id(collection: Collection) -> str:
    return collection.id.removesuffix(f"/{collection.name}")


class _Activities:
    """The activities that a page is about, each loaded once."""

    def __init__(self, conn: Connection):
        self._conn = conn
        self._asked: set[UUID] = set()
        self._found: dict[UUID, ActivityRow] = {}

    async def of(self, members: Sequence[Member]) -> Mapping[UUID, ActivityRow]:
        """Those of these members, among others, by key."""
        wanted = {one.item for one in members if one.iri is None} - self._asked
        if wanted:
            self._found |= await objects.activities_by_key(self._conn, wanted)
            self._asked |= wanted
        return self._found


async def _visible(
    conn: Connection,
    site: Site,
    collection: Collection,
    window: Window[int],
    viewer: str | None,
    activities: _Activities,
) -> Seen[Member, int]:
    """Members that the viewer may see.

    Strangers are served from the public part alone; others may make it load a few times.
    """
    is_owner = viewer == _owner_id(collection)

    async def read(edge: int | None, limit: int) -> list[Member]:
        rows = await collections.page_of(
            conn,
            collection.key,
            limit=limit,
            before=None if window.is_upwards else edge,
            after=edge if window.is_upwards else None,
            public_only=viewer is None,
        )
        return rows[::-1] if window.is_upwards else rows

    async def sift(members: list[Member]) -> list[Member]:
        return await _readable(conn, site, members, viewer, activities, is_owner=is_owner)

    return await look(window, read=read, sift=sift, at=lambda member: member.position)


async def _readable(
    conn: Connection,
    site: Site,
    members: Sequence[Member],
    viewer: str | None,
    activities: _Activities,
    *,
    is_owner: bool,
) -> list[Member]:
    """What is for the viewer: for the owner all that is in it, but of those blocked either way,
    and what moderation hides."""
    if is_owner and site.live.hides_nothing:
        authors = list({one.author for one in members})
        estranged = await relations.estranged_from(conn, key_of(str(viewer)), authors)
        return [one for one in members if one.author not in estranged]
    rows = await activities.of(members)
    who = await viewer_among(conn, viewer, [row.actor for row in rows.values()])
    who = site.live.guard(who, {row.actor: row.actor_id for row in rows.values()})
    if not is_owner:
        return [one for one in members if one.item in rows and may_read(who, rows[one.item])]
    return [one for one in members if not _is_kept_from_owner(site, who, one, rows.get(one.item))]


def _is_kept_from_owner(site: Site, who: Viewer, one: Member, row: ActivityRow | None) -> bool:
    if one.iri is not None:
        return site.live.barred(one.iri) is not None
    return row is not None and is_hidden(who, row.actor, asking=row.type == "Follow")


async def _items(
    conn: Connection, members: Sequence[Member], activities: _Activities
) -> list[bytes]:
    """Each member as it is shown: an id, or the whole activity. What is damaged is left out."""
    rows = await activities.of(members)
    shown: list[ActivityRow] = [rows[one.item] for one in members if one.item in rows]
    bodies = await bodies_of(conn, shown)
    return [
        bodies[one.item] if one.iri is None else json.dumps(one.iri).encode()
        for one in members
        if one.iri is not None or one.item in bodies
    ]


async def _absence(conn: Connection, owner: str) -> Missing:
    """Why a collection is not there: its actor is gone, or never was."""
    actor = await actors.actor_by_key(conn, key_of(owner))
    return Missing() if actor is None or not actor.ours or actor.gone_at is None else Gone()


def _intact(body: bytes, table: str, key: UUID) -> bytes:
    """The bytes of a row, when they are JSON still; else it is our fault, and logged (500)."""
    if not is_sound(body, table=table, key=key):
        raise ApserverError(f"{table} {key} is damaged")
    return body


def _tombstone(request: web.Request, body: bytes, *, shared: bool) -> web.Response:
    """410 with what stays of a deleted thing (AP-C2S-28, IO-89)."""
    return web.Response(
        status=410,
        body=body,
        headers={
            hdrs.CONTENT_TYPE: as2_media_type(accepted_by(request)),
            hdrs.CACHE_CONTROL: "public, max-age=60" if shared else "private, no-store",
            hdrs.VARY: f"{hdrs.ACCEPT}, {hdrs.AUTHORIZATION}, Signature",
        },
    )


def _document(
    request: web.Request,
    body: bytes,
    *,
    shared: bool,
    max_age_s: int = 60,
    vary: str = "Accept, Authorization, Signature",
    status: int = 200,
) -> web.Response:
    """A document in the media type that was asked for; what is not for all is cached by none."""
    media_type = as2_media_type(accepted_by(request))
    cache = f"public, max-age={max_age_s}" if shared else "private, no-store"
    return reply(request, body, content_type=media_type, cache=cache, vary=vary, status=status)
