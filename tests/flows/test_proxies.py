"""Whose requests are counted together, with and without proxies (threats: rate limits)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tests.conftest import StartServer
from tests.doubles.server import Reply, Server

A_MINUTE = 5
FOR = "X-Forwarded-For"


async def start(start_server: StartServer, proxies: str = "") -> Server:
    return await start_server(limits__requests_per_minute=A_MINUTE, server__trusted_proxies=proxies)


async def ask(server: Server, headers: Iterable[Mapping[str, str]]) -> list[Reply]:
    return [await server.get("/livez", **one) for one in headers]


async def test_a_header_of_a_stranger_changes_nothing(start_server: StartServer) -> None:
    """CVE-2023-49952, GHSA-c2r5-cfqr-c553: without trusted proxies, as by default, another
    X-Forwarded-For in each request does not help."""
    server = await start(start_server)
    replies = await ask(server, [{FOR: f"203.0.113.{n}"} for n in range(A_MINUTE + 1)])
    assert [reply.status for reply in replies] == [200] * A_MINUTE + [429]


async def test_a_stranger_is_not_a_proxy_because_others_are(start_server: StartServer) -> None:
    server = await start(start_server, "10.0.0.0/8")
    replies = await ask(server, [{FOR: f"203.0.113.{n}"} for n in range(A_MINUTE + 1)])
    assert replies[-1].status == 429


async def test_behind_a_trusted_proxy_each_client_has_its_own(start_server: StartServer) -> None:
    server = await start(start_server, "127.0.0.0/8")
    one, other = {FOR: "203.0.113.1"}, {FOR: "203.0.113.2"}
    assert [reply.status for reply in await ask(server, [one] * (A_MINUTE + 1))][-1] == 429
    assert [reply.status for reply in await ask(server, [other] * A_MINUTE)] == [200] * A_MINUTE


async def test_what_a_client_claims_through_a_proxy_changes_nothing(
    start_server: StartServer,
) -> None:
    """The proxy adds the true address at the right; what stands left of it is the client's own."""
    server = await start(start_server, "127.0.0.1, 10.0.0.0/8")
    claims = [{FOR: f"198.51.100.{n}, 203.0.113.1, 10.0.0.1"} for n in range(A_MINUTE + 1)]
    assert [reply.status for reply in await ask(server, claims)][-1] == 429


async def test_forwarded_is_not_read(start_server: StartServer) -> None:
    """GHSA-qp4r-p842-mw5c: with both headers the one that is configured wins."""
    server = await start(start_server, "127.0.0.1")
    both = [{FOR: "203.0.113.1", "Forwarded": f"for=198.51.100.{n}"} for n in range(A_MINUTE + 1)]
    assert [reply.status for reply in await ask(server, both)][-1] == 429
    alone = [{"Forwarded": f"for=198.51.100.{n}"} for n in range(A_MINUTE + 1)]
    assert [reply.status for reply in await ask(server, alone)][-1] == 429
