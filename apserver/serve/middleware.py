"""Around every handler: host and rate first, then errors as problem+json, headers, a log line."""

from __future__ import annotations

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from uuid import uuid4

from aiohttp import hdrs, web

from apserver import telemetry
from apserver.core.vocabulary import PROBLEM_JSON
from apserver.errors import ApserverError, Busy, Misdirected, NotTrusted, RateLimited
from apserver.serve.site import bearer_of, site_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: May be asked under any name: by whoever watches the process, not the site.
_ANY_HOST = frozenset({"/livez", "/readyz"})
_ADDRESSES = 10_000


@web.middleware
async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The one middleware."""
    started = time.perf_counter()
    request_id = uuid4().hex[:12]
    try:
        _check_host(request)
        _check_rate(request)
        response = await handler(request)
    except ApserverError as error:
        response = problem(request, error, request_id)
    except web.HTTPException as error:
        response = _plain_problem(error.status, error.reason, dict(error.headers), request_id)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        telemetry.fault("request failed", error, request=request_id, path=request.path)
        response = problem(request, ApserverError(), request_id)
    if not response.prepared:
        response.headers["X-Request-Id"] = request_id
        response.headers["X-Content-Type-Options"] = "nosniff"
        response.headers["Access-Control-Allow-Origin"] = "*"
    telemetry.detail(
        "request",
        request=request_id,
        method=request.method,
        path=request.path,
        status=response.status,
        ms=round((time.perf_counter() - started) * 1e3, 1),
    )
    return response


def problem(request: web.Request, error: ApserverError, request_id: str) -> web.Response:
    """An error as RFC 9457 problem details; the log gets the rest of it."""
    tell = telemetry.warn if error.status >= 500 else telemetry.detail
    tell("refused", request=request_id, status=error.status, reason=error)
    headers: dict[str, str] = {}
    if isinstance(error, Busy):
        headers[hdrs.RETRY_AFTER] = str(error.retry_after_s)
    if isinstance(error, NotTrusted) and error.status == 401:
        invalid = ', error="invalid_token"' if bearer_of(request) is not None else ""
        headers[hdrs.WWW_AUTHENTICATE] = f'Bearer realm="apserver"{invalid}'
    members = {"title": error.public, "status": error.status, "kind": error.kind}
    if error.pointer is not None:
        members["pointer"] = error.pointer
    return _response(error.status, members, headers, request_id)


def _plain_problem(
    status: int, reason: str, headers: dict[str, str], request_id: str
) -> web.Response:
    """What aiohttp itself refuses: no such path, no such method."""
    kept = {name: value for name, value in headers.items() if name in (hdrs.ALLOW, hdrs.LOCATION)}
    words = {404: "There is nothing here.", 405: "This method does not exist here."}
    members: dict[str, object] = {"title": words.get(status, reason), "status": status}
    return _response(status, members, kept, request_id)


def _response(
    status: int, members: dict[str, object], headers: dict[str, str], request_id: str
) -> web.Response:
    body = json.dumps({"type": "about:blank", **members, "instance": f"urn:request:{request_id}"})
    return web.Response(
        status=status, body=body.encode(), content_type=PROBLEM_JSON, headers=headers
    )


def _check_host(request: web.Request) -> None:
    """Answer only for our own names, so that no signature for one host works at another."""
    site = site_of(request)
    ours = {site.names.origin.partition("://")[2], site.handle_host}
    host = request.headers.get(hdrs.HOST, "").lower()
    if host not in ours and _without_default_port(host) not in ours:
        if request.path in _ANY_HOST:
            return
        raise Misdirected(
            f"Host: {host[:200]}",
            public=f"This server answers for {' and '.join(sorted(ours))} only. "
            "Behind a proxy, pass the Host header on; else set origin in the configuration.",
        )


def _without_default_port(host: str) -> str:
    return host.removesuffix(":443").removesuffix(":80")


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


def _check_rate(request: web.Request) -> None:
    peer = request.transport.get_extra_info("peername") if request.transport else None
    address = peer[0] if isinstance(peer, tuple) else "local"
    request.app[RATE].check(address, time.monotonic())
