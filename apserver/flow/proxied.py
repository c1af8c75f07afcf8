"""Documents of other servers, fetched for and as an actor of ours (ActivityPub 4.1, proxyUrl).

A client cannot read other servers by itself: most answer signed requests alone, and few let pages
in browsers read what they answer. So it names an id, we ask in the name of its actor, and what the
other server shows to that actor is passed on, after the same checks as for our own use: it is AS2,
and calls itself by that id. What may be read the other server decides, each time. Nothing is kept
of it, and nothing is answered from what others here were shown (FEP-fe34).

Whoever has a token can make us ask any server for anything. So what that costs is bounded: few at
a time and so many in a minute for each actor, however many addresses its clients have, and each is
one root event (`net.budget`), which may lead on only a little. Where we may ask is judged as ever
(`net.client`), and whether there was nobody or somebody we do not speak to is not told.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from apserver.core import limits
from apserver.core.origin import key_of
from apserver.core.rate_limit import RateLimiter, policies_of_signers
from apserver.errors import (
    ApserverError,
    BadInput,
    Busy,
    Forbidden,
    Gone,
    Missing,
    RemoteGone,
    RemoteRefused,
    RemoteSlow,
    RemoteTrouble,
    Unreachable,
)
from apserver.flow.signers import Signers
from apserver.net.budget import Budget
from apserver.net.fetch import Fetcher


class Proxy:
    """Fetches documents in the name of actors of ours; one per worker."""

    def __init__(self, fetcher: Fetcher, signers: Signers, *, per_minute: int):
        self._fetcher = fetcher
        self._signers = signers
        self._rate = RateLimiter(policies_of_signers("proxied", per_minute))
        self._under_way: Counter[str] = Counter()

    async def document(self, id_: str, *, reader: str) -> Mapping[str, Any]:
        """What the server of ``id_`` shows of it to ``reader``, an actor of ours.

        Missing, Gone or Forbidden when it shows nothing; DomainBlocked when we do not deal with it;
        RemoteSlow or RemoteTrouble when it cannot be had now; Busy when too much is asked here.
        """
        self._rate.take(reader, time.monotonic()).check()
        fetcher = self._fetcher.in_name_of(partial(self._signers.actor, key_of(reader)))
        budget = Budget().part(limits.PROXY_REQUESTS)
        with self._turn(reader):
            try:
                async with asyncio.timeout(limits.PROXY_S):
                    return await fetcher.document(id_, budget)
            except (ApserverError, TimeoutError) as error:
                raise _as_answer(id_, error) from error

    @contextmanager
    def _turn(self, reader: str) -> Iterator[None]:
        if (
            self._under_way[reader] >= limits.PROXIED_FOR_ACTOR
            or self._under_way.total() >= limits.PROXIED
        ):
            raise Busy("Too much is being fetched. Try again in a moment.", retry_after_s=1)
        self._under_way[reader] += 1
        try:
            yield
        finally:
            self._under_way[reader] -= 1
            if not self._under_way[reader]:
                del self._under_way[reader]


def _as_answer(id_: str, error: ApserverError | TimeoutError) -> ApserverError:
    """What the client is told: that of another server's fault, nothing of what it said."""
    detail = f"{id_}: {error}"
    match error:
        case RemoteGone():
            what = Gone if error.for_good else Missing
            return what(detail, public="Its server says that there is nothing there for you.")
        case RemoteRefused():
            return Forbidden(detail, public="Its server does not show it to you.")
        case TimeoutError() | Unreachable(why="time"):
            return RemoteSlow(detail)
        case BadInput():
            public = "What lies there is no ActivityStreams document with this id."
            return RemoteTrouble(detail, public=public)
    return error
