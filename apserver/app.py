"""The composition root: everything is built here, started and stopped in order, nothing else.

`python -m apserver.app worker` is one worker of the supervisor, `python -m apserver.app migrate`
brings the database up to date before they start. Both get their settings as JSON on standard
input. The command line calls the functions below for what it does by itself.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import uvloop
from aiohttp import web

from apserver import telemetry
from apserver.config import Settings
from apserver.core import limits
from apserver.core.contexts import KnownContexts
from apserver.core.names import Names
from apserver.errors import ApserverError, ConfigProblem
from apserver.flow.accept import Acceptor
from apserver.flow.accounts import Accounts, CreatedActor, CreatedToken
from apserver.flow.bell import Bell
from apserver.flow.fan_out import FanOut
from apserver.flow.publish import Publisher
from apserver.flow.receive import Receiver
from apserver.flow.remote import Remote
from apserver.net.client import Client
from apserver.net.fetch import Fetcher
from apserver.net.post import Poster
from apserver.resources import load_contexts
from apserver.serve.routes import application
from apserver.serve.site import Site
from apserver.store import db as store
from apserver.store import deliveries, jobs
from apserver.store.db import Connection, Database
from apserver.vault import Vault
from apserver.work.deliver import Deliverer
from apserver.work.jobs import JobLoop

EX_CONFIG = 78

__all__ = [
    "CreatedActor",
    "CreatedToken",
    "Order",
    "create_actor",
    "create_token",
    "main",
    "migrate",
    "running",
    "serve",
]


async def migrate(dsn: str, settings: Settings) -> None:
    """Bring the schema up to date, and take the database for this origin.

    ConfigProblem when it belongs to another one.
    """
    for name in await store.migrate(dsn):
        telemetry.event("migrated", script=name)
    async with _accounts(dsn, settings) as accounts:
        await accounts.claim()


async def create_actor(
    dsn: str,
    settings: Settings,
    *,
    name: str,
    type: str,
    display_name: str | None,
    manual_approval: bool,
    token: bool,
) -> CreatedActor:
    """Make an actor; see `Accounts.create_actor`."""
    async with _accounts(dsn, settings) as accounts:
        return await accounts.create_actor(
            name,
            type_=type,
            display_name=display_name,
            manual_approval=manual_approval,
            token=token,
        )


async def create_token(dsn: str, settings: Settings, *, name: str) -> CreatedToken:
    """Make a token; see `Accounts.create_token`."""
    async with _accounts(dsn, settings) as accounts:
        return await accounts.create_token(name)


@asynccontextmanager
async def _accounts(dsn: str, settings: Settings) -> AsyncIterator[Accounts]:
    db = Database(dsn, connections=1)
    await db.open()
    try:
        yield _accounts_of(db, settings, Vault.at(settings.data_dir))
    finally:
        await db.close()


def _accounts_of(db: Database, settings: Settings, vault: Vault) -> Accounts:
    names = Names(settings.origin)
    return Accounts(db, vault, names, handle_host=settings.handle_host)


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
        await web.SockSite(runner, socket.socket(fileno=order.socket_fd)).start()
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
    vault = Vault.at(settings.data_dir)
    signer = await _accounts_of(db, settings, vault).instance_signer()
    fetcher = Fetcher(client, signer, origin=settings.origin, allow_http=allow_http)
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
        ),
        jobs=JobLoop(db, Receiver(db, publisher, fan_out, fetcher), bell, holder=order.holder),
        deliverer=Deliverer(db, Poster(client), vault, bell, holder=order.holder),
    )


def main(argv: list[str]) -> int:
    """A child of the supervisor."""
    given = json.load(sys.stdin)
    try:
        if argv == ["migrate"]:
            settings = Settings.from_json(given["settings"])
            telemetry.configure(level=settings.log.level, as_json=settings.log.format == "json")
            asyncio.run(migrate(given["dsn"], settings))
        elif argv == ["worker"]:
            order = Order.read(given)
            log = order.settings.log
            telemetry.configure(level=log.level, as_json=log.format == "json", worker=order.worker)
            uvloop.run(serve(order))
        else:
            print("usage: python -m apserver.app migrate|worker", file=sys.stderr)
            return 2
    except ConfigProblem as error:
        print(f"apserver: {error}", file=sys.stderr)
        return EX_CONFIG
    except ApserverError as error:
        print(f"apserver: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
