"""Workers behind a proxy: killed, stopped, replaced (decisions 7; security.md, fault 21)."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from apserver import app
from apserver.core import limits
from tests.conftest import StartServer, free_port
from tests.doubles.peer import Peer
from tests.doubles.process import ServerProcess, serving
from tests.doubles.proxy import Proxy
from tests.doubles.server import PATIENCE_S, PUBLIC, Server, until
from tests.faults.load import AT_ONCE, Load
from tests.faults.processes import has_ended
from tests.flows.steps import follow_from


@pytest.fixture
async def serve(database: Callable[[], Awaitable[str]], tmp_path: Path) -> Callable[..., Any]:
    """Runs an apserver in processes of its own; ``origin`` is that of a proxy in front of it."""
    dsn = await database()

    def start(port: int, *, workers: int = 2, origin: str | None = None) -> Any:
        environ = {"APSERVER__DATABASE__URL": dsn}
        environ |= {"APSERVER__ORIGIN": origin} if origin else {}
        return serving(tmp_path, port=port, workers=workers, environ=environ)

    return start


@asynccontextmanager
async def _loaded(proxy: Proxy, server: Server, peer: Peer) -> AsyncIterator[Load]:
    """A load that runs in the background, and is over at the end of the context."""
    proxy.counted.clear()  # from before the server was there
    load = Load(server, peer)
    running = asyncio.create_task(load.run())
    try:
        yield load
        await asyncio.wait_for(running, 90)
    finally:
        running.cancel()
    print(load.statuses, proxy.counted)


async def _workers(process: ServerProcess, count: int) -> list[int]:
    async def all_there() -> list[int] | None:
        found = process.workers()
        return found if len(found) == count else None

    found: list[int] = await until(all_there)
    return found


async def test_a_killed_worker_loses_nothing_that_was_answered(
    serve: Callable[..., Any], peer: Peer
) -> None:
    """Reads all succeed behind the proxy; a post whose worker was killed under it gets 502, and
    is stored once or not at all."""
    port, front = free_port(), free_port()
    async with (
        Proxy.running(f"http://127.0.0.1:{port}", port=front) as proxy,
        serve(port, origin=proxy.origin) as (process, server),
    ):
        await server.create_actor("ann")
        before = set(await _workers(process, 2))
        async with _loaded(proxy, server, peer) as load:
            for at in (40, 110):
                await load.reach(at)
                os.kill((await _workers(process, 2))[0], signal.SIGKILL)
        kept = {key: n for key, n in load.statuses.items() if key[1] != 502}
        assert set(kept) == {("read", 200), ("outbox", 201), ("inbox", 202)}
        assert kept["read", 200] == 100
        assert load.statuses.total() - sum(kept.values()) <= 2 * AT_ONCE
        await load.check_stored_once()
        assert set(await _workers(process, 2)) != before


async def test_fault_21_a_worker_that_is_told_to_stop_fails_nobody(
    serve: Callable[..., Any], peer: Peer
) -> None:
    """It finishes what has reached it; what has not waits for its successor. Nothing is broken
    that a proxy would have to repeat."""
    port, front = free_port(), free_port()
    async with (
        Proxy.running(f"http://127.0.0.1:{port}", port=front) as proxy,
        serve(port, origin=proxy.origin) as (process, server),
    ):
        await server.create_actor("ann")
        stopped = (await _workers(process, 2))[0]
        async with _loaded(proxy, server, peer) as load:
            await load.reach(40)
            os.kill(stopped, signal.SIGTERM)
        assert set(load.statuses) == {("read", 200), ("outbox", 201), ("inbox", 202)}
        assert not proxy.counted
        await load.check_stored_once()
        await until(lambda: _ended(stopped))
        assert stopped not in await _workers(process, 2)


async def test_fault_21_a_stop_and_a_new_start_fail_nobody(
    serve: Callable[..., Any], peer: Peer
) -> None:
    """Under load, behind a proxy that waits for the new version: no failed request, and nothing
    stays leased."""
    port, front = free_port(), free_port()
    async with (
        Proxy.running(f"http://127.0.0.1:{port}", port=front) as proxy,
        serve(port, origin=proxy.origin) as (process, server),
    ):
        await server.create_actor("ann")
        async with _loaded(proxy, server, peer) as load:
            await load.reach(40)
            assert await process.stop() == 0
            assert (
                await server.rows(
                    "SELECT holder FROM bucket WHERE lease_until > now() "
                    "UNION ALL SELECT holder FROM host WHERE lease_until > now()"
                )
                == []
            )
            async with serve(port, origin=proxy.origin) as (second, _):
                await load.reach(load.total)
                await load.check_stored_once()
                assert len(second.workers()) == 2
        assert set(load.statuses) == {("read", 200), ("outbox", 201), ("inbox", 202)}
        assert set(proxy.counted) <= {"not connected"}


async def test_connections_wait_in_the_queue_of_a_killed_worker(
    serve: Callable[..., Any],
) -> None:
    """The supervisor keeps the socket: a request that nobody has accepted goes to the successor."""
    port = free_port()
    async with serve(port, workers=1) as (process, _):
        [worker] = await _workers(process, 1)
        os.kill(worker, signal.SIGSTOP)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(_get("/readyz", port))
        await writer.drain()
        os.kill(worker, signal.SIGKILL)
        assert await asyncio.wait_for(_answer(reader), PATIENCE_S) == (200, "keep-alive")
        writer.close()
        assert worker not in await _workers(process, 1)


async def test_fault_21_a_stopping_worker_answers_what_may_still_come(
    serve: Callable[..., Any],
) -> None:
    """On a kept connection, and on one that has not sent anything yet; each answer closes it, and
    /readyz says that the end is near."""
    port = free_port()
    async with serve(port, workers=1) as (process, _):
        [worker] = await _workers(process, 1)
        kept, to_kept = await asyncio.open_connection("127.0.0.1", port)
        fresh, to_fresh = await asyncio.open_connection("127.0.0.1", port)
        to_kept.write(_get("/readyz", port))
        assert await _answer(kept) == (200, "keep-alive")
        asking, to_asking = await asyncio.open_connection("127.0.0.1", port)
        os.kill(worker, signal.SIGTERM)
        answer = (200, "keep-alive")
        while answer == (200, "keep-alive"):
            to_asking.write(_get("/readyz", port))
            answer = await asyncio.wait_for(_answer(asking), PATIENCE_S)
        # The end can come between the look at the state and the answer: then that is the last 200.
        assert answer in {(503, "close"), (200, "close")}
        to_kept.write(_get("/livez", port))
        to_fresh.write(_get("/readyz", port))
        assert await asyncio.wait_for(_answer(kept), PATIENCE_S) == (200, "close")
        assert await asyncio.wait_for(_answer(fresh), PATIENCE_S) == (503, "close")
        assert await fresh.read() == await kept.read() == b""
        for writer in (to_kept, to_fresh, to_asking):
            writer.close()
        await until(lambda: _ended(worker))


async def test_work_is_heard_of_in_another_worker(
    start_server: StartServer, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post through one worker is delivered by another at once, by NOTIFY: here nobody looks for
    work by himself, and the worker that takes the post does none."""
    monkeypatch.setattr(limits, "POLL_S", 600.0)
    server = await start_server("ann")
    await follow_from(peer, "carol", server, "ann")
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen()
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    order = app.Order(server.settings, server.dsn, listening.detach(), -1, 1, 2)
    latencies = []
    async with app.running(order) as other:
        other.parts.stop()
        await asyncio.wait(other.loops[: len(other.parts.loops)])
        for n in range(5):
            note = {"type": "Note", "content": f"{n}", "to": [PUBLIC]}
            began = time.monotonic()
            reply = await server.ask(
                "POST",
                f"{address}/actors/ann/outbox",
                as_="ann",
                data=note | {"cc": [f"{server.id('ann')}/followers"]},
                Host=server.origin.partition("://")[2],
                Content_Type="application/activity+json",
            )
            assert reply.status == 201, reply.text
            await peer.wait("Create", id=reply.json["id"])
            latencies.append(time.monotonic() - began)
    assert min(latencies) < 1, latencies


def _get(path: str, port: int) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str]:
    """The status of an answer, and what it says of the connection."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    length = int(head.partition("content-length: ")[2].split()[0])
    await reader.readexactly(length)
    return int(head.split()[1]), "close" if "connection: close" in head else "keep-alive"


async def _ended(pid: int) -> bool:
    return has_ended(pid)
