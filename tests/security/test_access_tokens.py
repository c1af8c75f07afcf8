"""Tokens: what they open, for whom, how they are kept, and when they end."""

from __future__ import annotations

import asyncio
import hashlib
import json
import statistics
import time

import asyncpg
import pytest

from apserver import app
from apserver.serve.route import Route
from apserver.serve.routes import ROUTES
from tests.cli.program import command
from tests.doubles.server import AS2, PUBLIC, Server
from tests.flows.steps import check_problem

WRITING = [route for route in ROUTES if route.who == "token" and route.scope != "read"]


async def token(server: Server, name: str, *scopes: str) -> str:
    """A token that holds just these scopes."""
    made = await command(server, "token", "create", name, "--scope", ",".join(scopes), "--json")
    assert made.code == 0, made.err
    secret: str = json.loads(made.out)["token"]
    return secret


@pytest.mark.parametrize("route", WRITING, ids=lambda route: route.path)
async def test_CVE_2024_25108_scopes_on_every_route(server: Server, route: Route) -> None:
    """CVE-2024-25108, CVE-2023-52139, GHSA-58x8-3qxw-6hm7: a token that may only read is 403 on
    each route that writes, though it is valid and of the right actor; nothing is stored."""
    reading = await token(server, "ann", "read")
    before = await server.contents()
    reply = await server.ask(
        route.method,
        route.path.replace("{name}", "ann"),
        data={"type": "Note", "content": "hi"},
        Content_Type=AS2,
        Authorization=f"Bearer {reading}",
    )
    check_problem(reply, 403)
    assert 'error="insufficient_scope"' in reply.headers["WWW-Authenticate"]
    assert await server.contents() == before


def test_CVE_2024_25108_every_route_declares_its_scope() -> None:
    """CVE-2024-25108: beside the path; reading and writing are told apart by the method, and what a
    site may do for all of its users is a scope of its own."""
    usual = {"GET": "read", "POST": "write"}
    odd = {route.path: route.scope for route in ROUTES if route.scope != usual[route.method]}
    of_sites = dict.fromkeys(("/outbox", "/outbox/bulk", "/things/pending"), "site")
    assert odd == {**of_sites, "/proxy": "read"}


async def test_CVE_2026_22246_what_is_anothers_is_not_there(server: Server) -> None:
    """CVE-2026-22246, CVE-2026-23964, CVE-2026-28433, CVE-2026-46712: bob's ids with ann's token,
    on every route that takes an id."""
    made = await server.note("bob", "mine", server.id("bob"))
    for id_ in (made["id"], made["object"]["id"]):
        check_problem(await server.get(id_, as_="ann"), 404)
    check_problem(await server.get("/actors/bob/inbox", as_="ann"), 403)
    check_problem(await server.get("/actors/bob/followers?page=first", as_="ann"), 404)
    page = await server.get("/actors/bob/outbox?page=first", as_="ann")
    assert page.json["orderedItems"] == []
    before = await server.contents()
    changes = [
        {"type": "Update", "object": {"id": made["object"]["id"], "content": "hers"}},
        {"type": "Delete", "object": made["object"]["id"]},
        {"type": "Undo", "object": made["id"]},
        {"type": "Update", "object": {"id": server.id("bob"), "name": "hers"}},
    ]
    for change in changes:
        assert (await server.post("ann", change)).status in (403, 404), change
    outbox = {"Content_Type": AS2, "Authorization": f"Bearer {server.tokens['ann']}"}
    reply = await server.ask("POST", "/actors/bob/outbox", data=changes[0], **outbox)
    check_problem(reply, 403)
    assert await server.contents() == before


async def test_CVE_2026_28431_another_spelling_of_a_guarded_path(server: Server) -> None:
    """CVE-2026-28431, CVE-2023-43793: the guard is on the route that was found, not on the text."""
    note = {"type": "Note", "content": "hi", "to": [PUBLIC]}
    for path in ("/%61ctors/ann/outbox", "/actors/%61nn/outbox", "/actors/ann/%6futbox"):
        reply = await server.ask("POST", path, data=note, Content_Type=AS2)
        assert reply.status in (401, 404), path
        reply = await server.ask("POST", path, data=note, Content_Type=AS2, as_="bob")
        assert reply.status in (403, 404), path
    for path in ("/%61ctors/ann/inbox", "/actors/%61nn/inbox", "/actors/ann/%69nbox"):
        assert (await server.get(path)).status in (401, 404)
        assert (await server.get(path, as_="bob")).status in (403, 404)
    assert await server.rows("SELECT FROM activity") == []


