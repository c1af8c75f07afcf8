"""Around every handler: host and rate first, then errors as problem+json, headers, a log line."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from apserver import telemetry
from apserver.core.signatures import accept_signature
from apserver.core.vocabulary import PROBLEM_JSON
from apserver.errors import (
    ApserverError,
    Busy,
    InsufficientScope,
    Misdirected,
    Missing,
    NotAllowed,
    NotTrusted,
)
from apserver.serve.gate import answering
from apserver.serve.headers import STANDING_HEADERS, allowed, answer_options
from apserver.serve.rate import check_rate
from apserver.serve.site import SIGNABLE, bearer_of, site_of

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: May be asked under any name: by whoever watches the process, not the site.
_ANY_HOST = frozenset({"/livez", "/readyz"})


@web.middleware
async def around(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The one middleware."""
    with answering(request):
        return await _answer(request, handler)


async def _answer(request: web.Request, handler: Handler) -> web.StreamResponse:
    started = time.perf_counter()
    request_id = os.urandom(6).hex()
    try:
        _check_host(request)
        check_rate(request)
        answer = answer_options if request.method == hdrs.METH_OPTIONS else handler
        response = await answer(request)
    except ApserverError as error:
        response = problem(request, error, request_id)
    except web.HTTPException as error:
        response = _plain_problem(request, error, request_id)
    except asyncio.CancelledError:
        raise
    except Exception as error:
        telemetry.fault("request failed", error, request=request_id, path=request.path)
        response = problem(request, ApserverError(), request_id)
    if not response.prepared:
        response.headers["X-Request-Id"] = request_id
        for name, value in request.app[STANDING_HEADERS].items():
            response.headers.setdefault(name, value)
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
    _tell(request, request_id, error.status, kind=error.kind, reason=error)
    headers: dict[str, str] = {}
    if isinstance(error, Busy):
        headers[hdrs.RETRY_AFTER] = str(error.retry_after_s)
    if isinstance(error, NotTrusted) and error.status == 401:
        invalid = ', error="invalid_token"' if bearer_of(request) is not None else ""
        headers[hdrs.WWW_AUTHENTICATE] = f'Bearer realm="apserver"{invalid}'
        if (signable := request.get(SIGNABLE)) is not None:
            headers["Accept-Signature"] = accept_signature(signable)
    if isinstance(error, InsufficientScope):
        headers[hdrs.WWW_AUTHENTICATE] = (
            f'Bearer realm="apserver", error="insufficient_scope", scope="{error.scope}"'
        )
    members = {"title": error.public, "status": error.status, "kind": error.kind}
    if error.pointer is not None:
        members["pointer"] = error.pointer
    return _response(error.status, members, headers, request_id)


def _tell(request: web.Request, request_id: str, status: int, *, kind: str, reason: object) -> None:
    """One count and one line for each refusal. What changes something is told to the admin; pages
    that are not there, and floods, could fill the log."""
    resource = request.match_info.route.resource
    telemetry.count(telemetry.REFUSED, "none" if resource is None else resource.canonical, kind)
    tell = telemetry.detail
    if status >= 500:
        tell = telemetry.warn
    elif request.method == hdrs.METH_POST and status != 429:
        tell = telemetry.event
    tell("refused", request=request_id, path=request.path, status=status, kind=kind, reason=reason)


def _plain_problem(request: web.Request, error: web.HTTPException, request_id: str) -> web.Response:
    """What aiohttp itself refuses: no such path, no such method."""
    headers: dict[str, str] = {}
    if isinstance(error, web.HTTPMethodNotAllowed):
        headers[hdrs.ALLOW] = allowed(error.allowed_methods)
    known = {404: Missing(), 405: NotAllowed()}.get(error.status)
    kind = "http" if known is None else known.kind
    title = error.reason if known is None else known.public
    _tell(request, request_id, error.status, kind=kind, reason=error.reason)
    members: dict[str, object] = {"title": title, "kind": kind}
    return _response(error.status, {**members, "status": error.status}, headers, request_id)


def _response(
    status: int, members: dict[str, object], headers: dict[str, str], request_id: str
) -> web.Response:
    body = json.dumps({"type": "about:blank", **members, "instance": f"urn:request:{request_id}"})
    # A shared cache that kept a 404 would show it to those who may see more (RFC 9111 4.2.2).
    headers[hdrs.CACHE_CONTROL] = "no-store"
    headers[hdrs.CONTENT_TYPE] = PROBLEM_JSON
    return web.Response(status=status, body=body.encode(), headers=headers)


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
