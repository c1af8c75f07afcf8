"""security.md 3: a token makes us read other servers for its actor. Nothing inside is reached, one
question leads to few requests, and few are asked at a time."""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web

from apserver.core import limits
from tests.cli.program import command
from tests.conftest import StartServer, free_port
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Server, until
from tests.doubles.wire import Wire, connects
from tests.flows.steps import check_problem
from tests.flows.test_proxy import FORM, put_up, read
from tests.security.outgoing import PUBLIC_HOST, gets, guarded, redirect


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await guarded(start_server)


async def test_CVE_2021_21273_nothing_inside_is_read(
    server: Server, carol: Peer, inside: Wire
) -> None:
    """CVE-2021-21273, AP-SEC-02, AP-SEC-03: an address that only we can reach is not connected to,
    named or led to, and the answer is that for a place where nobody is; other schemes are 400."""
    lead = put_up(carol, "/lead", redirect(f"{inside.origin}/x"))
    named = put_up(carol, "/named", {"id": f"{inside.origin}/x", "type": "Note"})
    nobody = f"http://{PUBLIC_HOST}:{free_port()}/x"
    places = [
        f"{inside.origin}/x",
        f"http://localhost:{inside.port}/x",
        f"http://[::ffff:7f00:1]:{inside.port}/x",
    ]
    with connects() as seen:
        refused = [await read(server, url) for url in (nobody, *places, lead, named)]
        for url in ("file:///etc/passwd", "data:,{}", f"gopher://127.0.0.1:{inside.port}/_x"):
            check_problem(await read(server, url), 400)
    for reply in refused:
        check_problem(reply, 502)
    assert len({(one.json["detail"], one.json["kind"]) for one in refused}) == 1
    assert inside.connections == 0
    assert ("127.0.0.1", inside.port) not in seen


async def test_CVE_2022_46405_one_question_leads_to_little(server: Server, carol: Peer) -> None:
    """CVE-2022-46405, AP-SEC-04: ids that name other ids, and redirects without end, cost a few
    requests; what a blocked domain has is not asked for."""

    async def on(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": f"/on/{len(carol.asked)}"})

    async def otherwise(request: web.Request) -> web.Response:
        claimed = {"@context": CONTEXT, "id": f"{carol.origin}/is/{len(carol.asked)}"}
        return web.json_response(claimed, content_type=AS2)

    for n in range(30):
        carol.documents |= {f"/on/{n}": on, f"/is/{n}": otherwise}
    for path in ("/on/0", "/is/0"):
        carol.asked.clear()
        check_problem(await read(server, carol.origin + path), 502)
        assert 1 < len(gets(carol)) <= limits.PROXY_REQUESTS == 6
    added = await command(server, "domain", "block", PUBLIC_HOST)
    assert added.code == 0, added.err
    note = put_up(carol, "/notes/1", {"type": "Note", "to": [PUBLIC]})

    async def blocked() -> bool:
        return (await read(server, note)).status == 403

    await until(blocked)
    carol.asked.clear()
    check_problem(await read(server, note), 403)
    assert carol.asked == []


async def test_AP_SEC_08_few_at_a_time_for_one_actor(
    server: Server, carol: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AP-SEC-08: who asks for more than so many at a time is told to come again; others are served,
    and so is the same actor when the first are done."""
    monkeypatch.setattr(limits, "PROXIED_FOR_ACTOR", 2)
    await server.create_actor("bob")
    gate = asyncio.Event()

    async def wait(request: web.Request) -> web.Response:
        await gate.wait()
        document: dict[str, Any] = {"@context": CONTEXT, "id": f"{carol.origin}{request.path}"}
        return web.json_response(document, content_type=AS2)

    for n in range(2):
        put_up(carol, f"/slow/{n}", wait)
    quick = put_up(carol, "/notes/1", {"type": "Note", "to": [PUBLIC]})
    first = [asyncio.create_task(read(server, f"{carol.origin}/slow/{n}")) for n in range(2)]

    async def both() -> bool:
        return len(gets(carol)) == 2

    await until(both)
    reply = await read(server, quick)
    check_problem(reply, 503)
    assert reply.headers["Retry-After"] == "1"
    assert (await read(server, quick, as_="bob")).status == 200
    gate.set()
    assert [one.status for one in await asyncio.gather(*first)] == [200, 200]
    assert (await read(server, quick)).status == 200


async def test_AP_SEC_08_an_actor_has_one_rate_from_all_addresses(
    start_server: StartServer, carol: Peer
) -> None:
    """AP-SEC-08: clients of one actor at many addresses make us ask no oftener than one may."""
    server = await guarded(
        start_server, limits__requests_per_minute=3, server__trusted_proxies="127.0.0.0/8"
    )
    note = put_up(carol, "/notes/1", {"type": "Note", "to": [PUBLIC]})
    told = []
    for n in range(5):
        address = {"X_Forwarded_For": f"192.0.2.{n}", "Content_Type": FORM}
        body = urlencode({"id": note})
        reply = await server.ask("POST", "/proxy", as_="ann", data=body, **address)
        told.append(reply.status)
    assert told == [200, 200, 200, 429, 429]
    assert len([path for path in gets(carol) if path == "/notes/1"]) == 3
