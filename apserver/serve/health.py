"""For whoever watches the process: is it alive, can it work? And a word for people at ``/``."""

from __future__ import annotations

from aiohttp import hdrs, web

from apserver import __version__
from apserver.errors import ApserverError
from apserver.serve.door import DRAINING
from apserver.serve.openapi import link_to_description
from apserver.serve.responses import reply
from apserver.serve.site import site_of

_TEXT = "text/plain; charset=utf-8"


async def get_livez(request: web.Request) -> web.Response:
    """200 as long as the process answers at all."""
    return _now("alive\n")


async def get_readyz(request: web.Request) -> web.Response:
    """200 when PostgreSQL answers and the process is not about to stop; else 503."""
    if request.app[DRAINING].is_set():
        return _now("the server is stopping\n", status=503)
    try:
        await site_of(request).db.check_answers()
    except ApserverError:
        return _now("PostgreSQL does not answer\n", status=503)
    return _now("ready\n")


async def get_home(request: web.Request) -> web.Response:
    """What this is."""
    site = site_of(request)
    text = (
        f"apserver {__version__}, an ActivityPub server.\n"
        f"Actors: {site.names.actor('NAME')}, as @NAME@{site.handle_host}\n"
        f"To sign in: {site.names.origin}/login\n"
    )
    response = reply(request, text.encode(), content_type=_TEXT, cache="public, max-age=3600")
    response.headers[hdrs.LINK] = link_to_description(request)
    return response


def _now(text: str, *, status: int = 200) -> web.Response:
    """What is true at this moment only."""
    return web.Response(status=status, text=text, headers={hdrs.CACHE_CONTROL: "no-store"})
