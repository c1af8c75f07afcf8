"""WebFinger: from a handle to an actor (RFC 7033)."""

from __future__ import annotations

import json

from aiohttp import hdrs, web

from apserver.core.actors import webfinger
from apserver.core.origin import fold_name, key_of, parse_handle
from apserver.core.vocabulary import JRD_JSON
from apserver.errors import BadInput, Missing
from apserver.serve.site import Site, site_of
from apserver.store import actors
from apserver.store.actors import Actor


async def get_webfinger(request: web.Request) -> web.Response:
    """The JRD of an actor of ours, asked for by handle or by id, on either of our hosts."""
    resource = request.query.get("resource", "")
    if not resource:
        raise BadInput("Ask with ?resource=acct:NAME@HOST.")
    site = site_of(request)
    actor = await _find(site, resource)
    if actor is None or not actor.ours or actor.gone_at is not None or actor.name is None:
        raise Missing
    jrd = webfinger(actor.id, actor.name, site.handle_host)
    rels = request.query.getall("rel", [])
    if rels:
        jrd["links"] = [link for link in jrd["links"] if link["rel"] in rels]
    return web.Response(
        body=json.dumps(jrd).encode(),
        content_type=JRD_JSON,
        headers={hdrs.CACHE_CONTROL: "public, max-age=3600"},
    )


async def _find(site: Site, resource: str) -> Actor | None:
    if resource.startswith(("https://", "http://")):
        async with site.db.connection() as conn:
            return await actors.actor_by_key(conn, key_of(resource))
    handle = parse_handle(resource)
    if handle.host not in (site.handle_host, site.names.origin.partition("://")[2]):
        return None
    async with site.db.connection() as conn:
        return await actors.actor_by_handle(conn, site.handle_host, fold_name(handle.name))
