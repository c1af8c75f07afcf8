"""GET of things of a site: what may be shown of one, how many follow it, and for the site alone
who does, and who waits to.

A thing is asked for by its own IRI. Who may see it is said in the configuration, and "nobody" when
nothing is said; the site itself, with its token, sees all that it told.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, TypeAlias
from urllib.parse import urlencode
from uuid import UUID

from aiohttp import hdrs, web

from apserver.core.document import parse
from apserver.core.hypertext import NOTHING
from apserver.core.namespace import with_definitions
from apserver.core.negotiation import as2_media_type
from apserver.core.origin import key_of
from apserver.core.things import ThingType
from apserver.core.times import stamp
from apserver.core.vocabulary import AS2_CONTEXT
from apserver.errors import BadInput, Forbidden, Missing, NotTrusted
from apserver.serve.documents import page_of
from apserver.serve.follow_forms import follow_part
from apserver.serve.follows import FILTERS, follows_page
from apserver.serve.pages import PARAMETERS, Window, look, page_bytes, window_of
from apserver.serve.responses import accepted_by, reply
from apserver.serve.sessions import page_reader, wants_page
from apserver.serve.site import (
    Site,
    bearer_of,
    check_not_blocked,
    holder_of_token,
    is_site,
    site_of,
)
from apserver.serve.streams import OF_A_THING
from apserver.store import aliases, objects, things
from apserver.store.db import Connection
from apserver.store.objects import ObjectRow
from apserver.store.things import PendingFollow

#: A follow that waits, by the keys of who asks and of what.
_Place: TypeAlias = tuple[UUID, UUID]


async def get_thing(request: web.Request) -> web.Response:
    """A thing by ``id``; 410 with its Tombstone when it was deleted. A user of the site is shown by
    its actor here, which the answer leads to."""
    kind, iri = await _registered(request)
    site = site_of(request)
    if kind.user:
        return await _see_actor(site, iri)
    row = await _row(site, iri)
    if row.deleted_at is not None:
        body = objects.compose(row.document, None)
        return _answer(request, body, kind, status=410)
    async with site.db.connection() as conn:
        known = await aliases.actors_for(conn, [iri])
    actor = known[iri].actor_id if iri in known else None
    # What was kept under an earlier configuration shows no more than this one allows.
    document = kind.shown(iri, parse(row.document))
    document = {"@context": AS2_CONTEXT, **document, **_links(site, kind, iri, actor)}
    document.setdefault("url", iri)
    if not wants_page(request):
        return _answer(request, json.dumps(document, ensure_ascii=False).encode(), kind)
    reader = await page_reader(request)
    below = NOTHING
    if kind.followable:
        elsewhere = iri if kind.facade else None
        below = await follow_part(request, reader, iri, elsewhere=elsewhere)
    return page_of(request, document, shared=True, reader=reader, below=below)


async def get_followers(request: web.Request) -> web.Response:
    """How many follow a thing; and who, for the site alone, which asks as an actor does for its
    own (`serve.follows`)."""
    kind, iri = await _registered(request, *FILTERS["followers"], *PARAMETERS)
    by_site, asks = await is_site(request), len(request.query) > 1
    if asks and not by_site:
        raise (NotTrusted if bearer_of(request) is None else Forbidden)(
            "Who follows a thing is for the site to know. Send its token, one of scope site."
        )
    site = site_of(request)
    row = await _row(site, iri)
    url = _url(site, "/things/followers", iri)
    async with site.db.connection() as conn:
        if asks:
            body = await follows_page(conn, request, side="followers", whose=iri, collection=url)
            return _answer(request, body, kind, shared=False)
        total = await things.count_followers(conn, row.key)
    head: dict[str, Any] = {
        "@context": AS2_CONTEXT,
        "id": url,
        "type": "OrderedCollection",
        **({} if total is None else {"totalItems": total}),
        **({"first": f"{url}&page=first"} if by_site else {}),
    }
    body = json.dumps(head).encode()
    return _answer(request, body, kind, shared=not by_site, max_age_s=0)


async def get_pending(request: web.Request) -> web.Response:
    """The follows of a thing and of its façade that wait for the site's Accept or Reject."""
    token = bearer_of(request)
    if token is None:
        raise NotTrusted("Send the token of the site: Authorization: Bearer TOKEN")
    await holder_of_token(request, token)
    kind, iri = await _registered(request, *PARAMETERS)
    if "after" in request.query:
        raise BadInput("Follows that wait are read in one direction: use before.")
    window = window_of(request.query, _position, _position)
    site = site_of(request)
    collection = _url(site, "/things/pending", iri)
    if window is None:
        head = {
            "@context": AS2_CONTEXT,
            "id": collection,
            "type": "OrderedCollection",
            "first": f"{collection}&page=first",
        }
        return _answer(request, json.dumps(head).encode(), kind, shared=False)
    async with site.db.connection() as conn:
        known = await aliases.facades_of(conn, [iri])
        asked = {key_of(one): one for one in (iri, *known.values())}
        body = await _pending_page(conn, asked, window, collection=collection)
    return _answer(request, body, kind, shared=False)


