"""A proxy that forwards to a server and spoils one thing on the way, as careless ones do."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from yarl import URL

Spoil = Callable[[web.Request], Awaitable[web.Response | None]]
_KEPT = frozenset({"Content-Type", "Location", "WWW-Authenticate"})


@dataclass(slots=True)
class CarelessProxy:
    """A proxy at ``origin``. ``upstream`` is host and port of the server, None for a dead one.

    ``drop`` names headers that it does not pass on, and "query". ``spoil`` may answer itself.
    """

    origin: str
    http: aiohttp.ClientSession
    upstream: str | None = None
    drop: set[str] = field(default_factory=set)
    spoil: Spoil | None = None

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[CarelessProxy]:
        """Start one on a free port."""
        listening = socket.socket()
        listening.bind(("127.0.0.1", 0))
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            self = cls(f"http://127.0.0.1:{listening.getsockname()[1]}", http)
            application = web.Application()
            application.router.add_route("*", "/{path:.*}", self._forward)
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            await web.SockSite(runner, listening).start()
            try:
                yield self
            finally:
                await runner.cleanup()

    async def _forward(self, request: web.Request) -> web.Response:
        if self.spoil is not None and (answer := await self.spoil(request)) is not None:
            return answer
        if self.upstream is None:
            return web.Response(status=502, text="<html>Bad Gateway</html>")
        target = request.path if "query" in self.drop else request.raw_path
        sent = {name: value for name, value in request.headers.items() if name not in self.drop}
        async with self.http.request(
            request.method,
            URL(f"http://{self.upstream}{target}", encoded=True),
            headers=sent,
            data=await request.read(),
            allow_redirects=False,
        ) as response:
            body, status = await response.read(), response.status
            headers = {name: value for name, value in response.headers.items() if name in _KEPT}
        return web.Response(status=status, body=body, headers=headers)
