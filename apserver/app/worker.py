"""One worker: its parts, the order in which they start and stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from apserver import telemetry
from apserver.config import Settings
from apserver.core import limits
from apserver.core.contexts import KnownContexts
from apserver.core.names import Names
from apserver.flow.accept import Acceptor
from apserver.flow.bell import Bell
from apserver.flow.fan_out import FanOut
from apserver.flow.knocks import load_knocks
from apserver.flow.publish import Publisher
from apserver.flow.receive import Receiver
from apserver.flow.remote import Remote
from apserver.flow.signers import Signers
from apserver.net.client import Client
from apserver.net.fetch import Fetcher
from apserver.net.knock import SigningClient
from apserver.net.post import Poster
from apserver.resources import load_contexts
from apserver.serve.routes import application
from apserver.serve.site import Site
from apserver.serve.tls import server_context
from apserver.store import deliveries, jobs
from apserver.store.db import Connection, Database
from apserver.vault import Vault
from apserver.work.deliver import Deliverer
from apserver.work.jobs import JobLoop


@dataclass(frozen=True, slots=True)
class Order:
    """What the supervisor tells a worker."""

    settings: Settings
    dsn: str
    socket_fd: int
    ready_fd: int
    worker: int
    workers: int

    @property
    def holder(self) -> str:
        """Who holds leases: the same name for the worker that replaces this one."""
        return f"{socket.gethostname()}:{self.settings.data_dir}:{self.worker}"

    @classmethod
    def read(cls, given: dict[str, Any]) -> Order:
        """From the JSON on standard input."""
        return cls(
            settings=Settings.from_json(given["settings"]),
            dsn=given["dsn"],
            socket_fd=given["socket_fd"],
            ready_fd=given["ready_fd"],
            worker=given["worker"],
            workers=given["workers"],
        )


async def serve(order: Order) -> None:
    """Be a worker until SIGTERM: answer requests, do jobs, deliver."""
    told = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, told.set)
    async with running(order) as loops:
        os.write(order.ready_fd, b"1")
        telemetry.event("serving", origin=order.settings.origin, worker=order.worker)
        waiting = asyncio.create_task(told.wait())
        await asyncio.wait([waiting, *loops], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    telemetry.event("stopped", worker=order.worker)


@asynccontextmanager
async def running(order: Order) -> AsyncIterator[list[asyncio.Task[None]]]:
    """A worker that answers, applies and delivers, as long as the context lasts.

    Yields the background loops: one that ends by itself has failed, and leaving the context
    raises what it failed with. At the end requests are finished first, then jobs.
    """
    settings = order.settings
    tls = tls_context(settings)
    async with AsyncExitStack() as stack:
        db = Database(order.dsn, connections=limits.POOL)
        await db.open()
        stack.push_async_callback(db.close)
        client = Client(
            origin=settings.origin,
            allow_http=settings.federation.allow_http,
            allow_networks=settings.federation.allow_networks,
            ca_file=settings.federation.ca_file,
        )
        await client.open()
        stack.push_async_callback(client.close)
        parts = await _build(order, db, client)
        await _free_leases(db, order.holder)
        loops = [asyncio.create_task(one.run()) for one in (parts.jobs, parts.deliverer)]
        listening = asyncio.create_task(parts.site.bell.listen())
        runner = web.AppRunner(
            application(parts.site), access_log=None, shutdown_timeout=10, keepalive_timeout=75
        )
        await runner.setup()
        listener = socket.socket(fileno=order.socket_fd)
        await web.SockSite(runner, listener, ssl_context=tls).start()
        try:
            yield loops
        finally:
            await runner.cleanup()
            await parts.site.acceptor.close()
            parts.jobs.stop()
            parts.deliverer.stop()
            listening.cancel()
            ended = await asyncio.gather(*loops, listening, return_exceptions=True)
        for one in ended[:-1]:
            if isinstance(one, BaseException):
                raise one


def tls_context(settings: Settings) -> ssl.SSLContext | None:
    """What `[tls]` asks for, None for plain HTTP; ConfigProblem when it cannot be used."""
    cert, key = settings.tls.cert, settings.tls.key
    return None if cert is None or key is None else server_context(cert, key)


async def _free_leases(db: Database, holder: str) -> None:
    """What a worker before us held when it was killed need not wait for its lease to end."""

    async def work(conn: Connection) -> None:
        await jobs.free_buckets(conn, holder)
        await deliveries.free_hosts(conn, holder)

    await db.transaction(work)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a worker is made of."""

    site: Site
    jobs: JobLoop
    deliverer: Deliverer


async def _build(order: Order, db: Database, client: Client) -> _Parts:
    settings = order.settings
    names = Names(settings.origin)
    allow_http = settings.federation.allow_http
    signers = Signers(db, Vault.at(settings.data_dir), names)
    signing = SigningClient(client, await load_knocks(db, settings.federation.signature))
    fetcher = Fetcher(signing, signers.instance, origin=settings.origin, allow_http=allow_http)
    remote = Remote(db, fetcher, allow_http=allow_http)
    contexts = KnownContexts.of(load_contexts())
    acceptor = Acceptor(db, remote, names=names, contexts=contexts, allow_http=allow_http)
    publisher = Publisher(db, names)
    fan_out = FanOut(db, remote, origin=settings.origin)
    bell = Bell(db, alone=order.workers == 1)
    return _Parts(
        site=Site(
            db=db,
            names=names,
            handle_host=settings.handle_host,
            publisher=publisher,
            acceptor=acceptor,
            bell=bell,
            requests_per_minute=settings.limits.requests_per_minute,
            trusted_proxies=settings.server.trusted_proxies,
            tls=settings.tls.cert is not None,
        ),
        jobs=JobLoop(db, Receiver(db, publisher, fan_out, fetcher), bell, holder=order.holder),
        deliverer=Deliverer(db, Poster(signing), signers, bell, holder=order.holder),
    )
