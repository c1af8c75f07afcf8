"""WebFinger: from a handle to an actor (RFC 7033); host-meta: from a host to WebFinger."""

from __future__ import annotations

import json
import re
from typing import Any

from aiohttp import web

from apserver.core.discovery import host_meta, host_meta_xrd, person_webfinger, server_webfinger
from apserver.core.names import INSTANCE
from apserver.core.negotiation import choose
from apserver.core.origin import fold_name, key_of, parse_handle
from apserver.core.vocabulary import JRD_JSON, XRD_XML
from apserver.errors import BadInput, Gone, Missing
from apserver.serve.responses import accepted_by, reply
from apserver.serve.site import Site, site_of
from apserver.store import actors
from apserver.store.actors import Actor

_CACHE = "public, max-age=3600"
#: What may name something, if nothing here: any URI (WF-10), and an acct: URI with both halves.
_NAMES_SOMETHING = re.compile(r"(?!acct:)[a-z][a-z0-9+.-]*:.+|acct:[^@]+@[^@]+", re.IGNORECASE)


async def get_webfinger(request: web.Request) -> web.Response:
    """The JRD of an actor of ours, asked for by handle or by id, on either of our hosts.

    The root of the server and `acct:instance@HOST` stand for the actor that speaks for it.
    """
    resource = request.query.get("resource", "")
    if not resource:
        raise BadInput("Ask with ?resource=acct:NAME@HOST.")
    site = site_of(request)
    actor = await _find(site, resource)
    if actor is None or not actor.ours or actor.name is None:
        raise Missing
    if actor.gone_at is not None:
        raise Gone
    if not actor.is_active:
        raise Missing
    jrd = _jrd(site, actor.id, actor.name)
    rels = request.query.getall("rel", [])
    if rels:
        jrd["links"] = [link for link in jrd["links"] if link["rel"] in rels]
    body = json.dumps(jrd).encode()
    return reply(request, body, content_type=JRD_JSON, cache=_CACHE)


def _jrd(site: Site, id_: str, name: str) -> dict[str, Any]:
    if name == INSTANCE:
        return server_webfinger(site.names, name, site.handle_host)
    return person_webfinger(site.names, id_, name, site.handle_host)


async def _find(site: Site, resource: str) -> Actor | None:
    hosts = (site.handle_host, site.names.origin.partition("://")[2])
    if resource.startswith(("https://", "http://")):
        bare = resource.removesuffix("/").partition("://")[2].lower()
        iri = site.names.instance if bare in hosts else resource
        async with site.db.connection() as conn:
            return await actors.actor_by_key(conn, key_of(iri))
    try:
        handle = parse_handle(resource)
    except BadInput:
        if _NAMES_SOMETHING.fullmatch(resource):
            return None
        raise
    if handle.host not in hosts:
        return None
    async with site.db.connection() as conn:
        found = await actors.actor_by_handle(conn, site.handle_host, fold_name(handle.name))
    return found or await site.stand_ins.find(handle.name)


async def get_host_meta(request: web.Request) -> web.Response:
    """XRD, which old clients read, or JSON when that is asked for (RFC 6415 3)."""
    if choose(accepted_by(request), (XRD_XML, JRD_JSON, "application/json")) in (None, XRD_XML):
        body = host_meta_xrd(site_of(request).names).encode()
        return reply(request, body, content_type=XRD_XML, cache=_CACHE)
    return await get_host_meta_json(request)


async def get_host_meta_json(request: web.Request) -> web.Response:
    """The same as JSON."""
    body = json.dumps(host_meta(site_of(request).names)).encode()
    return reply(request, body, content_type=JRD_JSON, cache=_CACHE)
