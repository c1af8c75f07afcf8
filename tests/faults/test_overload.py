"""Too much at once: slow peers, a popular post, hostile bodies (faults 9, 12 and 24)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientError, web

from apserver.core import limits
from tests.conftest import StartPeer, StartServer, free_port
from tests.doubles.peer import Peer
from tests.doubles.process import serving
from tests.doubles.server import AS2, PUBLIC, Server
from tests.faults.processes import folder_for_all
from tests.flows.steps import follow_from


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the user of PostgreSQL may enter."""
    with folder_for_all() as made:
        yield made


async def test_fault_9_slow_peers_take_not_all_places(
    server: Server, start_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 9: of twenty-four peers eight take a request and answer byte by byte, with twelve
    places to deliver from. The others have each of three posts while those still drip."""
    monkeypatch.setattr(limits, "HOSTS_IN_FLIGHT", 12)
    let_go = asyncio.Event()

    async def drip(request: web.Request) -> web.Response:
        await request.read()
        response = web.StreamResponse(headers={"Content-Length": "100000"})
        await response.prepare(request)
        while not let_go.is_set():
            try:
                await response.write(b"x")
            except ConnectionError:
                break  # it has given up
            await asyncio.sleep(0.2)
        return web.Response()

    peers = [await start_peer("carol", host=f"127.0.8.{number + 1}") for number in range(24)]
    for peer in peers:
        await follow_from(peer, "carol", server, "ann")
        peer.received.clear()
    slow, quick = peers[:8], peers[8:]
    for peer in slow:
        peer.inboxes["/inbox"] = drip
    try:
        sent = [
            (await server.note("ann", f"{number}", f"{server.id('ann')}/followers"))["id"]
            for number in range(3)
        ]
        for peer in quick:
            got = await peer.wait("Create", times=3)
            assert [one.json["id"] for one in got] == sent
        dripping = await server.rows("SELECT DISTINCT host FROM delivery")
        assert {row["host"] for row in dripping} == {
            peer.origin.partition("://")[2] for peer in slow
        }
    finally:
        let_go.set()


async def test_fault_12_a_popular_post(start_server: StartServer, start_peer: StartPeer) -> None:
    """Fault 12: three hundred signed reads and two hundred replies at once: each is done, or is
    503 or 429 with the time of the next try; what was accepted is there, once."""
    server = await start_server("ann")
    peers = [await start_peer("carol", host=f"127.0.9.{number + 1}") for number in range(5)]
    post = await server.note("ann", "popular", PUBLIC)
    replies = [
        (peer, peer.create("carol", f"reply {number}", PUBLIC, server.id("ann")))
        for number in range(40)
        for peer in peers
    ]
    reads = [(peer, post["object"]["id"]) for _ in range(60) for peer in peers]
    inbox = f"{server.id('ann')}/inbox"
    answers = await asyncio.gather(
        *(peer.send(inbox, reply, by="carol") for peer, reply in replies),
        *(peer.get(url, by="carol") for peer, url in reads),
    )
    assert {one.status for one in answers} <= {200, 202, 429, 503}
    assert all(int(one.headers["Retry-After"]) > 0 for one in answers if one.status >= 400)
    sent = zip(replies, answers, strict=False)
    accepted = Counter(reply["id"] for (_, reply), answer in sent if answer.status == 202)
    assert len(accepted) > len(peers)
    await server.drained(timeout_s=60)
    assert Counter(one["id"] for one in await server.items("ann", "inbox", as_="ann")) == accepted


def resident_mb(pid: int) -> float:
    """The memory that a process has."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no such process")


async def test_fault_24_hostile_bodies_do_not_grow_the_process(folder: Path, peer: Peer) -> None:
    """Fault 24: hundreds of bodies of a megabyte, of every hostile kind, many at once: refused, and
    the worker stays the size it was after the first of them. (The least grows by tens of megabytes
    for the bodies under way; kept, they would be four hundred.)"""
    megabyte = 1 << 20
    note: dict[str, Any] = peer.create("carol", "x", PUBLIC)
    bodies = [
        b"[" * megabyte,
        b'{"a":' * (megabyte // 5),
        b'{"type":"Create","x":[' + b"0," * (megabyte // 2 - 20) + b"0]}",
        b'{"n":' + b"9" * (megabyte - 10) + b"}",
        b'{"s":"' + b"\\u0041" * (megabyte // 6 - 10) + b'"}',
        b"\xff" * megabyte,
        b"{" + b",".join(b'"%d":0' % number for number in range(60_000)) + b"}",
        b" " * megabyte + b"{}",
    ]
    async with serving(folder, port=free_port()) as (process, server):
        await server.create_actor("ann")
        inbox = f"{server.id('ann')}/inbox"
        [worker] = process.workers()

        async def send(body: bytes, kind: str) -> int:
            try:
                if kind == "signed":
                    return (await peer.send(inbox, body, by="carol")).status
                headers = {"Content_Type": AS2, "Content_Encoding": "gzip"}
                return (await server.ask("POST", inbox, data=body, **headers)).status
            except ClientError:
                return 413  # the connection was ended while it was sent

        async def flood() -> set[int]:
            sends = [send(body, kind) for body in bodies for kind in ("signed", "packed")]
            return set(await asyncio.gather(*sends))

        await flood()
        await flood()
        before = resident_mb(worker)
        for _ in range(25):
            assert await flood() <= {400, 401, 413, 415}
        assert resident_mb(worker) < before + 60
        assert process.workers() == [worker]
        assert (await peer.send(inbox, note, by="carol")).status == 202
