"""The load generator: requests that are ready as bytes, over a few connections kept alive."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bench.wire import Messages

CONNECTIONS = 16  #: each has one request under way
ANSWER_S = 60.0  #: for a whole run of requests to make no progress


@dataclass(slots=True)
class Tally:
    """What came back: how many answers of each status, and the body of the last one."""

    statuses: Counter[int] = field(default_factory=Counter)
    last_body: bytes = b""


class Load:
    """Open connections to one server."""

    def __init__(self, connections: list[_Connection]):
        self._connections = connections

    @classmethod
    @asynccontextmanager
    async def to(cls, host: str, port: int) -> AsyncIterator[Load]:
        """Connect; the connections are closed at the end."""
        loop = asyncio.get_running_loop()
        made = [await loop.create_connection(_Connection, host, port) for _ in range(CONNECTIONS)]
        try:
            yield cls([connection for _, connection in made])
        finally:
            for transport, _ in made:
                transport.close()

    async def fire(self, requests: Iterable[bytes]) -> Tally:
        """Send all requests, each connection the next one when it has its answer."""
        tally = Tally()
        waiting = iter(requests)
        async with asyncio.timeout(ANSWER_S):
            await asyncio.gather(*(one.send_all(waiting, tally) for one in self._connections))
        return tally


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._messages = Messages()
        self._transport: asyncio.Transport | None = None
        self._requests: Iterator[bytes] = iter(())
        self._tally = Tally()
        self._done: asyncio.Future[None] | None = None

    async def send_all(self, requests: Iterator[bytes], tally: Tally) -> None:
        """Take requests until there are none; ConnectionError when the server hangs up."""
        if self._transport is None or self._transport.is_closing():
            raise ConnectionError("The server has hung up.")
        self._requests, self._tally = requests, tally
        self._done = asyncio.get_running_loop().create_future()
        self._send_next()
        await self._done

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for head, body in self._messages.feed(data):
            self._tally.statuses[int(head[9:12])] += 1
            self._tally.last_body = body
            self._send_next()

    def connection_lost(self, error: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(error or ConnectionError("The server hung up."))

    def _send_next(self) -> None:
        assert self._transport is not None
        assert self._done is not None
        following = next(self._requests, None)
        if following is not None:
            self._transport.write(following)
        elif not self._done.done():
            self._done.set_result(None)
