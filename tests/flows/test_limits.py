"""How many requests one address may make."""

from __future__ import annotations

import asyncio

import aiohttp

from tests.conftest import StartServer
from tests.doubles.server import AS2, PUBLIC
from tests.flows.steps import check_problem


async def test_BP_20_too_many_requests(start_server: StartServer) -> None:
    """BP-20, AP-SEC-06, AP-SEC-08, IO-71: 429 with Retry-After at every door, and then it works
    again; another address is not concerned."""
    limit = 30
    server = await start_server("ann", limits__requests_per_minute=limit)
    statuses = [(await server.get("/actors/ann")).status for _ in range(limit)]
    assert set(statuses) == {200}
    # By now one may have come back: at this limit one in two seconds.
    for _ in range(limit):
        refused = await server.get("/actors/ann")
        if refused.status != 200:
            break
    check_problem(refused, 429)
    note = {"type": "Note", "content": "hi", "to": [PUBLIC]}
    answers = [
        refused,
        await server.post("ann", note),
        await server.ask("POST", "/inbox", data={}, Content_Type=AS2),
        await server.get("/none"),
    ]
    for reply in answers:
        check_problem(reply, 429)
        assert 1 <= int(reply.headers["Retry-After"]) <= 60
        # FEP-c180, and the member of draft-ietf-httpapi-ratelimit-headers-10 5.1.
        assert reply.json["type"] == "https://w3id.org/fep/c180#rate-limit-exceeded"
        assert reply.json["violated-policies"] == ["burst"]
        assert reply.headers["RateLimit"].startswith('"burst";r=0;t=')
    other = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
    async with (
        aiohttp.ClientSession(connector=other) as elsewhere,
        elsewhere.get(f"{server.origin}/actors/ann") as response,
    ):
        assert response.status == 200
    await asyncio.sleep(int(answers[-1].headers["Retry-After"]))
    assert (await server.get("/actors/ann")).status == 200
    assert await server.rows("SELECT id FROM activity") == []


async def test_BP_20_zero_sets_no_limit(start_server: StartServer) -> None:
    """BP-20: as many as there are."""
    server = await start_server("ann", limits__requests_per_minute=0)
    replies = [await server.get("/actors/ann") for _ in range(300)]
    assert {reply.status for reply in replies} == {200}
    assert not {"RateLimit", "RateLimit-Policy"} & set(replies[0].headers)
