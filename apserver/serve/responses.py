"""Answers to GET and HEAD that can be kept: with a validator, and 304 for who has it already."""

from __future__ import annotations

from aiohttp import hdrs, web

from apserver.core.validators import entity_tag, is_held


def accepted_by(request: web.Request) -> str:
    """`Accept`, joined from all its lines; empty when there is none."""
    return ", ".join(request.headers.getall(hdrs.ACCEPT, ()))


def reply(
    request: web.Request,
    body: bytes,
    *,
    content_type: str,
    cache: str,
    vary: str = hdrs.ACCEPT,
    status: int = 200,
) -> web.Response:
    """200 (or ``status``) with the body, or 304 when the client holds just this (RFC 9110 15.4.5).

    Call it when it is decided that the client may see the body: a 304 says as much as a 200.
    ``cache`` is the value of Cache-Control, ``vary`` names the headers that the answer hangs on.
    """
    tag = entity_tag(body, content_type)
    headers = {hdrs.CACHE_CONTROL: cache, hdrs.ETAG: tag, hdrs.VARY: vary}
    held = ", ".join(request.headers.getall(hdrs.IF_NONE_MATCH, ()))
    if held and is_held(held, tag):
        return web.Response(status=304, headers=headers)
    headers[hdrs.CONTENT_TYPE] = content_type
    return web.Response(status=status, body=body, headers=headers)
