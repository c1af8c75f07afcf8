"""GET of streams: of a thing, of a type, of all that is public, home, and those of the site.

Each is an OrderedCollection without a number of items, which nobody counts, and takes filters
(`serve.stream_requests`).
"""

from __future__ import annotations

import json
from functools import lru_cache

from aiohttp import hdrs, web

from apserver.core import limits
from apserver.core.custom_streams import CustomStream, streams_of
from apserver.core.negotiation import as2_media_type
from apserver.core.origin import key_of
from apserver.core.stream_filters import Filter, Query, read_filter
from apserver.core.vocabulary import AS2_CONTEXT, KNOWN_TYPES
from apserver.errors import BadInput, Forbidden, Missing, NotTrusted
from apserver.serve.pages import Window, page_bytes
from apserver.serve.responses import accepted_by, reply
from apserver.serve.site import Site, site_of, viewer_of
from apserver.serve.stream_pages import Look, Stream
from apserver.serve.stream_requests import Asked, page_url
from apserver.store import streams
from apserver.store.positions import Home

#: Streams of the actions in which a thing, given by ``id``, has one role or any.
OF_A_THING = ("actor", "object", "target", "any")
_SELF = ("only", "also", "never")


async def get_stream_of_thing(request: web.Request) -> web.Response:
    """What a thing takes part in, in one role or in any. Of what is not known nothing is."""
    asked = Asked.of(request, "id")
    scope = request.match_info["role"]
    return await _answer(request, asked, asked.stream(any_of=(_of_thing(scope, asked.id),)))


async def get_stream_of_type(request: web.Request) -> web.Response:
    """What things of a type take part in."""
    asked = Asked.of(request)
    site, type_ = site_of(request), request.match_info["type"]
    registered = {one.type for one in site.registry.things.configured}
    if type_ not in KNOWN_TYPES | registered:
        async with site.db.connection() as conn:
            if not await streams.knows_type(conn, type_):
                raise Missing(
                    public=f"There is no type {type_[:100]} here. Name a type of ActivityStreams, "
                    "or one that things here have."
                )
    return await _answer(request, asked, asked.stream(any_of=(Filter(of_type=type_),)))


async def get_public_stream(request: web.Request) -> web.Response:
    """All that is public here, from wherever it came."""
    asked = Asked.of(request)
    return await _answer(request, asked, asked.stream(public=True))


async def get_custom_stream(request: web.Request) -> web.Response:
    """A stream that the site defines; of a thing given by ``id``, unless it is of all."""
    custom = site_of(request).registry.streams.get(request.match_info["stream"])
    if custom is None:
        raise Missing
    if custom.scope == "public":
        asked = Asked.of(request, *custom.parameters)
        stream = asked.stream(any_of=custom.any_of(asked.own), public=True, name=custom.name)
    else:
        asked = Asked.of(request, "id", *custom.parameters)
        stream = _scoped(asked, custom, custom.scope, asked.id)
    return await _answer(request, asked, stream)


async def get_stream_of_actor(request: web.Request) -> web.Response:
    """A stream below an actor of ours: home, or a stream of the site about this actor."""
    site, slug = site_of(request), request.match_info["stream"]
    id_ = site.names.actor(request.match_info["name"])
    if slug == "home":
        return await _get_home(request, id_)
    custom = site.registry.streams.get(slug)
    if custom is None or not await _is_here(site, id_):
        raise Missing
    asked = Asked.of(request, *(name for name in custom.parameters if name != "id"))
    scope = "actor" if custom.scope == "public" else custom.scope
    return await _answer(request, asked, _scoped(asked, custom, scope, id_))


async def get_streams_of_actor(request: web.Request) -> web.Response:
    """Which streams an actor of ours has."""
    site = site_of(request)
    id_ = site.names.actor(request.match_info["name"])
    if not await _is_here(site, id_):
        raise Missing
    body = b'{"@context":"%b",%b' % (AS2_CONTEXT.encode(), _listed(site, id_)[1:])
    return reply(
        request,
        body,
        content_type=as2_media_type(accepted_by(request)),
        cache="public, max-age=60",
    )


