"""Double knocking: signing a request so that its receiver can read it.

Most servers read draft-cavage-12 alone, some read RFC 9421 too, and a few will read only that.
Nobody says beforehand which it is, and a refusal does not say why: an unreadable signature looks
like an unknown key or like "go away". So a request that is refused with 400, 401 or 403 is signed
anew in the other scheme and sent once more, at once, as part of the same attempt.

The first knock is cavage, unless the configuration says otherwise. It is not just the older one:
some servers answer 200 to a signature that they cannot read and throw the activity away, so that
a wrong first knock with RFC 9421 would be a silent loss (Pixelfed). A server that refuses cavage
shows that it looks at signatures. When it then takes the other scheme, that is worth remembering
(`Knocks`): for seven days it gets the scheme that it took first. A remembered scheme that is
refused is unlearnt the same way. The two schemes are treated alike, so all of this holds for
either choice of the first knock.

Two more ways to knock come in between where they fit. A refusal may carry `Accept-Signature`, the
form that the receiver wants (RFC 9421 5); when we can give it, it is given. And a 401 to a URL
with a query may come from a server that leaves the query out of the cavage signing string (IO-28).
An attempt is three requests at most, in one time limit, however many of these ways there are.

When every knock is refused, the first refusal counts: it was given to the scheme that is most
likely known there, while some servers answer the other with an error of their own making.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from apserver import telemetry
from apserver.core import limits
from apserver.core.keys import PrivateKey
from apserver.core.origin import origin_of, uri_of
from apserver.core.signatures import (
    AskedSignature,
    Request,
    Scheme,
    asked_signature,
    sign_cavage,
    sign_rfc9421,
)
from apserver.net.budget import Budget
from apserver.net.client import Answer, Client

#: "I could not verify this" in the words of various servers.
REFUSALS = frozenset({400, 401, 403})
#: What a server says that falls over a header that it does not know.
_STUMBLES = frozenset({500, 501})
_REMEMBERED_FOR = timedelta(seconds=limits.KNOCK_REMEMBERED_S)
_KNOCKS = 3


@dataclass(frozen=True, slots=True)
class Signer:
    """Whose name a request goes out in."""

    key_id: str
    key: PrivateKey


@dataclass(frozen=True, slots=True)
class Learnt:
    """The scheme that a server took after it had refused the other one."""

    scheme: Scheme
    at: datetime


Keep = Callable[[str, Learnt | None], Awaitable[None]]


class Knocks:
    """Which scheme to knock with first: ``first``, but for servers that are known to differ.

    ``learnt`` is what is known by origin; ``keep`` is told what changes, None for forgotten.
    """

    def __init__(self, first: Scheme, learnt: Mapping[str, Learnt], keep: Keep):
        self._first = first
        self._learnt = OrderedDict(learnt)
        self._keep = keep

    def scheme_for(self, origin: str, now: datetime) -> Scheme:
        """The scheme of the first knock at this server."""
        known = self._learnt.get(origin)
        return self._first if known is None or now - known.at > _REMEMBERED_FOR else known.scheme

    async def learn(self, origin: str, scheme: Scheme, now: datetime) -> None:
        """The server refused the other scheme and took this one."""
        self._learnt.pop(origin, None)
        learnt = None if scheme == self._first else Learnt(scheme, now)
        if learnt is not None:
            self._learnt[origin] = learnt
            if len(self._learnt) > limits.KNOCKS_LEARNT:
                self._learnt.popitem(last=False)
        telemetry.event("signature scheme learnt", origin=origin, scheme=scheme)
        await self._keep(origin, learnt)


@dataclass(frozen=True, slots=True)
class _Way:
    """One way to sign a request."""

    scheme: Scheme
    with_query: bool = True
    asked: AskedSignature | None = None

    def sign(self, request: Request, signer: Signer, now: datetime) -> dict[str, str]:
        """The headers to add."""
        key_id, key = signer.key_id, signer.key
        if self.scheme == "rfc9421":
            return sign_rfc9421(request, key_id=key_id, key=key, now=now, asked=self.asked)
        return sign_cavage(request, key_id=key_id, key=key, now=now, with_query=self.with_query)


class SigningClient:
    """Sends signed requests; see the head of this file. Each knock has a date of its own."""

    def __init__(self, client: Client, knocks: Knocks):
        self._client = client
        self._knocks = knocks

    def first_knock(self, request: Request, signer: Signer, now: datetime) -> dict[str, str]:
        """The headers of a first knock that is made ``now``."""
        way = _Way(self._knocks.scheme_for(str(origin_of(request.url)), now))
        return _headers(request) | way.sign(request, signer, now)

    async def send(
        self,
        request: Request,
        signer: Signer | None,
        *,
        budget: Budget,
        deadline_s: float,
        max_bytes: int,
    ) -> Answer:
        """One attempt and the answer that counts. RemoteTrouble when there is none in time.

        Without a signer it is one request in nobody's name. What is signed is what goes out: the
        URI of an id (AS-10).
        """
        request = replace(request, url=uri_of(request.url))
        if signer is None:
            return await self._client.send(
                request.method,
                request.url,
                headers=_headers(request),
                body=request.body,
                budget=budget,
                deadline_s=deadline_s,
                max_bytes=max_bytes,
            )
        clock = asyncio.get_running_loop().time
        end = clock() + deadline_s
        origin = str(origin_of(request.url))
        way: _Way | None = _Way(self._knocks.scheme_for(origin, datetime.now(UTC)))
        tried: list[_Way] = []
        refusal: Answer | None = None
        while way is not None and (left_s := end - clock()) > 0:
            tried.append(way)
            headers = _headers(request) | way.sign(request, signer, datetime.now(UTC))
            answer = await self._client.send(
                request.method,
                request.url,
                headers=headers,
                body=request.body,
                budget=budget,
                deadline_s=left_s,
                max_bytes=max_bytes,
            )
            if answer.status not in REFUSALS:
                return await self._taken(origin, tried, answer, refusal)
            telemetry.count(telemetry.KNOCK, way.scheme, str(answer.status))
            refusal = refusal or answer
            way = _next_way(request, signer, tried, answer)
        assert refusal is not None, "the first knock was made"
        return refusal

    async def _taken(
        self, origin: str, tried: Sequence[_Way], answer: Answer, refusal: Answer | None
    ) -> Answer:
        """The answer that counts, after one that is no refusal."""
        if refusal is not None and answer.status in _STUMBLES:
            return refusal
        if answer.status < 300 and tried[-1].scheme != tried[0].scheme:
            await self._knocks.learn(origin, tried[-1].scheme, datetime.now(UTC))
        return answer


def _headers(request: Request) -> dict[str, str]:
    return {name.title(): values[0] for name, values in request.headers.items()}


def _next_way(
    request: Request, signer: Signer, tried: Sequence[_Way], refusal: Answer
) -> _Way | None:
    """How to sign after this refusal of the last way; None when there is nothing left to try."""
    if len(tried) == _KNOCKS:
        return None
    wish = refusal.headers.get("accept-signature", "")
    asked = asked_signature(wish, request, key_id=signer.key_id, kind=signer.key.kind)
    if asked is not None and not any(way.asked for way in tried):
        return _Way("rfc9421", asked=asked)
    if tried[-1] == _Way("cavage") and refusal.status == 401 and "?" in request.url:
        return _Way("cavage", with_query=False)
    schemes: tuple[Scheme, ...] = ("cavage", "rfc9421")
    left = [scheme for scheme in schemes if all(way.scheme != scheme for way in tried)]
    return _Way(left[0]) if left else None
