"""security.md 3: answers that are slow, endless, packed, or not what they say."""

from __future__ import annotations

import asyncio
import gzip
import json
import resource
import time
from collections.abc import Awaitable, Callable
from itertools import product

import pytest
from aiohttp import web

from apserver.core import limits
from tests.conftest import StartServer
from tests.doubles.name_server import NameServerDouble
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until
from tests.doubles.wire import Answer, Wire, head
from tests.security.outgoing import (
    PUBLIC_HOST,
    forward,
    guarded,
    redirect,
    rename,
    send,
)

TICK_S = 0.02


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await guarded(start_server)


async def trickle(writer: asyncio.StreamWriter, content: bytes) -> None:
    for byte in content:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(TICK_S)


async def slow_body(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Content-Length: 100000"))
    await trickle(writer, b'{"id": ' + b" " * 100_000)


async def slow_head(writer: asyncio.StreamWriter) -> None:
    await trickle(writer, head(*(f"X-{n}: y" for n in range(100))))


async def slow_chunks(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Transfer-Encoding: chunked"))
    await trickle(writer, b"1\r\n \r\n" * 20_000)


async def interim(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        await writer.drain()
        await asyncio.sleep(TICK_S)


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


@pytest.mark.parametrize("drip", [slow_body, slow_head, slow_chunks, interim, silent])
async def test_CVE_2023_36461_slow_drip(
    server: Server, carol: Peer, drip: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2023-36461, AP-SEC-09, IO-67: a limit in all for a key, a document and a delivery; bytes
    that come now and then do not make it longer. The connection is closed then."""
    for limit in ("KEY_LOOKUP_S", "GET_S", "POST_S"):
        monkeypatch.setattr(limits, limit, 0.4)
    async with Wire.running(drip, host=PUBLIC_HOST) as wire:
        carol.add_actor("carol", inbox=f"{wire.origin}/inbox", endpoints={})
        began = time.monotonic()
        assert (await send(server, carol, key_id=f"{wire.origin}/key")).status == 503
        assert (await forward(server, carol, f"{wire.origin}/note")).status == 403
        follow = carol.follow("carol", server.id("ann"))
        assert (await carol.send(f"{server.id('ann')}/inbox", follow, by="carol")).status == 202
        assert time.monotonic() - began < 10

        async def given_up() -> bool:
            return bool(await server.rows("SELECT FROM host WHERE failures = 1"))

        await until(given_up)
        if drip is not silent:
            await until(_reaches(lambda: len(wire.lasted), 3))
            assert max(wire.lasted) < 10


def _reaches(count: Callable[[], int], least: int) -> Callable[[], Awaitable[bool]]:
    async def reached() -> bool:
        return count() >= least

    return reached


async def endless_chunks(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Transfer-Encoding: chunked"))
    while True:
        writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
        await writer.drain()


async def endless_until_closed(writer: asyncio.StreamWriter) -> None:
    writer.write(head("Connection: close"))
    while True:
        writer.write(b" " * 0x10000)
        await writer.drain()


async def endless_head(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\n")
    for n in range(1 << 30):
        writer.write(f"X-{n}: {'y' * 1000}\r\n".encode())
        await writer.drain()


def sending(content: bytes) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        writer.write(content)

    return answer


BODY = b'{"id": "http://127.5.0.1/x", "type": "Note"}'
LONG = b" " * (limits.BODY + 1)
ANSWERS: dict[str, Answer] = {
    "endless chunks": endless_chunks,
    "endless body": endless_until_closed,
    "endless head": endless_head,
    "one byte too long": sending(head(f"Content-Length: {len(LONG)}") + LONG),
    "more announced than sent": sending(head("Content-Length: 5000") + BODY),
    "less announced than sent": sending(head("Content-Length: 5") + BODY),
    "a vast length": sending(head(f"Content-Length: {1 << 70}") + BODY),
    "a length below nothing": sending(head("Content-Length: -1") + BODY),
    "two lengths": sending(head("Content-Length: 5", "Content-Length: 44") + BODY),
    "length and chunks": sending(
        head("Content-Length: 44", "Transfer-Encoding: chunked") + b"5\r\n12345\r\n0\r\n\r\n"
    ),
    "a bad chunk": sending(head("Transfer-Encoding: chunked") + b"zz\r\n" + BODY),
    "a long header": sending(head(f"X: {'y' * 9000}", "Content-Length: 44") + BODY),
    "many headers": sending(head(*(f"X{n}: y" for n in range(200)), "Content-Length: 44") + BODY),
    "NUL in a header": sending(head("X: \0", "Content-Length: 44") + BODY),
    "no HTTP": sending(b"220 mail.example ESMTP\r\n" + BODY),
    "nothing": sending(b""),
}


async def test_CVE_2026_96623_lengths_and_heads(server: Server, carol: Peer) -> None:
    """CVE-2026-96623, CVE-2021-21274, AP-SEC-09, IO-67: what is too long or malformed is dropped as
    soon as that shows; what is asked next is answered as ever."""
    for name, answer in ANSWERS.items():
        async with Wire.running(answer, host=PUBLIC_HOST) as wire:
            began = time.monotonic()
            reply = await send(server, carol, key_id=f"{wire.origin}/x")
            assert reply.status in (401, 503), name
            assert (await forward(server, carol, f"{wire.origin}/y")).status == 403, name
            assert time.monotonic() - began < limits.KEY_LOOKUP_S, name
            await until(_reaches(wire.lasted.__len__, 2))
    assert (await send(server, carol)).status == 202


async def test_decompression_bombs_stay_packed(server: Server, carol: Peer) -> None:
    """Decompression (aiohttp): 200 kB that would be 200 MB are not unpacked, for we asked for plain
    answers; nor is anything else that is packed."""
    bomb = gzip.compress(b" " * (200 << 20))
    encodings = [
        ("Content-Encoding: gzip", bomb),
        ("Content-Encoding: deflate", bomb),
        ("Content-Encoding: br", bomb),
        ("Content-Encoding: gzip, gzip", gzip.compress(bomb)),
        ("Content-Encoding: GZIP", gzip.compress(BODY)),
    ]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for line, body in encodings:
        packed = sending(head(line, f"Content-Length: {len(body)}") + body)
        async with Wire.running(packed, host=PUBLIC_HOST) as wire:
            assert (await send(server, carol, key_id=f"{wire.origin}/x")).status == 503
        assert b"\r\nAccept-Encoding: identity\r\n" in wire.heads[0]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20 << 10  # KiB


async def test_CVE_2025_68475_hostile_html(server: Server, carol: Peer) -> None:
    """CVE-2025-68475: 1 MB of `<link <link` is no document, and nobody looks for links in it."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<link " * 170_000, content_type="text/html")

    carol.documents["/page"] = page
    began = time.process_time()
    assert (await send(server, carol, key_id=f"{carol.origin}/page")).status == 401
    assert (await server.get("/livez")).status == 200
    assert time.process_time() - began < 1


SECRET = "root:x:0:0"


async def test_error_echo(server: Server, carol: Peer) -> None:
    """Error echo: what another server answers is not told on, neither its body nor its headers."""
    bodies = [
        f"{SECRET}\n",
        json.dumps({"id": SECRET, "type": SECRET}),
        f'{{"{SECRET}": 1, "{SECRET}": 2}}',
        json.dumps({"id": f"{carol.origin}/{SECRET}", "publicKey": {"id": SECRET}}),
    ]
    told = {"Location": f"ftp://x/{SECRET}", "X-Told": SECRET, "Retry-After": SECRET}
    types = ("text/plain", "application/activity+json")
    asked = product(bodies, types, (200, 301, 403, 404, 500))
    for number, (body, type_, status) in enumerate(asked):

        async def answer(
            request: web.Request, body: str = body, type_: str = type_, status: int = status
        ) -> web.Response:
            return web.Response(text=body, status=status, content_type=type_, headers=told)

        carol.documents[f"/{number}"] = answer
        for reply in (
            await send(server, carol, key_id=f"{carol.origin}/{number}"),
            await forward(server, carol, f"{carol.origin}/{number}"),
        ):
            assert reply.status in (401, 403, 503)
            assert SECRET not in reply.text + str(reply.headers)


async def test_cookies_are_not_kept_and_proxies_not_used(
    start_server: StartServer, carol: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md 0, rule 7: no cookies, no proxies of the environment."""
    cookies: list[str | None] = []

    async def answer(request: web.Request) -> web.Response:
        cookies.append(request.headers.get("Cookie"))
        return web.Response(status=404, headers={"Set-Cookie": "a=b; Path=/; Max-Age=3600"})

    carol.documents |= {"/1": answer, "/2": answer, "/3": redirect("/2")}
    async with Wire.running() as proxy, NameServerDouble.running() as names:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.origin)
        monkeypatch.setenv("no_proxy", "")
        names.addresses["carol.test"] = [[PUBLIC_HOST]]
        rename(carol, "carol.test")  # for an address nobody keeps cookies
        server = await guarded(start_server, names)
        for n in (1, 2, 3):
            reply = await send(server, carol, key_id=f"{carol.origin}/{n}", key="one")
            assert reply.status == 401
        assert proxy.connections == 0
    assert cookies == [None, None, None]


async def test_CVE_2026_96623_an_answer_to_a_delivery(server: Server, carol: Peer) -> None:
    """CVE-2026-96623: after a POST the status counts; however much comes behind it, the activity
    is not sent again."""
    lines = ("Transfer-Encoding: chunked", "Content-Encoding: gzip")

    async def taken(writer: asyncio.StreamWriter) -> None:
        writer.write(head(lines[0], *lines[1:][: len(wire.heads) - 1], status="202 Accepted"))
        while True:
            writer.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            await writer.drain()

    async with Wire.running(taken, host=PUBLIC_HOST) as wire:
        carol.add_actor("carol", inbox=f"{wire.origin}/inbox", endpoints={})
        for expected in (1, 2):
            follow = carol.follow("carol", server.id("ann"))
            assert (await carol.send(f"{server.id('ann')}/inbox", follow, by="carol")).status == 202
            await until(_reaches(lambda: len(wire.heads), expected))
            await server.drained()
        assert await server.rows("SELECT FROM delivery") == []
        assert len(wire.heads) == 2


async def test_public_addresses_are_for_everybody(server: Server, carol: Peer) -> None:
    """The guard's counterpart: what may be reached is."""
    assert (await send(server, carol)).status == 202
    create = carol.create("somebody", "x", PUBLIC, server.id("ann"))
    carol.documents[create["id"].removeprefix(carol.origin)] = create
    carol.add_actor("somebody")
    assert (await forward(server, carol, create["id"])).status == 202
