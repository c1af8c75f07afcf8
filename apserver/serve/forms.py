"""POST from a form of ours: read, and shown to come from it (`core.forms`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

from aiohttp import hdrs, web

from apserver.core.forms import FORM_TYPE, is_foreign, is_token, parse_form
from apserver.core.page import Reader
from apserver.errors import BadMediaType, Forbidden, NotTrusted
from apserver.serve.sessions import form_cookie, reader_of, session_cookie
from apserver.serve.site import body_of, site_of

_STALE = "This form is too old, or not one of ours. Load its page again, and send it from there."

Fields: TypeAlias = Mapping[str, str]


async def form_of_reader(request: web.Request) -> tuple[Reader, Fields]:
    """Who is signed in, and the form that they send. NotTrusted when nobody is, Forbidden when the
    form is not theirs."""
    _check_not_foreign(request)
    reader = await reader_of(request)
    if reader is None:
        raise NotTrusted("Nobody is signed in.", public="Sign in first: /login")
    return reader, await _fields(request, session_cookie(request))


async def form_of_visitor(request: web.Request) -> Fields:
    """The form of anybody, who got it from us in this browser; Forbidden when that is not so."""
    _check_not_foreign(request)
    return await _fields(request, form_cookie(request))


def _check_not_foreign(request: web.Request) -> None:
    if is_foreign(
        fetch_site=request.headers.get("Sec-Fetch-Site", ""),
        origin=request.headers.get(hdrs.ORIGIN, ""),
        own=site_of(request).names.origin,
    ):
        raise Forbidden("a form from elsewhere", public="Only our own pages can send this.")


async def _fields(request: web.Request, secret: str | None) -> Fields:
    if request.content_type != FORM_TYPE:
        raise BadMediaType(f"Send the form as {FORM_TYPE}.")
    fields = parse_form(await body_of(request))
    if secret is None or not is_token(fields.get("csrf", ""), secret):
        raise Forbidden("a form without its token", public=_STALE)
    return fields
