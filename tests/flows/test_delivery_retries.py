"""Deliveries that do not work out at once: dropped, tried again, given up, and never lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.conftest import StartPeer
from tests.doubles.peer import Peer, Responder
from tests.doubles.server import Server, until
from tests.flows.steps import follow_from

DROPPED = (400, 403, 404, 405, 406, 410, 413, 415, 422, 451, 501)
RETRIED = (408, 429, 500, 502, 503, 504, 302, 307)
MINUTE = 60.0


async def hurry(server: Server) -> None:
    """Let whatever waits be tried now, as an admin could."""
    await server.rows("UPDATE waiting_inbox SET until = now() RETURNING 1")
    await server.rows("UPDATE host SET next_at = now() WHERE next_at < 'infinity' RETURNING 1")


async def hosts(server: Server) -> dict[str, dict[str, Any]]:
    """What is known of each host; ``wait_s`` is how long it is still left alone."""
    rows = await server.rows(
        "SELECT host, failures, last_error, next_at = 'infinity' AS idle, CASE WHEN next_at < "
        "'infinity' THEN extract(epoch FROM next_at - now())::float8 END AS wait_s FROM host"
    )
    return {f"http://{row['host']}": row for row in rows}


async def owed(server: Server) -> int:
    """How many deliveries wait."""
    [row] = await server.rows("SELECT count(*) AS n FROM delivery")
    waiting: int = row["n"]
    return waiting


def posted(peer: Peer) -> int:
    """How many POSTs reached the peer, answered or not."""
    return sum(one.startswith("POST ") for one in peer.asked)


async def attempts(peer: Peer, n: int) -> None:
    """Wait until so many POSTs have come."""

    async def came() -> bool:
        return posted(peer) >= n

    await until(came)


async def start_with_followers(
    server: Server, start_peer: StartPeer, answers: tuple[int, ...]
) -> dict[int, Peer]:
    """A peer for each answer, on an address of its own, with a follower of ann."""
    peers = {}
    for number, status in enumerate(answers):
        peers[status] = peer = await start_peer("carol", host=f"127.0.1.{number + 1}")
        await follow_from(peer, "carol", server, "ann")
        peer.asked.clear()
        peer.received.clear()
        peer.answers[:] = [status]
    await server.drained()
    return peers


async def test_IO_62_what_is_final_is_dropped(server: Server, start_peer: StartPeer) -> None:
    """IO-62: the delivery goes, it is not counted against the host, and the next one is tried."""
    peers = await start_with_followers(server, start_peer, DROPPED)
    first = await server.note("ann", "refused", f"{server.id('ann')}/followers")
    await asyncio.gather(*(attempts(peer, 1) for peer in peers.values()))
    await server.drained()
    assert await owed(server) == 0
    for status, peer in peers.items():
        assert {one.json["id"] for one in peer.received} == {first["id"]}, status
        host = (await hosts(server))[peer.origin]
        assert (host["failures"], host["idle"]) == (0, True), status
        peer.answers[:] = [202]
    second = await server.note("ann", "taken", f"{server.id('ann')}/followers")
    for peer in peers.values():
        [sent] = await peer.wait("Create")
        assert sent.json["id"] == second["id"]


async def test_IO_62_what_may_pass_is_tried_again(server: Server, start_peer: StartPeer) -> None:
    """IO-62, IO-66, AP-SEC-07: one attempt, then the host is left alone for about a minute; at
    the next it gets the same bytes under a new signature."""
    peers = await start_with_followers(server, start_peer, RETRIED)
    created = await server.note("ann", "later", f"{server.id('ann')}/followers")
    await asyncio.gather(*(attempts(peer, 1) for peer in peers.values()))
    await server.drained()
    assert await owed(server) == len(RETRIED)
    for status, peer in peers.items():
        assert posted(peer) == 1, status
        host = (await hosts(server))[peer.origin]
        assert host["failures"] == 1, status
        assert 0.7 * MINUTE < host["wait_s"] < 1.3 * MINUTE, status
        assert str(status) in host["last_error"]
        peer.answers[:] = [202]
    await asyncio.sleep(1.1)  # the date has seconds, and nobody may try meanwhile
    await hurry(server)
    for status, peer in peers.items():
        await peer.wait("Create")
        failed, taken = peer.received
        assert taken.json["id"] == created["id"], status
        assert failed.body == taken.body
        assert failed.headers["Signature"] != taken.headers["Signature"]
        assert failed.headers["Date"] != taken.headers["Date"]
        assert taken.signer == f"{server.id('ann')}#main-key"
    await server.drained()
    assert await owed(server) == 0
    assert {(host["failures"], host["idle"]) for host in (await hosts(server)).values()} == {
        (0, True)
    }


def answer(status: int, **headers: str) -> Responder:
    """An inbox that gives this answer. Underscores in header names are dashes."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}

    async def give(_: web.Request) -> web.Response:
        return web.Response(status=status, headers=sent)

    return give


