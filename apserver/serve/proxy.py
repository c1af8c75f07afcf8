"""POST of a form with an ``id``: what lies there, as the client's actor may see it (AP 4.1).

What is of this server is answered as a GET of that actor is. All else is fetched (`flow.proxied`).
No URL leads to such an answer, so that nobody can take it for a document of ours (FEP-fe34).
"""

from __future__ import annotations

from urllib.parse import urlencode

from aiohttp import hdrs, web
from yarl import URL

from apserver.core.document import render
from apserver.core.forms import FORM_TYPE, parse_form
from apserver.core.origin import check_id, same_origin
from apserver.core.vocabulary import ACTIVITY_JSON
from apserver.errors import BadInput, BadMediaType, Missing
from apserver.serve.site import Site, body_of, holder_of, site_of

_CACHE = "private, no-store"


async def post_proxy(request: web.Request) -> web.StreamResponse:
    """The document, as activity+json."""
    site = site_of(request)
    holder = await holder_of(request)
    id_ = await _id_in(request)
    own = _own_place(site, id_)
    if own is not None:
        return await _own(request, own)
    document = await site.proxy.document(id_, reader=holder.actor)
    return web.Response(
        body=render(document),
        content_type=ACTIVITY_JSON,
        headers={hdrs.CACHE_CONTROL: _CACHE},
    )


async def _id_in(request: web.Request) -> str:
    if request.content_type != FORM_TYPE:
        raise BadMediaType(f"Send the id in a form, as {FORM_TYPE}.")
    fields = parse_form(await body_of(request))
    if not fields.get("id"):
        raise BadInput("Send the id of what you want to read, as the field id.")
    return check_id(fields["id"], allow_http=site_of(request).allow_http).partition("#")[0]


def _own_place(site: Site, id_: str) -> str | None:
    """The path and query under which it is read here, if it is of this server or of a site that
    uses it."""
    if site.registry.things.find(id_) is not None:
        return f"/things?{urlencode({'id': id_})}"
    if same_origin(id_, site.names.origin):
        place = id_.removeprefix(site.names.origin) or "/"
        if place.startswith("//"):
            raise Missing  # as a reference that would name another host (RFC 3986 4.2)
        return place
    return None


async def _own(request: web.Request, place: str) -> web.StreamResponse:
    """The answer to a GET of the same client."""
    headers = {
        hdrs.HOST: request.headers[hdrs.HOST],
        hdrs.AUTHORIZATION: request.headers[hdrs.AUTHORIZATION],
        hdrs.ACCEPT: ACTIVITY_JSON,
    }
    asked = request.clone(method="GET", rel_url=URL(place, encoded=True), headers=headers)
    match = await request.app.router.resolve(asked)
    if match.http_exception is not None:
        raise Missing
    match.add_app(request.app)
    asked._match_info = match  # as web.Application does it; there is no other way in aiohttp
    response = await match.handler(asked)
    if response.content_type != ACTIVITY_JSON:
        raise Missing  # a page, or where something else is
    response.headers[hdrs.CACHE_CONTROL] = _CACHE
    response.headers.popall(hdrs.ETAG, None)
    return response
