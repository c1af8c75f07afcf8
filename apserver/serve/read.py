"""GET: actors, objects and activities, to whoever may read them.

What may not be read is not told from what is not there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiohttp import hdrs, web

from apserver.core.actors import endpoints, handle, with_links
from apserver.core.audience import Visibility, may_read
from apserver.core.collections import REACTIONS, with_reactions
from apserver.core.document import parse, render
from apserver.core.hypertext import NOTHING
from apserver.core.names import Names, collection_id
from apserver.core.negotiation import prefers_html
from apserver.core.origin import key_of
from apserver.core.profile_page import profile_page
from apserver.core.vocabulary import COLLECTION_TYPES
from apserver.errors import Missing
from apserver.serve import collections
from apserver.serve.collection_pages import total
from apserver.serve.documents import document, intact, page_or_document, tombstone
from apserver.serve.follow_forms import follow_part
from apserver.serve.html import VARY, answer_page, path_of
from apserver.serve.openapi import link_to_description
from apserver.serve.responses import accepted_by
from apserver.serve.sessions import page_reader, wants_page
from apserver.serve.site import Site, check_not_blocked, site_of, viewer_of
from apserver.serve.streams import with_streams
from apserver.serve.viewing import viewer_among, viewer_of_one
from apserver.store import objects
from apserver.store.actors import Actor


async def get_actor(request: web.Request) -> web.Response:
    """An actor of ours."""
    site = site_of(request)
    actor = await site.lookups.actors.get(key_of(site.names.actor(request.match_info["name"])))
    if actor is None or not actor.ours:
        raise Missing
    if actor.gone_at is not None:
        return tombstone(request, actor.document, shared=True)
    if not actor.is_active:
        raise Missing
    if actor.id != site.names.instance:
        check_not_blocked(request)
    if wants_page(request):
        return await _profile(request, site, actor)
    # The same for everybody: signed requests, each with another signature, share one copy.
    body = _linked(intact(actor.document, "actor", actor.key), site.names)
    if actor.id != site.names.instance:
        body = with_streams(body, site, actor.id)
    # But for who asks for a page and is no person: a cache must not show people what it got.
    vary = VARY if prefers_html(accepted_by(request)) else hdrs.ACCEPT
    response = document(request, body, shared=True, vary=vary)
    response.headers[hdrs.LINK] = link_to_description(request)
    return response


async def get_object(request: web.Request) -> web.Response:
    """An object of ours; a deleted one is a Tombstone with 410 (AP-C2S-28)."""
    site = site_of(request)
    reader = await page_reader(request)
    viewer = reader.id if reader else await viewer_of(request)
    key = key_of(f"{site.names.origin}{request.path}")
    row = await site.lookups.objects.get(key)
    if row is None or row.kind != "ours":
        raise Missing
    site.live.check_shown(row.author)
    if row.type in COLLECTION_TYPES and reader is not None:
        reader = viewer = None  # there is no page of it, and a cookie opens nothing else
    if not may_read(await viewer_of_one(site, viewer, row.author), row):
        raise Missing
    body = intact(objects.compose(row.document, row.context), "object", key)
    if row.type in COLLECTION_TYPES:
        return await collections.get_custom(request, site, row, viewer)
    shared = row.visibility <= Visibility.UNLISTED
    if row.deleted_at is not None:
        return tombstone(request, body, shared=shared)
    reactions = collection_id(row.id, REACTIONS)
    totals = await _totals(site, [*objects.counted_of(row), reactions])
    counted, context = objects.as_counted(row, totals), row.context
    if totals.get(reactions):
        counted, context = with_reactions(counted, context, row.id)
    body = objects.compose(counted, context)
    below = await follow_part(request, reader, row.id) if wants_page(request) else NOTHING
    return page_or_document(request, body, shared=shared, reader=reader, below=below)


async def _profile(request: web.Request, site: Site, actor: Actor) -> web.Response:
    """The page of an actor of ours."""
    reader = await page_reader(request)
    below = NOTHING
    if actor.id != site.names.instance:
        below = await follow_part(request, reader, actor.id, elsewhere=actor.id)
    page = profile_page(
        parse(actor.document),
        handle=handle(actor.name or "", site.handle_host),
        reader=reader,
        below=below,
        here=path_of(request),
    )
    return answer_page(request, page, shared=reader is None)


def _linked(document: bytes, names: Names) -> bytes:
    """An actor with links to all that it has here. Nearly all are stored so: the endpoints tell."""
    if render(endpoints(names)) in document:
        return document
    return render(with_links(parse(document), names))


async def _totals(site: Site, ids: Sequence[str]) -> dict[str, int]:
    """What everybody is told of these collections: all by one question."""
    found = await asyncio.gather(*(site.lookups.collections.get(key_of(one)) for one in ids))
    return {one.id: total(one, is_owner=False) for one in found if one is not None}


async def get_activity(request: web.Request) -> web.Response:
    """An activity of ours; a deleted one is a Tombstone with 410."""
    site = site_of(request)
    reader = await page_reader(request)
    viewer = reader.id if reader else await viewer_of(request)
    key = key_of(f"{site.names.origin}{request.path}")
    async with site.db.connection() as conn:
        row = (await objects.own_activities(conn, [key])).get(key)
        if row is None:
            raise Missing
        if row.type != "Delete" or not site.live.is_ending(row.actor):
            site.live.check_shown(row.actor)
        if not may_read(await viewer_among(conn, viewer, [row.actor]), row):
            raise Missing
        [body] = await objects.compose_activities(conn, [row])
    body = intact(body, "activity", row.key)
    shared = row.visibility <= Visibility.UNLISTED
    if row.deleted_at is not None:
        return tombstone(request, body, shared=shared)
    return page_or_document(request, body, shared=shared, reader=reader)
