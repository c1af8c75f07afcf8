"""Who gets in: how many connections at once, and how long one may take to say what it wants.

A connection costs us memory and a file, and the other side next to nothing: whoever sends a header
one byte at a time (slowloris) could hold all there are. aiohttp gives an idle connection a time,
but not one that has begun a request. So the gate stands before aiohttp's protocol and

* refuses a connection beyond so many from one address, or in all, before anything is read. A
  trusted proxy speaks for many and may have any number;
* closes one whose header is not complete in `limits.HEADER_S`, counted from its first byte, or
  from the start of the connection.

From the header on the request has its own deadlines (`site.body_of`); the middleware says when.
"""

from __future__ import annotations

import asyncio
import resource
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address
from typing import cast

from aiohttp import http_parser, web

from apserver import telemetry
from apserver.core import limits
from apserver.core.client_address import client_address, counted_as
from apserver.core.origin import Network
from apserver.errors import ConfigProblem

_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\n"
    b"Connection: close\r\nContent-Length: 0\r\n\r\n"
)


class Gate:
    """Makes the protocol of each connection; ``protocol`` makes aiohttp's behind it."""

    def __init__(self, protocol: Callable[[], asyncio.Protocol], *, proxies: Sequence[Network]):
        self.protocol = protocol
        self._proxies = proxies
        self._clients: Counter[str] = Counter()
        self._open = 0
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        # Half of the files are for what we connect to ourselves.
        self._most = min(limits.CONNECTIONS_TAKEN, files // 2)

    def __call__(self) -> Guarded:
        return Guarded(self)

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


class Guarded(asyncio.Protocol):
    """One connection, between its transport and aiohttp."""

    __slots__ = ("_answering", "_client", "_gate", "_inner", "_late", "_transport")

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._inner: asyncio.Protocol | None = None
        self._transport: asyncio.Transport | None = None
        self._client: str | None = None
        self._late: asyncio.TimerHandle | None = None
        self._answering = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let it in, or answer 503 and close it."""
        self._transport = both_ways = cast(asyncio.Transport, transport)  # uvloop's is none
        self._client = self._gate.client_of(transport)
        refusal = self._gate.enter(self._client)
        if refusal is not None:
            telemetry.count(telemetry.CONNECTIONS, refusal)
            both_ways.write(_FULL)
            both_ways.close()
            return
        self._inner = self._gate.protocol()
        self._wait_for_header()
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has ended."""
        self._have_header()
        if self._inner is not None:
            self._gate.leave(self._client)
            self._inner.connection_lost(exc)
            self._inner = None

    def data_received(self, data: bytes) -> None:
        """Pass it on; the first byte of a request starts its time."""
        if self._inner is None:
            return
        if self._late is None and not self._answering:
            self._wait_for_header()
        self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Pass it on."""
        return None if self._inner is None else self._inner.eof_received()

    def pause_writing(self) -> None:
        """Pass it on."""
        if self._inner is not None:
            self._inner.pause_writing()

    def resume_writing(self) -> None:
        """Pass it on."""
        if self._inner is not None:
            self._inner.resume_writing()

    def set_answering(self, answering: bool) -> None:
        """Whether a header is complete and its request is being answered."""
        self._have_header()
        self._answering = answering

    def _wait_for_header(self) -> None:
        loop = asyncio.get_running_loop()
        self._late = loop.call_later(limits.HEADER_S, self._give_up)

    def _have_header(self) -> None:
        if self._late is not None:
            self._late.cancel()
            self._late = None

    def _give_up(self) -> None:
        telemetry.count(telemetry.CONNECTIONS, "slow")
        if self._transport is not None:
            self._transport.abort()


@contextmanager
def answering(request: web.Request) -> Iterator[None]:
    """While this lasts the request is answered: its header has come in time."""
    transport = request.transport
    protocol = None if transport is None else transport.get_protocol()
    if not isinstance(protocol, Guarded):
        yield
        return
    protocol.set_answering(True)
    try:
        yield
    finally:
        protocol.set_answering(False)


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
