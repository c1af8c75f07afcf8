"""GET of the shared inbox: the public objects that are known here, and no others."""

from __future__ import annotations

from typing import Any

import asyncpg
import pytest

from apserver.core import limits
from apserver.store import public_objects
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server, until
from tests.flows.steps import check_problem
from tests.flows.test_domain_rules import rule, run
from tests.security.steps import accepted


async def contents(server: Server, url: str | None = None, *, link: str = "next") -> list[str]:
    """The texts of all objects from a page on, in the order of the pages; by default all."""
    if url is None:
        head = await server.get("/inbox")
        assert head.status == 200, head.text
        url = head.json["first"]
    found: list[str] = []
    while url:
        page = await server.get(url)
        assert page.status == 200, page.text
        assert page.json["id"] == url
        assert page.json["partOf"] == f"{server.origin}/inbox"
        found += [one["content"] for one in page.json["orderedItems"]]
        url = page.json.get(link)
    return found


async def test_AP_ACT_13_public_objects_newest_first(server: Server, peer: Peer) -> None:
    """AP-ACT-13: ours and those of others, in full, for everybody; what it is, not who did it."""
    ours = await server.note("ann", "from here", PUBLIC)
    theirs = peer.create("carol", "from there", PUBLIC, server.id("ann"))
    await accepted(server, peer, theirs, by="carol")
    head = await server.get("/inbox", Accept="application/activity+json")
    assert head.headers["Content-Type"] == "application/activity+json"
    assert head.headers["Vary"] == "Accept"
    first = f"{server.origin}/inbox?page=first"
    assert head.json == {
        "@context": CONTEXT,
        "id": f"{server.origin}/inbox",
        "type": "OrderedCollection",
        "first": first,
    }
    page = (await server.get(first)).json
    assert page["type"] == "OrderedCollectionPage"
    assert [one["id"] for one in page["orderedItems"]] == [
        theirs["object"]["id"],
        ours["object"]["id"],
    ]
    assert page["orderedItems"][0] == theirs["object"]
    assert "next" not in page


async def test_AP_ACT_13_pages_give_each_object_once(server: Server) -> None:
    """AP-ACT-13, AP-COL-02: down to the oldest and up again, while objects are added."""
    for n in range(5):
        await server.note("ann", str(n), PUBLIC)
    first = (await server.get("/inbox?page=first&limit=2")).json
    assert [one["content"] for one in first["orderedItems"]] == ["4", "3"]
    await server.note("ann", "late", PUBLIC)
    assert await contents(server, first["next"]) == ["2", "1", "0"]
    last = (await server.get((await server.get(first["next"])).json["next"])).json
    assert [one["content"] for one in last["orderedItems"]] == ["0"]
    upwards = await contents(server, last["prev"], link="prev")
    assert upwards == ["2", "1", "4", "3", "late"]
    many = (await server.get(f"/inbox?page=first&limit={10 * limits.PAGE_MAX}")).json
    assert f"limit={limits.PAGE_MAX}" in many["id"]


async def test_AP_ACT_13_objects_of_one_moment_are_all_listed(server: Server) -> None:
    """AP-ACT-13: those that were stored by one transaction have one time."""
    for n in range(5):
        await server.note("ann", str(n), PUBLIC)
    await server.rows("UPDATE object SET stored_at = '2026-11-24T12:00:00Z'")
    first = (await server.get("/inbox?page=first&limit=2")).json
    rest = await contents(server, first["next"])
    assert sorted(rest + [one["content"] for one in first["orderedItems"]]) == list("01234")


async def test_AP_ACT_14_what_is_not_public_is_never_shown(server: Server, peer: Peer) -> None:
    """AP-ACT-14: not unlisted, not for followers, not direct, not deleted; not to those either who
    may see it elsewhere."""
    followers = f"{server.id('ann')}/followers"
    await server.note("ann", "unlisted", followers, cc=[PUBLIC])
    await server.note("ann", "followers", followers)
    await server.note("ann", "direct", server.id("bob"))
    gone = await server.note("ann", "gone", PUBLIC)
    deleted = await server.post("ann", {"type": "Delete", "object": gone["object"]["id"]})
    assert deleted.status == 201, deleted.text
    direct = peer.create("carol", "direct", server.id("ann"))
    await accepted(server, peer, direct, by="carol")
    unlisted = peer.create("carol", "unlisted", server.id("ann"), cc=[PUBLIC])
    unlisted["cc"] = [PUBLIC]
    await accepted(server, peer, unlisted, by="carol")
    assert await contents(server) == []
    assert (await server.get("/inbox?page=first", as_="ann")).json["orderedItems"] == []


async def test_AP_ACT_14_blind_addressees_are_not_shown(server: Server) -> None:
    """AP-ACT-14, AP-SEC-11."""
    made: dict[str, Any] = {
        "type": "Note",
        "content": "x",
        "to": [PUBLIC],
        "bcc": [server.id("bob")],
    }
    assert (await server.post("ann", made)).status == 201
    [shown] = (await server.get("/inbox?page=first")).json["orderedItems"]
    assert "bcc" not in shown
    assert server.id("bob") not in str(shown)


async def test_moderation_hides_from_the_shared_inbox(
    server: Server, start_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AP-ACT-14: what a blocked or limited domain made, or a suspended actor, here or elsewhere."""
    monkeypatch.setattr(limits, "POLL_S", 0.05)
    peer = await start_peer("carol", host="127.0.0.2")
    create = peer.create("carol", "theirs", PUBLIC, server.id("ann"))
    await accepted(server, peer, create, by="carol")
    await server.note("ann", "ours", PUBLIC)

    async def shows(*expected: str) -> bool:
        return await contents(server) == list(expected)

    assert await shows("ours", "theirs")
    await run(server, "domain", "limit", "127.0.0.2")
    await until(lambda: shows("ours"))
    await rule(server, peer, "block", "127.0.0.2", then=403)
    assert await shows("ours")
    check_problem(await peer.get(f"{server.origin}/inbox", by="carol"), 403)
    await rule(server, peer, "remove", "127.0.0.2", then=200)
    assert await shows("ours", "theirs")
    await run(server, "actor", "suspend", peer.id("carol"))
    await until(lambda: shows("ours"))
    await run(server, "actor", "suspend", server.id("ann"))
    await until(lambda: shows())


@pytest.mark.parametrize(
    "query",
    [
        *("page=2", "before=1", "before=x-y", "after=-", "before=1-1", "since=1"),
        *("page=first&before=1-" + "0" * 32, "limit=0&page=first"),
        *("before=99999999999999999999-" + "0" * 32, "after=-1-" + "0" * 32),
    ],
)
async def test_AP_COL_02_what_is_no_place_is_refused(server: Server, query: str) -> None:
    """AP-COL-02: 400, not another page."""
    check_problem(await server.get(f"/inbox?{query}"), 400)


async def test_a_page_is_one_range_of_the_index(server: Server) -> None:
    """AP-ACT-13: what it costs does not grow with what is stored."""
    conn = await asyncpg.connect(server.dsn)
    try:
        await conn.execute("SET enable_seqscan = off")
        for query in (public_objects._DOWN, public_objects._UP):
            place = (public_objects.NEWEST.moment, public_objects.NEWEST.key)
            plan = "\n".join(row[0] for row in await conn.fetch(f"EXPLAIN {query}", *place, 20))
            assert "using object_public" in plan
            assert "Sort" not in plan
    finally:
        await conn.close()