def with_streams(document: bytes, site: Site, actor: str) -> bytes:
    """The document of an actor of ours with its streams."""
    return b'%b,"streams":%b}' % (document[:-1], _listed(site, actor))


def _listed(site: Site, actor: str) -> bytes:
    return _streams_of(site.names.origin, actor, tuple(site.registry.streams))


@lru_cache(maxsize=limits.STREAMS_LISTED)
def _streams_of(origin: str, actor: str, slugs: tuple[str, ...]) -> bytes:
    return json.dumps(streams_of(actor, origin, slugs)).encode()


async def _get_home(request: web.Request, owner: str) -> web.Response:
    """Home, for its owner alone, whose token holds only as long as the owner is here."""
    viewer = await viewer_of(request)
    if viewer == owner:
        return await _answer_home(request, owner)
    if not await _is_here(site_of(request), owner):
        raise Missing
    if viewer is None:
        raise NotTrusted("Home is for its owner. Send the actor's bearer token.")
    raise Forbidden("Home is for its owner.")


async def _is_here(site: Site, actor: str) -> bool:
    """Whether this is an actor of ours that is there."""
    found = await site.lookups.actors.get(key_of(actor))
    return found is not None and found.ours and found.is_active


async def _answer_home(request: web.Request, owner: str) -> web.Response:
    """What those do whom the actor follows now."""
    asked = Asked.of(request, "flag", "since", "include_self")
    own, key = asked.own, key_of(owner)
    mine = own.get("include_self")
    if mine is not None and mine not in _SELF:
        raise BadInput(f"include_self is one of {', '.join(_SELF)}.")
    if own.get("since", "follow") != "follow":
        raise BadInput("since is follow, or left out.")
    home = Home(
        owner=key,
        flag=own.get("flag"),
        since_follow="since" in own,
        with_self=mine == "also",
    )
    any_of = (Filter(actor=owner),) if mine == "only" else (Filter(),)
    stream = Stream(
        id=asked.url,
        query=Query(any_of=any_of, also=(asked.filter,)),
        owner=key,
        home=None if mine == "only" else home,
        without_owner=mine == "never",
    )
    return await _answered(request, asked, stream, owner)


def _of_thing(scope: str, id_: str) -> Filter:
    """Of one thing, in the role that the scope names."""
    return read_filter({scope: id_}) if scope != "any" else Filter(any=id_)


def _scoped(asked: Asked, custom: CustomStream, scope: str, id_: str) -> Stream:
    """A stream of the site, of what one thing takes part in."""
    given = {name: asked.own[name] for name in custom.parameters if name in asked.own}
    query = Query(any_of=custom.any_of(given), also=(_of_thing(scope, id_), asked.filter))
    return Stream(id=asked.url, query=query, name=custom.name)


async def _answer(request: web.Request, asked: Asked, stream: Stream) -> web.Response:
    return await _answered(request, asked, stream, await viewer_of(request))


async def _answered(
    request: web.Request, asked: Asked, stream: Stream, viewer: str | None
) -> web.Response:
    """The collection, or the page of it that was asked for."""
    site = site_of(request)
    if asked.window is None:
        body = _head(stream)
    else:
        async with site.db.connection() as conn:
            look = Look(conn, site, stream, viewer)
            seen = await look.at(asked.window)
            if asked.expand != "none":
                seen = look.fitting(seen, asked.window)
            items = await look.items(seen.items, asked.expand)
        body = page_bytes(
            seen,
            asked.window,
            part_of=stream.id,
            url=lambda window: page_url(stream, window),
            items=items,
        )
    shared = viewer is None and hdrs.AUTHORIZATION not in request.headers
    return reply(
        request,
        body,
        content_type=as2_media_type(accepted_by(request)),
        cache="public, max-age=0" if shared else "private, no-store",
        vary="Accept, Authorization, Signature",
    )


def _head(stream: Stream) -> bytes:
    head = {
        "@context": AS2_CONTEXT,
        "id": stream.id,
        "type": "OrderedCollection",
        **({"name": stream.name} if stream.name else {}),
        "first": page_url(stream, Window()),
    }
    return json.dumps(head, separators=(",", ":")).encode()
