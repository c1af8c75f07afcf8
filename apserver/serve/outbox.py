"""POST to an outbox: one of our own clients acts (ActivityPub 6)."""

from __future__ import annotations

from typing import Any

from aiohttp import hdrs, web

from apserver.core import limits
from apserver.core.document import parse
from apserver.core.origin import digest_key, key_of
from apserver.core.vocabulary import ACTIVITY_JSON, LD_JSON
from apserver.errors import BadInput, BadMediaType, Forbidden, NotTrusted
from apserver.flow.publish import Published
from apserver.serve.site import bearer_of, body_of, holder_of_token, site_of
from apserver.store.access import Holder
from apserver.store.posted import Once

_KEY = "Idempotency-Key"
_MEDIA_TYPES = frozenset({ACTIVITY_JSON, LD_JSON})


async def post_outbox(request: web.Request) -> web.Response:
    """201 with the id in Location and the created activity as body; 200 with what was there."""
    site = site_of(request)
    holder = await _poster(request)
    if holder.actor != site.names.actor(request.match_info["name"]):
        raise Forbidden("This token is for another actor's outbox.")
    document, once = await _posted(request, holder)
    published = await site.publisher.post(
        holder.actor,
        await site.site_posts.resolve(document),
        once=once,
        may_date="import" in holder.scopes,
    )
    return _answer(request, published)


async def post_site_outbox(request: web.Request) -> web.Response:
    """The same for the site that uses this server: it names the actor (docs/things.md)."""
    holder = await _poster(request)
    document, once = await _posted(request, holder)
    published = await site_of(request).site_posts.post(
        document, once=once, may_date="import" in holder.scopes
    )
    return _answer(request, published)


async def _poster(request: web.Request) -> Holder:
    token = bearer_of(request)
    if token is None:
        raise NotTrusted("Send the actor's token: Authorization: Bearer TOKEN")
    return await holder_of_token(request, token)


async def _posted(request: web.Request, holder: Holder) -> tuple[dict[str, Any], Once | None]:
    if request.content_type not in _MEDIA_TYPES:
        raise BadMediaType(f"Send {ACTIVITY_JSON}, not {request.content_type}.")
    key = _idempotency_key(request)
    body = await body_of(request)
    once = None
    if key is not None:
        once = Once(actor=key_of(holder.actor), key=digest_key(key.encode()), body=digest_key(body))
    return parse(body), once


def _answer(request: web.Request, published: Published) -> web.Response:
    site_of(request).bell.ring("jobs")
    return web.Response(
        status=201 if published.is_new else 200,
        body=published.body,
        content_type=ACTIVITY_JSON,
        headers={hdrs.LOCATION: published.id, hdrs.CACHE_CONTROL: "no-store"},
    )


def _idempotency_key(request: web.Request) -> str | None:
    """The key under which the request counts once, with or without the quotes that
    draft-ietf-httpapi-idempotency-key 2.1 wants."""
    given = request.headers.getall(_KEY, [])
    if not given:
        return None
    key = given[0].strip()
    key = key[1:-1] if len(key) > 1 and key[0] == key[-1] == '"' else key
    if len(given) > 1 or not 1 <= len(key) <= limits.IDEMPOTENCY_KEY or not key.isprintable():
        raise BadInput(f"{_KEY} is one text of 1 to {limits.IDEMPOTENCY_KEY} characters.")
    return key
