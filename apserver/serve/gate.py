"""Who gets in: how many connections at once, and how long one may take to say what it wants.

A connection costs us memory and a file, and the other side next to nothing: whoever sends a header
one byte at a time (slowloris) could hold all there are. aiohttp gives an idle connection a time,
but not one that has begun a request. So our connections are aiohttp's with four rules more:

* one beyond so many from one address, or in all, is refused before anything is read. A trusted
  proxy speaks for many and may have any number;
* one whose header is not complete in `limits.HEADER_S` ends; that is counted from the start of the
  connection, later from the first byte of a request;
* one that does not take its answer in `limits.ANSWER_S` ends: we hold what nobody reads;
* one that does not speak HTTP gets a 400 that does not echo what it sent, and no line in the log.

From the header on the request has its own deadlines (`site.body_of`); the middleware says when.
"""

from __future__ import annotations

import asyncio
import json
import resource
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import cast

from aiohttp import hdrs, http_parser, web

from apserver import telemetry
from apserver.core import limits
from apserver.core.client_address import client_address, counted_as
from apserver.core.origin import Network
from apserver.core.problems import members_of
from apserver.core.vocabulary import PROBLEM_JSON
from apserver.errors import BadInput, ConfigProblem
from apserver.serve.headers import new_request_id

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n\r\n"
)
_UNREADABLE = "The request is not well-formed (RFC 9112), or a line of its head is too long."


class Gate:
    """Makes the protocol of each connection to ``server``. ``headers`` are those of answers to what
    never became a request."""

    def __init__(
        self, server: web.Server, *, proxies: Sequence[Network], headers: Mapping[str, str]
    ):
        self.headers = headers
        self._server = server
        self._proxies = proxies
        self._clients: Counter[str] = Counter()
        self._open = 0
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Half of the files are for what we connect to ourselves.
        self._most = min(limits.CONNECTIONS_TAKEN, files // 2)

    def __call__(self) -> Connection:
        return Connection(self, self._server)

    def enter(self, client: str | None) -> str | None:
        """Let a connection in, or say why not. ``client`` is None for one that speaks for many."""
        if self._open >= self._most:
            return "all"
        if client is not None and self._clients[client] >= limits.CONNECTIONS_PER_ADDRESS:
            return "address"
        self._open += 1
        if client is not None:
            self._clients[client] += 1
        return None

    def leave(self, client: str | None) -> None:
        """A connection that was let in has ended."""
        self._open -= 1
        if client is not None:
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]

    def client_of(self, transport: asyncio.BaseTransport) -> str | None:
        """Under which name connections are counted; None for proxies and unix sockets."""
        peer = transport.get_extra_info("peername")
        if not isinstance(peer, tuple):
            return None
        address = client_address(ip_address(peer[0].partition("%")[0]), "", ())
        if any(address in network for network in self._proxies):
            return None
        return counted_as(address)


class Connection(web.RequestHandler):
    """One connection."""

    __slots__ = ("_answering", "_client", "_gate", "_late", "_let_in", "_unread")

    def __init__(self, gate: Gate, server: web.Server):
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            access_log=None,  # type: ignore[arg-type]  # as web.AppRunner takes it
            keepalive_timeout=limits.KEEP_ALIVE_S,
            lingering_time=limits.LINGER_S,
            auto_decompress=False,
        )
        self._gate = gate
        self._client: str | None = None
        self._let_in = False
        self._late: asyncio.TimerHandle | None = None
        self._unread: asyncio.TimerHandle | None = None
        self._answering = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or answer 503 and close it."""
        self._client = self._gate.client_of(transport)
        refusal = self._gate.enter(self._client)
        if refusal is not None:
            telemetry.count(telemetry.CONNECTIONS, refusal)
            telemetry.detail("connection refused", client=self._client, reason=refusal)
            both_ways = cast(asyncio.Transport, transport)  # of uvloop's own class
            both_ways.write(_FULL)
            both_ways.close()
            return
        self._let_in = True
        self._wait_for_header(transport)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """It has ended."""
        self._have_header()
        if self._unread is not None:
            self._unread.cancel()
        if self._let_in:
            self._let_in = False
            self._gate.leave(self._client)
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """The first byte of a request starts its time."""
        if not self._let_in:
            return
        if self._late is None and not self._answering and self.transport is not None:
            self._wait_for_header(self.transport)
        super().data_received(data)

    def pause_writing(self) -> None:
        """More is to be read than the other side has taken."""
        super().pause_writing()
        if self._unread is None:
            self._wait_for_reader()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """What is no HTTP is not our fault: nobody can fill the log with it."""
        if status != 400 or request.writer.output_size > 0:
            return super().handle_error(request, status, exc, message)
        telemetry.count(telemetry.CONNECTIONS, "unreadable")
        telemetry.detail("request unreadable", client=self._client, reason=repr(exc)[:200])
        request_id = new_request_id()
        members = {**members_of(BadInput(_UNREADABLE)), "instance": f"urn:request:{request_id}"}
        response = web.Response(
            status=400,
            body=json.dumps(members).encode(),
            content_type=PROBLEM_JSON,
            headers={**self._gate.headers, hdrs.CACHE_CONTROL: "no-store"},
        )
        response.headers["X-Request-Id"] = request_id
        response.force_close()
        return response

    def set_answering(self, answering: bool) -> None:
        """Whether a header is complete and its request is being answered."""
        self._have_header()
        self._answering = answering
        if not answering:
            self._wait_for_reader()

    def _wait_for_reader(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
        if self.transport is not None:
            loop = asyncio.get_running_loop()
            self._unread = loop.call_later(limits.ANSWER_S, self._look_for_reader, self.transport)

    def _look_for_reader(self, transport: asyncio.Transport) -> None:
        """It may be closed by now, and still wait for somebody to read."""
        self._unread = None
        if transport.get_write_buffer_size():
            telemetry.count(telemetry.CONNECTIONS, "unread")
            telemetry.detail("connection ended", client=self._client, reason="nobody reads")
            transport.abort()

    def _wait_for_header(self, transport: asyncio.BaseTransport) -> None:
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(limits.HEADER_S, _give_up, transport)

    def _have_header(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None


def _give_up(transport: asyncio.BaseTransport) -> None:
    telemetry.count(telemetry.CONNECTIONS, "slow")
    telemetry.detail("connection ended", reason="its header takes too long")
    cast(asyncio.Transport, transport).abort()


@contextmanager
def answering(request: web.Request) -> Iterator[None]:
    """While this lasts the request is answered: its header has come in time."""
    connection = request.protocol
    if not isinstance(connection, Connection):
        yield
        return
    connection.set_answering(True)
    try:
        yield
    finally:
        connection.set_answering(False)


def check_parser() -> None:
    """Raise ConfigProblem unless aiohttp reads requests by its parser in C.

    The one in Python has more than once seen other requests than the proxy in front
    (CVE-2025-53643, CVE-2025-69224, CVE-2023-49081).
    """
    if http_parser.HttpRequestParser is http_parser.HttpRequestParserPy:
        raise ConfigProblem(
            "aiohttp runs without its C extensions, and its Python parser is not safe behind a "
            "proxy. Unset AIOHTTP_NO_EXTENSIONS, or install a wheel of aiohttp for this machine."
        )
