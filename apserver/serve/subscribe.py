"""GET and POST /subscribe: a visitor is led to their own server, to follow something of ours.

The form is the only way: it holds a token, and a redirect comes of nothing else, so that no link
to us leads anywhere (docs/decisions/0015). What is followed is an actor of ours, or a thing of a
site that has a façade; what is not there, or not for everybody, is Missing.
"""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from apserver.core.forms import form_token
from apserver.core.origin import key_of, parse_handle
from apserver.core.visitor_pages import subscribe_page
from apserver.errors import BadInput, Missing, RemoteTrouble
from apserver.serve import sessions
from apserver.serve.forms import form_of_visitor
from apserver.serve.html import answer_page, see_other
from apserver.serve.rate import client_of
from apserver.serve.site import Site, site_of


async def get_subscribe(request: web.Request) -> web.Response:
    """The form for ``id``; ``handle`` is filled in."""
    id_ = request.query.get("id", "")
    uri = await _followed(site_of(request), id_)
    return _form(request, uri, id=id_, handle=request.query.get("handle", ""))


async def post_subscribe(request: web.Request) -> web.Response:
    """303 to the page of the visitor's server, or the form again."""
    fields = await form_of_visitor(request)
    site, id_, typed = site_of(request), fields.get("id", ""), fields.get("handle", "").strip()
    uri = await _followed(site, id_)
    try:
        handle = parse_handle(typed)
        if handle.host in site.hosts:
            return see_other(f"/authorize_interaction?uri={quote(uri, safe='')}")
        return see_other(await site.visits.subscribe_url(handle, uri, visitor=client_of(request)))
    except (BadInput, RemoteTrouble) as error:
        told = f"{error.public} You can search for {uri} there."
        return _form(request, uri, id=id_, handle=typed, trouble=told, status=error.status)


async def _followed(site: Site, id_: str) -> str:
    """What others follow in place of ``id_``: an actor of ours, or the façade of a thing."""
    kind = site.registry.things.find(id_)
    if kind is None:
        actor = await site.lookups.actors.get(key_of(id_))
    elif kind.facade and kind.access == "public":
        actor = await site.stand_ins.find(kind.name_of(id_) or "")
    else:
        raise Missing
    if actor is None or not actor.ours or not actor.is_active or actor.id == site.names.instance:
        raise Missing
    return actor.id


def _form(
    request: web.Request, uri: str, *, id: str, handle: str, trouble: str = "", status: int = 200
) -> web.Response:
    secret = sessions.form_secret(request)
    page = subscribe_page(uri, id=id, csrf=form_token(secret), handle=handle, trouble=trouble)
    # Where it leads is known only when it was sent, and browsers hold redirects to the policy too.
    targets = "'self' https: http:" if site_of(request).allow_http else "'self' https:"
    response = answer_page(request, page, status=status, form_targets=targets)
    sessions.bind_form(request, response, secret)
    return response
