"""Clocks that are wrong: ours, a peer's, and a certificate past its time (faults 13, 14 and 20)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.conftest import free_port
from tests.doubles.authority import Authority, Files
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.steps import check_problem
from tests.meta.project import sources


async def test_fault_14_the_clock_of_a_peer_is_two_hours_ahead(
    server: Server, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault 14: 401 that says why, to the peer and in the log, and not one look-up of a key."""
    caplog.set_level("INFO", logger="apserver")
    before = await server.contents()
    for hours in (2, -2):
        for _ in range(10):
            reply = await peer.send(
                f"{server.id('ann')}/inbox",
                peer.create("carol", "hello", PUBLIC),
                by="carol",
                now=datetime.now(UTC) + timedelta(hours=hours),
            )
            check_problem(reply, 401)
            assert re.search(r"clock|date|old|future", reply.json["detail"], re.IGNORECASE)
    refused = [one for one in caplog.records if one.getMessage() == "refused"]
    assert len(refused) == 20
    assert peer.asked == []
    assert await server.contents() == before


@pytest.mark.parametrize(
    ("minutes", "status"), [(10, 202), (-10, 202), (-60, 202), (70, 401), (-70, 401)]
)
async def test_fault_13_our_clock_against_that_of_a_peer(
    server: Server, peer: Peer, minutes: int, status: int
) -> None:
    """Fault 13: ten minutes either way, and an hour back, are nothing; beyond the window it is a
    refusal. Whose clock is wrong cannot be told apart."""
    reply = await peer.send(
        f"{server.id('ann')}/inbox",
        peer.create("carol", "hello", PUBLIC),
        by="carol",
        now=datetime.now(UTC) + timedelta(minutes=minutes),
    )
    assert reply.status == status


def test_fault_13_leases_are_by_the_clock_of_the_database() -> None:
    """Fault 13: no worker's clock says when a lease ends or a job is due: a parameter that is
    compared with such a column, or written into it, would be one. Seconds are added to now()."""
    columns = re.compile(r"(lease_until|run_at|next_at)\s*(?:=|<=?|>=?)\s*(\S+)")
    compared = {
        (source.place, column, value.strip("(),"))
        for source in sources("apserver")
        if source.place.startswith("apserver/store/")
        for column, value in columns.findall(source.text)
    }
    assert len(compared) > 10
    assert [one for one in compared if one[2].startswith("$")] == []


async def test_fault_20_the_certificate_of_a_peer_has_expired(
    database: Callable[[], Awaitable[str]], tmp_path: Path
) -> None:
    """Fault 20: it counts as a failure of the host: one attempt for each step, nothing is lost, and
    with a new certificate all arrives."""
    authority = Authority.at(tmp_path)
    port = free_port()
    ours, theirs = await database(), await database()
    options = {"federation__ca_file": authority.ca_file, "federation__allow_http": "false"}

    def speaking_tls(files: Files) -> dict[str, object]:
        return {**options, "tls__cert": files.cert, "tls__key": files.key}

    good = authority.certify("127.0.0.1")
    other_options = speaking_tls(good) | {"port": port}
    mine = Server.running(ours, tmp_path / "ours", ["ann"], speaking_tls(good))
    async with mine as server:
        async with Server.running(theirs, tmp_path / "theirs", ["bob"], other_options) as other:
            bob, tokens = other.id("bob"), other.tokens
            await server.note("ann", "first", bob)
            await until(lambda: arrived(other, 1))
        expired = authority.certify("127.0.0.1", days=-1)
        late_options = speaking_tls(expired) | {"port": port}
        async with Server.running(theirs, tmp_path / "theirs", [], late_options):
            await server.note("ann", "second", bob)

            async def failed() -> list[object]:
                return list(await server.rows("SELECT last_error FROM host WHERE failures = 1"))

            [row] = await until(failed)
            assert "ertificate" in str(row)
            await server.drained()
            for note in ("third", "fourth"):
                await server.note("ann", note, bob)
            await server.drained()
            [row] = await server.rows("SELECT failures, next_at > now() AS waits FROM host")
            assert row == {"failures": 1, "waits": True}, "new posts do not hurry it"
        renewed = speaking_tls(authority.certify("127.0.0.1")) | {"port": port}
        async with Server.running(theirs, tmp_path / "theirs", [], renewed) as other:
            other.tokens.update(tokens)
            await server.rows("UPDATE host SET next_at = now() RETURNING 1")
            await until(lambda: arrived(other, 4))
            inbox = await other.items("bob", "inbox", as_="bob")
            words = {one["object"]["content"] for one in inbox}
            assert words == {"first", "second", "third", "fourth"}


async def arrived(server: Server, count: int) -> bool:
    return len(await server.items("bob", "inbox", as_="bob")) == count
