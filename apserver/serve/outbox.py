"""POST to an outbox: one of our own clients acts (ActivityPub 6)."""

from __future__ import annotations

from aiohttp import hdrs, web

from apserver.core.document import parse
from apserver.core.vocabulary import ACTIVITY_JSON, LD_JSON
from apserver.errors import BadMediaType, Forbidden, NotTrusted
from apserver.serve.site import actor_of_token, bearer_of, body_of, site_of

_MEDIA_TYPES = frozenset({ACTIVITY_JSON, LD_JSON})


async def post_outbox(request: web.Request) -> web.Response:
    """201 with the id in Location and the created activity as body."""
    site = site_of(request)
    token = bearer_of(request)
    if token is None:
        raise NotTrusted("Send the actor's token: Authorization: Bearer TOKEN")
    actor = await actor_of_token(request, token)
    if actor != site.names.actor(request.match_info["name"]):
        raise Forbidden("This token is for another actor's outbox.")
    if request.content_type not in _MEDIA_TYPES:
        raise BadMediaType(f"Send {ACTIVITY_JSON}, not {request.content_type}.")
    published = await site.publisher.post(actor, parse(await body_of(request)))
    site.bell.ring()
    return web.Response(
        status=201,
        body=published.body,
        content_type=ACTIVITY_JSON,
        headers={hdrs.LOCATION: published.id, hdrs.CACHE_CONTROL: "no-store"},
    )
