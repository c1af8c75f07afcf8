"""Answers that are Activity Streams documents, in the media type that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from aiohttp import hdrs, web

from apserver.core import limits
from apserver.core.document import parse
from apserver.core.document_page import document_page
from apserver.core.hypertext import NOTHING, Html
from apserver.core.negotiation import as2_media_type, prefers_html
from apserver.core.page import Reader
from apserver.errors import ApserverError, Gone
from apserver.serve.html import answer_page, path_of
from apserver.serve.responses import accepted_by, reply
from apserver.serve.soundness import is_sound

#: Of what has a page beside the document.
_VARY = "Accept, Accept-Language, Authorization, Signature"


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


def page_or_document(
    request: web.Request,
    body: bytes,
    *,
    shared: bool,
    reader: Reader | None = None,
    below: Html = NOTHING,
) -> web.Response:
    """A document, or for whoever prefers HTML the page of it, in their language. ``below`` is what
    the page has for ``reader``, who is signed in."""
    if not prefers_html(accepted_by(request)):
        return document(request, body, shared=shared, vary=_VARY)
    return page_of(request, parse(body), shared=shared, reader=reader, below=below)


def page_of(
    request: web.Request,
    document: Mapping[str, Any],
    *,
    shared: bool,
    reader: Reader | None,
    below: Html,
) -> web.Response:
    """The page of a document."""
    languages = request.headers.get(hdrs.ACCEPT_LANGUAGE, "")[: limits.ACCEPT_LANGUAGE]
    page = document_page(document, languages, reader=reader, below=below, here=path_of(request))
    return answer_page(request, page, shared=shared and reader is None)


def tombstone(request: web.Request, body: bytes, *, shared: bool) -> web.Response:
    """410 with what stays of a deleted thing (AP-C2S-28, IO-89); Gone for who reads pages."""
    if prefers_html(accepted_by(request)):
        raise Gone
    return web.Response(
        status=410,
        body=body,
        headers={
            hdrs.CONTENT_TYPE: as2_media_type(accepted_by(request)),
            hdrs.CACHE_CONTROL: "public, max-age=60" if shared else "private, no-store",
            hdrs.VARY: f"{hdrs.ACCEPT}, {hdrs.AUTHORIZATION}, Signature",
        },
    )
