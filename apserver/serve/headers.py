"""Headers that every answer carries, and the answer to a browser that asks before it asks.

Programs in a browser may use the whole API: no cookie counts there, so a page that calls us has no
more power than the token that it was given (BP-18). What is sent is data: nothing in it may be run,
framed, or taken for another type. Pages for people have rules of their own (`serve.html`).
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from aiohttp import hdrs, web

from apserver.core.origin import origin_of
from apserver.core.rate_limit import policies_of_clients, policy_field
from apserver.errors import Missing
from apserver.serve.site import Site

#: "*" would not cover Authorization (Fetch standard), so all are named.
_ALLOWED_HEADERS = (
    "Authorization, Accept, Content-Type, Idempotency-Key, If-None-Match, Date, Digest, "
    "Content-Digest, Signature, Signature-Input"
)
_EXPOSED_HEADERS = (
    "Location, Link, Retry-After, WWW-Authenticate, ETag, X-Request-Id, RateLimit, RateLimit-Policy"
)
#: The last three do not fall back on default-src.
_NOTHING_RUNS = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_PREFLIGHT_AGE_S = 86_400
_HSTS_AGE_S = 365 * 86_400

STANDING_HEADERS = web.AppKey("standing_headers", Mapping[str, str])


def standing_headers(site: Site) -> Mapping[str, str]:
    """What every answer of this site carries unless it says otherwise.

    Strict-Transport-Security (RFC 6797) is sent only when TLS is ours and the port is the usual
    one: it binds the whole host, and behind a proxy the host belongs to the proxy. There is no
    way back from https anyway, as the origin is part of every id.
    """
    headers = {
        hdrs.ACCESS_CONTROL_ALLOW_ORIGIN: "*",
        hdrs.ACCESS_CONTROL_EXPOSE_HEADERS: _EXPOSED_HEADERS,
        "Content-Security-Policy": _NOTHING_RUNS,
        "Referrer-Policy": "no-referrer",
        hdrs.SERVER: "apserver",
        "X-Content-Type-Options": "nosniff",
    }
    if policy := policy_field(policies_of_clients(site.requests_per_minute)):
        headers["RateLimit-Policy"] = policy
    if site.tls and origin_of(site.names.origin).port == 443:
        headers["Strict-Transport-Security"] = f"max-age={_HSTS_AGE_S}"
    return headers


def new_request_id() -> str:
    """What names a request in its answer and in the log."""
    return os.urandom(6).hex()


def allowed(methods: set[str]) -> str:
    """The value of `Allow` for a resource that has these methods."""
    return ", ".join(sorted(methods | {hdrs.METH_OPTIONS}))


async def answer_options(request: web.Request) -> web.Response:
    """OPTIONS, also as a preflight (Fetch standard 3.2.2): which methods and headers there are."""
    error = request.match_info.http_exception
    if not isinstance(error, web.HTTPMethodNotAllowed):
        raise Missing
    methods = allowed(error.allowed_methods)
    return web.Response(
        status=204,
        headers={
            hdrs.ALLOW: methods,
            hdrs.ACCESS_CONTROL_ALLOW_METHODS: methods,
            hdrs.ACCESS_CONTROL_ALLOW_HEADERS: _ALLOWED_HEADERS,
            hdrs.ACCESS_CONTROL_MAX_AGE: str(_PREFLIGHT_AGE_S),
        },
    )
