"""GET of the shared inbox: the public objects that are known here (ActivityPub 4.1)."""

from __future__ import annotations

import json

from aiohttp import hdrs, web

from apserver.core.negotiation import as2_media_type
from apserver.core.vocabulary import AS2_CONTEXT
from apserver.serve.object_pages import Listing, place_window
from apserver.serve.pages import Window
from apserver.serve.responses import accepted_by, reply
from apserver.serve.site import check_not_blocked, site_of
from apserver.store.public_objects import public_objects

_CACHE = "public, max-age=0"


async def get_shared_inbox(request: web.Request) -> web.Response:
    """The collection, or with ``page``, ``before`` or ``after`` a page of it.

    Everybody sees the same, whoever asks: what is in it is for all.
    """
    check_not_blocked(request)
    site = site_of(request)
    listing = Listing(site.names.shared_inbox, public_objects)
    window = place_window(request.query)
    if window is None:
        head = {"id": listing.id, "type": "OrderedCollection", "first": listing.url(Window())}
        body = json.dumps({"@context": AS2_CONTEXT, **head}).encode()
    else:
        async with site.db.connection() as conn:
            body = await listing.page(conn, site, window, viewer=None)
    media_type = as2_media_type(accepted_by(request))
    return reply(request, body, content_type=media_type, cache=_CACHE, vary=hdrs.ACCEPT)
