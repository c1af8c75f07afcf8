"""Authorized fetch, also called secure mode: documents for those alone who show who they are.

A server that is blocked can still read what anybody can read. So a site may ask every program that
reads its documents for a signature (or a token of ours), and then a block holds for reading too
(`[federation] authorized_fetch`). The price: servers that do not sign what they ask for see nothing
here, and caches in front are of no use, as each answer is for one reader.

What stays open is what others need to be able to sign, and to see who signed:

* the instance actor and its collections. To answer a signed GET we fetch the key of who signed it,
  signed by our instance actor; that server, in secure mode too, then fetches *our* key. Were that
  one guarded, each would wait for the other without end (IO-30, Threads, GoToSocial);
* discovery: WebFinger, host-meta, NodeInfo, and the namespace;
* the inboxes, which ask for a signature anyway;
* pages for people, as everywhere in the field. A browser signs nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiohttp import hdrs, web

from apserver.core.names import INSTANCE
from apserver.errors import NotTrusted
from apserver.serve.sessions import wants_page
from apserver.serve.site import viewer_of

_VARY = "Accept, Authorization, Signature"
_HTML = "text/html"

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


async def answer_known(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The handler's answer for whoever shows who asks; NotTrusted for everybody else.

    Forbidden when it is a server that we do not deal with. The answer is for this reader alone.
    """
    if request.match_info.get("name") == INSTANCE:
        return await handler(request)
    if wants_page(request):
        return await _page(request, handler)
    if await viewer_of(request) is None:
        raise _unknown()
    response = await handler(request)
    response.headers[hdrs.CACHE_CONTROL] = "private, no-store"
    response.headers[hdrs.VARY] = _VARY
    return response


async def _page(request: web.Request, handler: Handler) -> web.StreamResponse:
    """What has no page is no reason to show the document to who asked for a page."""
    response = await handler(request)
    if response.content_type != _HTML and response.status != 304:
        raise _unknown()
    return response


def _unknown() -> NotTrusted:
    return NotTrusted(
        "neither signature nor token",
        public="Documents of this server are shown to who signs the request, by HTTP signature, "
        "or sends an actor's token: Authorization: Bearer TOKEN",
    )
