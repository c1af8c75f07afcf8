"""POST to an inbox: another server delivers."""

from __future__ import annotations

from aiohttp import web

from apserver import telemetry
from apserver.core.origin import key_of
from apserver.core.vocabulary import ACTIVITY_JSON, LD_JSON
from apserver.errors import BadMediaType, Missing
from apserver.serve.site import body_of, signed_request, site_of
from apserver.store import actors

#: With any charset, with or without profile (IO-69).
_MEDIA_TYPES = frozenset({ACTIVITY_JSON, LD_JSON, "application/json"})


async def post_inbox(request: web.Request) -> web.Response:
    """The inbox of one actor."""
    return await _take(request, owner=await _owner(request))


async def post_shared_inbox(request: web.Request) -> web.Response:
    """The inbox that stands for everybody here (ActivityPub 7.1.3)."""
    return await _take(request, owner=None)


async def _take(request: web.Request, *, owner: str | None) -> web.Response:
    """202 once it is stored; applied in the background."""
    if request.content_type not in _MEDIA_TYPES:
        raise BadMediaType(f"Send {ACTIVITY_JSON}, not {request.content_type}.")
    site = site_of(request)
    body = await body_of(request)
    stored = await site.acceptor.take(signed_request(request, body), owner=owner)
    telemetry.count(telemetry.INBOX, "accepted" if stored else "nothing-to-do")
    if stored:
        site.bell.ring("jobs")
    return web.Response(status=202)


async def _owner(request: web.Request) -> str:
    site = site_of(request)
    id_ = site.names.actor(request.match_info["name"])
    async with site.db.connection() as conn:
        actor = await actors.actor_by_key(conn, key_of(id_))
    if actor is None or not (actor.ours and actor.is_active):
        raise Missing
    return actor.id