async def test_IO_62_retry_after_is_honoured(server: Server, start_peer: StartPeer) -> None:
    """IO-62, RFC 9110 10.2.3: in seconds or as a date; not for less than we wait anyway, and not
    for days."""
    in_an_hour = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    cases: dict[str, tuple[Responder, float, float]] = {
        "503 in 2 h": (answer(503, Retry_After="7200"), 7000, 7200),
        "429 in 10 min": (answer(429, Retry_After="600"), 500, 600),
        "503 at a date": (answer(503, Retry_After=in_an_hour), 3000, 3600),
        "429 at once": (answer(429, Retry_After="0"), 40, 75),
        "503 in a year": (answer(503, Retry_After="31536000"), 40_000, 43_200),
        "503 in nonsense": (answer(503, Retry_After="soon"), 40, 75),
    }
    peers = []
    for number, (name, (give, low, high)) in enumerate(cases.items()):
        peer = await start_peer("carol", host=f"127.0.2.{number + 1}")
        await follow_from(peer, "carol", server, "ann")
        peer.inboxes["/inbox"] = give
        peers.append((name, peer, low, high))
    await server.drained()
    await server.note("ann", "later", f"{server.id('ann')}/followers")
    await asyncio.gather(*(attempts(peer, 2) for _, peer, _, _ in peers))
    await server.drained()
    known = await hosts(server)
    for name, peer, low, high in peers:
        assert low <= known[peer.origin]["wait_s"] <= high, (name, known[peer.origin])


