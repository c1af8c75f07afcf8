"""GET and POST /login, POST /logout: a person signs in and out (docs/decisions/0015)."""

from __future__ import annotations

from aiohttp import web

from apserver.core.forms import form_token, local_path
from apserver.core.login_page import WRONG, login_page
from apserver.serve import sessions
from apserver.serve.forms import form_of_reader, form_of_visitor
from apserver.serve.html import answer_page, see_other
from apserver.serve.rate import client_of
from apserver.serve.site import site_of


async def get_login(request: web.Request) -> web.Response:
    """The form. ``next`` is where it leads."""
    return _form(request, next=_next(request.query.get("next", "")))


async def post_login(request: web.Request) -> web.Response:
    """303 with a session, or the form again with 403."""
    fields = await form_of_visitor(request)
    next_ = _next(fields.get("next", ""))
    name = fields.get("name", "")
    site = site_of(request)
    token = await site.logins.sign_in(
        name.removeprefix("@"), fields.get("password", ""), address=client_of(request)
    )
    if token is None:
        return _form(request, next=next_, name=name, trouble=WRONG)
    if (before := sessions.session_cookie(request)) is not None:
        await site.logins.sign_out(before)
    response = see_other(next_ or (await _home(request, token)))
    sessions.begin(request, response, token)
    return response


async def post_logout(request: web.Request) -> web.Response:
    """The session is ended here, and its cookie there."""
    await form_of_reader(request)
    token = sessions.session_cookie(request)
    assert token is not None, "it was shown a moment ago"
    await site_of(request).logins.sign_out(token)
    response = see_other("/login")
    sessions.end(request, response)
    return response


def _next(text: str) -> str:
    return local_path(text) if text else ""


async def _home(request: web.Request, token: str) -> str:
    """The page of who has just signed in."""
    session = await site_of(request).logins.session(token)
    return "/" if session is None else session.actor


def _form(request: web.Request, *, next: str, name: str = "", trouble: str = "") -> web.Response:
    secret = sessions.form_secret(request)
    host = site_of(request).names.origin.partition("://")[2]
    page = login_page(host, csrf=form_token(secret), next=next, name=name, trouble=trouble)
    response = answer_page(request, page, status=403 if trouble else 200)
    sessions.bind_form(request, response, secret)
    return response
