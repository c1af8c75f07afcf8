"""Connections that cost us more than the other side: slow ones, many of them, odd framing."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import aiohttp
import pytest

from apserver import telemetry
from apserver.core import limits
from tests.conftest import StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, PATIENCE_S, PUBLIC, Server, until

GZIP = {"Content-Encoding": "gzip"}


async def connect(server: Server) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    parts = urlsplit(server.origin)
    return await asyncio.open_connection(parts.hostname, parts.port)


async def raw(server: Server, text: str | bytes) -> bytes:
    """Send bytes as they are; all that comes back until the connection ends."""
    reader, writer = await connect(server)
    writer.write(text if isinstance(text, bytes) else text.encode())
    async with asyncio.timeout(PATIENCE_S):
        answer = await reader.read()
    writer.close()
    return answer


async def lets_in(server: Server) -> bool:
    """Whether it takes one more connection: it learns a little later that another has ended."""
    answer = await raw(server, f"{head(server)}Connection: close\r\n\r\n")
    return answer.startswith(b"HTTP/1.1 200")


def head(server: Server, line: str = "GET /actors/ann HTTP/1.1") -> str:
    return f"{line}\r\nHost: {urlsplit(server.origin).netloc}\r\n"


async def test_slowloris_headers(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md: slowloris. 200 connections that send their header byte by byte end with its
    time, however often they send; a normal request meanwhile is answered as ever."""
    monkeypatch.setattr(limits, "HEADER_S", 2.0)
    server = await start_server("ann", server__trusted_proxies="127.0.0.1")
    before = telemetry.counted(telemetry.CONNECTIONS, "slow")
    connected = asyncio.Semaphore(0)

    async def drip() -> None:
        reader, writer = await connect(server)
        connected.release()
        for byte in head(server).encode():
            writer.write(bytes([byte]))
            try:
                async with asyncio.timeout(0.2):
                    if await reader.read() == b"":
                        break
            except TimeoutError:
                continue
            except ConnectionError:
                break
        writer.close()

    slow = [asyncio.create_task(drip()) for _ in range(200)]
    for _ in slow:
        await connected.acquire()
    assert (await server.get("/actors/ann")).status == 200
    assert not all(one.done() for one in slow)
    await asyncio.gather(*slow)
    assert telemetry.counted(telemetry.CONNECTIONS, "slow") == before + 200


async def test_slowloris_a_kept_connection(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """security.md: slowloris. The second request on a connection has no more time than the first;
    but between requests it may rest."""
    monkeypatch.setattr(limits, "HEADER_S", 0.5)
    reader, writer = await connect(server)
    for _ in range(2):
        writer.write(f"{head(server)}\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 200")
        length = answer.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length))
        await asyncio.sleep(1)
    writer.write(b"GET /act")
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.read() == b""
    writer.close()


async def test_slowloris_bodies(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """security.md: slowloris. A body that does not come in time: 408, and the connection ends."""
    monkeypatch.setattr(limits, "BODY_S", 0.5)
    started = time.monotonic()
    answer = await raw(
        server,
        head(server, "POST /inbox HTTP/1.1")
        + f"Content-Type: {AS2}\r\nContent-Length: 100\r\n\r\n{{",
    )
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"kind": "too-slow"' in answer
    assert time.monotonic() - started < 10
    assert await server.rows("SELECT FROM activity") == []


@pytest.mark.parametrize("keep", ["keep-alive", "close"])
async def test_slowloris_an_answer_that_nobody_reads(
    server: Server, monkeypatch: pytest.MonkeyPatch, keep: str
) -> None:
    """security.md: slowloris. Whoever asks and does not read is let go, also when we have closed
    our side; it holds no memory and no place. A slow reader that reads gets all of it."""
    monkeypatch.setattr(limits, "ANSWER_S", 1.0)
    monkeypatch.setattr(limits, "CONNECTIONS_PER_ADDRESS", 5)
    for _ in range(20):
        await server.note("ann", "\N{ELEPHANT}" * 60_000, PUBLIC)  # more than the kernel holds
    before = telemetry.counted(telemetry.CONNECTIONS, "unread")
    ask = f"{head(server, 'GET /actors/ann/outbox?page=first HTTP/1.1')}"
    parts = urlsplit(server.origin)
    held = []
    for _ in range(4):
        plain = socket.socket()
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, (parts.hostname, parts.port))
        count = 1 if keep == "close" else 2
        plain.send(f"{ask}Connection: {keep}\r\n\r\n".encode() * count)
        held.append(plain)

    async def let_go() -> bool:
        return telemetry.counted(telemetry.CONNECTIONS, "unread") == before + 4

    await until(let_go)
    reader, writer = await connect(server)
    writer.write(f"{ask}Connection: close\r\n\r\n".encode())
    async with asyncio.timeout(PATIENCE_S):
        read = [await reader.readexactly(10_000) for _ in range(20)] + [await reader.read()]
    assert b"".join(read).endswith(b"]}")
    writer.close()
    for one in held:
        one.close()


