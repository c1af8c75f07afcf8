"""What has a hashtag: the page that posts link to, and a collection for clients."""

from __future__ import annotations

import json
from functools import partial

from aiohttp import hdrs, web

from apserver.core.document import parse
from apserver.core.hashtags import read_tag
from apserver.core.tag_page import tag_page
from apserver.core.vocabulary import AS2_CONTEXT
from apserver.errors import Missing
from apserver.serve.documents import document
from apserver.serve.html import answer_page, path_of
from apserver.serve.object_pages import Listing, place_window
from apserver.serve.pages import Window
from apserver.serve.sessions import page_reader, wants_page
from apserver.serve.site import site_of, viewer_of
from apserver.store.hashtags import tagged
from apserver.store.public_objects import Place

#: Of what has a page beside the document.
_VARY = "Accept, Accept-Language, Authorization, Signature"


async def get_tag(request: web.Request) -> web.Response:
    """The public posts with this hashtag, here and received, newest first.

    Names are compared folded, so that each spelling leads to the one collection. There is one for
    each word, used or not: that it is missing would tell of posts that are not for all.
    """
    tag = read_tag(request.match_info["tag"])
    if tag is None:
        raise Missing(public="A hashtag is one word with a letter in it.")
    site, window = site_of(request), place_window(request.query)
    listing = Listing(site.names.tag(tag), partial(tagged, tag=tag))
    if wants_page(request):
        return await _page(request, listing, f"#{tag}", window or Window())
    viewer = await viewer_of(request)
    if window is None:
        head = {"id": listing.id, "type": "OrderedCollection", "name": f"#{tag}"}
        first = {"first": listing.url(Window())}
        body = json.dumps({"@context": AS2_CONTEXT, **head, **first}, ensure_ascii=False).encode()
    else:
        async with site.db.connection() as conn:
            body = await listing.page(conn, site, window, viewer=viewer)
    shared = viewer is None and request.headers.get(hdrs.AUTHORIZATION) is None
    return document(request, body, shared=shared, max_age_s=0, vary=_VARY)


async def _page(
    request: web.Request, listing: Listing, name: str, window: Window[Place]
) -> web.Response:
    """The same for people: the posts themselves."""
    site, reader = site_of(request), await page_reader(request)
    viewer = reader.id if reader else await viewer_of(request)
    async with site.db.connection() as conn:
        listed = parse(await listing.page(conn, site, window, viewer=viewer))
    page = tag_page(name, listing.id, listed, reader=reader, here=path_of(request))
    return answer_page(request, page, shared=viewer is None)
