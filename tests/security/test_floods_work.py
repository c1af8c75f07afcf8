"""Work that one request can cause: statements, rows that cannot be read, storms, deep threads."""

from __future__ import annotations

import asyncio
import re
import time
from itertools import count
from typing import Any

import asyncpg
import pytest

from apserver import telemetry
from apserver.core import limits
from apserver.core.forms import FORM_TYPE
from apserver.serve.routes import ROUTES
from tests.conftest import StartPeer, StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, PUBLIC, Server
from tests.flows.site_steps import with_site_token
from tests.flows.steps import check_problem
from tests.meta.project import sources


async def test_CVE_2026_72914_a_statement_has_a_time(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2026-72914: PostgreSQL itself ends what takes too long for a request: 503, try again;
    and the connection is there for the next."""
    monkeypatch.setattr(limits, "STATEMENT_S", 0.3)
    server = await start_server("ann")
    locking = await asyncpg.connect(server.dsn)
    lock = locking.transaction()
    await lock.start()
    await locking.execute("LOCK TABLE actor IN ACCESS EXCLUSIVE MODE")
    started = time.monotonic()
    replies = await asyncio.gather(*(server.get("/actors/ann") for _ in range(2 * limits.POOL)))
    assert time.monotonic() - started < 15
    await lock.rollback()
    await locking.close()
    for reply in replies:
        check_problem(reply, 503)
        assert int(reply.headers["Retry-After"]) > 0
    assert (await server.get("/actors/ann")).status == 200


async def test_CVE_2026_72914_nothing_is_done_for_who_may_not(server: Server) -> None:
    """CVE-2026-72914: without a token, or with a wrong one, the body is not even looked at."""
    for token in (None, "wrong"):
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        started = time.process_time()
        reply = await server.ask(
            "POST", "/actors/ann/outbox", data=b"{" * 100_000, Content_Type=AS2, **headers
        )
        check_problem(reply, 401)
        assert time.process_time() - started < 0.5


@pytest.mark.parametrize(
    ("table", "damage"),
    [
        ("object", "document = 'no JSON'"),
        ("object", "document = '{\"cut\": off'"),
        ("object", "document = '\\xff7b7d'"),
        ("activity", "envelope = '[]'"),
        ("activity", "context = '{{'"),
    ],
)
async def test_CVE_2024_52815_a_poison_row_is_skipped(
    server: Server, table: str, damage: str
) -> None:
    """CVE-2024-52815: one row is damaged by SQL; pages and counts show the rest, and a metric
    counts it; the damaged one itself is our fault: 500."""
    made = [await server.note("ann", text, PUBLIC) for text in ("one", "two", "three")]
    victim = made[1]
    key = (
        "(SELECT spliced FROM activity WHERE id = $1)"
        if table == "object"
        else "(SELECT key FROM activity WHERE id = $1)"
    )
    await server.rows(f"UPDATE {table} SET {damage} WHERE key = {key}", victim["id"])
    before = telemetry.counted(telemetry.UNREADABLE, "activity")
    for viewer in (None, "ann", "bob"):
        page = await server.get("/actors/ann/outbox?page=first", as_=viewer)
        assert page.status == 200
        shown = [one["object"]["content"] for one in page.json["orderedItems"]]
        assert shown == ["three", "one"]
    assert telemetry.counted(telemetry.UNREADABLE, "activity") == before + 3
    assert (await server.get("/actors/ann/outbox")).json["totalItems"] == 3
    check_problem(await server.get(victim["id"]), 500)
    assert (await server.get(made[0]["id"])).status == 200


async def test_CVE_2024_52815_its_author_can_mend_or_delete_it(server: Server, peer: Peer) -> None:
    """CVE-2024-52815: a damaged copy of another's object is replaced by its next Update; an object
    of ours can be deleted."""
    create = peer.create("carol", "first", PUBLIC)
    inbox = f"{server.id('ann')}/inbox"
    assert (await peer.send(inbox, create, by="carol")).status == 202
    await server.drained()
    mine = await server.note("ann", "mine", PUBLIC)
    await server.rows("UPDATE object SET document = 'no JSON'")
    assert await server.items("ann", "inbox", as_="ann") == []
    note = {**create["object"], "content": "second", "updated": "2099-01-01T00:00:00Z"}
    update = peer.activity("Update", "carol", object=note, to=[PUBLIC])
    assert (await peer.send(inbox, update, by="carol")).status == 202
    await server.drained()
    shown = [one["object"]["content"] for one in await server.items("ann", "inbox", as_="ann")]
    assert shown == ["second", "second"]
    delete = {"type": "Delete", "object": mine["object"]["id"]}
    assert (await server.post("ann", delete)).status == 201
    assert (await server.get(mine["object"]["id"])).status == 410


async def test_delete_storms(server: Server, peer: Peer) -> None:
    """security.md: delete-storms: each account that is gone is told to everybody: 300 of people we
    never met are no fetch, and no row."""
    before = await server.contents()
    for n in range(300):
        name = f"gone{n}"
        gone = peer.activity("Delete", name, object_=peer.id(name), to=[PUBLIC])
        reply = await peer.send(f"{server.origin}/inbox", gone, by=name, key="one for all")
        assert reply.status == 202, reply.text
    assert peer.asked == []
    assert await server.contents() == before


async def test_CVE_2024_31208_a_deep_thread_costs_nothing(server: Server, peer: Peer) -> None:
    """CVE-2024-31208: a reply is stored with the id of its parent, whatever hangs above; none is
    fetched for what concerns nobody here, and no statement of ours walks a graph."""
    inbox = f"{server.id('ann')}/inbox"
    parent = peer.new_id("notes")
    for n in range(30):
        reply = peer.create("carol", str(n), PUBLIC, inReplyTo=parent)
        parent = reply["object"]["id"]
        assert (await peer.send(inbox, reply, by="carol")).status == 202
    await server.drained()
    started = time.monotonic()
    page = await server.get("/actors/ann/inbox?page=first", as_="ann")
    assert time.monotonic() - started < 5
    assert len(page.json["orderedItems"]) == limits.PAGE
    assert [one for one in peer.asked if "notes" in one] == []
    walking = [one.place for one in sources("apserver") if re.search(r"\bRECURSIVE\b", one.text)]
    assert walking == []


async def test_CVE_2020_26257_the_inbox_is_not_the_address(server: Server, peer: Peer) -> None:
    """CVE-2020-26257: posted to the inbox of ann, addressed to bob alone: accepted once. It is
    bob's by its address, and ann's as a blind copy (ActivityPub 7.1), and nobody else's."""
    await server.create_actor("cy")
    note = peer.create("carol", "for bob", server.id("bob"))
    for _ in range(2):
        reply = await peer.send(f"{server.id('ann')}/inbox", note, by="carol")
        assert reply.status == 202, reply.text
    await server.drained()
    assert [one["id"] for one in await server.items("bob", "inbox", as_="bob")] == [note["id"]]
    assert [one["id"] for one in await server.items("ann", "inbox", as_="ann")] == [note["id"]]
    assert await server.items("cy", "inbox", as_="cy") == []
    assert len(await server.rows("SELECT FROM activity")) == 1


async def test_CVE_2025_54879_every_post_has_a_limit(start_server: StartServer) -> None:
    """CVE-2025-54879, CVE-2025-27157: of size, declared beside the route, and of how often."""
    posts = [route for route in ROUTES if route.method == "POST"]
    assert len(posts) == 7
    server = await with_site_token(
        await start_server("ann", limits__requests_per_minute=len(posts))
    )
    for allowed in (True, False):
        for route in posts:
            path = route.path.replace("{name}", "ann")
            too_long = b" " * (route.body + 1)
            who = "site" if route.scope == "site" else "ann"
            sent = FORM_TYPE if path == "/proxy" else AS2
            reply = await server.ask("POST", path, data=too_long, as_=who, Content_Type=sent)
            check_problem(reply, 413 if allowed else 429)


async def test_CVE_2024_34535_another_spelling_is_the_same_route(start_server: StartServer) -> None:
    """CVE-2024-34535, CVE-2023-49952: suffixes, slashes, escapes and queries are counted alike."""
    server = await start_server("ann", limits__requests_per_minute=6)
    spellings = ["", "?", "?x=1", "/", "//", "%2e", ".json", "%20"]
    statuses = [(await server.get(f"/actors/ann{one}")).status for one in spellings]
    assert 429 not in statuses[:6]
    assert statuses[6:] == [429, 429]


PATHS = [
    "/..%2f..%2fetc/passwd",
    "/actors/..%2f..%2fsecret",
    "/actors/ann/../../secret",
    "/objects/%2e%2e/secret",
    "//etc/passwd",
    "/actors/ann%00",
    "/schemas/../secret",
]


async def test_CVE_2024_23334_no_file_is_served(server: Server) -> None:
    """CVE-2024-23334, CVE-2024-42367, CVE-2025-69226: there are no static files, and no path leads
    out of the routes."""
    for path in PATHS:
        check_problem(await server.get(path), 404)
    serving = [one.place for one in sources("apserver") if "add_static" in one.text]
    assert serving == []


async def test_security_md_rule_14_limits_follow_who_signs(
    start_server: StartServer, start_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md: rule 14. By another address for each request nobody gets around them: an actor
    has so many, its host some times as many; who only claims to be carol takes nothing of hers."""
    monkeypatch.setattr(limits, "HOST_SHARE", 2)
    server = await start_server(
        "ann", limits__requests_per_minute=4, server__trusted_proxies="127.0.0.1"
    )
    peer, other = await start_peer("carol", "dave", "erin"), await start_peer("frank")
    numbers = count(1)

    async def send(by: str, via: Peer = peer, **how: Any) -> int:
        headers = {"X-Forwarded-For": f"203.0.113.{next(numbers)}"}
        note = via.create(by, "hello", PUBLIC)
        inbox = f"{server.id('ann')}/inbox"
        return (await via.send(inbox, note, by=by, headers=headers, **how)).status

    assert {await send("carol", key="not hers") for _ in range(6)} == {401}
    assert [await send("carol") for _ in range(5)] == [202] * 4 + [429]
    assert [await send("dave") for _ in range(4)] == [202] * 4
    assert await send("erin") == 429
    assert await send("frank", other) == 202
