"""The door of a worker: its listening socket, and how it is shut without failing anybody.

A proxy in front sends each request over a connection that it has just made, or over one that it
kept. Both can break when a server stops: a connection may lie in the kernel's queue, made but not
yet accepted; one may be accepted, its request still on the way; and a kept one may get its next
request in the moment that we close it. A proxy may repeat a GET after that, but not a POST. So a
worker that is told to stop

1. says so: ``/readyz`` answers 503, and every answer asks to close the connection;
2. takes all connections out of the kernel's queue, and closes the socket the moment it is empty;
3. waits a second for requests on the connections that are open;
4. closes those without a request, and finishes the others.

While the supervisor lives it holds the socket too, so that connections which come after step 2
wait there for the worker's successor. When the whole server stops they are refused, which every
proxy may repeat, here or elsewhere.
"""

from __future__ import annotations

import asyncio
import socket
import ssl

from aiohttp import hdrs, web

from apserver.core import limits
from apserver.serve.gate import Gate
from apserver.serve.headers import STANDING_HEADERS
from apserver.serve.site import SITE

DRAINING = web.AppKey("draining", asyncio.Event)  #: set once the worker is to stop


def watch(app: web.Application) -> None:
    """Let the application know of the end."""
    app[DRAINING] = asyncio.Event()
    app.on_response_prepare.append(_ask_to_close)


async def _ask_to_close(request: web.Request, response: web.StreamResponse) -> None:
    if request.app[DRAINING].is_set():
        response.force_close()
        response.headers[hdrs.CONNECTION] = "close"


class Door:
    """Lets requests in to an application, by a socket that is bound and listening."""

    def __init__(
        self, app: web.Application, listening: socket.socket, *, tls: ssl.SSLContext | None
    ):
        self._app = app
        self._listening = listening
        self._tls = tls
        self._runner = web.AppRunner(app, shutdown_timeout=limits.REQUESTS_END_S)
        self._server: asyncio.Server | None = None
        self._gate: Gate | None = None

    async def open(self) -> None:
        """Answer from now on."""
        await self._runner.setup()
        assert self._runner.server is not None
        self._gate = Gate(
            self._runner.server,
            proxies=self._app[SITE].trusted_proxies,
            headers=self._app[STANDING_HEADERS],
        )
        self._server = await asyncio.get_running_loop().create_server(
            self._gate,
            sock=self._listening,
            ssl=self._tls,
            ssl_handshake_timeout=None if self._tls is None else limits.HEADER_S,
        )

    async def drain(self) -> None:
        """Steps 1 to 3 above."""
        self._app[DRAINING].set()
        server = self._runner.server
        if self._server is None or self._gate is None or server is None:
            return
        waiting = self._accept_all()
        self._stop_listening()
        loop = asyncio.get_running_loop()
        for connection in waiting:
            await loop.connect_accepted_socket(self._gate, connection, ssl=self._tls)
        end = loop.time() + limits.DRAIN_S
        while server.connections and loop.time() < end:
            await asyncio.sleep(limits.DRAIN_S / 50)

    async def close(self) -> None:
        """Step 4, and before it the end of accepting if `drain` was not called."""
        self._stop_listening()
        await self._runner.cleanup()

    def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _accept_all(self) -> list[socket.socket]:
        waiting: list[socket.socket] = []
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # BlockingIOError: the queue is empty
                return waiting
            waiting.append(connection)
