"""A worker that sleeps through its lease, and work that can never be done (faults 17 and 18).

The test itself is the other worker: it takes leases and does work by SQL.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from apserver import telemetry
from apserver.core import limits
from apserver.core.origin import bucket_of, host_of
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, PATIENCE_S, PUBLIC, Server, until
from tests.flows.steps import follow_from


async def expire_and_take(server: Server, table: str) -> None:
    """Another worker finds the leases over and takes them; its work lasts a minute."""
    await server.rows(
        f"UPDATE {table} SET lease_until = now() + interval '1 min', fence = fence + 1, "
        "holder = 'another' WHERE lease_until > now() RETURNING 1"
    )


async def give_back(server: Server, table: str) -> None:
    """The other worker is done."""
    await server.rows(
        f"UPDATE {table} SET lease_until = '-infinity' WHERE holder = 'another' RETURNING 1"
    )


async def test_fault_17_a_worker_that_comes_late_has_no_effect(server: Server, peer: Peer) -> None:
    """Fault 17: it waits for an object, and meanwhile another worker has the bucket and does the
    job; what it brings then is not written, and its next work is done as ever."""
    note = peer.create("carol", "slow", PUBLIC)["object"]
    asked, let_go = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        asked.set()
        await let_go.wait()
        return web.json_response(note, content_type=AS2)

    peer.documents[note["id"].removeprefix(peer.origin)] = slow
    create = peer.activity("Create", "carol", object=note["id"], to=[PUBLIC])
    inbox = f"{server.id('ann')}/inbox"
    assert (await peer.send(inbox, create, by="carol")).status == 202
    await asyncio.wait_for(asked.wait(), PATIENCE_S)
    await server.rows("UPDATE bucket SET lease_until = now() + interval '1 min' RETURNING 1")
    await expire_and_take(server, "bucket")
    await server.rows("DELETE FROM job WHERE kind = 'apply' RETURNING 1")
    let_go.set()
    await asyncio.sleep(0.5)
    assert await server.rows("SELECT 1 FROM object") == []
    holders = await server.rows("SELECT DISTINCT holder FROM bucket WHERE lease_until > now()")
    assert [row["holder"] for row in holders] == ["another"]
    await give_back(server, "bucket")
    later = peer.create("carol", "later", PUBLIC)
    assert (await peer.send(inbox, later, by="carol")).status == 202
    await server.drained()
    stored = await server.rows("SELECT id FROM object")
    assert [row["id"] for row in stored] == [later["object"]["id"]]


async def test_fault_17_a_late_settlement_changes_nothing(server: Server, peer: Peer) -> None:
    """Fault 17: the delivery was made, but the host is another's: what that one knows counts, and
    so the peer gets the same id twice and nothing is lost."""
    await follow_from(peer, "carol", server, "ann")
    let_go = asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        await let_go.wait()
        return web.Response(status=202)

    peer.inboxes["/inbox"] = slow
    created = await server.note("ann", "hello", f"{server.id('ann')}/followers")

    async def under_way() -> bool:
        return "POST /inbox" in peer.asked

    await until(under_way)
    await expire_and_take(server, "host")
    let_go.set()
    await peer.wait("Create")
    await asyncio.sleep(0.3)
    assert len(await server.rows("SELECT 1 FROM delivery")) == 1
    await give_back(server, "host")
    arrived = await peer.wait("Create", times=2)
    assert {one.json["id"] for one in arrived} == {created["id"]}
    await server.drained()
    assert await server.rows("SELECT 1 FROM delivery") == []


async def test_fault_18_poison_is_parked_and_others_go_on(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Fault 18: an activity that fails whatever one does, between others of its actor and of a
    neighbour in its bucket: they are applied at once, it is given up after ten attempts and not
    listed, and a metric says so."""
    monkeypatch.setattr(limits, "POLL_S", 0.05)
    peer.add_actor("dave")
    bucket = bucket_of(host_of(peer.origin))
    hold = "UPDATE bucket SET lease_until = now() + interval '1 h' WHERE bucket = $1 RETURNING 1"
    await server.rows(hold, bucket)
    sent: list[dict[str, Any]] = []
    for by in ("carol", "carol", "dave", "carol"):
        sent.append(peer.create(by, "hello", PUBLIC))
        reply = await peer.send(f"{server.id('ann')}/inbox", sent[-1], by=by)
        assert reply.status == 202, reply.text
    poison = sent[1]["id"]
    await server.rows(
        "UPDATE raw SET body = '{' FROM activity a WHERE a.key = raw.activity AND a.id = $1 "
        "RETURNING 1",
        poison,
    )
    parked = telemetry.counted(telemetry.JOBS, "apply", "parked")
    await server.rows("UPDATE bucket SET lease_until = '-infinity' RETURNING 1")
    await server.drained()
    good = [one["id"] for one in reversed(sent) if one["id"] != poison]

    async def listed() -> list[str]:
        return [one["id"] for one in await server.items("ann", "inbox", as_="ann")]

    assert await listed() == good
    for attempt in range(1, limits.JOB_ATTEMPTS):
        [row] = await server.rows("SELECT attempt, parked_at FROM job WHERE kind = 'apply'")
        assert (row["attempt"], row["parked_at"]) == (attempt, None)
        await server.rows("UPDATE job SET run_at = now() RETURNING 1")
        await server.drained()
    [row] = await server.rows("SELECT error, parked_at FROM job WHERE kind = 'apply'")
    assert row["parked_at"] is not None
    assert "BadInput" in row["error"]
    assert telemetry.counted(telemetry.JOBS, "apply", "parked") == parked + 1
    await server.rows("UPDATE job SET run_at = now() RETURNING 1")
    await server.drained()
    assert await listed() == good
    after = peer.create("carol", "after", PUBLIC)
    assert (await peer.send(f"{server.id('ann')}/inbox", after, by="carol")).status == 202
    await server.drained()
    assert await listed() == [after["id"], *good]
