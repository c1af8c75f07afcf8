"""All URLs, in one table, and the web application that is made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from aiohttp import web

from apserver.core.names import COLLECTIONS
from apserver.serve import discovery, health, inbox, middleware, outbox, read
from apserver.serve.site import SITE, Site


@dataclass(frozen=True, slots=True)
class Route:
    """One URL. ``who`` tells who may ask: anybody (and sees what he may), an actor's own client
    with its token, or another server with its signature. Checked by the handler."""

    method: Literal["GET", "POST"]
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    who: Literal["anybody", "token", "signature"]


_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

ROUTES = (
    Route("GET", "/", health.get_home, "anybody"),
    Route("GET", "/livez", health.get_livez, "anybody"),
    Route("GET", "/readyz", health.get_readyz, "anybody"),
    Route("GET", "/.well-known/webfinger", discovery.get_webfinger, "anybody"),
    Route("GET", "/actors/{name}", read.get_actor, "anybody"),
    Route(
        "GET",
        f"/actors/{{name}}/{{collection:{'|'.join(COLLECTIONS)}}}",
        read.get_collection,
        "anybody",
    ),
    Route("GET", f"/objects/{{unique:{_UUID}}}", read.get_object, "anybody"),
    Route("GET", f"/activities/{{unique:{_UUID}}}", read.get_activity, "anybody"),
    Route("POST", "/inbox", inbox.post_shared_inbox, "signature"),
    Route("POST", "/actors/{name}/inbox", inbox.post_inbox, "signature"),
    Route("POST", "/actors/{name}/outbox", outbox.post_outbox, "token"),
)


def application(site: Site) -> web.Application:
    """The web application of a site."""
    app = web.Application(middlewares=[middleware.around])
    app[SITE] = site
    app[middleware.RATE] = middleware.RateLimiter(site.requests_per_minute)
    for route in ROUTES:
        if route.method == "GET":
            app.router.add_get(route.path, route.handler)
        else:
            app.router.add_post(route.path, route.handler)
    return app
