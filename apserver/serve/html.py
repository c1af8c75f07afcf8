"""Answers that are pages: what a browser may do with them, and who may keep them.

Nothing in a page runs and nothing is loaded but our stylesheet, whatever got into its text; forms
lead to us; nobody frames it (security: click-jacking). A browser says where a form comes from only
when the policy for referrers lets it (Fetch 3.1), so that is ``same-origin`` here.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiohttp import hdrs, web

from apserver.core.forms import local_path
from apserver.core.vocabulary import HTML
from apserver.errors import BadInput
from apserver.serve.responses import reply
from apserver.serve.site import site_of

CONTENT_TYPE = f"{HTML}; charset=utf-8"
VARY = "Accept, Accept-Language, Authorization, Cookie, Signature"
_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action "
)


def answer_page(
    request: web.Request,
    page: str,
    *,
    shared: bool = False,
    status: int = 200,
    form_targets: str = "'self'",
) -> web.Response:
    """A page. ``shared`` when everybody who is not signed in sees the same; ``form_targets`` are
    the sources that its forms may lead to, over redirects too (CSP 3)."""
    cache = "public, max-age=60" if shared else "private, no-store"
    response = reply(
        request,
        page.encode("utf-8", "replace"),
        content_type=CONTENT_TYPE,
        cache=cache,
        vary=VARY,
        status=status,
    )
    dress(request, response, form_targets=form_targets)
    return response


def refusal_page(
    request: web.Request, page: str, *, status: int, headers: Mapping[str, str]
) -> web.Response:
    """A page that tells of an error, with the headers of that error. Nobody keeps it."""
    kept_by_none = {
        **headers,
        hdrs.CACHE_CONTROL: "no-store",
        hdrs.CONTENT_TYPE: CONTENT_TYPE,
        hdrs.VARY: VARY,
    }
    response = web.Response(status=status, body=page.encode(), headers=kept_by_none)
    dress(request, response, form_targets="'none'")
    return response


def see_other(location: str) -> web.Response:
    """303: the form was taken, and this is what comes next (RFC 9110 15.4.4)."""
    return web.Response(
        status=303, headers={hdrs.LOCATION: location, hdrs.CACHE_CONTROL: "no-store"}
    )


def path_of(request: web.Request) -> str:
    """The path and query of a page, to come back to; empty when that is no plain one."""
    try:
        return local_path(request.raw_path)
    except BadInput:
        return ""


def dress(request: web.Request, response: web.Response, *, form_targets: str = "'self'") -> None:
    """Set the headers of pages. Programs in other pages may not read it: it may be somebody's."""
    response.headers["Content-Security-Policy"] = _POLICY + form_targets
    response.headers["Referrer-Policy"] = "same-origin"
    response.headers["X-Frame-Options"] = "DENY"  # for what does not know frame-ancestors
    response.headers["Cross-Origin-Opener-Policy"] = "same-origin"
    response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
    response.headers[hdrs.ACCESS_CONTROL_ALLOW_ORIGIN] = site_of(request).names.origin
