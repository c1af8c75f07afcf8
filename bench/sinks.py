"""Servers that take every delivery, in a process of their own: many hosts, one port.

Each host is an address of 127.0.0.0/8, so that none has to be resolved and nothing leaves the
machine.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.sharedctypes import Synchronized
from typing import cast

import uvloop

from bench.wire import Messages

HOSTS = tuple(f"127.0.1.{number}" for number in range(1, 51))
_TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"
_REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Sinks:
    """Running sinks. ``origins`` are theirs; ``taken`` counts the signed requests so far."""

    origins: tuple[str, ...]
    _counter: Synchronized[int]

    @property
    def taken(self) -> int:
        """Deliveries that have come."""
        return self._counter.value


@contextmanager
def running() -> Iterator[Sinks]:
    """Start the sinks, and stop them at the end."""
    context = multiprocessing.get_context("spawn")  # not a copy of this process and its sockets
    counter = context.Value("q", 0)
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, counter), daemon=True)
    process.start()
    theirs.close()  # so that its end is an end of file here
    try:
        port = ours.recv()
        yield Sinks(tuple(f"http://{host}:{port}" for host in HOSTS), counter)
    finally:
        process.terminate()
        process.join()


def _serve(ready: Connection, counter: Synchronized[int]) -> None:
    uvloop.run(_listen(ready, counter))


async def _listen(ready: Connection, counter: Synchronized[int]) -> None:
    loop = asyncio.get_running_loop()
    port = 0
    for host in HOSTS:
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        port = listening.getsockname()[1]
        await loop.create_server(lambda: _Sink(counter), sock=listening, backlog=256)
    ready.send(port)
    await asyncio.Event().wait()


class _Sink(asyncio.Protocol):
    def __init__(self, counter: Synchronized[int]):
        self._counter = counter
        self._messages = Messages()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass of it

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        for head, body in self._messages.feed(data):
            signed = body and b"\r\nsignature: " in head.lower()
            self._transport.write(_TAKEN if signed else _REFUSED)
            if signed:
                with self._counter.get_lock():
                    self._counter.value += 1
