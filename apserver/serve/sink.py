"""A throw-away inbox: it takes whatever is posted and tells what signature and digest are worth.

It is one actor with nothing behind it: its document and its handle are there, so that servers can
find it and deliver to it, and its key signs the fetches of other servers' keys. Nothing is kept.
Every POST is answered with 202, also one that does not hold: what is wrong is told to whoever
runs it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from apserver.core import limits
from apserver.core.actors import OwnKeys, own_actor
from apserver.core.discovery import webfinger
from apserver.core.document import render
from apserver.core.names import Names
from apserver.core.origin import host_of
from apserver.core.signatures import Request, check_digest, is_signed, read_claim, verify
from apserver.core.signatures.digests import check_content_digest
from apserver.core.signatures.digests import check_digest as check_old_digest
from apserver.core.times import stamp
from apserver.core.vocabulary import ACTIVITY_JSON, JRD_JSON
from apserver.errors import ApserverError
from apserver.flow.remote import find_owner
from apserver.net.budget import Budget
from apserver.net.fetch import Fetcher
from apserver.serve.site import request_at

NAME = "sink"
OK = "ok"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """A POST. ``digest`` and ``signature`` are "ok", or say in words what is wrong.

    ``signer`` is the actor that was shown to have signed it, None when nobody was.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    digest: str
    signature: str
    scheme: str | None = None
    key_id: str | None = None
    signer: str | None = None


class Sink:
    """The actor ``sink`` on an origin of its own."""

    def __init__(
        self,
        origin: str,
        fetcher: Fetcher,
        keys: OwnKeys,
        *,
        allow_http: bool,
        on_caught: Callable[[Caught], None],
    ):
        self._names = Names(origin)
        self._fetcher = fetcher
        self._keys = keys
        self._allow_http = allow_http
        self._on_caught = on_caught

    @property
    def actor(self) -> str:
        """Its id."""
        return self._names.actor(NAME)

    def application(self) -> web.Application:
        """The web application."""
        app = web.Application(client_max_size=limits.BODY)
        path = self.actor.removeprefix(self._names.origin)
        app.router.add_get(path, self._get_actor)
        app.router.add_get("/.well-known/webfinger", self._get_webfinger)
        app.router.add_post(f"{path}/inbox", self._post)
        app.router.add_post("/inbox", self._post)
        return app

    async def _get_actor(self, request: web.Request) -> web.Response:
        document = own_actor(
            self._names,
            name=NAME,
            handle_host=host_of(self.actor),
            type_="Service",
            display_name=None,
            manual_approval=False,
            keys=self._keys,
            published=stamp(datetime.now(UTC)),
        )
        return web.Response(body=render(document), content_type=ACTIVITY_JSON)

    async def _get_webfinger(self, request: web.Request) -> web.Response:
        jrd = webfinger(self.actor, NAME, host_of(self.actor))
        return web.Response(body=json.dumps(jrd).encode(), content_type=JRD_JSON)

    async def _post(self, request: web.Request) -> web.Response:
        body = await request.read()
        self._on_caught(await self._judge(request_at(self._names.origin, request, body)))
        return web.Response(status=202)

    async def _judge(self, request: Request) -> Caught:
        caught = Caught(
            path=request.target,
            headers={name: ", ".join(values) for name, values in request.headers.items()},
            body=request.body,
            digest=_digest(request),
            signature="the request is not signed",
        )
        if not is_signed(request):
            return caught
        return await self._verified(request, caught)

    async def _verified(self, request: Request, caught: Caught) -> Caught:
        scheme = key_id = signer = None
        try:
            claim = read_claim(request)
            scheme, key_id = claim.scheme, claim.key_id
            check_digest(request, claim)
            found = await find_owner(
                self._fetcher, claim.key_id, Budget(), allow_http=self._allow_http
            )
            verify(claim, found.entry.key, now=datetime.now(UTC))
            signer, verdict = found.entry.owner, OK
        except ApserverError as error:
            verdict = str(error)
        return Caught(
            path=caught.path,
            headers=caught.headers,
            body=caught.body,
            digest=caught.digest,
            signature=verdict,
            scheme=scheme,
            key_id=key_id,
            signer=signer,
        )


def _digest(request: Request) -> str:
    """What the digest says, whether it is signed or not."""
    old, new = request.field("digest"), request.field("content-digest")
    if old is None and new is None:
        return "there is no Digest and no Content-Digest"
    try:
        if old is not None:
            check_old_digest(old, request.body)
        if new is not None:
            check_content_digest(new, request.body)
    except ApserverError as error:
        return str(error)
    return OK
