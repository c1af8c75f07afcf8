"""A small peer that signs and lies on request: an edge double, to attack with and to count.

It serves documents that the test puts up, keeps what is posted to its inboxes with the verdict
on the signature, and sends what the test tells it, signed by whichever of its keys.
"""

from __future__ import annotations

import io
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from typing import Any

import aiohttp
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from yarl import URL

from apserver.core.keys import PrivateKey
from apserver.core.signatures import (
    Request,
    Scheme,
    check_digest,
    read_claim,
    sign_cavage,
    sign_rfc9421,
    verify,
)
from apserver.errors import ApserverError
from tests.doubles.server import AS2, CONTEXT, PATIENCE_S, PUBLIC, Reply, until

Responder = Callable[[web.Request], Awaitable[web.Response]]
_SIGN: dict[Scheme, Callable[..., dict[str, str]]] = {
    "cavage": sign_cavage,
    "rfc9421": sign_rfc9421,
}


@lru_cache(maxsize=64)
def key_pair(name: str) -> PrivateKey:
    """The same key for the same name, made once in a run."""
    return PrivateKey.of(rsa.generate_private_key(65537, 2048))


def scheme_of(headers: Mapping[str, str]) -> Scheme | None:
    """The scheme in which a request is signed."""
    names = {name.lower() for name in headers}
    if "signature-input" in names:
        return "rfc9421"
    return "cavage" if "signature" in names else None


@dataclass(frozen=True, slots=True)
class Received:
    """A POST to an inbox. ``signer`` is the key id of a signature that holds, else None."""

    inbox: str
    json: Any
    body: bytes
    headers: Mapping[str, str]
    signer: str | None
    status: int

    @property
    def scheme(self) -> Scheme | None:
        """How it was signed, well or badly."""
        return scheme_of(self.headers)