async def test_so_many_connections_of_one_address(
    server: Server, start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md: slowloris. One address has so many connections, and gets the next when one of
    them ends; a trusted proxy has as many as it likes."""
    monkeypatch.setattr(limits, "CONNECTIONS_PER_ADDRESS", 3)
    async with asyncio.timeout(PATIENCE_S):
        open_ = [await connect(server) for _ in range(3)]
        refused = await raw(server, f"{head(server)}Connection: close\r\n\r\n")
        assert refused.startswith(b"HTTP/1.1 503")
        assert b"Retry-After" in refused
        open_.pop()[1].close()
        await until(lambda: lets_in(server))
        behind_proxy = await start_server("ann", server__trusted_proxies="127.0.0.1")
        open_ += [await connect(behind_proxy) for _ in range(5)]
        assert (await behind_proxy.get("/actors/ann")).status == 200
    for _, writer in open_:
        writer.close()


async def test_so_many_connections_in_all(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md: slowloris. Whoever they are of; the next is let in when one has ended."""
    monkeypatch.setattr(limits, "CONNECTIONS_TAKEN", 2)
    server = await start_server("ann", server__trusted_proxies="127.0.0.1")
    open_ = [await connect(server) for _ in range(2)]
    assert (await raw(server, f"{head(server)}\r\n")).startswith(b"HTTP/1.1 503")
    for _, writer in open_:
        writer.close()
    await until(lambda: lets_in(server))


@pytest.mark.parametrize("path", ["/inbox", "/actors/ann/inbox", "/actors/ann/outbox"])
async def test_CVE_2025_69223_compressed_bodies_are_not_read(server: Server, path: str) -> None:
    """CVE-2025-69223: 415, and nothing is unpacked: 10 MB of zeros are 10 kB on the wire."""
    bomb = gzip.compress(b"0" * 10_000_000)
    headers = {"Content-Type": AS2, "Authorization": f"Bearer {server.tokens['ann']}", **GZIP}
    async with server.http.post(
        server.origin + path, data=io.BytesIO(bomb), headers=headers
    ) as reply:
        assert reply.status == 415
        assert (await reply.json(content_type=None))["kind"] == "bad-media-type"


@pytest.mark.parametrize("path", ["/inbox", "/actors/ann/inbox", "/actors/ann/outbox"])
async def test_CVE_2024_52805_multipart_is_not_parsed(server: Server, path: str) -> None:
    """CVE-2024-52805, CVE-2025-69228, CVE-2025-69227: a form without end is 415 before it is read,
    whatever the route."""

    async def endless() -> AsyncIterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
        for _ in range(500):
            yield b"0" * (1 << 16)
            await asyncio.sleep(0.05)

    headers = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Authorization": f"Bearer {server.tokens['ann']}",
    }
    started = time.monotonic()
    try:
        async with server.http.post(server.origin + path, data=endless(), headers=headers) as reply:
            assert reply.status == 415
    except aiohttp.ClientOSError:
        pass  # the connection was closed while the form was still being written
    assert time.monotonic() - started < 10


