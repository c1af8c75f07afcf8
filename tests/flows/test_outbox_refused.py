"""POST to the outbox: what is refused, how it is said, and that nothing of it stays."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from apserver.core import limits
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Server, until
from tests.flows.steps import check_problem, stored

NOTE: dict[str, Any] = {"@context": CONTEXT, "type": "Note", "content": "hello", "to": [PUBLIC]}


async def test_AP_C2S_03_only_the_owner_posts(server: Server) -> None:
    """AP-C2S-03, BP-09: no or a bad token 401 with the scheme to use, another's token 403."""
    before = await stored(server)
    url = "/actors/ann/outbox"
    nobody = await server.ask("POST", url, data=NOTE, Content_Type=AS2)
    check_problem(nobody, 401)
    assert nobody.headers["WWW-Authenticate"].startswith("Bearer")
    basic = await server.ask("POST", url, data=NOTE, Content_Type=AS2, Authorization="Basic YTpi")
    check_problem(basic, 401)
    for token in ("wrong", "", server.tokens["ann"] + "x", "\x80\xff"):
        sent = {"Content_Type": AS2, "Authorization": f"Bearer {token}"}
        bad = await server.ask("POST", url, data=NOTE, **sent)
        check_problem(bad, 401)
        assert 'error="invalid_token"' in bad.headers["WWW-Authenticate"]
    other = await server.ask("POST", url, as_="bob", data=NOTE, Content_Type=AS2)
    check_problem(other, 403)
    assert await stored(server) == before


async def test_AP_C2S_03_nobody_has_the_outbox_of_nobody(server: Server) -> None:
    """AP-C2S-03: which actors exist is not told by the refusal."""
    for name in ("nobody", "bob", "instance"):
        reply = await server.ask(
            "POST", f"/actors/{name}/outbox", as_="ann", data=NOTE, Content_Type=AS2
        )
        check_problem(reply, 403)


async def test_AP_C2S_02_other_media_types(server: Server) -> None:
    """AP-C2S-02: 415."""
    for media_type in ("text/plain", "application/json", "multipart/form-data", ""):
        check_problem(await server.post("ann", NOTE, Content_Type=media_type), 415)


async def test_AP_C2S_02_compressed_bodies(server: Server) -> None:
    """CVE-2025-69223: a body that may swell is not taken, 415 as RFC 9110 15.5.16 has it."""
    body = gzip.compress(json.dumps(NOTE).encode())
    check_problem(await server.post("ann", body, Content_Encoding="gzip"), 415)


async def test_AP_C2S_04_other_methods(server: Server) -> None:
    """405 with the methods that there are (RFC 9110 15.5.6)."""
    for method in ("PUT", "PATCH", "DELETE"):
        reply = await server.ask(method, "/actors/ann/outbox", as_="ann", data=NOTE)
        check_problem(reply, 405)
        assert {"GET", "POST"} <= set(reply.headers["Allow"].replace(" ", "").split(","))


async def test_AP_C2S_04_there_is_nothing_elsewhere(server: Server) -> None:
    """404 for a path that no route has."""
    check_problem(await server.ask("POST", "/actors/ann/drafts", as_="ann", data=NOTE), 404)


async def test_AP_C2S_04_too_large_a_body(server: Server) -> None:
    """413 by the length that is announced, and by the bytes when none is."""
    body = json.dumps(NOTE | {"content": "x" * limits.BODY}).encode()

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1 << 16):
            yield body[start : start + (1 << 16)]

    url = f"{server.origin}/actors/ann/outbox"
    headers = {"Authorization": f"Bearer {server.tokens['ann']}", "Content-Type": AS2}
    for data in (io.BytesIO(body), pieces()):
        async with server.http.post(url, data=data, headers=headers) as response:
            assert response.status == 413
            assert (await response.json(content_type=None))["kind"] == "too-large"
    fits = NOTE | {"ex:data": "x" * (limits.BODY - 1_000)}
    assert (await server.post("ann", fits)).status == 201


