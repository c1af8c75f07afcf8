"""The throw-away inbox of the command line: its client, its keys, its port."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack

from aiohttp import web

from apserver.app.outgoing import knocks_of_nobody
from apserver.config import Settings
from apserver.core.names import Names, key_id
from apserver.flow.key_rotation import public_keys
from apserver.net.client import Client
from apserver.net.fetch import Fetcher
from apserver.net.knock import Signer, SigningClient
from apserver.serve.sink import NAME, Caught, Sink
from apserver.vault import new_key_pairs


async def run_sink(
    settings: Settings,
    *,
    listener: socket.socket,
    origin: str,
    count: int | None,
    on_ready: Callable[[str], None],
    on_caught: Callable[[Caught], None],
) -> None:
    """Be a sink until it is cancelled, or has caught ``count`` POSTs.

    ``origin`` is where others reach it; ``on_ready`` gets the id of its actor.
    """
    enough = asyncio.Event()
    left = count

    def take(caught: Caught) -> None:
        nonlocal left
        on_caught(caught)
        left = None if left is None else left - 1
        if left is not None and left <= 0:
            enough.set()

    async with AsyncExitStack() as stack:
        sink = await _sink(stack, settings, origin, take)
        runner = web.AppRunner(sink.application(), access_log=None, shutdown_timeout=2)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        await web.SockSite(runner, listener).start()
        on_ready(sink.actor)
        await enough.wait()


async def _sink(
    stack: AsyncExitStack, settings: Settings, origin: str, on_caught: Callable[[Caught], None]
) -> Sink:
    federation = settings.federation
    client = Client(
        origin=origin,
        allow_http=federation.allow_http,
        allow_networks=federation.allow_networks,
        ca_file=federation.ca_file,
        dns_servers=federation.dns_servers,
    )
    await client.open()
    stack.push_async_callback(client.close)
    keys = await new_key_pairs()
    signer = Signer(key_id(Names(origin).actor(NAME)), keys.rsa)

    async def signer_now() -> Signer:
        return signer

    signing = SigningClient(client, knocks_of_nobody(settings))
    fetcher = Fetcher(signing, signer_now, origin=origin, allow_http=federation.allow_http)
    return Sink(
        origin,
        fetcher,
        public_keys(keys),
        allow_http=federation.allow_http,
        on_caught=on_caught,
    )
