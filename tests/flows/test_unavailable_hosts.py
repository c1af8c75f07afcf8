"""Hosts that are down for long, and hosts that come back and say so."""

from __future__ import annotations

import pytest

from apserver.core import limits
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.steps import follow_from

DAYS = "now() - $1 * interval '1 day'"


@pytest.fixture(autouse=True)
def each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look at each request whether its host was down."""
    monkeypatch.setattr(limits, "HEARD_S", 0.0)


def host_of(peer: Peer) -> str:
    """As it stands in the table of hosts."""
    return peer.origin.removeprefix("http://")


async def make_down(server: Server, peer: Peer, *, days: int) -> None:
    """The host has failed for so many days, and is not to be tried again for hours."""
    await server.rows(
        f"UPDATE host SET failures = 20, failing_since = {DAYS}, next_at = "
        "CASE next_at WHEN 'infinity' THEN next_at ELSE now() + interval '6 hours' END "
        "WHERE host = $2",
        days,
        host_of(peer),
    )


async def owed(server: Server, peer: Peer) -> int:
    """How many deliveries wait for the host."""
    rows = await server.rows("SELECT id FROM delivery WHERE host = $1", host_of(peer))
    return len(rows)


async def speak(server: Server, peer: Peer, *, key: str | None = None) -> int:
    """Carol posts something to ann; the answer."""
    note = peer.create("carol", "we are back", PUBLIC)
    return (await peer.send(f"{server.id('ann')}/inbox", note, by="carol", key=key)).status


async def test_IO_64_who_speaks_is_tried_at_once(server: Server, peer: Peer) -> None:
    """IO-64: what was held for a host that is down arrives when the host posts to us, in order."""
    await follow_from(peer, "carol", server, "ann")
    await server.drained()
    peer.answers[:] = [503]
    first = await server.note("ann", "one", PUBLIC, cc=[f"{server.id('ann')}/followers"])
    second = await server.note("ann", "two", PUBLIC, cc=[f"{server.id('ann')}/followers"])

    async def failed() -> bool:
        rows = await server.rows(
            "SELECT failures FROM host WHERE host = $1 AND failures > 0 AND lease_until < now()",
            host_of(peer),
        )
        return bool(rows) and await owed(server, peer) == 2

    await until(failed)
    await make_down(server, peer, days=1)
    peer.answers[:] = [202]
    assert await speak(server, peer, key="another") == 401
    assert await owed(server, peer) == 2
    assert await speak(server, peer) == 202
    await peer.wait("Create", times=2)
    arrived = [one.json["id"] for one in peer.received if one.status == 202]
    assert [id_ for id_ in arrived if id_ in (first["id"], second["id"])] == [
        first["id"],
        second["id"],
    ]
    await server.drained()
    assert await server.rows("SELECT failures FROM host WHERE failures > 0") == []


async def test_IO_64_seven_days_of_failure(
    server: Server, start_peer: StartPeer, peer: Peer
) -> None:
    """IO-64: a host that failed for seven days is owed nothing until it posts to us; others get
    all."""
    other = await start_peer("dave")
    await follow_from(peer, "carol", server, "ann")
    await follow_from(other, "dave", server, "ann")
    await server.drained()
    followers = f"{server.id('ann')}/followers"
    await make_down(server, peer, days=6)
    note = await server.note("ann", "hello", PUBLIC, cc=[followers])
    await peer.wait("Create", id=note["id"])
    await server.drained()

    await make_down(server, peer, days=8)
    note = await server.note("ann", "hello", PUBLIC, peer.id("carol"), cc=[followers])
    await other.wait("Create", id=note["id"])
    await server.drained()
    assert await owed(server, peer) == 0
    assert note["id"] not in [one.json["id"] for one in peer.received]

    assert await speak(server, peer) == 202
    again = await server.note("ann", "hello again", PUBLIC, cc=[followers])
    await peer.wait("Create", id=again["id"])
