"""For whoever watches the process: is it alive, can it work? And a word for people at ``/``."""

from __future__ import annotations

from aiohttp import web

from apserver import __version__
from apserver.errors import ApserverError
from apserver.serve.door import DRAINING
from apserver.serve.site import site_of


async def get_livez(request: web.Request) -> web.Response:
    """200 as long as the process answers at all."""
    return web.Response(text="alive\n")


async def get_readyz(request: web.Request) -> web.Response:
    """200 when PostgreSQL answers and the process is not about to stop; else 503."""
    if request.app[DRAINING].is_set():
        return web.Response(status=503, text="the server is stopping\n")
    try:
        await site_of(request).db.check_answers()
    except ApserverError:
        return web.Response(status=503, text="PostgreSQL does not answer\n")
    return web.Response(text="ready\n")


async def get_home(request: web.Request) -> web.Response:
    """What this is."""
    site = site_of(request)
    return web.Response(
        text=f"apserver {__version__}, an ActivityPub server.\n"
        f"Actors: {site.names.actor('NAME')}, as @NAME@{site.handle_host}\n"
    )