async def _pending_page(
    conn: Connection, asked: Mapping[UUID, str], window: Window[_Place], *, collection: str
) -> bytes:
    async def read(edge: _Place | None, limit: int) -> list[PendingFollow]:
        return await things.pending(conn, list(asked), after=edge, limit=limit)

    async def sift(found: list[PendingFollow]) -> list[PendingFollow]:
        return found

    seen = await look(window, read=read, sift=sift, at=lambda one: (one.subject, one.object))
    return page_bytes(
        seen,
        window,
        part_of=collection,
        url=lambda at: (
            f"{collection}&page=first"
            if at.before is None
            else f"{collection}&before={at.before[0].hex}{at.before[1].hex}&limit={at.limit}"
        ),
        items=[json.dumps(_follow(one, asked), ensure_ascii=False).encode() for one in seen.items],
    )


def _follow(pending: PendingFollow, asked: Mapping[UUID, str]) -> dict[str, Any]:
    follow = {
        "id": pending.follow_id,
        "type": "Follow",
        "actor": pending.actor_id,
        "object": asked[pending.object],
        "published": stamp(pending.asked_at),
        "followFlag": pending.flag or None,
        "actorOnly": pending.actor_only,
    }
    return with_definitions({name: one for name, one in follow.items() if one is not None})


async def _row(site: Site, iri: str) -> ObjectRow:
    """What the site told of a thing; Missing when it told nothing."""
    async with site.db.connection() as conn:
        row = (await objects.objects_by_key(conn, [key_of(iri)])).get(key_of(iri))
    if row is None or row.kind != "site":
        raise Missing
    return row


async def _see_actor(site: Site, iri: str) -> web.Response:
    async with site.db.connection() as conn:
        known = await aliases.actors_for(conn, [iri])
    if iri not in known:
        raise Missing
    return web.Response(status=303, headers={hdrs.LOCATION: known[iri].actor_id})


async def _registered(request: web.Request, *also: str) -> tuple[ThingType, str]:
    """What ``id`` names, if it is of a type that the asker may see; else Missing."""
    unknown = set(request.query) - {"id", *also}
    if unknown:
        raise BadInput(f"Unknown parameter: {min(unknown)}. Known: {', '.join(('id', *also))}.")
    iri = request.query.get("id", "")
    if not iri:
        raise BadInput("Name the thing by its own id: ?id=IRI.")
    check_not_blocked(request)
    by_site = await is_site(request)
    kind = site_of(request).registry.things.find(iri)
    if kind is None or not (by_site or kind.access == "public"):
        raise Missing
    return kind, iri


def _links(site: Site, kind: ThingType, iri: str, actor: str | None) -> dict[str, Any]:
    links: dict[str, Any] = {
        "streams": [_url(site, f"/streams/{role}", iri) for role in OF_A_THING],
    }
    if kind.followable:
        links["followers"] = _url(site, "/things/followers", iri)
    return links if actor is None else {**links, "alsoKnownAs": [actor]}


def _url(site: Site, path: str, iri: str) -> str:
    return f"{site.names.origin}{path}?{urlencode({'id': iri})}"


def _position(text: str) -> _Place:
    try:
        return UUID(hex=text[:32]), UUID(hex=text[32:])
    except ValueError:
        raise BadInput("before is taken from the links of a page.") from None


def _answer(
    request: web.Request,
    body: bytes,
    kind: ThingType,
    *,
    status: int = 200,
    shared: bool = True,
    max_age_s: int = 60,
) -> web.Response:
    media_type = as2_media_type(accepted_by(request))
    shared = shared and kind.access == "public"
    cache = f"public, max-age={max_age_s}" if shared else "private, no-store"
    vary = f"{hdrs.ACCEPT}, {hdrs.AUTHORIZATION}, Signature"
    if status == 200:
        return reply(request, body, content_type=media_type, cache=cache, vary=vary)
    headers = {hdrs.CONTENT_TYPE: media_type, hdrs.CACHE_CONTROL: cache, hdrs.VARY: vary}
    return web.Response(status=status, body=body, headers=headers)
