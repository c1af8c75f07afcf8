"""What the command line asks of other servers, through the server's own guarded client."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apserver.app.accounts import opened
from apserver.config import Settings
from apserver.core import limits
from apserver.core.document import parse
from apserver.core.names import INSTANCE, Names
from apserver.core.origin import parse_handle, same_origin
from apserver.core.signatures import Request, read_claim
from apserver.core.vocabulary import ACTIVITY_JSON
from apserver.errors import ApserverError, DomainBlocked, Refused
from apserver.flow.knocks import load_knocks
from apserver.flow.live_rules import LiveRules
from apserver.flow.moderation import own_hosts
from apserver.flow.own_actors import find_actor
from apserver.flow.signers import Signers
from apserver.net.budget import Budget
from apserver.net.client import Client
from apserver.net.discover import Discovered, Discoverer
from apserver.net.fetch import Fetcher
from apserver.net.knock import Knocks, Learnt, Signer, SigningClient
from apserver.net.new_hosts import NewHosts
from apserver.store.db import Database
from apserver.vault import Vault


def client_of(
    settings: Settings,
    check: Callable[[str], None] = lambda url: None,
    *,
    new_hosts: NewHosts | None = None,
) -> Client:
    """The client for other servers, not open yet. ``check`` raises for what is not to be asked.

    The command line asks only what its user has named; nobody counts ``new_hosts`` there.
    """
    return Client(
        origin=settings.origin,
        allow_http=settings.federation.allow_http,
        allow_networks=settings.federation.allow_networks,
        ca_file=settings.federation.ca_file,
        dns_servers=settings.federation.dns_servers,
        check=check,
        new_hosts=new_hosts,
    )


def knocks_of_nobody(settings: Settings) -> Knocks:
    """Where nothing is known and nothing is kept: for whoever has no database."""

    async def forget(origin: str, learnt: Learnt | None) -> None:
        return None

    return Knocks(settings.federation.signature, {}, forget)


@dataclass(frozen=True, slots=True)
class Caller:
    """Speaks to other servers in the name of ``signer``, or of nobody."""

    client: Client
    signing: SigningClient
    signer: Signer | None
    settings: Settings

    @property
    def fetcher(self) -> Fetcher:
        """Gets documents."""

        async def signer() -> Signer | None:
            return self.signer

        return Fetcher(
            self.signing,
            signer,
            origin=self.settings.origin,
            allow_http=self.settings.federation.allow_http,
        )


async def live_rules(db: Database, settings: Settings) -> LiveRules:
    """What moderation says, loaded before anything is asked or answered."""
    live = LiveRules(
        db,
        own_hosts=own_hosts(settings.origin, settings.handle_host),
        closed=settings.federation.mode == "closed",
    )
    await live.refresh()
    return live


@asynccontextmanager
async def calling(
    dsn: str | None, settings: Settings, *, name: str | None = INSTANCE
) -> AsyncIterator[Caller]:
    """A caller in the name of an actor of ours, which signs; of nobody without a ``name``.

    Domain rules hold as they do for the server, where there is a ``dsn``; without, nobody signs.
    """
    async with AsyncExitStack() as stack:
        db = None if dsn is None else await stack.enter_async_context(opened(dsn))
        check = None if db is None else _check_of(await live_rules(db, settings))
        client = client_of(settings) if check is None else client_of(settings, check)
        await client.open()
        stack.push_async_callback(client.close)
        if db is None or name is None:
            signing = SigningClient(client, knocks_of_nobody(settings))
            yield Caller(client, signing, None, settings)
            return
        async with db.connection() as conn:
            actor = await find_actor(conn, settings.handle_host, name)
        signers = Signers(db, Vault.at(settings.data_dir), Names(settings.origin))
        knocks = await load_knocks(db, settings.federation.signature)
        signer = await signers.actor(actor.key)
        yield Caller(client, SigningClient(client, knocks), signer, settings)


def _check_of(live: LiveRules) -> Callable[[str], None]:
    def check(url: str) -> None:
        try:
            live.check(url)
        except DomainBlocked as error:
            raise Refused(
                f"{url} is not called: the domain rules of this server shut out {error.host}, and "
                "they hold for commands too. See: apserver domain list"
            ) from error

    return check


async def fetch(
    dsn: str | None, settings: Settings, *, url: str, signed: bool = True
) -> Mapping[str, Any]:
    """What lies at a URL; ``signed`` by the instance actor, or by nobody, as without a ``dsn``."""
    _check_scheme(settings, url)
    async with calling(dsn, settings, name=INSTANCE if signed else None) as caller:
        return await caller.fetcher.any_document(url, Budget())


@dataclass(frozen=True, slots=True)
class LookedUp:
    """What WebFinger found, and whether the actor claims that handle: why not, or ""."""

    found: Discovered
    objection: str


async def webfinger(dsn: str | None, settings: Settings, *, handle: str) -> LookedUp:
    """The actor behind a handle, and a look at the actor itself, which must lead back (WF-14)."""
    async with calling(dsn, settings) as caller:
        discoverer = Discoverer(caller.client, allow_http=settings.federation.allow_http)
        budget = Budget()
        found = await discoverer.actor(parse_handle(handle), budget)
        if same_origin(found.actor, settings.origin):
            return LookedUp(found, "")
        try:
            document = await caller.fetcher.document(found.actor, budget)
            claimed = await discoverer.handle_of(document, budget)
        except ApserverError as error:
            return LookedUp(found, str(error))
    if claimed != found.handle:
        return LookedUp(found, f"The actor calls itself {claimed}.")
    return LookedUp(found, "")


@dataclass(frozen=True, slots=True)
class Sent:
    """The answer to a POST, and the key that signed it."""

    status: int
    body: str
    key_id: str


async def deliver(dsn: str, settings: Settings, *, body: bytes, inbox: str, name: str) -> Sent:
    """POST an activity to an inbox as it is, signed by an actor of ours; one attempt."""
    request = _post(settings, inbox, body)
    async with calling(dsn, settings, name=name) as caller:
        assert caller.signer is not None, "there is a database"
        answer = await caller.signing.send(
            request,
            caller.signer,
            budget=Budget(),
            deadline_s=limits.POST_S,
            max_bytes=limits.DELIVERY_ANSWER,
        )
    return Sent(answer.status, answer.body.decode("utf-8", "replace"), caller.signer.key_id)


@dataclass(frozen=True, slots=True)
class Unsent:
    """A POST that is not made: its headers, the text that is signed, and the key that signs."""

    headers: Mapping[str, str]
    signed: str
    key_id: str


async def rehearse_delivery(
    dsn: str, settings: Settings, *, body: bytes, inbox: str, name: str
) -> Unsent:
    """What `deliver` would send first. The next time differs in its date, so in its signature."""
    request = _post(settings, inbox, body)
    async with calling(dsn, settings, name=name) as caller:
        assert caller.signer is not None, "there is a database"
        signed = caller.signing.first_knock(request, caller.signer, datetime.now(UTC))
        sent = {"Host": request.authority, "Content-Length": str(len(body))}
        headers = {**sent, **caller.client.headers, **signed}
    # Read back as a receiver reads it: this is the text, whatever made it.
    [base, *_] = read_claim(request.with_fields(signed)).bases
    return Unsent(headers, base.decode("utf-8", "surrogateescape"), caller.signer.key_id)


def _post(settings: Settings, inbox: str, body: bytes) -> Request:
    _check_scheme(settings, inbox)
    parse(body)
    return Request("POST", inbox, {"content-type": [ACTIVITY_JSON]}, body)


def _check_scheme(settings: Settings, url: str) -> None:
    if url.startswith("http://") and not settings.federation.allow_http:
        raise Refused(
            f"{url} is not called: http:// keeps nothing secret. For trying things on one "
            "machine, set allow_http = true under [federation]"
        )
