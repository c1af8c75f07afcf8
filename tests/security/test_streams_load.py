"""Rule 9: what one page of a stream, or one outbox, can make us do is bounded."""

from __future__ import annotations

from typing import Any

import pytest

from apserver.core import limits
from tests.conftest import StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.site_steps import issue, start_site
from tests.flows.stream_steps import home, read
from tests.flows.test_stream_33_history import follow_carol, put_outbox
from tests.security.steps import accepted

BIG = "x" * 60_000


async def big_note(server: Server, peer: Peer) -> str:
    """A note of a peer with much in it; its id."""
    note = peer.create("carol", BIG, PUBLIC)
    await accepted(server, peer, note, by="carol")
    id_: str = note["object"]["id"]
    return id_


async def test_one_id_many_times_is_expanded_once(server: Server, peer: Peer) -> None:
    """CVE-2026-23962: two thousand times one id are 100 kB in, and were 120 MB out."""
    note = await big_note(server, peer)
    added = peer.activity("Add", "carol", object=[note] * 2_000, target=note, to=[PUBLIC])
    await accepted(server, peer, added, by="carol")
    reply = await server.get("/streams/public?expand=full&page=first&type=Add")
    assert reply.status == 200
    assert len(reply.text) < 10 * len(BIG)
    [shown] = reply.json["orderedItems"]
    assert shown["object"][0]["content"] == BIG
    assert shown["object"][1:] == [note] * 1_999
    assert shown["target"]["id"] == note


async def test_what_many_name_is_expanded_as_long_as_there_is_room(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every item is on the page; beyond the bound the ids stay."""
    monkeypatch.setattr(limits, "EXPANDED", 10 * len(BIG))
    note = await big_note(server, peer)
    for _ in range(8):
        added = peer.activity("Offer", "carol", object=note, to=[PUBLIC])
        await accepted(server, peer, added, by="carol")
    page = await read(server, "/streams/public?expand=full&page=first&type=Offer")
    objects = [one["object"] for one in page["orderedItems"]]
    assert len(objects) == 8
    whole = [one for one in objects if isinstance(one, dict)]
    assert 0 < len(whole) <= 10
    assert objects[len(whole) :] == [note] * (8 - len(whole))
    assert len(whole) < 8


async def test_a_thing_named_many_times_is_shown_once(start_server: StartServer) -> None:
    """The same of things of a site in an activity, which anybody may get."""
    server = await start_site(start_server, "ann")
    thing = {"id": issue(1), "type": "Document", "name": "n" * 1_000}
    made = {"verbPhrase": "made", "actor": server.id("ann"), "object": thing, "to": [PUBLIC]}
    posted = {"@context": "https://www.w3.org/ns/activitystreams", **made}
    reply = await server.ask(
        "POST", "/outbox", as_="site", data=posted, Content_Type="application/activity+json"
    )
    assert reply.status == 201, reply.text
    add = {"type": "Add", "object": [issue(1)] * 3_000, "target": issue(1), "to": [PUBLIC]}
    added = await server.post("ann", add)
    assert added.status == 201, added.text
    shown = await server.get(added.json["id"])
    assert len(shown.text) < 200_000
    assert shown.json["object"][0]["name"] == "n" * 1_000
    assert shown.json["object"][1:] == [issue(1)] * 2_999
    assert shown.json["target"]["name"] == "n" * 1_000


async def all_pages(server: Server, url: str | None, link: str) -> list[tuple[int, list[Any]]]:
    """How big each page is, and what is on it."""
    pages = []
    while url:
        reply = await server.get(url)
        assert reply.status == 200, reply.text
        pages.append((len(reply.text), reply.json["orderedItems"]))
        url = reply.json.get(link)
    return pages


@pytest.mark.parametrize("path", ["/streams/public", "/inbox"])
async def test_pages_for_everybody_are_bounded_in_bytes(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """security.md: rule 9: fifty big items are several pages, in both directions, and none is
    missed or doubled."""
    monkeypatch.setattr(limits, "PAGE_BYTES", 50_000)
    notes = [peer.create("carol", f"{n} " + "x" * 20_000, PUBLIC) for n in range(7)]
    for note in notes:
        await accepted(server, peer, note, by="carol")
    key = "object" if path == "/inbox" else "activity"
    expected = [one["object"]["id"] if key == "object" else one["id"] for one in notes]
    down = await all_pages(server, f"{path}?page=first&limit=50", "next")
    assert [one["id"] for _, items in down for one in items] == expected[::-1]
    assert max(size for size, _ in down) < 55_000
    assert [len(items) for _, items in down] == [2, 2, 2, 1]
    monkeypatch.setattr(limits, "PAGE_BYTES", 500_000)
    [(_, items)] = await all_pages(server, f"{path}?page=first&limit=50", "next")
    assert len(items) == 7
    monkeypatch.setattr(limits, "PAGE_BYTES", 50_000)
    oldest = (await server.get(f"{path}?page=first&limit=6")).json
    while "next" in oldest:
        oldest = (await server.get(oldest["next"])).json
    up = await all_pages(server, oldest["prev"], "prev")
    found = [one["id"] for _, items in reversed(up) for one in items]
    assert found == expected[1:][::-1]
    assert max(size for size, _ in up) < 55_000


async def test_CVE_2025_32947_an_outbox_is_looked_at_so_far(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What does not count is work too: of many items only the first are cleaned and read."""
    monkeypatch.setattr(limits, "RECALL_ITEMS", 10)
    private = [peer.create("carol", f"no {n}", peer.id("carol")) for n in range(6)]
    public = [peer.create("carol", f"yes {n}", PUBLIC) for n in range(10)]
    put_outbox(peer, "carol", private + public)
    await follow_carol(server, peer)
    assert set(await home(server, "ann")) == {one["id"] for one in public[:4]}


async def test_streams_are_filtered_by_so_much_data(server: Server, peer: Peer) -> None:
    """security.md: rule 9: a megabyte of actionData would be read again with each look for
    something else. It is kept and shown all the same."""
    for big in ("", "x" * (limits.ACTION_DATA + 1)):
        data = {"level": "60", "more": big}
        seen = peer.activity("View", "carol", object=peer.id("carol"), actionData=data, to=[PUBLIC])
        await accepted(server, peer, seen, by="carol")
    everything = (await read(server, "/streams/public?page=first"))["orderedItems"]
    assert [len(one["actionData"]["more"]) for one in everything] == [limits.ACTION_DATA + 1, 0]
    found = (await read(server, "/streams/public?page=first&data.level=60"))["orderedItems"]
    assert [one["actionData"]["more"] for one in found] == [""]
