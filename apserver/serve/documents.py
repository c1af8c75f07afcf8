"""Answers that are Activity Streams documents, in the media type that was asked for."""

from __future__ import annotations

from uuid import UUID

from aiohttp import hdrs, web

from apserver.core.negotiation import as2_media_type
from apserver.errors import ApserverError
from apserver.serve.responses import accepted_by, reply
from apserver.serve.soundness import is_sound


def intact(body: bytes, table: str, key: UUID) -> bytes:
    """The bytes of a row, when they are JSON still; else it is our fault, and logged (500)."""
    if not is_sound(body, table=table, key=key):
        raise ApserverError(f"{table} {key} is damaged")
    return body


def document(
    request: web.Request,
    body: bytes,
    *,
    shared: bool,
    max_age_s: int = 60,
    vary: str = "Accept, Authorization, Signature",
    status: int = 200,
) -> web.Response:
    """A document in the media type that was asked for; what is not for all is cached by none."""
    media_type = as2_media_type(accepted_by(request))
    cache = f"public, max-age={max_age_s}" if shared else "private, no-store"
    return reply(request, body, content_type=media_type, cache=cache, vary=vary, status=status)


def tombstone(request: web.Request, body: bytes, *, shared: bool) -> web.Response:
    """410 with what stays of a deleted thing (AP-C2S-28, IO-89)."""
    return web.Response(
        status=410,
        body=body,
        headers={
            hdrs.CONTENT_TYPE: as2_media_type(accepted_by(request)),
            hdrs.CACHE_CONTROL: "public, max-age=60" if shared else "private, no-store",
            hdrs.VARY: f"{hdrs.ACCEPT}, {hdrs.AUTHORIZATION}, Signature",
        },
    )
