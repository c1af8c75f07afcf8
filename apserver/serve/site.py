"""What handlers work with, and what they need to know of a request."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import hdrs, web

from apserver.core import limits
from apserver.core.names import Names
from apserver.core.origin import Network, host_of
from apserver.core.registry import Registry
from apserver.core.scopes import allows
from apserver.core.signatures import Request, check_digest, check_fresh, is_signed, read_claim
from apserver.errors import (
    ApserverError,
    BadInput,
    BadMediaType,
    InsufficientScope,
    NotTrusted,
    TooLarge,
    TooSlow,
)
from apserver.flow.accept import Acceptor
from apserver.flow.bell import Bell
from apserver.flow.bulk import Bulk
from apserver.flow.live_rules import LiveRules
from apserver.flow.logins import Logins
from apserver.flow.lookup import Lookups
from apserver.flow.proxied import Proxy
from apserver.flow.publish import Publisher
from apserver.flow.site_posts import SitePosts
from apserver.flow.stand_ins import StandIns
from apserver.flow.visits import Visits
from apserver.identifiers import hash_token
from apserver.store import access, aliases
from apserver.store.db import Database


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of a running server that answer requests."""

    db: Database
    names: Names
    handle_host: str
    publisher: Publisher
    site_posts: SitePosts
    bulk: Bulk
    stand_ins: StandIns
    acceptor: Acceptor
    bell: Bell
    live: LiveRules
    lookups: Lookups
    logins: Logins
    proxy: Proxy
    visits: Visits
    registry: Registry
    requests_per_minute: int
    trusted_proxies: tuple[Network, ...]  #: whose X-Forwarded-For is believed
    tls: bool  #: whether it is we who speak TLS
    allow_http: bool  #: whether others may be reached without TLS
    authorized_fetch: bool  #: whether documents are for those alone who show who they are

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts of our handles and of our ids."""
        return frozenset({self.handle_host, host_of(self.names.origin)})


SITE = web.AppKey("site", Site)
#: What a token must hold to be used on the route that was asked for.
SCOPE = web.RequestKey("scope", str)
#: The most bytes of a body on the route that was asked for.
BODY = web.RequestKey("body", int)
#: In whose name the request is made, once that was found.
VIEWER = web.RequestKey("viewer", str)
#: The request as a signature sees it, wherever a signature is looked for.
SIGNABLE = web.RequestKey("signable", Request)


def site_of(request: web.Request) -> Site:
    """The site that a request came to."""
    return request.app[SITE]


async def body_of(request: web.Request) -> bytes:
    """The body, of as many bytes as the route allows and in at most `limits.BODY_S` seconds.

    What is longer is not read to its end, what is compressed not at all.
    """
    if (request.content_length or 0) > request[BODY]:
        raise TooLarge(f"The body may have at most {request[BODY]} bytes.")
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise BadMediaType("Compressed bodies are not taken. Send it plain.")
    try:
        async with asyncio.timeout(limits.BODY_S):
            return await _read(request)
    except web.RequestPayloadError as error:
        raise BadInput(f"The body is not framed as HTTP/1.1 says: {error}"[:200]) from None
    except TimeoutError:
        raise TooSlow(f"The body must come within {limits.BODY_S:g} s.") from None


async def _read(request: web.Request) -> bytes:
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > request[BODY]:
            raise TooLarge(f"The body may have at most {request[BODY]} bytes.")
    return bytes(body)


def signed_request(request: web.Request, body: bytes) -> Request:
    """The request as a signature sees it: our origin, then path and query as they were sent."""
    request[SIGNABLE] = request_at(site_of(request).names.origin, request, body)
    return request[SIGNABLE]


def request_at(origin: str, request: web.Request, body: bytes) -> Request:
    """A request that came to an origin, as a signature sees it."""
    pairs = (
        (name.decode("ascii", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
        for name, value in request.raw_headers
    )
    return Request.from_pairs(request.method, origin + request.raw_path, headers=pairs, body=body)


async def viewer_of(request: web.Request) -> str | None:
    """The id of the actor in whose name this request is made, or None.

    By bearer token an actor of ours, by HTTP signature one of another server. Credentials that
    do not hold are refused, not passed over: whoever sends them expects them to count. The site
    that uses this server reads below the address of each of its users as that user.
    """
    viewer = request.get(VIEWER) or await _viewer_of(request)
    if viewer is not None:
        request[VIEWER] = viewer
    return viewer


async def _viewer_of(request: web.Request) -> str | None:
    token = bearer_of(request)
    if token is not None:
        holder = await holder_of_token(request, token)
        user = await _user_asked_for(request, holder)
        return user or holder.actor
    signed = signed_request(request, b"")
    if not is_signed(signed):
        return None
    claim = read_claim(signed)
    now = datetime.now(UTC)
    check_fresh(claim, now=now)
    check_digest(signed, claim)
    return await site_of(request).acceptor.signer(claim, now=now)


async def _user_asked_for(request: web.Request, holder: access.Holder) -> str | None:
    """The user of the site that this URL is below, when it is the site that asks."""
    name = request.match_info.get("name")
    if "site" not in holder.scopes or name is None:
        return None
    site = site_of(request)
    user = site.names.actor(name)
    async with site.db.connection() as conn:
        return user if await aliases.is_user(conn, user) else None


def check_not_blocked(request: web.Request) -> None:
    """Refuse a request signed from a domain that we do not deal with, where anybody may ask.

    The signature need not hold: nobody claims to be blocked who is not (Akkoma 2025.10).
    """
    signed = signed_request(request, b"")
    if not is_signed(signed):
        return
    try:
        claim = read_claim(signed)
    except ApserverError:
        return  # what cannot be read claims nothing, and is not needed here
    site_of(request).live.check(claim.key_id)


def bearer_of(request: web.Request) -> str | None:
    """The bearer token of the request (RFC 6750 2.1), if it has one."""
    scheme, _, token = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else None


async def holder_of(request: web.Request) -> access.Holder:
    """Whose token the request carries; NotTrusted without one, or as `holder_of_token`."""
    token = bearer_of(request)
    if token is None:
        raise NotTrusted("Send the actor's token: Authorization: Bearer TOKEN")
    return await holder_of_token(request, token)


async def holder_of_token(request: web.Request, token: str) -> access.Holder:
    """The actor that a token acts for, and its scopes.

    NotTrusted when it is not, or no longer, valid; InsufficientScope when it does not hold the
    scope that the route asks for.
    """
    holder = await _holder(request, token)
    scope = request[SCOPE]
    if not allows(holder.scopes, scope):
        raise InsufficientScope(scope, held=holder.scopes)
    return holder


async def _holder(request: web.Request, token: str) -> access.Holder:
    holder = await site_of(request).lookups.holders.get(hash_token(token))
    if holder is None:
        raise NotTrusted("The bearer token is not valid. Make one with: apserver token create NAME")
    return holder


async def is_site(request: web.Request) -> bool:
    """Whether the site that uses this server asks; NotTrusted when its token is not valid."""
    token = bearer_of(request)
    return token is not None and "site" in (await _holder(request, token)).scopes
