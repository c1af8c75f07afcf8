"""The emoji of this server: their documents, and their images.

An image is what an admin chose, and is served as nothing but an image: never sniffed, never run,
never as a document (GHSA-jhrq-qvrm-qr36). Its URL has its digest, so it may be kept for ever.
"""

from __future__ import annotations

import json

from aiohttp import hdrs, web

from apserver.core.emoji import emoji_tag, is_shortcode
from apserver.core.facts import EmojiFact
from apserver.core.notes import with_terms
from apserver.core.vocabulary import AS2_CONTEXT
from apserver.errors import Missing
from apserver.serve.documents import document
from apserver.serve.responses import reply
from apserver.serve.site import Site, check_not_blocked, site_of
from apserver.store import emoji

_FOR_EVER = "public, max-age=31536000, immutable"
_NOTHING_RUNS = "default-src 'none'; frame-ancestors 'none'; sandbox"


async def get_emoji(request: web.Request) -> web.Response:
    """An emoji as a document: what its tags say."""
    check_not_blocked(request)
    site = site_of(request)
    found = await _emoji(site, request.match_info["shortcode"])
    tag = emoji_tag(found, site.names)
    body = {"@context": with_terms(AS2_CONTEXT, tag), **tag}
    return document(request, json.dumps(body).encode(), shared=True, vary=hdrs.ACCEPT)


async def get_image(request: web.Request) -> web.Response:
    """The image. One that was replaced leads to its successor, since posts have its URL."""
    site, shortcode = site_of(request), request.match_info["shortcode"]
    file = request.match_info["file"]
    found = await _emoji(site, shortcode)
    async with site.db.connection() as conn:
        image = await emoji.image(conn, shortcode, file) if file == found.file else None
    if image is None:
        place = f"{site.names.emoji(shortcode)}/{found.file}"
        headers = {hdrs.LOCATION: place, hdrs.CACHE_CONTROL: "public, max-age=60"}
        return web.Response(status=302, headers=headers)
    answer = reply(request, image, content_type=found.media_type, cache=_FOR_EVER)
    answer.headers["Content-Security-Policy"] = _NOTHING_RUNS
    return answer


async def _emoji(site: Site, shortcode: str) -> EmojiFact:
    if not is_shortcode(shortcode):
        raise Missing
    async with site.db.connection() as conn:
        found = (await emoji.by_shortcode(conn, [shortcode])).get(shortcode)
    if found is None:
        raise Missing
    return found
