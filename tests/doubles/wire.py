"""A server below HTTP: it sends what the test writes, byte by byte, and notes what it was asked."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def head(*lines: str, status: str = "200 OK") -> bytes:
    """The beginning of an answer of ActivityStreams, with these header lines."""
    fields = ("Content-Type: application/activity+json", *lines)
    return "\r\n".join((f"HTTP/1.1 {status}", *fields, "", "")).encode()


async def nothing(writer: asyncio.StreamWriter) -> None:
    """Answer by closing the connection."""


@dataclass(slots=True)
class Wire:
    """A listener. ``heads`` are the requests that came, ``lasted`` how long each connection was
    worked on until the test's answer ended or the other side had closed it, ``sent`` the bytes."""

    origin: str = ""
    answer: Answer = nothing
    heads: list[bytes] = field(default_factory=list)
    lasted: list[float] = field(default_factory=list)
    connections: int = 0

    @classmethod
    @asynccontextmanager
    async def running(
        cls, answer: Answer = nothing, *, host: str = "127.0.0.1", port: int = 0
    ) -> AsyncIterator[Wire]:
        """Start one that answers so."""
        self = cls(answer=answer)
        tasks: set[asyncio.Task[None]] = set()

        def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.create_task(self._serve(reader, writer))
            tasks.add(task)
            task.add_done_callback(tasks.discard)

        server = await asyncio.start_server(connected, host, port)
        self.origin = f"http://{host}:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await server.wait_closed()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.origin.rpartition(":")[2])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        began = time.monotonic()
        try:
            self.heads.append(await reader.readuntil(b"\r\n\r\n"))
            await self.answer(writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            self.lasted.append(time.monotonic() - began)
            writer.close()


_watching: list[set[tuple[str, int]]] = []


def _see(event: str, arguments: tuple[object, ...]) -> None:
    if _watching and event == "socket.connect":
        address = arguments[1]
        if isinstance(address, tuple):
            for seen in _watching:
                seen.add((str(address[0]), int(address[1])))


sys.addaudithook(_see)


@contextmanager
def connects() -> Iterator[set[tuple[str, int]]]:
    """The addresses and ports that this process connects a socket to, or tries to, meanwhile."""
    seen: set[tuple[str, int]] = set()
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)
