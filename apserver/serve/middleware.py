"""Around every handler: host and rate first, then errors as problem+json, headers, a log line."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from apserver import telemetry
from apserver.core.error_page import error_page
from apserver.core.negotiation import prefers_html
from apserver.core.problems import members_of
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
    RemoteTrouble,
    told,
)
from apserver.serve.gate import answering
from apserver.serve.headers import STANDING_HEADERS, allowed, answer_options, new_request_id
from apserver.serve.html import refusal_page
from apserver.serve.rate import check_rate, tell_rate
from apserver.serve.responses import accepted_by
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
    request_id = new_request_id()
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
        tell_rate(request, response)
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
    return _response(request, members_of(error), headers, request_id)


def _tell(request: web.Request, request_id: str, status: int, *, kind: str, reason: object) -> None:
    """One count and one line for each refusal. What changes something is told to the admin; pages
    that are not there, and floods, could fill the log. The faults of other servers are not ours."""
    resource = request.match_info.route.resource
    telemetry.count(telemetry.REFUSED, "none" if resource is None else resource.canonical, kind)
    tell = telemetry.detail
    if status >= 500 and not isinstance(reason, RemoteTrouble):
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
    detail = error.reason if known is None else known.public
    _tell(request, request_id, error.status, kind=kind, reason=error.reason)
    return _response(request, {**told(error.status, detail), "kind": kind}, headers, request_id)


def _response(
    request: web.Request, members: dict[str, object], headers: dict[str, str], request_id: str
) -> web.Response:
    """Problem details, or a page that says the same to people; ``members`` has the status."""
    status = int(str(members["status"]))
    if prefers_html(accepted_by(request)):
        page = error_page(str(members["detail"]), status=status, request=request_id)
        return refusal_page(request, page, status=status, headers=headers)
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