BODIES = {
    "nothing": b"",
    "an array": b"[{}]",
    "a string": b'"Note"',
    "a number": b"42",
    "true": b"true",
    "null": b"null",
    "cut off": b'{"type":"Note"',
    "two values": b'{"type":"Note"}{"type":"Note"}',
    "single quotes": b"{'type':'Note'}",
    "a trailing comma": b'{"type":"Note",}',
    "the same member twice": b'{"type":"Note","to":[],"type":"Like"}',
    "the same member twice, inside": b'{"type":"Note","source":{"content":"a","content":"b"}}',
    "the same member, once escaped": b'{"type":"Note","\\u0074ype":"Like"}',
    "NaN": b'{"type":"Note","x":NaN}',
    "Infinity": b'{"type":"Note","x":-Infinity}',
    "a float beyond range": b'{"type":"Note","x":1e999}',
    "an integer beyond 2^53": b'{"type":"Note","x":9007199254740993}',
    "U+0000": b'{"type":"Note","content":"a\\u0000b"}',
    "a raw NUL": b'{"type":"Note","content":"a\0b"}',
    "half a surrogate pair": b'{"type":"Note","content":"\\ud83d"}',
    "Latin-1": '{"type":"Note","content":"é"}'.encode("latin-1"),
    "UTF-16": '{"type":"Note"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"type":"Note"}',
    "nested too deep": b'{"type":"Note","x":' + b"[" * 32 + b"]" * 32 + b"}",
    "nested far too deep": b'{"type":"Note","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "too many members": b'{"type":"Note",%b}' % b",".join(b'"%d":1' % n for n in range(5_001)),
    "@graph": b'{"type":"Note","@graph":[]}',
    "@reverse": b'{"type":"Note","attachment":[{"@reverse":{}}]}',
}


async def test_AP_C2S_04_hostile_bodies(server: Server) -> None:
    """AP-C2S-04, AS-03, AS-04: 400 and never 500; nothing is stored."""
    before = await stored(server)
    answers = {name: await server.post("ann", body) for name, body in BODIES.items()}
    assert {name: reply.status for name, reply in answers.items() if reply.status != 400} == {}
    for reply in answers.values():
        assert reply.headers["Content-Type"].startswith("application/problem+json")
    assert await stored(server) == before
    assert (await server.post("ann", NOTE)).status == 201


OTHER = "https://elsewhere.example/actors/mallory"
NEED_OBJECT = "Create Update Delete Follow Add Remove Like Block Undo Announce".split()
#: What is posted, the status, and where the fault stands in it.
REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    **{f"{type_} without object": ({"type": type_}, 400, "/object") for type_ in NEED_OBJECT},
    "object is null": ({"type": "Like", "object": None}, 400, "/object"),
    "object is empty": ({"type": "Like", "object": []}, 400, "/object"),
    "Add without target": ({"type": "Add", "object": OTHER}, 400, "/target"),
    "Remove without target": ({"type": "Remove", "object": OTHER}, 400, "/target"),
    "no type": ({"content": "hello"}, 400, "/type"),
    "type is a number": ({"type": 1}, 400, "/type"),
    "a Link": ({"type": "Link", "href": OTHER}, 400, "/type"),
    "Create by id alone": ({"type": "Create", "object": f"{OTHER}/notes/1"}, 400, "/object"),
    "Create of two": ({"type": "Create", "object": [NOTE, NOTE]}, 400, "/object"),
    "another actor": ({"type": "Like", "actor": OTHER, "object": OTHER}, 403, "/actor"),
    "another author": (
        {"type": "Create", "object": {"type": "Note", "attributedTo": OTHER}},
        403,
        "/object/attributedTo",
    ),
    "another author of a bare object": (
        {"type": "Note", "attributedTo": OTHER},
        403,
        "/attributedTo",
    ),
    "an author without id": (
        {"type": "Note", "attributedTo": {"type": "Person", "name": "Mallory"}},
        403,
        "/attributedTo",
    ),
    "content is a number": ({"type": "Note", "content": 1}, 400, "/content"),
    "a relative url": ({"type": "Note", "url": "/notes/1"}, 400, "/url"),
    "no date": (
        {"type": "Create", "object": {"type": "Note", "published": "yesterday"}},
        400,
        "/object/published",
    ),
    "no language": (
        {"type": "Note", "contentMap": {"de-419-DE": "x"}},
        400,
        "/contentMap/de-419-DE",
    ),
    "no recipient": ({"type": "Note", "to": [PUBLIC, "bob"]}, 400, "/to/1"),
    "no context of ours": (
        {"@context": "https://schema.org", "type": "Note"},
        400,
        "/@context",
    ),
    "too many recipients": (
        {"type": "Note", "to": [f"{OTHER}{n}" for n in range(limits.RECIPIENTS + 1)]},
        400,
        "/to",
    ),
    "items in order": (
        {"type": "Note", "replies": {"type": "OrderedCollection", "items": []}},
        400,
        "/replies/items",
    ),
}