def cut(request: web.Request) -> None:
    """End the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()


async def test_fault_25_the_answer_is_lost(server: Server, peer: Peer) -> None:
    """Fault 25, AP-S2S-18: the peer took it and we cannot know: it gets the same id again."""
    await follow_from(peer, "carol", server, "ann")
    seen: list[bytes] = []

    async def take_and_die(request: web.Request) -> web.Response:
        seen.append(await request.read())
        if len(seen) == 1:
            cut(request)
        return web.Response(status=202)

    peer.inboxes["/inbox"] = take_and_die
    await server.note("ann", "hello", f"{server.id('ann')}/followers")

    async def failed() -> bool:
        return bool((await hosts(server))[peer.origin]["failures"])

    await until(failed)
    await hurry(server)
    await peer.wait("Create")
    await server.drained()
    assert len(seen) == 2
    assert seen[0] == seen[1]
    assert await owed(server) == 0


async def test_IO_63_order_is_kept_and_a_dead_host_costs_one_attempt_a_step(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """IO-63, fault 10, fault 11: five posts wait for one host; each step tries the oldest alone.
    Another host gets all of them at once. When it comes back all arrive, in order."""
    well = await start_peer("eve", host="127.0.3.1")
    for one, name in ((peer, "carol"), (well, "eve")):
        await follow_from(one, name, server, "ann")
    peer.asked.clear()
    peer.answers[:] = [503]
    sent = []
    for number in range(5):
        created = await server.note("ann", f"{number}", f"{server.id('ann')}/followers")
        sent.append(created["id"])
    assert [one.json["id"] for one in await well.wait("Create", times=5)] == sent
    await server.drained()
    for step in (2, 3):
        tried = posted(peer)
        assert tried == step - 1
        await hurry(server)
        await attempts(peer, step)
        await server.drained()
    assert {one.json["id"] for one in peer.received if one.status == 503} == {sent[0]}
    assert (await hosts(server))[peer.origin]["failures"] == 3
    peer.answers[:] = [202]
    await hurry(server)
    assert [one.json["id"] for one in await peer.wait("Create", times=5)] == sent


async def test_a_host_that_is_down_is_not_hurried_by_new_posts(server: Server, peer: Peer) -> None:
    """AP-SEC-07: what is posted meanwhile waits in line, and is not tried before its time."""
    await follow_from(peer, "carol", server, "ann")
    peer.asked.clear()
    peer.answers[:] = [503]
    await server.note("ann", "first", f"{server.id('ann')}/followers")
    await attempts(peer, 1)
    await server.drained()
    await server.note("ann", "second", f"{server.id('ann')}/followers")
    await server.drained()
    await asyncio.sleep(1.5)  # the deliverer looks every second
    assert posted(peer) == 1
    assert await owed(server) == 2


async def test_IO_62_401_delays_only_that_inbox(server: Server, peer: Peer) -> None:
    """Interop 1.10: who could not verify us this time is asked again; its host is well, and its
    neighbours get theirs. What is posted to that inbox afterwards does not overtake."""
    for name in ("carol", "dave"):
        peer.add_actor(name, endpoints={})
        await follow_from(peer, name, server, "ann")
    peer.received.clear()
    peer.inboxes["/users/carol/inbox"] = 401
    first = await server.note("ann", "first", f"{server.id('ann')}/followers")
    second = await server.note("ann", "second", f"{server.id('ann')}/followers")
    await peer.wait("Create", times=2)
    await server.drained()
    to_dave = [one.json["id"] for one in peer.received if one.inbox == "/users/dave/inbox"]
    assert to_dave == [first["id"], second["id"]]
    assert await owed(server) == 2
    host = (await hosts(server))[peer.origin]
    assert host["failures"] == 0
    assert 0.7 * MINUTE < host["wait_s"] < 1.3 * MINUTE
    del peer.inboxes["/users/carol/inbox"]
    third = await server.note("ann", "third", f"{server.id('ann')}/followers")
    await peer.wait("Create", times=3)
    await server.drained()
    assert await owed(server) == 3
    await hurry(server)
    await peer.wait("Create", times=6)
    to_carol = [
        one.json["id"]
        for one in peer.received
        if one.inbox == "/users/carol/inbox" and one.status == 202
    ]
    assert to_carol == [first["id"], second["id"], third["id"]]
    await server.drained()
    assert await owed(server) == 0
    assert await server.rows("SELECT 1 FROM waiting_inbox") == []


@pytest.mark.parametrize("status", [503, 401])
async def test_given_up_after_seven_days(server: Server, peer: Peer, status: int) -> None:
    """Decision 5: what is older than seven days goes at its next failure, what is younger stays."""
    await follow_from(peer, "carol", server, "ann")
    peer.asked.clear()
    peer.answers[:] = [status]
    old = await server.note("ann", "old", f"{server.id('ann')}/followers")
    await attempts(peer, 1)
    await server.drained()
    young = await server.note("ann", "young", f"{server.id('ann')}/followers")
    await server.drained()
    assert await owed(server) == 2
    await server.rows(
        "UPDATE delivery d SET since = now() - interval '7 days 1 minute' FROM activity a "
        "WHERE a.key = d.activity AND a.id = $1 RETURNING 1",
        old["id"],
    )
    before = posted(peer)
    await hurry(server)
    await attempts(peer, before + 1)
    await server.drained()
    left = await server.rows("SELECT a.id FROM delivery d JOIN activity a ON a.key = d.activity")
    assert [row["id"] for row in left] == [young["id"]]


async def test_what_was_delivered_is_recorded_while_others_wait(server: Server, peer: Peer) -> None:
    """Fault 1: a slow host is served for a while; what has gone out is known within seconds, and
    so not sent again when the worker is killed."""
    names = [f"f{number}" for number in range(5)]
    for name in names:
        peer.add_actor(name, endpoints={})
        await follow_from(peer, name, server, "ann")
    await server.drained()

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.7)
        return web.Response(status=202)

    peer.inboxes |= {f"/users/{name}/inbox": slow for name in names}
    await server.note("ann", "hello", f"{server.id('ann')}/followers")

    async def some_recorded() -> bool:
        return 0 < await owed(server) < len(names)

    await until(some_recorded)
    assert await server.rows("SELECT 1 FROM host WHERE lease_until > now()") != []
    await peer.wait("Create", times=len(names))
    await server.drained()
    assert await owed(server) == 0
    assert len([one for one in peer.received if one.json["type"] == "Create"]) == len(names)


async def restarted(server: Server, stack: AsyncExitStack, folder: Path) -> Server:
    """A new server on the same database, port and folder."""
    options = {"port": server.origin.rpartition(":")[2]}
    again = await stack.enter_async_context(Server.running(server.dsn, folder, [], options))
    again.tokens.update(server.tokens)
    return again


async def test_a_restart_keeps_everything(
    database: Callable[[], Any], start_peer: StartPeer, tmp_path: Path
) -> None:
    """Deliveries that wait, one under way, a recipient still to be found: all arrive after it."""
    down = await start_peer("carol", host="127.0.4.1")
    slow = await start_peer("dave", host="127.0.4.2")
    unknown = await start_peer("eve", host="127.0.4.3")
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(
            Server.running(await database(), tmp_path, ["ann"], {})
        )
        await follow_from(down, "carol", first, "ann")
        await follow_from(slow, "dave", first, "ann")
        down.answers[:] = [503]
        let_go = asyncio.Event()

        async def hang(_: web.Request) -> web.Response:
            await let_go.wait()
            return web.Response(status=202)

        slow.inboxes["/inbox"] = hang
        document, unknown.documents["/users/eve"] = unknown.documents["/users/eve"], hang
        slow.asked.clear()
        created = await first.note(
            "ann", "hello", f"{first.id('ann')}/followers", unknown.id("eve")
        )
        await attempts(slow, 1)
        await attempts(down, 2)
        asyncio.get_running_loop().call_later(0.3, let_go.set)
        await stack.aclose()
        unknown.documents["/users/eve"] = document
        second = await restarted(first, stack, tmp_path)
        down.answers[:] = [202]
        await second.drained()
        await hurry(second)
        for peer in (down, slow, unknown):
            arrived = await peer.wait("Create")
            assert [one.json["id"] for one in arrived] == [created["id"]]
        outbox = await second.items("ann", "outbox", as_="ann")
        assert outbox[0]["id"] == created["id"]
