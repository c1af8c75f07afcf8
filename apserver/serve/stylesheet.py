"""GET /style.css: how pages look."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from apserver.serve.responses import reply

_CSS = Path(__file__).with_name("style.css").read_bytes()


async def get_stylesheet(request: web.Request) -> web.Response:
    """The stylesheet of all pages."""
    return reply(request, _CSS, content_type="text/css; charset=utf-8", cache="public, max-age=600")
