"""security.md 3: names belong to others, who let them lead where they like (`dns_servers`)."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from apserver import telemetry
from apserver.core import limits
from apserver.net import resolver
from tests.conftest import StartPeer, StartServer
from tests.doubles.name_server import NameServerDouble
from tests.doubles.peer import AS2, Peer
from tests.doubles.server import Server, until
from tests.doubles.wire import Wire, connects
from tests.security.outgoing import PUBLIC_HOST, gets, guarded, public_peer, rename, send


@pytest.fixture
async def names() -> AsyncIterator[NameServerDouble]:
    async with NameServerDouble.running() as double:
        yield double


@pytest.fixture
async def server(start_server: StartServer, names: NameServerDouble) -> Server:
    return await guarded(start_server, names)


@pytest.fixture
async def evil(start_peer: StartPeer, names: NameServerDouble) -> Peer:
    """A peer under the name evil.test, which closes every connection, so that its name is asked
    for again and again."""
    peer = await public_peer(start_peer)
    rename(peer, "evil.test")
    names.addresses["evil.test"] = [[PUBLIC_HOST]]
    for name in ("carol", "dave"):
        document = peer.add_actor(name, key="one")
        peer.documents[f"/users/{name}"] = closing(document)
    return peer


def closing(document: dict[str, Any]) -> Any:
    async def answer(request: web.Request) -> web.Response:
        response = web.json_response(document, content_type=AS2)
        response.force_close()
        return response

    return answer


async def test_dns_rebinding_a_second_answer(
    start_server: StartServer,
    evil: Peer,
    names: NameServerDouble,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DNS rebinding, Fedify 0.11.2: the name leads to a public address first, then inside."""
    monkeypatch.setattr(limits, "DNS_CACHE_S", 0)
    server = await guarded(start_server, names)
    names.addresses["evil.test"] = [[PUBLIC_HOST], ["127.0.0.1"]]
    port = int(evil.origin.rpartition(":")[2])
    async with Wire.running(port=port) as inside:
        with connects() as seen:
            assert (await send(server, evil, "carol", key="one")).status == 202
            assert (await send(server, evil, "dave", key="one")).status == 503
        assert inside.connections == 0
        assert ("127.0.0.1", port) not in seen
    assert gets(evil) == ["/users/carol"]
    assert names.asked["evil.test"] == 2


async def test_dns_rebinding_within_the_time_of_the_cache(
    server: Server, evil: Peer, names: NameServerDouble
) -> None:
    """What was judged is used on, whatever the name's time to live: there is no second look that
    could differ from the first one."""
    names.addresses["evil.test"] = [[PUBLIC_HOST], ["127.0.0.1"]]
    for name in ("carol", "dave"):
        assert (await send(server, evil, name, key="one")).status == 202
    assert names.asked["evil.test"] == 1


@pytest.mark.parametrize("order", [1, -1])
async def test_dns_rebinding_both_at_once(
    server: Server, evil: Peer, names: NameServerDouble, order: int
) -> None:
    """Decision 2: the guard judges all addresses that a name resolves to; one bad spoils all."""
    names.addresses["evil.test"] = [[PUBLIC_HOST, "127.0.0.1"][::order]]
    before = telemetry.counted(telemetry.NOT_ASKED, "address")
    async with Wire.running(port=int(evil.origin.rpartition(":")[2])) as inside:
        assert (await send(server, evil, key="one")).status == 503
        assert inside.connections == 0
    assert evil.asked == []
    assert telemetry.counted(telemetry.NOT_ASKED, "address") == before + 1


async def test_a_name_keeps_its_host_header(server: Server, evil: Peer) -> None:
    """Connecting to the checked address changes neither Host nor what is signed for it."""
    hosts: list[str] = []
    document = evil.add_actor("erin", key="one")

    async def answer(request: web.Request) -> web.Response:
        hosts.append(request.headers["Host"])
        return web.json_response(document, content_type=AS2)

    evil.documents["/users/erin"] = answer
    assert (await send(server, evil, "erin", key="one")).status == 202
    assert hosts == [evil.origin.removeprefix("http://")]


async def test_CVE_2022_46405_wildcard_hosts(
    server: Server, evil: Peer, names: NameServerDouble
) -> None:
    """CVE-2022-46405: a wildcard in DNS makes endless hosts; 20 new ones of a domain in an hour
    are asked. Others, and those where somebody is known, are not held up."""
    names.addresses |= {"*.evil.test": [[PUBLIC_HOST]], "evil.example": [[PUBLIC_HOST]]}
    assert (await send(server, evil, "carol", key="one")).status == 202
    statuses = []
    for n in range(limits.NEW_HOSTS + 5):
        rename(evil, f"h{n}.evil.test")
        evil.add_actor(f"u{n}", key="one")
        statuses.append((await send(server, evil, f"u{n}", key="one")).status)
    let = limits.NEW_HOSTS - 1  # evil.test was the first
    assert statuses == [202] * let + [503] * (len(statuses) - let)
    assert len([name for name in names.asked if name.endswith("evil.test")]) == limits.NEW_HOSTS
    assert len(gets(evil)) == limits.NEW_HOSTS
    rename(evil, "evil.example")
    evil.add_actor("erin", key="one")
    assert (await send(server, evil, "erin", key="one")).status == 202