async def test_CVE_2025_69229_a_body_in_tiny_chunks(server: Server, peer: Peer) -> None:
    """CVE-2025-69229: 100 000 chunks of one byte: refused for what they say, and others are
    answered meanwhile."""
    chunks = b"1\r\nx\r\n" * 100_000 + b"0\r\n\r\n"
    flood = asyncio.create_task(
        raw(
            server,
            f"{head(server, 'POST /inbox HTTP/1.1')}Content-Type: {AS2}\r\nConnection: close\r\n"
            "Transfer-Encoding: chunked\r\n\r\n".encode()
            + chunks,
        )
    )
    waits = []
    while not flood.done():
        asked = time.monotonic()
        assert (await server.get("/actors/ann")).status == 200
        waits.append(time.monotonic() - asked)
        await asyncio.sleep(0.01)
    assert (await flood).startswith(b"HTTP/1.1 401")
    assert max(waits) < 2


def is_400(answer: bytes) -> bool:
    """A problem, without anything of what was sent."""
    start, _, body = answer.partition(b"\r\n\r\n")
    problem = json.loads(body)
    return b" 400 " in start.partition(b"\r\n")[0] and problem["status"] == 400 and len(body) < 300


FRAMINGS = {
    "both lengths": "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": "Content-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
    "a letter that looks like one": "Transfer-Encoding: chun\u0138ed\r\n\r\n0\r\n\r\n",
    "an unknown coding": "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "a signed length": "Content-Length: +5\r\n\r\n12345",
    "digits of another script": "Content-Length: \u0665\r\n\r\n12345",
    "a blank in the name": "Content-Length : 5\r\n\r\n12345",
    "a folded line": "X-A: b\r\n c\r\nContent-Length: 0\r\n\r\n",
    "a bare line feed in a chunk": "Transfer-Encoding: chunked\r\n\r\n0;a=\nb\r\n\r\n",
    "a chunk that lies": "Transfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n0\r\n\r\n",
}


async def test_CVE_2025_53643_request_smuggling(server: Server) -> None:
    """CVE-2025-53643, CVE-2025-69224: what two parsers may frame in two ways is 400, and the
    connection ends, so that nothing after it is taken for a request."""
    smuggled = f"{head(server)}\r\n"
    start = head(server, "POST /inbox HTTP/1.1") + f"Content-Type: {AS2}\r\n"
    for name, framing in FRAMINGS.items():
        answer = await raw(server, start + framing + smuggled)
        assert is_400(answer), (name, answer)
        assert answer.count(b"HTTP/1.") == 1, (name, answer)


def test_CVE_2025_69224_the_parser_in_c_is_required() -> None:
    """CVE-2025-69224, CVE-2025-53643: without it a worker does not start; exit 78 and the cure."""
    check = "from apserver.serve.gate import check_parser; check_parser()"
    environ = {**os.environ, "AIOHTTP_NO_EXTENSIONS": "1"}
    without = subprocess.run(
        [sys.executable, "-c", check], env=environ, capture_output=True, text=True, timeout=60
    )
    assert without.returncode == 1
    assert "ConfigProblem" in without.stderr
    assert "AIOHTTP_NO_EXTENSIONS" in without.stderr.splitlines()[-1]
    assert subprocess.run([sys.executable, "-c", check], timeout=60).returncode == 0


async def test_headers_have_limits(
    server: Server, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    """CVE-2025-69224: a header line or a target of 100 kB, or 1000 headers, are 400, which neither
    echoes them nor fills the log."""
    long_ = "x" * 100_000
    for request in (
        f"{head(server)}X-A: {long_}\r\n\r\n",
        f"{head(server, f'GET /{long_} HTTP/1.1')}\r\n",
        head(server) + "".join(f"X-{n}: 1\r\n" for n in range(1000)) + "\r\n",
    ):
        assert is_400(await raw(server, request))
    reply = await peer.send(f"{server.origin}/inbox", peer.create("carol", "x", PUBLIC), by="carol")
    assert reply.status == 202
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []
