"""Collections page by page: each item once, newest first, whatever is added meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from random import Random
from typing import Any

import pytest

from apserver.core import limits
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import check_problem


async def _post(server: Server, texts: list[str], *to: str) -> list[str]:
    """Notes of ann, one after the other; the ids of their activities."""
    return [(await server.note("ann", text, *to))["id"] for text in texts]


async def _page(server: Server, url: str, as_: str | None) -> dict[str, Any]:
    reply = await server.get(url, as_=as_)
    assert reply.status == 200, reply.text
    page: dict[str, Any] = reply.json
    assert page["id"] == (url if "://" in url else server.origin + url)
    assert page["type"] == "OrderedCollectionPage"
    return page


async def _pages(
    server: Server, url: str, *, link: str = "next", as_: str | None = None
) -> AsyncIterator[dict[str, Any]]:
    """From this page on, to the end."""
    following: str | None = url
    asked: set[str] = set()
    while following:
        assert following not in asked
        asked.add(following)
        page = await _page(server, following, as_)
        yield page
        following = page.get(link)


def _ids(page: dict[str, Any]) -> list[str]:
    return [one["id"] for one in page["orderedItems"]]


async def test_AP_COL_03_the_outbox_is_an_ordered_collection(server: Server) -> None:
    """AP-COL-01, AP-COL-02, AP-COL-03, AS-22, AS-23: its head, and pages of the usual size."""
    made = await _post(server, [f"{n}" for n in range(limits.PAGE + 2)], PUBLIC)
    url = f"{server.id('ann')}/outbox"
    head = (await server.get(url)).json
    assert (head["id"], head["type"], head["totalItems"]) == (url, "OrderedCollection", len(made))
    assert "orderedItems" not in head
    pages = [page async for page in _pages(server, head["first"])]
    assert [len(page["orderedItems"]) for page in pages] == [limits.PAGE, 2]
    assert [id_ for page in pages for id_ in _ids(page)] == made[::-1]
    assert {page["partOf"] for page in pages} == {url}
    assert {page["totalItems"] for page in pages} == {len(made)}
    assert "prev" not in pages[0]
    assert _ids(await _page(server, pages[1]["prev"], None)) == _ids(pages[0])


async def test_AP_COL_01_newest_is_what_was_added_last(server: Server) -> None:
    """AP-COL-01: by insertion, not by the dates that the client gives."""
    dates = ["2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "2010-01-01T00:00:00Z"]
    made = [
        (await server.post("ann", {"type": "Note", "published": date, "to": PUBLIC})).json["id"]
        for date in dates
    ]
    page = await _page(server, "/actors/ann/outbox?page=first", None)
    assert _ids(page) == made[::-1]


@pytest.mark.parametrize("seed", range(3))
async def test_AP_COL_02_nothing_is_missed_or_doubled_while_items_are_added(
    server: Server, seed: int
) -> None:
    """AP-COL-02: down by `next` come those that were there, up by `prev` all that came since."""
    random = Random(seed)
    size = random.randint(1, 6)
    there = await _post(server, [f"{n}" for n in range(size + random.randint(1, 12))], PUBLIC)
    added: list[str] = []
    down: list[str] = []
    last = ""
    async for page in _pages(server, f"/actors/ann/outbox?page=first&limit={size}"):
        assert len(_ids(page)) <= size
        down += _ids(page)
        last = page["id"]
        added += await _post(server, ["new"] * random.randint(0, 3), PUBLIC)
    assert down == there[::-1]

    up: list[str] = []
    async for page in _pages(server, last, link="prev"):
        up = _ids(page) + up
        if _ids(page) and len(added) < 20:
            added += await _post(server, ["newer"] * random.randint(0, 2), PUBLIC)
    assert up == (there + added)[::-1]


async def test_AP_COL_02_nothing_is_missed_or_doubled_by_many_writers(server: Server) -> None:
    """AP-COL-02: what is committed later stands higher, however the transactions interleave."""
    there = await _post(server, [f"{n}" for n in range(5)], PUBLIC)
    writing = asyncio.gather(*(_post(server, ["new"] * 3, PUBLIC) for _ in range(8)))
    highest: list[str] = []
    while not writing.done():
        now: list[str] = []
        async for page in _pages(server, "/actors/ann/outbox?page=first&limit=3"):
            now += _ids(page)
        assert len(set(now)) == len(now)
        assert now[-len(there) :] == there[::-1]
        # What was seen once stays where it was: nothing comes in below it.
        assert highest == now[len(now) - len(highest) :]
        highest = now
    made = [id_ for ids in await writing for id_ in ids]
    page = await _page(server, f"/actors/ann/outbox?page=first&limit={limits.PAGE_MAX}", None)
    assert set(_ids(page)) == {*there, *made}
    assert page["totalItems"] == len(there) + len(made) == 29


async def test_AP_COL_04_a_page_of_nothing_leads_on(server: Server) -> None:
    """AP-COL-04: what a viewer may not see costs short or empty pages, never the rest."""
    first = await _post(server, ["public"], PUBLIC)
    await _post(server, ["diary"] * (2 * limits.OVER_FETCH + 1))
    between = await _post(server, ["public"], PUBLIC)
    await _post(server, ["diary"] * (limits.OVER_FETCH + 1))
    for viewer in ("bob", None):
        url = "/actors/ann/outbox?page=first&limit=1"
        pages = [page async for page in _pages(server, url, as_=viewer)]
        assert [id_ for page in pages for id_ in _ids(page)] == between + first
        up = [page async for page in _pages(server, pages[-1]["id"], link="prev", as_=viewer)]
        assert [id_ for page in up for id_ in _ids(page)] == first + between


async def test_AP_COL_02_a_page_ends_where_the_collection_ends(server: Server) -> None:
    """AP-COL-02: no `next` that leads nowhere, also when the last page is just full."""
    made = await _post(server, [f"{n}" for n in range(4)], PUBLIC)
    url = "/actors/ann/outbox?page=first&limit=2"
    pages = [page async for page in _pages(server, url, as_="ann")]
    assert [_ids(page) for page in pages] == [made[:1:-1], made[1::-1]]
    empty = await _page(server, "/actors/bob/outbox?page=first", None)
    assert (empty["orderedItems"], "next" in empty, "prev" in empty) == ([], False, False)


async def test_AP_COL_02_a_query_that_is_not_understood_is_refused(server: Server) -> None:
    """AP-COL-02: 400; what is ignored would look like a page that it is not."""
    arabic_digit = "%D9%A3"
    for query in (
        "offset=2",
        "page=first&cursor=x",
        "page=2",
        "page=first&before=3",
        "before=3&after=1",
        *(f"before={value}" for value in ("0", "-1", "", "x", "1e3", arabic_digit, "9" * 20)),
        "limit=0",
        "limit=many",
    ):
        check_problem(await server.get(f"/actors/ann/outbox?{query}"), 400)


async def test_AP_COL_02_no_page_is_larger_than_ours(server: Server) -> None:
    """AP-COL-02, AP-SEC-09: a client may ask for less or more, up to a bound."""
    await _post(server, ["n"] * (limits.PAGE_MAX + 1), PUBLIC)
    reply = await server.get("/actors/ann/outbox?page=first&limit=1000")
    assert len(reply.json["orderedItems"]) == limits.PAGE_MAX
    assert reply.json["next"].endswith(f"&limit={limits.PAGE_MAX}")