async def test_CVE_2022_46405_known_hosts_after_a_restart(
    start_server: StartServer, names: NameServerDouble, evil: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host where an actor is known is not new, though this process has never asked it."""
    monkeypatch.setattr(limits, "NEW_HOSTS", 1)
    names.addresses["*.evil.test"] = [[PUBLIC_HOST]]
    server = await guarded(start_server, names)
    for n, status in ((0, 202), (1, 503)):
        rename(evil, f"h{n}.evil.test")
        evil.add_actor(f"u{n}", key="one")
        assert (await send(server, evil, f"u{n}", key="one")).status == status
    origin = f"http://h1.evil.test:{evil.origin.rpartition(':')[2]}"
    await server.rows(
        "INSERT INTO actor (key, id, ours, type, host, bucket, inbox, document) VALUES "
        "(gen_random_uuid(), $1 || '/users/x', false, 'Person', $2, 0, $1 || '/inbox', '{}') "
        "RETURNING key",
        origin,
        origin.removeprefix("http://"),
    )
    evil.add_actor("other", key="one")
    assert (await send(server, evil, "other", key="one")).status == 202


async def test_fault_19_dns_is_down(
    server: Server, evil: Peer, names: NameServerDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fault 19: outbound is held and goes out later; inbound from known keys works, and at once."""
    monkeypatch.setattr(limits, "KEY_LOOKUP_S", 0.5)
    monkeypatch.setattr(limits, "POST_S", 0.5)
    monkeypatch.setattr(limits, "DNS_S", 0.3)
    port = evil.origin.rpartition(":")[2]
    evil.add_actor("erin", key="one", inbox=f"http://inbox.test:{port}/box", endpoints={})
    names.addresses |= {"inbox.test": [[PUBLIC_HOST]], "late.test": [[PUBLIC_HOST]]}
    assert (await send(server, evil, "erin", key="one")).status == 202
    names.silent.add("*")
    began = time.monotonic()
    follow = evil.follow("erin", server.id("ann"))
    inbox = f"{server.id('ann')}/inbox"
    assert (await evil.send(inbox, follow, by="erin", key="one")).status == 202
    assert time.monotonic() - began < 2

    async def held() -> bool:
        return bool(await server.rows("SELECT FROM host WHERE failures = 1"))

    await until(held)
    assert evil.received == []
    rename(evil, "late.test")
    evil.add_actor("frank", key="one")
    assert (await send(server, evil, "frank", key="one")).status == 503
    assert (await server.get("/readyz")).status == 200
    names.silent.clear()
    await server.rows("UPDATE host SET next_at = now() RETURNING 1")
    [accept] = await evil.wait("Accept")
    assert (accept.inbox, accept.json["object"]["id"]) == ("/box", follow["id"])


async def test_slow_names_of_one_server_hold_up_no_other(
    server: Server, evil: Peer, names: NameServerDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2023-36461 at the name server: nobody waits for names that are not answered."""
    monkeypatch.setattr(limits, "NEW_HOSTS", 1000)
    slow = [f"h{n}.slow.test" for n in range(20)]
    names.silent.update(slow)
    key_ids = [f"http://{name}:1080/k" for name in slow]
    waiting = [asyncio.create_task(send(server, evil, key_id=one, key="one")) for one in key_ids]
    await until(_asked(names, slow))
    assert (await send(server, evil, key="one")).status == 202
    assert not any(task.done() for task in waiting)
    assert {reply.status for reply in await asyncio.gather(*waiting)} == {503}


def _asked(names: NameServerDouble, expected: list[str]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        return set(expected) <= set(names.asked)

    return asked


async def test_the_resolver_of_the_system_has_threads_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The same without `dns_servers`: the system's call blocks, and takes up a thread each."""
    end = threading.Event()
    real = socket.getaddrinfo

    def slow(host: str, *arguments: Any, **more: Any) -> Any:
        if host.startswith("slow"):
            end.wait(5)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return real(host, *arguments, **more)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    names = resolver.SystemResolver()
    asked = [asyncio.create_task(names.resolve(f"slow{n}.test")) for n in range(20)]
    await asyncio.sleep(0.05)
    async with asyncio.timeout(2):
        assert [one["host"] for one in await names.resolve("127.0.0.1", 80)] == ["127.0.0.1"]
    end.set()
    failed = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in failed} == {socket.gaierror}
    await names.close()
