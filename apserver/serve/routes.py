"""All URLs, in one table, and the web application that is made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from apserver.core import limits
from apserver.core.collections import OF_ACTORS, OF_OBJECTS
from apserver.core.rate_limit import RateLimiter
from apserver.core.scopes import Scope
from apserver.serve import (
    collections,
    discovery,
    health,
    inbox,
    namespace,
    nodeinfo,
    outbox,
    public_objects,
    read,
    streams,
    things,
)
from apserver.serve.door import watch
from apserver.serve.headers import STANDING_HEADERS, standing_headers
from apserver.serve.middleware import around
from apserver.serve.rate import RATE
from apserver.serve.site import BODY, SCOPE, SITE, Site


@dataclass(frozen=True, slots=True)
class Route:
    """One URL. ``who`` tells who may ask: anybody (and sees what he may), an actor's own client
    with its token, or another server with its signature. Checked by the handler.

    ``body`` is the most bytes that a request may carry: 0 when none is read. How often one may ask
    is the same for all (`serve.rate`).
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    who: Literal["anybody", "token", "signature"]
    body: int = 0
    asks: Scope | None = None

    def __post_init__(self) -> None:
        if (self.method == "POST") != (self.body > 0):
            raise ValueError(f"{self.method} {self.path}: a POST has a limit, a GET no body")

    @property
    def scope(self) -> Scope:
        """What a token that is used here must hold."""
        return self.asks or ("read" if self.method == "GET" else "write")

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to this URL."""
        request[SCOPE] = self.scope
        request[BODY] = self.body
        return await self.handler(request)


_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

ROUTES = (
    Route("GET", "/", health.get_home, "anybody"),
    Route("GET", "/livez", health.get_livez, "anybody"),
    Route("GET", "/readyz", health.get_readyz, "anybody"),
    Route("GET", "/.well-known/webfinger", discovery.get_webfinger, "anybody"),
    Route("GET", "/.well-known/host-meta", discovery.get_host_meta, "anybody"),
    Route("GET", "/.well-known/host-meta.json", discovery.get_host_meta_json, "anybody"),
    Route("GET", "/.well-known/nodeinfo", nodeinfo.get_nodeinfo_links, "anybody"),
    Route("GET", "/nodeinfo/2.0", nodeinfo.get_nodeinfo("2.0"), "anybody"),
    Route("GET", "/nodeinfo/2.1", nodeinfo.get_nodeinfo("2.1"), "anybody"),
    Route("GET", "/nodeinfo/2.2", nodeinfo.get_nodeinfo("2.2"), "anybody"),
    Route("GET", "/ns", namespace.get_namespace, "anybody"),
    Route("GET", "/actors/{name}", read.get_actor, "anybody"),
    Route(
        "GET",
        f"/actors/{{name}}/{{collection:{'|'.join(OF_ACTORS)}}}",
        collections.get_of_actor,
        "anybody",
    ),
    Route("GET", "/actors/{name}/streams/{stream}", streams.get_stream_of_actor, "anybody"),
    Route("GET", "/streams/public", streams.get_public_stream, "anybody"),
    Route("GET", "/streams/type/{type:.+}", streams.get_stream_of_type, "anybody"),
    Route("GET", "/streams/custom/{stream}", streams.get_custom_stream, "anybody"),
    Route(
        "GET",
        f"/streams/{{role:{'|'.join(streams.OF_A_THING)}}}",
        streams.get_stream_of_thing,
        "anybody",
    ),
    Route("GET", f"/objects/{{unique:{_UUID}}}", read.get_object, "anybody"),
    Route(
        "GET",
        f"/objects/{{unique:{_UUID}}}/{{collection:{'|'.join(OF_OBJECTS)}}}",
        collections.get_of_object,
        "anybody",
    ),
    Route("GET", f"/activities/{{unique:{_UUID}}}", read.get_activity, "anybody"),
    Route("GET", "/inbox", public_objects.get_shared_inbox, "anybody"),
    Route("POST", "/inbox", inbox.post_shared_inbox, "signature", limits.BODY),
    Route("POST", "/actors/{name}/inbox", inbox.post_inbox, "signature", limits.BODY),
    Route("POST", "/actors/{name}/outbox", outbox.post_outbox, "token", limits.BODY),
    Route("POST", "/outbox", outbox.post_site_outbox, "token", limits.BODY, asks="site"),
    Route("GET", "/things", things.get_thing, "anybody"),
    Route("GET", "/things/followers", things.get_followers, "anybody"),
    Route("GET", "/things/pending", things.get_pending, "token", asks="site"),
)


def application(site: Site) -> web.Application:
    """The web application of a site."""
    app = web.Application(middlewares=[around])
    watch(app)
    app[SITE] = site
    app[RATE] = RateLimiter(site.requests_per_minute)
    app[STANDING_HEADERS] = standing_headers(site)
    app[nodeinfo.CENSUS] = nodeinfo.Census(site)
    for route in ROUTES:
        if route.method == "GET":
            app.router.add_get(route.path, route.handle)
        else:
            app.router.add_post(route.path, route.handle)
    return app