async def test_AP_C2S_13_what_is_wrong_is_pointed_to(server: Server) -> None:
    """AP-C2S-13, AP-C2S-14, AP-SEC-01, BP-17: by a JSON pointer into what was posted."""
    before = await stored(server)
    for posted, status, pointer in REFUSED.values():
        check_problem(await server.post("ann", posted), status, pointer)
    assert await stored(server) == before


async def test_AP_C2S_04_a_list_of_one_object_is_that_object(server: Server) -> None:
    """AP-C2S-04, AP-C2S-20: JSON-LD has one value and a list of one mean the same."""
    reply = await server.post("ann", {"type": "Create", "object": [NOTE]})
    assert reply.status == 201, reply.text
    made = (await server.get(reply.json["object"]["id"])).json
    assert (made["content"], made["attributedTo"]) == ("hello", server.id("ann"))


@pytest.mark.parametrize("table", ["activity", "object", "member", "job", "relation"])
async def test_AP_C2S_06_all_of_it_or_nothing(server: Server, table: str) -> None:
    """security.md: rule 13: when PostgreSQL fails at one table, no row stays in any other."""
    posted: dict[str, Any] = {"type": "Follow", "object": server.id("bob")}
    if table != "relation":
        posted = {**NOTE, "to": [PUBLIC, server.id("bob")]}
    before = await stored(server)
    async with _failing(server, table):
        reply = await server.post("ann", posted)
        check_problem(reply, 500)
        assert "planted" not in reply.text
        assert await stored(server) == before
    assert (await server.post("ann", posted)).status == 201


@asynccontextmanager
async def _failing(server: Server, table: str) -> AsyncIterator[None]:
    """PostgreSQL refuses every new row of a table."""
    await server.rows(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'planted'; END $$"
    )
    await server.rows(f"CREATE TRIGGER planted BEFORE INSERT ON {table} EXECUTE FUNCTION fail()")
    try:
        yield
    finally:
        await server.rows("DROP FUNCTION fail CASCADE")


async def test_AP_C2S_06_a_client_that_hangs_up_leaves_all_or_nothing(server: Server) -> None:
    """The outbox never lists what has no row, nor is there a row that it does not list."""

    async def hang_up(after_s: float) -> None:
        asking = asyncio.create_task(server.post("ann", NOTE))
        await asyncio.sleep(after_s)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)

    await asyncio.gather(*(hang_up(n / 2_000) for n in range(40)))

    async def whole() -> bool:
        """So it is when the last of them, that nobody waits for, has been done."""
        n = len(await server.items("ann", "outbox", as_="ann"))
        [row] = await server.rows(
            "SELECT (SELECT count(*) FROM activity) AS activities, (SELECT count(*) FROM object) "
            "AS objects, (SELECT sum(total) FROM collection) AS total, "
            "(SELECT count(*) FROM job) AS jobs"
        )
        return row == {"activities": n, "objects": n, "total": n, "jobs": 0}

    await until(whole)
