"""GET and POST /authorize_interaction: one of ours was sent here to follow something elsewhere.

Other servers find this page by WebFinger (the OStatus template "subscribe") and lead people here
by a link. So opening it changes nothing and asks nobody: what is known here is shown with its
buttons; for what is not there is a form, and its POST looks it up.
"""

from __future__ import annotations

from urllib.parse import quote

from aiohttp import web

from apserver.core.audience import may_read
from apserver.core.discovery import INTERACTION
from apserver.core.document import parse
from apserver.core.forms import local_path
from apserver.core.lexical import is_absolute_iri
from apserver.core.origin import Handle, check_id, host_of, key_of, parse_handle, same_origin
from apserver.core.page import Reader
from apserver.core.profile_page import profile_page
from apserver.core.visitor_pages import look_up_page
from apserver.errors import BadInput, DomainBlocked, Missing, RemoteTrouble
from apserver.serve.documents import page_of
from apserver.serve.follow_forms import follow_part
from apserver.serve.forms import form_of_reader
from apserver.serve.html import answer_page, path_of, see_other
from apserver.serve.sessions import reader_of
from apserver.serve.site import Site, site_of
from apserver.serve.viewing import viewer_of_one
from apserver.store.actors import Actor


async def get_interaction(request: web.Request) -> web.Response:
    """The page of ``uri``, an id or a handle, for who is signed in; else 303 to sign in."""
    uri = request.query.get("uri", "")
    reader = await reader_of(request)
    if reader is None:
        return see_other(f"/login?next={quote(_path(uri), safe='')}")
    site = site_of(request)
    named = _named(site, uri)
    if isinstance(named, Handle):
        return answer_page(request, look_up_page(f"@{named}", reader=reader))
    if (ours := _own_path(site, named)) is not None:
        return see_other(ours)
    actor = await site.lookups.actors.get(key_of(named))
    if actor is not None and actor.is_active:
        return await _profile(request, reader, actor)
    return await _object(request, site, reader, named)


async def post_interaction(request: web.Request) -> web.Response:
    """303 to the page of what was looked up, or the form again with why it was not found."""
    reader, fields = await form_of_reader(request)
    uri = fields.get("uri", "")
    site = site_of(request)
    named = _named(site, uri)
    if not isinstance(named, Handle) and _own_path(site, named) is not None:
        return see_other(_path(named))
    try:
        actor = await site.visits.actor(named, visitor=reader.id)
    except (BadInput, RemoteTrouble) as error:
        page = look_up_page(uri, reader=reader, trouble=error.public)
        return answer_page(request, page, status=error.status)
    return see_other(_path(actor.id))


def _named(site: Site, uri: str) -> Handle | str:
    """What a text names, by handle or id; BadInput when it is neither, DomainBlocked when it is of
    a server that we do not deal with. A handle of ours is the id of its actor."""
    uri = uri.strip()
    if uri.startswith(("https://", "http://")):
        if not is_absolute_iri(uri):
            raise BadInput("This is no address.")
        id_ = check_id(uri, allow_http=site.allow_http)
        reason = site.live.barred(id_)
        if reason is not None:
            raise DomainBlocked(host_of(id_)) if reason == "domain-blocked" else Missing
        return id_
    handle = parse_handle(uri)
    if handle.host in site.hosts:
        return site.names.actor(handle.name)
    return handle


def _own_path(site: Site, id_: str) -> str | None:
    """The page of something that is at home here; None of all else."""
    if site.registry.things.find(id_) is not None:
        return f"/things?id={quote(id_, safe='')}"
    if not same_origin(id_, site.names.origin):
        return None
    return local_path(id_.removeprefix(site.names.origin) or "/")


async def _profile(request: web.Request, reader: Reader, actor: Actor) -> web.Response:
    # What an actor elsewhere writes of itself is shown by its own server.
    shown = {**parse(actor.document), "summary": None}
    page = profile_page(
        shown,
        handle=f"@{actor.name}@{host_of(actor.id)}" if actor.name else host_of(actor.id),
        reader=reader,
        below=await follow_part(request, reader, actor.id),
        here=path_of(request),
    )
    return answer_page(request, page)


async def _object(request: web.Request, site: Site, reader: Reader, id_: str) -> web.Response:
    """A document of another server that is here, when the reader may see it; else the form."""
    row = await site.lookups.objects.get(key_of(id_))
    if row is None or row.kind != "remote" or row.deleted_at is not None:
        return answer_page(request, look_up_page(id_, reader=reader))
    if site.live.is_suspended(row.author):
        raise Missing
    if not may_read(await viewer_of_one(site, reader.id, row.author), row):
        return answer_page(request, look_up_page(id_, reader=reader))
    below = await follow_part(request, reader, id_)
    return page_of(request, parse(row.document), shared=False, reader=reader, below=below)


def _path(uri: str) -> str:
    return f"{INTERACTION}?uri={quote(uri, safe='')}"