@dataclass(slots=True)
class Peer:
    """A running peer. ``documents`` are served by path; ``asked`` lists all requests."""

    origin: str
    http: aiohttp.ClientSession
    documents: dict[str, Any] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    #: What inboxes answer: the first of the list as long as there are several, then the last.
    answers: list[int] = field(default_factory=lambda: [202])
    #: What single inboxes answer instead, by path: a status, or a handler that is called.
    inboxes: dict[str, int | Responder] = field(default_factory=dict)
    numbers: Any = field(default_factory=lambda: count(1))

    @classmethod
    @asynccontextmanager
    async def running(cls, actors: Iterable[str], host: str, port: int) -> AsyncIterator[Peer]:
        """Start one with these actors on this port, or on a free one when it is 0."""
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        origin = f"http://{host}:{listening.getsockname()[1]}"
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
            self = cls(origin, http)
            for name in actors:
                self.add_actor(name)
            application = web.Application(client_max_size=1 << 22)
            application.router.add_route("*", "/{path:.*}", self._handle)
            runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
            await runner.setup()
            await web.SockSite(runner, listening).start()
            try:
                yield self
            finally:
                await runner.cleanup()

    def id(self, name: str) -> str:
        """The id of an actor."""
        return f"{self.origin}/users/{name}"

    def new_id(self, kind: str = "activities") -> str:
        """A new id on this peer."""
        return f"{self.origin}/{kind}/{next(self.numbers)}"

    def add_actor(self, name: str, *, key: str | None = None, **members: Any) -> dict[str, Any]:
        """Put up an actor document; ``key`` names the key pair, else the actor's own."""
        id_ = self.id(name)
        pem = key_pair(key or f"{name}@{self.origin}").public().pem()
        self.documents[f"/users/{name}"] = document = {
            "@context": [CONTEXT, "https://w3id.org/security/v1"],
            "id": id_,
            "type": "Person",
            "preferredUsername": name,
            "inbox": f"{id_}/inbox",
            "outbox": f"{id_}/outbox",
            "followers": f"{id_}/followers",
            "following": f"{id_}/following",
            "endpoints": {"sharedInbox": f"{self.origin}/inbox"},
            "publicKey": {"id": f"{id_}#main-key", "owner": id_, "publicKeyPem": pem},
            **members,
        }
        return document

    def activity(self, type_: str, by: str, **members: Any) -> dict[str, Any]:
        """An activity with a new id; ``object_`` and other members as given."""
        members = {name.rstrip("_"): value for name, value in members.items()}
        return {
            "@context": CONTEXT,
            "id": self.new_id(),
            "type": type_,
            "actor": self.id(by),
            **members,
        }

    def create(self, by: str, text: str, *to: str, **members: Any) -> dict[str, Any]:
        """A Create of a Note."""
        note = {
            "id": self.new_id("notes"),
            "type": "Note",
            "attributedTo": self.id(by),
            "content": text,
            "to": list(to),
            **members,
        }
        return self.activity("Create", by, object=note, to=list(to))

    def follow(self, by: str, whom: str) -> dict[str, Any]:
        """A Follow, addressed as Mastodon does: not at all."""
        return self.activity("Follow", by, object=whom)

    async def send(
        self,
        inbox: str,
        activity: Any,
        *,
        by: str,
        key_id: str | None = None,
        key: str | PrivateKey | None = None,
        scheme: Scheme = "cavage",
        now: datetime | None = None,
        change: Callable[[bytes], bytes] = lambda body: body,
        headers: Mapping[str, str] | None = None,
        unsigned: bool = False,
        content_type: str = AS2,
    ) -> Reply:
        """POST an activity, signed as ``by``.

        ``key_id`` claims another key, ``key`` (a name or the key) uses one, ``now`` sets the date,
        ``change`` alters the body after signing, ``headers`` replaces headers after signing.
        """
        body = activity if isinstance(activity, bytes) else json.dumps(activity).encode()
        sent: dict[str, str] = {"Content-Type": content_type}
        if not unsigned:
            sent |= _SIGN[scheme](
                Request("POST", inbox, {"content-type": [content_type]}, body),
                key_id=key_id or f"{self.id(by)}#main-key",
                key=key if isinstance(key, PrivateKey) else key_pair(key or f"{by}@{self.origin}"),
                now=now or datetime.now(UTC),
            )
        sent |= headers or {}
        return await self.request("POST", inbox, sent, change(body))

    async def get(self, url: str, *, by: str | None = None, scheme: Scheme = "cavage") -> Reply:
        """GET a URL, signed as ``by`` if given."""
        sent = {"Accept": AS2}
        if by is not None:
            sent |= _SIGN[scheme](
                Request("GET", url, {}, b""),
                key_id=f"{self.id(by)}#main-key",
                key=key_pair(f"{by}@{self.origin}"),
                now=datetime.now(UTC),
            )
        return await self.request("GET", url, sent, None)

    async def wait(
        self,
        type_: str | None = None,
        *,
        times: int = 1,
        timeout_s: float = PATIENCE_S,
        **members: Any,
    ) -> list[Received]:
        """Wait for activities of this type with these members; all that came so far."""

        async def enough() -> list[Received] | None:
            found = [
                one
                for one in self.received
                if isinstance(one.json, dict)
                and (type_ is None or one.json.get("type") == type_)
                and all(one.json.get(name) == value for name, value in members.items())
                and one.status < 300
            ]
            return found if len(found) >= times else None

        found: list[Received] = await until(enough, timeout_s=timeout_s)
        return found

    async def request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> Reply:
        """Any request, with these headers."""
        async with self.http.request(
            method,
            URL(url, encoded=True),
            data=None if body is None else io.BytesIO(body),
            headers=headers,
            allow_redirects=False,
        ) as response:
            text = await response.text(errors="replace")
            try:
                value = json.loads(text)
            except ValueError:
                value = None
            return Reply(response.status, response.headers, text, value)

    async def _handle(self, request: web.Request) -> web.Response:
        self.asked.append(f"{request.method} {request.raw_path}")
        if request.method == "POST":
            return await self._receive(request)
        document = self.documents.get(request.raw_path)
        if document is None:
            return web.Response(status=404)
        if callable(document):
            answer: web.Response = await document(request)
            return answer
        if isinstance(document, int):
            return web.Response(status=document)
        return web.Response(body=json.dumps(document).encode(), content_type=AS2)

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        answer = await self._answer(request)
        try:
            value = json.loads(body)
        except ValueError:
            value = None
        signer = await self._signer(request, body)
        self.received.append(
            Received(request.path, value, body, dict(request.headers), signer, answer.status)
        )
        return answer

    async def _answer(self, request: web.Request) -> web.Response:
        answer = self.inboxes.get(request.path)
        if callable(answer):
            return await answer(request)
        if answer is None:
            answer = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        return web.Response(status=answer)

    async def _signer(self, request: web.Request, body: bytes) -> str | None:
        """The key id, when the signature holds against the key that its server publishes."""
        from apserver.core.key_documents import find_key, key_document_url, parse_key_document

        signed = Request.from_pairs(
            "POST",
            self.origin + request.raw_path,
            headers=[(name.decode(), value.decode()) for name, value in request.raw_headers],
            body=body,
        )
        try:
            claim = read_claim(signed)
            check_digest(signed, claim)
            async with self.http.get(
                key_document_url(claim.key_id), headers={"Accept": AS2}
            ) as response:
                document = await response.json(content_type=None)
            entry = find_key(parse_key_document(document), claim.key_id)
            verify(claim, entry.key, now=datetime.now(UTC))
        except ApserverError:
            return None
        return claim.key_id


__all__ = ["AS2", "CONTEXT", "PUBLIC", "Peer", "Received", "key_pair"]
