"""What the table of URLs says of each (`serve.routes`)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from aiohttp import web

from apserver.core.scopes import Scope
from apserver.serve.authorized_fetch import answer_known
from apserver.serve.site import BODY, SCOPE, site_of

#: Who may keep an answer (RFC 9111): everybody, as all get the same; caches that tell viewers
#: apart, and of what only some may see nobody; or nobody at all. Refusals are kept by nobody.
Cache: TypeAlias = Literal["shared", "by viewer", "none"]


@dataclass(frozen=True, slots=True)
class Route:
    """One URL. ``who`` tells who may ask: anybody (and sees what he may), an actor's own client
    with its token, another server with its signature, or a person's browser with its cookie
    (`serve.sessions`). Checked by the handler.

    ``body`` is the most bytes that a request may carry: 0 when none is read. How often one may ask
    is the same for all (`serve.rate`), and so is what pages in browsers may (`serve.headers`).
    """

    method: Literal["GET", "POST"]
    path: str
    handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    who: Literal["anybody", "token", "signature", "browser"]
    body: int = 0
    asks: Scope | None = None
    cache: Cache = "none"
    guarded: bool = False  #: in authorized fetch, only for who shows who asks

    def __post_init__(self) -> None:
        if (self.method == "POST") != (self.body > 0):
            raise ValueError(f"{self.method} {self.path}: a POST has a limit, a GET no body")

    @property
    def scope(self) -> Scope:
        """What a token that is used here must hold."""
        return self.asks or ("read" if self.method == "GET" else "write")

    @property
    def template(self) -> str:
        """The path with names alone in braces, as documents and counts show it."""
        return web.UrlDispatcher().add_resource(self.path).canonical

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to this URL."""
        request[SCOPE] = self.scope
        request[BODY] = self.body
        if self.guarded and site_of(request).authorized_fetch:
            return await answer_known(request, self.handler)
        return await self.handler(request)
