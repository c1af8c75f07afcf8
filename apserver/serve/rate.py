"""How many requests one client may make."""

from __future__ import annotations

import time
from collections import OrderedDict
from ipaddress import ip_address

from aiohttp import web

from apserver.core.client_address import client_address, counted_as
from apserver.errors import RateLimited
from apserver.serve.site import site_of

_ADDRESSES = 10_000
_FORWARDED_FOR = "X-Forwarded-For"


class RateLimiter:
    """So many requests in a minute from one address; fills up again evenly."""

    def __init__(self, per_minute: int):
        self._rate = per_minute / 60
        self._capacity = float(per_minute)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, address: str, now: float) -> None:
        """Take one; RateLimited says when the next is there."""
        if not self._capacity:
            return
        left, at = self._left.pop(address, (self._capacity, now))
        left = min(self._capacity, left + (now - at) * self._rate)
        self._left[address] = (max(left - 1, 0.0) if left >= 1 else left, now)
        if len(self._left) > _ADDRESSES:
            self._left.popitem(last=False)
        if left < 1:
            wait_s = int((1 - left) / self._rate) + 1
            raise RateLimited("Too many requests. Slow down.", retry_after_s=wait_s)


RATE = web.AppKey("rate", RateLimiter)


def check_rate(request: web.Request) -> None:
    """Count the request for its client; RateLimited when there were too many."""
    request.app[RATE].check(_client_of(request), time.monotonic())


def _client_of(request: web.Request) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if not isinstance(peer, tuple):
        return "local"
    forwarded = ",".join(request.headers.getall(_FORWARDED_FOR, ()))
    address = ip_address(peer[0].partition("%")[0])
    return counted_as(client_address(address, forwarded, site_of(request).trusted_proxies))
