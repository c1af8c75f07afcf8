"""Pages of streams: each item once, newest first, whatever comes meanwhile (C11, C15, X15)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.stream_steps import ISSUE, act, follow, ids, of, read, walk

AT = "2026-01-02T03:04:05Z"


async def _tell(server: Server, peer: Peer, number: int) -> list[str]:
    """So many notes of carol, all of one second."""
    notes = [{**peer.create("carol", f"{n}", PUBLIC), "published": AT} for n in range(number)]
    inbox = f"{server.id('ann')}/inbox"
    for start in range(0, number, 20):
        sent = [peer.send(inbox, note, by="carol") for note in notes[start : start + 20]]
        assert {one.status for one in await asyncio.gather(*sent)} == {202}
    await server.drained()
    return [note["id"] for note in notes]


async def test_X15_scenario_17_one_second_has_an_order(server: Server, peer: Peer) -> None:
    """C11, X15: 95 actions of one second, while 10 more come: each of the 95 once."""
    there = await _tell(server, peer, 95)
    for path in ("/streams/public", of("actor", peer.id("carol")), "/streams/type/Note"):
        pages = await walk(server, path, limit=30)
        assert [len(page) for page in pages] == [30, 30, 30, 5], path
        assert sorted(one["id"] for page in pages for one in page) == sorted(there)
    url = (await server.get("/streams/public")).json["first"] + "&limit=30"
    down: list[str] = []
    for number in range(4):
        page = await read(server, url)
        down += [one["id"] for one in page["orderedItems"]]
        url = page.get("next", "")
        await act(server, "ann", "View", object=ISSUE["id"])
        assert bool(url) == (number < 3)
    assert sorted(down) == sorted(there)


@pytest.mark.parametrize("seed", range(2))
async def test_scenario_17_prev_leads_back_and_to_what_came(server: Server, seed: int) -> None:
    """C11, R8: up by `prev` comes what stood there and what was added; `limit` means count."""
    random = Random(seed)
    size = random.randint(1, 4)
    await follow(server, "bob", server.id("ann"))
    there = [await act(server, "ann", "View", object=ISSUE["id"]) for _ in range(9)]
    for path, as_ in (
        ("/streams/public", None),
        (of("any", ISSUE["id"]), None),
        ("/actors/bob/streams/home?include_self=never", "bob"),
        ("/streams/public?type=View", None),
    ):
        url = (await server.get(path, as_=as_)).json["first"] + f"&limit={size}"
        down: list[str] = []
        while url:
            page = await read(server, url, as_=as_)
            assert len(page["orderedItems"]) <= size
            assert "prev" in page or "page=first" in page["id"]
            down += [one["id"] for one in page["orderedItems"]]
            url, last = page.get("next"), page["id"]
        assert down == there[::-1], path
        there += [await act(server, "ann", "View", object=ISSUE["id"]) for _ in range(size + 1)]
        up: list[str] = []
        while last:
            page = await read(server, last, as_=as_)
            up = [one["id"] for one in page["orderedItems"]] + up
            last = page.get("prev")
        assert up == there[::-1], path


async def test_scenario_17_a_page_leads_on_in_another_process(
    database: Callable[[], Awaitable[str]], tmp_path: Path
) -> None:
    """C11: where a page goes on stands in its link, not in the memory of a server."""
    dsn = await database()
    async with Server.running(dsn, tmp_path, ("ann",), {}) as server:
        made = [await act(server, "ann", "View", object=ISSUE["id"]) for _ in range(3)]
        page = await read(server, "/streams/public?page=first&limit=2")
        port = int(server.origin.rpartition(":")[2])
    async with Server.running(dsn, tmp_path, (), {"port": port}) as server:
        page = await read(server, page["next"])
    assert [one["id"] for one in page["orderedItems"]] == made[:1]


async def test_scenario_17_in_the_order_in_which_it_was_done(server: Server) -> None:
    """A6: `published` has whole seconds, the order none the less that of the acts."""
    made = [await act(server, "ann", "View", object=ISSUE["id"]) for _ in range(12)]
    assert await ids(server, "/streams/public") == made[::-1]
    assert await ids(server, of("object", ISSUE["id"])) == made[::-1]


async def test_scenario_04_an_old_date_stands_at_its_date(server: Server, peer: Peer) -> None:
    """A6: what was published before goes below what was published since."""
    now = await act(server, "ann", "View", object=ISSUE["id"])
    [old] = await _tell(server, peer, 1)
    assert await ids(server, "/streams/public") == [now, old]
