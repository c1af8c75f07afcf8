"""One worker: its parts, the order in which they start and stop."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from typing import Any

from apserver import telemetry
from apserver.app.hooks import screen_of
from apserver.app.outgoing import client_of, live_rules
from apserver.app.streams import with_python_streams
from apserver.compaction import Compactor
from apserver.config import Settings
from apserver.core import limits
from apserver.core.contexts import KnownContexts
from apserver.core.names import Names
from apserver.core.origin import Origin, same_origin
from apserver.errors import BadInput, Busy
from apserver.flow import gone, old_hashtags, remains
from apserver.flow.accept import Acceptor
from apserver.flow.accounts import Accounts
from apserver.flow.announced import AnnouncedReader
from apserver.flow.apply import Applier
from apserver.flow.asked import Asked
from apserver.flow.bell import Bell
from apserver.flow.bulk import Bulk
from apserver.flow.departure import Farewell
from apserver.flow.endings import Endings
from apserver.flow.fan_out import FanOut
from apserver.flow.followers_moved import FollowerMover
from apserver.flow.knocks import load_knocks
from apserver.flow.live_rules import LiveRules
from apserver.flow.logins import Logins
from apserver.flow.lookup import Lookups
from apserver.flow.outboxes import OutboxReader
from apserver.flow.polls import Polls
from apserver.flow.posts import Posts
from apserver.flow.profiles import ProfileReader
from apserver.flow.proxied import Proxy
from apserver.flow.publish import Publisher
from apserver.flow.quotes import QuoteChecker
from apserver.flow.reading import DocumentReader
from apserver.flow.receive import Receiver
from apserver.flow.remote import Remote
from apserver.flow.resolve import Resolver
from apserver.flow.signers import Signers
from apserver.flow.site_posts import SitePosts
from apserver.flow.stand_ins import StandIns
from apserver.flow.suspended import Suspended
from apserver.flow.threads import ThreadReader
from apserver.flow.turns import Turns
from apserver.flow.visits import Visits
from apserver.net.client import Client
from apserver.net.discover import Discoverer
from apserver.net.fetch import Fetcher
from apserver.net.knock import SigningClient
from apserver.net.new_hosts import NewHosts
from apserver.net.post import Poster
from apserver.resources import load_contexts
from apserver.serve.door import Door
from apserver.serve.gate import check_parser
from apserver.serve.routes import application
from apserver.serve.site import Site
from apserver.serve.tls import server_context
from apserver.store import actors, deliveries, jobs
from apserver.store.db import Connection, Database
from apserver.vault import Vault
from apserver.work.deliver import Deliverer
from apserver.work.jobs import JobLoop
from apserver.work.profiles import ProfileLoop
from apserver.work.prune import Pruner, Retention


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
    async with running(order) as worker:
        os.write(order.ready_fd, b"1")
        telemetry.event("serving", origin=order.settings.origin, worker=order.worker)
        waiting = asyncio.create_task(told.wait())
        await asyncio.wait([waiting, *worker.loops], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        worker.parts.stop()
        await worker.door.drain()
    telemetry.event("stopped", worker=order.worker)


@asynccontextmanager
async def running(order: Order) -> AsyncIterator[Worker]:
    """A worker that answers, applies and delivers, as long as the context lasts.

    A background loop that ends by itself has failed, and leaving the context raises what it
    failed with. At the end requests are finished first, then jobs.
    """
    settings = order.settings
    check_parser()
    tls = server_context(settings.tls.cert, settings.tls.key)
    async with AsyncExitStack() as stack:
        db = Database(order.dsn, connections=limits.POOL, statement_s=limits.STATEMENT_S)
        await db.open()
        stack.push_async_callback(db.close)
        live = await live_rules(db, settings)
        client = client_of(
            settings, _check_of(settings, live), new_hosts=_new_hosts(db, settings, order.workers)
        )
        await client.open()
        stack.push_async_callback(client.close)
        compactor = Compactor()
        stack.push_async_callback(compactor.close)
        parts = await _build(order, db, client, live, compactor)
        await _free_leases(db, order.holder)
        loops = [asyncio.create_task(one.run()) for one in (*parts.loops, live)]
        listening = asyncio.create_task(parts.site.bell.listen())
        door = Door(application(parts.site), socket.socket(fileno=order.socket_fd), tls=tls)
        await door.open()
        try:
            yield Worker(parts, loops, door)
        finally:
            await door.close()
            await parts.site.acceptor.close()
            parts.stop()
            live.stop()
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
class Parts:
    """What a worker is made of."""

    site: Site
    jobs: JobLoop
    deliverer: Deliverer
    pruner: Pruner
    profiles: ProfileLoop

    @property
    def loops(self) -> tuple[JobLoop, Deliverer, Pruner, ProfileLoop]:
        """What works in the background."""
        return (self.jobs, self.deliverer, self.pruner, self.profiles)

    def stop(self) -> None:
        """Begin nothing new in the background; what is under way is finished."""
        for one in self.loops:
            one.stop()


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker that runs: its background loops as tasks, and the door that requests come by."""

    parts: Parts
    loops: list[asyncio.Task[None]]
    door: Door


