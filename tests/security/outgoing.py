"""Steps of the tests of outgoing requests.

No test may send a packet to the Internet, so one part of loopback plays it: servers here may reach
`INTERNET` and nothing else. What lives at 127.0.0.1 is what only the server itself can reach.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

from aiohttp import web

from apserver.net.client import Client
from apserver.net.fetch import Fetcher
from apserver.net.knock import Knocks, Learnt, SigningClient
from tests.conftest import StartPeer, StartServer, free_port
from tests.doubles.name_server import NameServerDouble
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Reply, Server

INTERNET = "127.5.0.0/16"
PUBLIC_HOST = "127.5.0.1"


async def guarded(
    start_server: StartServer, names: NameServerDouble | None = None, **settings: object
) -> Server:
    """A server with ann, that may reach `INTERNET`, and asks this name server if there is one."""
    if names is not None:
        settings["federation__dns_servers"] = names.setting
    return await start_server("ann", federation__allow_networks=INTERNET, **settings)


async def public_peer(start_peer: StartPeer, *actors: str, host: str = PUBLIC_HOST) -> Peer:
    """A peer in `INTERNET`, at a port that nobody has on other addresses either, as a rule."""
    return await start_peer(*actors, host=host, port=free_port())


def rename(peer: Peer, name: str) -> None:
    """From now on the ids of the peer are under this host name; it goes on where it listens."""
    peer.origin = f"http://{name}:{peer.origin.rpartition(':')[2]}"


async def send(server: Server, peer: Peer, by: str = "carol", **how: Any) -> Reply:
    """A new public note to ann's inbox."""
    note = peer.create(by, "hello", PUBLIC)
    return await peer.send(f"{server.id('ann')}/inbox", note, by=by, **how)


async def forward(server: Server, carrier: Peer, id_: str) -> Reply:
    """Carol of the carrier passes on what somebody at the id's origin is said to have done: it is
    fetched by its id."""
    actor = f"{'/'.join(id_.split('/')[:3])}/users/somebody"
    activity = carrier.create("somebody", "x", PUBLIC) | {"id": id_, "actor": actor}
    return await carrier.send(f"{server.id('ann')}/inbox", activity, by="carol")


def redirect(location: str, status: int = 302) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A document that leads elsewhere."""

    async def lead(request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": location})

    return lead


def gets(peer: Peer) -> list[str]:
    """The paths that were fetched from a peer."""
    return [one.removeprefix("GET ") for one in peer.asked if one.startswith("GET ")]


@asynccontextmanager
async def client(
    *, networks: str | None = None, allow_http: bool = True, ca_file: Path | None = None
) -> AsyncIterator[Client]:
    """The guarded client alone."""
    made = Client(
        origin="https://here.example",
        allow_http=allow_http,
        allow_networks=[] if networks is None else [ip_network(networks)],
        ca_file=ca_file,
    )
    await made.open()
    try:
        yield made
    finally:
        await made.close()


def fetcher(client: Client, *, allow_http: bool = True) -> Fetcher:
    """Gets documents in nobody's name."""

    async def keep(origin: str, learnt: Learnt | None) -> None:
        return None

    async def nobody() -> None:
        return None

    signing = SigningClient(client, Knocks("cavage", {}, keep))
    return Fetcher(signing, nobody, origin="https://here.example", allow_http=allow_http)
