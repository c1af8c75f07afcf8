"""Requests are counted for each client; `flow.accept` counts for who signs, too."""

from __future__ import annotations

import time
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

from aiohttp import web

from apserver.core import limits
from apserver.core.client_address import client_address, counted_as
from apserver.core.rate_limit import RateLimiter
from apserver.serve.site import site_of

_FORWARDED_FOR = "X-Forwarded-For"

RATE = web.AppKey("rate", RateLimiter)


def check_rate(request: web.Request) -> None:
    """Count the request for its client; RateLimited when there were too many."""
    request.app[RATE].check(_client_of(request), time.monotonic())


@lru_cache(maxsize=limits.ADDRESSES_READ)
def _address(peer: str) -> IPv4Address | IPv6Address:
    return ip_address(peer.partition("%")[0])


def _client_of(request: web.Request) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if not isinstance(peer, tuple):
        return "local"
    forwarded = ",".join(request.headers.getall(_FORWARDED_FOR, ()))
    address = _address(peer[0])
    return counted_as(client_address(address, forwarded, site_of(request).trusted_proxies))
