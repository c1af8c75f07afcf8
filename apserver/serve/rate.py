"""Requests are counted for each client; `flow.accept` counts for who signs, too."""

from __future__ import annotations

import time
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from aiohttp import web

from apserver.core import limits
from apserver.core.client_address import client_address, counted_as
from apserver.core.rate_limit import RateLimiter, Taken
from apserver.serve.site import site_of

_FORWARDED_FOR = "X-Forwarded-For"

RATE = web.AppKey("rate", RateLimiter)
#: How this request was counted.
TAKEN = web.RequestKey("taken", Taken)


def check_rate(request: web.Request) -> None:
    """Count the request for its client; RateLimited when there were too many."""
    taken = request.app[RATE].take(client_of(request), time.monotonic())
    request[TAKEN] = taken
    taken.check()


def weigh(request: web.Request, weight: int) -> None:
    """Count a request that was counted once for as much as it does; RateLimited when it is more
    than is left."""
    taken = request.app[RATE].take(client_of(request), time.monotonic(), weight=weight, taken=1)
    request[TAKEN] = taken
    taken.check()


def tell_rate(request: web.Request, response: web.StreamResponse) -> None:
    """Say what the client has left. Each worker counts for itself, and a connection stays with
    one, so a client that opens several may be told of more than one count."""
    taken = request.get(TAKEN)
    if taken is not None and taken.policies:
        response.headers["RateLimit"] = taken.field


@lru_cache(maxsize=limits.ADDRESSES_READ)
def _address(peer: str) -> IPv4Address | IPv6Address:
    return ip_address(peer.partition("%")[0])


def client_of(request: web.Request) -> str:
    """Under which name the requests of this client are counted."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if not isinstance(peer, tuple):
        return "local"
    forwarded = ",".join(request.headers.getall(_FORWARDED_FOR, ()))
    address = _address(peer[0])
    return counted_as(client_address(address, forwarded, site_of(request).trusted_proxies))
