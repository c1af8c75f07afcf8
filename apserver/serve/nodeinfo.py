"""NodeInfo: which software this is, for those who count servers."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

from aiohttp import web

from apserver import __version__
from apserver.core.discovery import (
    NodeInfoVersion,
    nodeinfo,
    nodeinfo_links,
    nodeinfo_profile,
)
from apserver.serve.responses import reply
from apserver.serve.site import Site, site_of
from apserver.store import actors

_SOFTWARE = {"name": "apserver", "version": __version__}
_CACHE = "public, max-age=3600"
_COUNTED_FOR_S = 3600.0


class Census:
    """How many actors live here, counted at most once an hour."""

    def __init__(self, site: Site):
        self._db = site.db
        self._counting = asyncio.Lock()
        self._users = 0
        self._until = float("-inf")

    async def users(self) -> int:
        """The number; up to an hour old."""
        async with self._counting:
            if time.monotonic() >= self._until:
                async with self._db.connection() as conn:
                    self._users = await actors.count_own(conn)
                self._until = time.monotonic() + _COUNTED_FOR_S
            return self._users


CENSUS = web.AppKey("census", Census)


async def get_nodeinfo_links(request: web.Request) -> web.Response:
    """Where the documents are."""
    body = json.dumps(nodeinfo_links(site_of(request).names)).encode()
    return reply(request, body, content_type="application/json", cache=_CACHE)


def get_nodeinfo(version: NodeInfoVersion) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The handler of the document of this version."""

    async def get(request: web.Request) -> web.Response:
        users = await request.app[CENSUS].users()
        body = json.dumps(nodeinfo(version, software=_SOFTWARE, users=users)).encode()
        media_type = f'application/json; profile="{nodeinfo_profile(version)}"'
        return reply(request, body, content_type=media_type, cache=_CACHE)

    return get
