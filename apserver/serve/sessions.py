"""Who is signed in, as the cookie of a browser says; and the cookies themselves.

A cookie counts for two things: which page a browser is shown, and whose form it sends
(`serve.forms`). It opens nothing of the API: documents, collections and outboxes ask for a token
or a signature, so that no page elsewhere can make a browser act there.

On https the names begin with ``__Host-``: such a cookie comes from this host alone, over TLS, for
all paths (RFC 6265bis 4.1.3.2), so no neighbour on the same domain can plant one.
"""

from __future__ import annotations

import re
import secrets

from aiohttp import hdrs, web

from apserver.core import limits
from apserver.core.forms import form_token
from apserver.core.negotiation import prefers_html
from apserver.core.page import Reader
from apserver.serve.responses import accepted_by
from apserver.serve.site import Site, site_of

_SESSION = "apserver-session"
_FORM = "apserver-form"  #: of who is not signed in
_OURS = re.compile(r"[A-Za-z0-9_-]{16,64}")  #: what a cookie of ours holds


def wants_page(request: web.Request) -> bool:
    """Whether it is a person who reads, and no program: HTML is preferred, and neither token nor
    signature is shown."""
    if hdrs.AUTHORIZATION in request.headers or "Signature" in request.headers:
        return False
    return prefers_html(accepted_by(request))


async def reader_of(request: web.Request) -> Reader | None:
    """Who is signed in in this browser; None for everybody else."""
    token = session_cookie(request)
    if token is None:
        return None
    session = await site_of(request).logins.session(token)
    return None if session is None else Reader(session.actor, session.name, form_token(token))


async def page_reader(request: web.Request) -> Reader | None:
    """Who reads a page; None for a program too, whatever cookie it sends."""
    return await reader_of(request) if wants_page(request) else None


def session_cookie(request: web.Request) -> str | None:
    """What the cookie of a session holds, whether it is one or not."""
    return _cookie(request, _SESSION)


def form_cookie(request: web.Request) -> str | None:
    """The same of the cookie that a form is bound to before somebody signs in."""
    return _cookie(request, _FORM)


def begin(request: web.Request, response: web.Response, token: str) -> None:
    """Let the browser be signed in."""
    _set(request, response, _SESSION, token, for_s=limits.SESSION_S)
    _set(request, response, _FORM, "", for_s=0)


def end(request: web.Request, response: web.Response) -> None:
    """Let the browser forget its session."""
    _set(request, response, _SESSION, "", for_s=0)


def form_secret(request: web.Request) -> str:
    """What the form of somebody who is not signed in is bound to: the cookie, or a new one."""
    return form_cookie(request) or secrets.token_urlsafe(16)


def bind_form(request: web.Request, response: web.Response, secret: str) -> None:
    """Set that cookie."""
    _set(request, response, _FORM, secret, for_s=limits.FORM_COOKIE_S)


def _cookie(request: web.Request, name: str) -> str | None:
    value = request.cookies.get(_named(site_of(request), name), "")
    return value if _OURS.fullmatch(value) else None


def _set(
    request: web.Request, response: web.Response, name: str, value: str, *, for_s: int
) -> None:
    site = site_of(request)
    response.set_cookie(
        _named(site, name),
        value,
        max_age=for_s,
        path="/",
        secure=_is_secure(site),
        httponly=True,
        samesite="Lax",
    )


def _named(site: Site, name: str) -> str:
    return f"__Host-{name}" if _is_secure(site) else name


def _is_secure(site: Site) -> bool:
    return site.names.origin.startswith("https://")
