"""A reverse proxy that repeats what it may: an edge double, as nginx or Caddy stand in front.

Each request goes upstream over a connection of its own. One that cannot be connected has sent
nothing, so any request is tried again. One that breaks later is tried again when its method is
safe to repeat (RFC 9110 9.2.2); a POST may have been done, so its client gets 502 and decides.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

#: RFC 9110 7.6.1, and what the client sets anew.
_HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "transfer-encoding", "te", "upgrade", "content-length"}
)
_TRY_S = 30.0
_PAUSE_S = 0.05


@dataclass(slots=True)
class Proxy:
    """A running proxy. ``counted`` tells how often it had to do what."""

    origin: str
    upstream: str
    http: aiohttp.ClientSession
    counted: Counter[str] = field(default_factory=Counter)

    @classmethod
    @asynccontextmanager
    async def running(cls, upstream: str, *, port: int) -> AsyncIterator[Proxy]:
        """Start one for the server at the origin ``upstream``."""
        origin = f"http://127.0.0.1:{port}"
        connector = aiohttp.TCPConnector(force_close=True, limit=0)
        async with aiohttp.ClientSession(
            connector=connector, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
        ) as http:
            self = cls(origin, upstream, http)
            app = web.Application(client_max_size=1 << 22)
            app.router.add_route("*", "/{path:.*}", self._pass)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", port).start()
            try:
                yield self
            finally:
                await runner.cleanup()

    async def _pass(self, request: web.Request) -> web.Response:
        body = await request.read()
        end = time.monotonic() + _TRY_S
        while True:
            try:
                return await self._ask(request, body)
            except aiohttp.ClientConnectorError:
                self.counted["not connected"] += 1
            except (aiohttp.ClientError, OSError):
                self.counted[f"{request.method} broken"] += 1
                if request.method not in ("GET", "HEAD"):
                    return web.Response(status=502)
            if time.monotonic() > end:
                return web.Response(status=504)
            await asyncio.sleep(_PAUSE_S)

    async def _ask(self, request: web.Request, body: bytes) -> web.Response:
        async with self.http.request(
            request.method,
            URL(self.upstream + request.raw_path, encoded=True),
            headers=_forwarded(request.headers),
            data=body or None,
            allow_redirects=False,
        ) as answer:
            return web.Response(
                status=answer.status, body=await answer.read(), headers=_forwarded(answer.headers)
            )


def _forwarded(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is passed on, each field as often as it came. Host is: signatures cover it."""
    return [(name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP]
