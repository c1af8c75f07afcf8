"""GET /ns: what the terms of our namespace mean, for people and for JSON-LD processors."""

from __future__ import annotations

import json

from aiohttp import web

from apserver.core.namespace import context_document
from apserver.core.namespace_page import namespace_page
from apserver.core.negotiation import choose
from apserver.core.vocabulary import ACTIVITY_JSON, LD_JSON
from apserver.serve.responses import accepted_by, reply

_CACHE = "public, max-age=86400"
_HTML = "text/html"
_PAGE = namespace_page().encode()
_CONTEXT = (json.dumps(context_document(), indent=2) + "\n").encode()


async def get_namespace(request: web.Request) -> web.Response:
    """The page to whoever prefers HTML, as browsers do; to everybody else the context."""
    if choose(accepted_by(request), (LD_JSON, ACTIVITY_JSON, "application/json", _HTML)) == _HTML:
        return reply(request, _PAGE, content_type=f"{_HTML}; charset=utf-8", cache=_CACHE)
    return reply(request, _CONTEXT, content_type=LD_JSON, cache=_CACHE)