async def test_GHSA_3xjw_inactive_actors_are_refused_alike(server: Server) -> None:
    """GHSA-3xjw-gv43-3w62: no token, a wrong one, a revoked one, one of a suspended and one of a
    deleted actor: the same refusal, at once."""
    await server.create_actor("gone")
    await server.create_actor("out")
    tokens = {name: server.tokens[name] for name in ("gone", "out", "bob")}
    revoked = hashlib.sha256(tokens["bob"].encode()).hexdigest()[:8]
    for words in (
        ("actor", "delete", "gone", "--yes"),
        ("actor", "suspend", "out"),
        ("token", "revoke", revoked),
    ):
        done = await command(server, *words)
        assert done.code == 0, done.err
    replies = []
    for name, secret in {**tokens, "ann": "A" * 43}.items():
        for path in ("/actors/ann/inbox", f"/actors/{name}/inbox"):
            replies.append(await server.get(path, Authorization=f"Bearer {secret}"))
        posted = {"Content_Type": AS2, "Authorization": f"Bearer {secret}"}
        outbox = f"/actors/{name}/outbox"
        replies.append(await server.ask("POST", outbox, data={"type": "Note"}, **posted))
    told = {(one.status, one.json["detail"], one.headers["WWW-Authenticate"]) for one in replies}
    assert len(told) == 1
    assert {status for status, _, _ in told} == {401}


async def test_CVE_2024_25619_a_revoked_token_ends_at_once(server: Server) -> None:
    """CVE-2024-25619, GHSA-vp5r-5pgw-jwqx, CVE-2025-62174: also on a connection that is open."""
    kept = server.http
    for expected in (200, 401):
        async with kept.get(
            f"{server.id('ann')}/inbox",
            headers={"Authorization": f"Bearer {server.tokens['ann']}"},
        ) as reply:
            assert reply.status == expected
        own = hashlib.sha256(server.tokens["ann"].encode()).hexdigest()[:8]
        await command(server, "token", "revoke", own)


async def test_secrets_are_not_in_the_database(server: Server) -> None:
    """security.md: secrets-timing. Tokens are kept and looked up as SHA-256, so that comparing
    them tells nothing; neither they nor private keys stand anywhere in the clear."""
    secret = server.tokens["ann"]
    [row] = await server.rows(
        "SELECT hash FROM token WHERE hash = $1", hashlib.sha256(secret.encode()).digest()
    )
    assert len(row["hash"]) == 32
    everything = await _dump(server.dsn)
    assert secret not in everything
    assert "PRIVATE KEY" not in everything
    assert secret.encode().hex() not in everything
    assert b"PRIVATE KEY".hex() not in everything


async def _dump(dsn: str) -> str:
    connection = await asyncpg.connect(dsn)
    tables = await connection.fetch(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    text = ""
    for table in tables:
        rows = await connection.fetch(f'SELECT t::text AS text FROM "{table["name"]}" t')
        text += "\n".join(row["text"] for row in rows)
    await connection.close()
    return text


async def test_secrets_timing(server: Server) -> None:
    """security.md: secrets-timing. Known beginnings of a token take no longer than unknown ones;
    measured as the median of many, with a wide margin."""
    right = server.tokens["ann"]
    guesses = {"wrong from the first": "A" * len(right), "wrong at the last": right[:-1] + "_"}
    times: dict[str, list[float]] = {name: [] for name in guesses}
    for _ in range(60):
        for name, guess in guesses.items():
            started = time.perf_counter()
            reply = await server.get("/actors/ann/inbox", Authorization=f"Bearer {guess}")
            times[name].append(time.perf_counter() - started)
            assert reply.status == 401
        await asyncio.sleep(0)
    medians = [statistics.median(one) for one in times.values()]
    assert abs(medians[0] - medians[1]) < 0.005


async def test_a_token_is_shown_once(server: Server) -> None:
    """security.md: secrets-timing. No list, page or reply has it again."""
    listed = await command(server, "token", "list", "--json")
    assert server.tokens["ann"] not in listed.out
    created = await app.create_token(server.dsn, server.settings, name="ann", scopes=("read",))
    again = await command(server, "token", "list", "--json")
    assert created.token not in again.out
    assert created.id in again.out
