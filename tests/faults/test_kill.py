"""Workers, PostgreSQL and the whole server, killed at the worst moment (faults 1, 4 and 5).

Wanted each time: nothing that was answered with 2xx is lost, nothing takes effect twice, and no
work is left over. Peers may get a delivery twice; they know it by its id.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conftest import StartPeer, free_port
from tests.doubles.peer import Peer
from tests.doubles.process import ServerProcess, serving
from tests.doubles.server import Server, until
from tests.faults.load import AT_ONCE, Load
from tests.faults.processes import descendants, folder_for_all
from tests.flows.steps import follow_from

PEERS = 4
FOLLOWERS = 15  #: of each peer, each with an inbox of its own
HEALED_S = 10.0


@pytest.fixture
def folder() -> Iterator[Path]:
    """A data folder that the user of PostgreSQL may enter."""
    with folder_for_all() as made:
        yield made


async def many_followers(server: Server, start_peer: StartPeer) -> list[Peer]:
    """Peers with followers of ann that share no inbox."""
    peers = []
    for number in range(PEERS):
        peer = await start_peer(host=f"127.0.5.{number + 1}")
        names = [f"f{one}" for one in range(FOLLOWERS)]
        for name in names:
            peer.add_actor(name, endpoints={})
        await asyncio.gather(*(follow_from(peer, name, server, "ann") for name in names))
        peer.received.clear()
        peers.append(peer)
    await server.drained()
    return peers


def arrivals(peers: Sequence[Peer]) -> Counter[tuple[str, str, str]]:
    """How often each activity came to each inbox."""
    return Counter(
        (peer.origin, one.inbox, one.json["id"]) for peer in peers for one in peer.received
    )


async def replaced(process: ServerProcess, killed: int) -> int:
    """The worker in place of a killed one."""

    async def there() -> int | None:
        return next((one for one in process.workers() if one != killed), None)

    found: int = await until(there)
    return found


async def test_fault_1_a_worker_killed_during_fan_out(folder: Path, start_peer: StartPeer) -> None:
    """Fault 1: five posts to sixty inboxes, the worker killed after each at a random moment. All
    arrive within seconds of the last kill; what comes twice was under way when it was killed."""
    async with serving(folder, port=free_port()) as (process, server):
        await server.create_actor("ann")
        peers = await many_followers(server, start_peer)
        chance = random.Random(11)
        sent = []
        [worker] = process.workers()
        for number in range(5):
            created = await server.note("ann", f"{number}", f"{server.id('ann')}/followers")
            sent.append(created["id"])
            await asyncio.sleep(chance.uniform(0.0, 0.15))
            os.kill(worker, signal.SIGKILL)
            worker = await replaced(process, worker)
            await until(lambda: is_ready(server))
        wanted = {
            (peer.origin, f"/users/f{one}/inbox", id_)
            for peer in peers
            for one in range(FOLLOWERS)
            for id_ in sent
        }

        async def all_there() -> bool:
            return arrivals(peers).keys() >= wanted

        await until(all_there)
        await server.drained()
        came = arrivals(peers)
        assert set(came) == wanted
        assert max(came.values()) <= 1 + len(sent), "once more for each kill at most"
        signers = {one.signer for peer in peers for one in peer.received}
        assert signers == {f"{server.id('ann')}#main-key"}
        assert await server.rows("SELECT 1 FROM job UNION ALL SELECT 1 FROM delivery") == []


async def is_ready(server: Server) -> bool:
    try:
        return (await server.get("/readyz")).status == 200
    except OSError:
        return False


async def test_fault_1_the_whole_server_is_killed_before_it_delivers(
    folder: Path, peer: Peer
) -> None:
    """Everything dies between the 201 and the delivery; the next start delivers."""
    port = free_port()
    async with serving(folder, port=port) as (process, server):
        await server.create_actor("ann")
        await follow_from(peer, "carol", server, "ann")
        peer.answers[:] = [503]
        created = await server.note("ann", "hello", f"{server.id('ann')}/followers")
        await process.kill()
    peer.answers[:] = [202]
    async with serving(folder, port=port) as (_, again):
        again.tokens.update(server.tokens)
        await again.rows("UPDATE host SET next_at = now() WHERE next_at < 'infinity' RETURNING 1")
        [sent] = await peer.wait("Create")
        assert sent.json["id"] == created["id"]
        await again.drained()
        outbox = await again.items("ann", "outbox", as_="ann")
        assert outbox[0]["id"] == created["id"]


@asynccontextmanager
async def loaded(load: Load) -> AsyncIterator[None]:
    """A load that runs in the background, and is over at the end of the context."""
    running = asyncio.create_task(load.run())
    try:
        yield
        await asyncio.wait_for(running, 90)
    finally:
        running.cancel()
    print(load.statuses)


def backends(process: ServerProcess) -> list[int]:
    """The processes of PostgreSQL that serve our connections."""
    found = []
    for pid in descendants(process.postgres()):
        title = Path(f"/proc/{pid}/cmdline").read_bytes()
        if b"postgres: apserver" in title:
            found.append(pid)
    return found


@pytest.mark.parametrize("how", ["fast restart", "killed", "a backend killed"])
async def test_fault_4_fault_5_postgresql_goes_away_under_load(
    folder: Path, peer: Peer, how: str
) -> None:
    """Fault 4, fault 5: while requests, jobs and deliveries run. Answers are 503 with Retry-After
    or as ever; it heals by itself within seconds, and what was answered is there once."""
    async with serving(folder, port=free_port()) as (process, server):
        await server.create_actor("ann")
        await follow_from(peer, "carol", server, "ann")
        await follow_from(peer, "carol", server, "ann")
        peer.received.clear()
        [worker] = process.workers()
        load = Load(server, peer, total=400)
        async with loaded(load):
            await load.reach(60)
            if how == "fast restart":
                os.kill(process.postgres(), signal.SIGINT)
            elif how == "killed":
                os.kill(process.postgres(), signal.SIGKILL)
            else:
                os.kill(random.choice(backends(process)), signal.SIGKILL)
            gone = time.monotonic()
            await until(lambda: is_well(load), timeout_s=HEALED_S * 3)
            healed_s = time.monotonic() - gone
        assert healed_s < HEALED_S
        allowed = {("read", 200), ("outbox", 201), ("inbox", 202)}
        assert set(load.statuses) <= allowed | {(kind, 503) for kind, _ in allowed}
        assert load.statuses["outbox", 201] + load.statuses["inbox", 202] > AT_ONCE
        assert process.workers() == [worker], "no worker had to die for it"
        await load.check_stored_once()
        assert await server.rows("SELECT 1 FROM delivery") == []
        assert await server.rows("SELECT 1 FROM bucket WHERE lease_until > now()") == []


async def is_well(load: Load) -> bool:
    """Whether writes succeed again."""
    reply = await load.server.post("ann", {"type": "Note", "content": "well?"})
    if reply.status == 503:
        assert int(reply.headers["Retry-After"]) > 0
        return False
    return reply.status == 201
