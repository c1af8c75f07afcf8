"""POST to an outbox: one of our own clients acts (ActivityPub 6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import hdrs, web

from apserver.core import limits
from apserver.core.bulk import read_bulk
from apserver.core.document import parse
from apserver.core.origin import digest_key, key_of
from apserver.core.vocabulary import ACTIVITY_JSON, LD_JSON
from apserver.errors import ApserverError, BadInput, BadMediaType, Forbidden
from apserver.flow.bulk import Manner, Posting
from apserver.flow.publish import Published
from apserver.serve.rate import weigh
from apserver.serve.site import Site, body_of, holder_of, site_of
from apserver.store.access import Holder
from apserver.store.posted import Once

_KEY = "Idempotency-Key"
_MEDIA_TYPES = frozenset({ACTIVITY_JSON, LD_JSON})


async def post_outbox(request: web.Request) -> web.Response:
    """201 with the id in Location and the created activity as body; 200 with what was there."""
    site = site_of(request)
    holder = await _owner(request)
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
    holder = await holder_of(request)
    document, once = await _posted(request, holder)
    published = await site_of(request).site_posts.post(
        document, once=once, may_date="import" in holder.scopes
    )
    return _answer(request, published)


async def post_bulk(request: web.Request) -> web.Response:
    """200 with what came of each of many activities, in their order (docs/decisions/0016)."""
    site = site_of(request)
    holder = await _owner(request)
    with site.bulk.place(holder.actor):
        manner, body = await _posted_together(request, holder)
        async with site.bulk.turns:
            items = _weighed(request, body)
            answer = await site.bulk.post(await _by_owner(site, holder, items), manner)
    return _told(request, answer)


async def post_site_bulk(request: web.Request) -> web.Response:
    """The same for the site that uses this server."""
    site = site_of(request)
    holder = await holder_of(request)
    with site.bulk.place(holder.actor):
        manner, body = await _posted_together(request, holder)
        async with site.bulk.turns:
            postings, before = await site.site_posts.prepare(_weighed(request, body))
            answer = await site.bulk.post(postings, manner, before=before)
    return _told(request, answer)


async def _by_owner(
    site: Site, holder: Holder, items: Sequence[dict[str, Any] | ApserverError]
) -> list[Posting | ApserverError]:
    meant = [{} if isinstance(one, ApserverError) else one for one in items]
    resolved = await site.site_posts.resolve_each(meant)
    return [
        item if isinstance(item, ApserverError) else Posting(holder.actor, document)
        for item, document in zip(items, resolved, strict=True)
    ]


def _weighed(request: web.Request, body: bytes) -> list[dict[str, Any] | ApserverError]:
    """What is posted together; each counts as a request."""
    items = read_bulk(body)
    weigh(request, len(items))
    return items


async def _posted_together(request: web.Request, holder: Holder) -> tuple[Manner, bytes]:
    body = await _body(request)
    atomic = request.query.get("atomic", "false")
    if atomic not in ("true", "false"):
        raise BadInput("atomic is true or false.")
    # The same items in another manner are another request.
    once = _once(request, holder, b"bulk %s %s" % (atomic.encode(), body))
    may_date = "import" in holder.scopes
    return Manner(atomic=atomic == "true", once=once, may_date=may_date), body


def _told(request: web.Request, answer: bytes) -> web.Response:
    site_of(request).bell.ring("jobs")
    headers = {hdrs.CACHE_CONTROL: "no-store"}
    return web.Response(body=answer, content_type="application/json", headers=headers)


async def _owner(request: web.Request) -> Holder:
    """Whose token it is: the actor's whose outbox this is."""
    holder = await holder_of(request)
    if holder.actor != site_of(request).names.actor(request.match_info["name"]):
        raise Forbidden("This token is for another actor's outbox. Post to that of its own actor.")
    return holder


async def _posted(request: web.Request, holder: Holder) -> tuple[dict[str, Any], Once | None]:
    body = await _body(request)
    return parse(body), _once(request, holder, body)


async def _body(request: web.Request) -> bytes:
    if request.content_type not in _MEDIA_TYPES:
        raise BadMediaType(f"Send {ACTIVITY_JSON}, not {request.content_type}.")
    _idempotency_key(request)  # a bad one is refused before anything is read
    return await body_of(request)


def _once(request: web.Request, holder: Holder, body: bytes) -> Once | None:
    key = _idempotency_key(request)
    if key is None:
        return None
    return Once(actor=key_of(holder.actor), key=digest_key(key.encode()), body=digest_key(body))


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
