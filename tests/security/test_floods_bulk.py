"""Many activities in one request are bounded as many requests are (security.md, rules 9 and 14)."""

from __future__ import annotations

from typing import Any

import pytest

from apserver.core import limits
from tests.conftest import StartServer
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Server, until
from tests.flows.steps import check_problem, stored
from tests.flows.test_bulk import bulk, kept, note, together
from tests.security.test_floods_connections import connect, head


def deep(levels: int) -> Any:
    value: Any = "x"
    for _ in range(levels):
        value = {"object": value}
    return value


async def test_CVE_2026_23962_so_many_and_so_large(server: Server) -> None:
    """CVE-2026-23962: the whole has bounds, and each item those that it has by itself."""
    before = await stored(server)
    check_problem(await bulk(server), 400, "/orderedItems")
    check_problem(await bulk(server, *[note("x")] * 501), 413, "/orderedItems")
    wide = note("x", **{f"m{n}": n for n in range(limits.JSON_KEYS // 3)})
    check_problem(await bulk(server, *[wide] * 31), 400)
    check_problem(await bulk(server, note("x", other=deep(limits.JSON_DEPTH))), 400)
    large = note("x", other="x" * (limits.BODY // 2))
    check_problem(await bulk(server, *[large] * 8), 413)
    assert await stored(server) == before
    bad = [
        note("x", **{f"m{n}": n for n in range(limits.JSON_KEYS)}),
        note("x", other="x" * limits.BODY),
        note("x", to=[f"https://example.org/{n}" for n in range(limits.RECIPIENTS + 1)]),
        {"type": "Create", "object": note("x" * (limits.TEXT + 1))},
    ]
    reply = await bulk(server, note("one"), *bad, note("two"))
    statuses = [one["status"] for one in reply.json["items"]]
    assert statuses == [201, 400, 413, 400, 400, 201]
    assert len(await server.items("ann", "outbox")) == 2


async def test_CVE_2026_23962_a_context_counts_for_each(server: Server) -> None:
    """CVE-2026-23962: what is said once for all is kept with each, and so counts as often: a small
    request must not be stored as a thousand times as much."""
    before = await stored(server)
    path, terms = "/actors/ann/outbox/bulk", {"x": "https://e.example/" + "x" * 100_000}
    sent: dict[str, Any] = {"as_": "ann", "Content_Type": AS2}
    together_with = {"@context": [CONTEXT, terms]}
    large = together(*[note("x")] * 50, **together_with)
    check_problem(await server.ask("POST", path, data=large, **sent), 413, "/@context")
    assert await stored(server) == before
    small = together(*[note("x")] * 3, **together_with)
    assert len(kept(await server.ask("POST", path, data=small, **sent))) == 3


async def test_slowloris_many_together_take_few_places(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md: slowloris. Bodies that do not come, or wait for their turn, are few for each
    actor; who sends them keeps nobody else waiting."""
    monkeypatch.setattr(limits, "BULKS_OF_ACTOR", 2)
    slow = []
    start = (
        f"{head(server, 'POST /actors/ann/outbox/bulk HTTP/1.1')}Content-Type: {AS2}\r\n"
        f"Authorization: Bearer {server.tokens['ann']}\r\nContent-Length: 4000000\r\n"
        "Expect: 100-continue\r\n\r\n"
    )
    for _ in range(2):
        reader, writer = await connect(server)
        writer.write(start.encode())
        assert b" 100 " in await reader.readline()  # it is waited for
        slow.append(writer)
    refused = await bulk(server, note("x"))
    check_problem(refused, 503)
    assert int(refused.headers["Retry-After"]) == 5
    assert len(kept(await bulk(server, note("x"), by="bob"))) == 1
    for writer in slow:
        writer.close()

    async def has_place() -> bool:
        return (await bulk(server, note("x"))).status == 200

    await until(has_place)


async def test_CVE_2025_54879_many_count_as_many(start_server: StartServer) -> None:
    """CVE-2025-54879: each item is a request; what is beyond the limit is refused before any of it
    is done."""
    server = await start_server("ann", limits__requests_per_minute=20)
    assert len(kept(await bulk(server, *[note("x")] * 12))) == 12
    refused = await bulk(server, *[note("x")] * 12)
    check_problem(refused, 429)
    assert refused.json["violated-policies"] == ["burst"]
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert len(kept(await bulk(server, *[note("x")] * 2))) == 2
    [row] = await server.rows("SELECT count(*) AS n FROM activity")
    assert row["n"] == 14


async def test_CVE_2025_54879_more_than_a_minutes_worth_is_owed(
    start_server: StartServer,
) -> None:
    """CVE-2025-54879: who has asked for nothing may send it, and then waits for all of it."""
    server = await start_server("ann", limits__requests_per_minute=20)
    reply = await bulk(server, *[note("x")] * 40)
    assert len(kept(reply)) == 40
    assert '"burst";r=0' in reply.headers["RateLimit"]
    refused = await server.get("/actors/ann")
    check_problem(refused, 429)
    assert int(refused.headers["Retry-After"]) > 50


async def test_security_md_rule_12_many_are_posted_by_their_owner_alone(server: Server) -> None:
    """security.md: rule 12, and AP-C2S-03: as for the outbox itself."""
    before = await stored(server)
    path, items = "/actors/ann/outbox/bulk", together(note("x", to=[PUBLIC]))
    sent: dict[str, Any] = {"data": items, "Content_Type": AS2}
    check_problem(await server.ask("POST", path, **sent), 401)
    check_problem(await server.ask("POST", path, as_="bob", **sent), 403)
    check_problem(await server.ask("POST", "/outbox/bulk", as_="ann", **sent), 403)
    check_problem(await server.ask("POST", "/actors/none/outbox/bulk", as_="ann", **sent), 403)
    check_problem(await server.ask("POST", path, as_="ann", data=items, Content_Type="a/b"), 415)
    for body, pointer in ((note("x"), "/type"), ([note("x")], None), ("{", None)):
        reply = await server.ask("POST", path, as_="ann", data=body, Content_Type=AS2)
        check_problem(reply, 400, pointer)
    assert await stored(server) == before