def _check_of(settings: Settings, live: LiveRules) -> Callable[[str], None]:
    """What raises for a URL that this server asks in no case."""
    things = settings.registry.things

    def check(url: str) -> None:
        if same_origin(url, settings.origin):
            raise BadInput(f"{url} is ours: nobody makes this server call itself")
        if things.find(url) is not None:
            raise BadInput(f"{url} is a thing of a site: the site tells of it, and nobody asks")
        live.check(url)

    return check


def _new_hosts(db: Database, settings: Settings, workers: int) -> NewHosts:
    async def is_known(origin: Origin) -> bool:
        try:
            async with db.connection() as conn:
                return await actors.is_known_host(conn, origin)
        except Busy:
            return False

    return NewHosts(is_known, networks=settings.federation.allow_networks, workers=workers)


async def _outgoing(
    settings: Settings, db: Database, client: Client, signers: Signers, reader: DocumentReader
) -> tuple[SigningClient, Fetcher]:
    """What signs requests, and what asks for documents with it."""
    signing = SigningClient(client, await load_knocks(db, settings.federation.signature))
    fetcher = Fetcher(
        signing,
        signers.instance,
        origin=settings.origin,
        allow_http=settings.federation.allow_http,
        read=reader.read,
    )
    return signing, fetcher


async def _build(
    order: Order, db: Database, client: Client, live: LiveRules, compactor: Compactor
) -> Parts:
    settings = order.settings
    names = Names(settings.origin)
    allow_http = settings.federation.allow_http
    vault = Vault.at(settings.data_dir)
    signers = Signers(db, vault, names)
    reader = DocumentReader(KnownContexts.of(load_contexts()), compactor)
    signing, fetcher = await _outgoing(settings, db, client, signers, reader)
    remote = Remote(db, fetcher, live, allow_http=allow_http)
    lookups = Lookups.of(db)
    screen = screen_of(settings)
    acceptor = Acceptor(
        db,
        remote,
        live,
        lookups,
        names=names,
        reader=reader,
        screen=screen,
        allow_http=allow_http,
        per_minute=settings.limits.requests_per_minute,
    )
    registry = with_python_streams(settings.registry)
    publisher = Publisher(db, names, registry, live, remote, screen=screen)
    accounts = Accounts(db, vault, names, handle_host=settings.handle_host)
    stand_ins = StandIns(db, accounts, names, registry.things)
    farewell = Farewell(db, names, handle_host=settings.handle_host)
    site_posts = SitePosts(db, publisher, stand_ins, farewell, names=names, things=registry.things)
    site = Site(
        db=db,
        names=names,
        handle_host=settings.handle_host,
        publisher=publisher,
        site_posts=site_posts,
        bulk=Bulk(db, publisher),
        stand_ins=stand_ins,
        acceptor=acceptor,
        bell=Bell(db, alone=order.workers == 1),
        live=live,
        lookups=lookups,
        visits=Visits(Discoverer(client, allow_http=allow_http), remote, allow_http=allow_http),
        proxy=Proxy(fetcher, signers, per_minute=settings.limits.requests_per_minute),
        logins=Logins(db, handle_host=settings.handle_host),
        registry=registry,
        requests_per_minute=settings.limits.requests_per_minute,
        trusted_proxies=settings.server.trusted_proxies,
        tls=settings.tls.cert is not None,
        allow_http=allow_http,
        authorized_fetch=settings.federation.authorized_fetch,
    )
    receiver = _receiver(site, remote=remote, farewell=farewell, signers=signers)
    return Parts(
        site=site,
        jobs=JobLoop(db, receiver, site.bell, holder=order.holder),
        deliverer=Deliverer(db, Poster(signing), signers, site.bell, holder=order.holder),
        pruner=Pruner(db, Retention(**asdict(settings.retention))),
        profiles=ProfileLoop(db, site.bell),
    )


def _receiver(site: Site, *, remote: Remote, farewell: Farewell, signers: Signers) -> Receiver:
    """What does jobs, beside what answers requests."""
    db, live, bell, publisher = site.db, site.live, site.bell, site.publisher
    names, registry, allow_http = site.names, site.registry, site.allow_http
    applier = Applier(publisher, live, registry)
    asked = Asked()
    posts = Posts(remote, live, asked)
    turns = {
        "end_thing": Endings(publisher, farewell, registry.things).end_some,
        "move": FollowerMover(publisher, live).move_some,
        "depart": remains.end_some,
        "end_actor": gone.end_some,
        "hashtags": old_hashtags.index_some,
        "poll": Polls(publisher).tell,
    }
    return Receiver(
        db,
        applier=applier,
        suspended=Suspended(db, applier, remote, bell),
        fan_out=FanOut(db, live, origin=names.origin),
        asking={
            "resolve": Resolver(
                db, remote, live, bell, signers, names=names, allow_http=allow_http
            ),
            "confirm": AnnouncedReader(db, remote, site.acceptor.doors, asked, bell),
            "outbox": OutboxReader(db, remote, live, bell, allow_http=allow_http),
            "quote": QuoteChecker(db, remote, posts, asked),
            "thread": ThreadReader(db, remote, posts, origin=names.origin),
            "profile": ProfileReader(db, remote, posts, live, allow_http=allow_http),
        },
        turns=Turns(db, turns),
    )
