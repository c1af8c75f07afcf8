"""Look-ups that people cause from a page: of their own handle, or of somebody to follow.

Each is one event with a budget of its own, and goes through the same guarded client as every other
request. A visitor need not be signed in, so they are counted: by address or reader, and by the host
that is asked, so that nobody makes us a nuisance to others.
"""

from __future__ import annotations

import time

from apserver.core import limits
from apserver.core.origin import Handle, host_of
from apserver.core.rate_limit import Policy, RateLimiter
from apserver.core.subscribe import subscribe_url
from apserver.flow.remote import Remote
from apserver.net.budget import Budget
from apserver.net.discover import Discoverer
from apserver.store.actors import Actor


class Visits:
    """Look-ups for people who read pages."""

    def __init__(self, discoverer: Discoverer, remote: Remote, *, allow_http: bool):
        self._discoverer = discoverer
        self._remote = remote
        self._allow_http = allow_http
        self._by_visitor = _limiter(limits.VISITS_PER_ADDRESS)
        self._by_host = _limiter(limits.VISITS_PER_HOST)

    async def subscribe_url(self, handle: Handle, uri: str, *, visitor: str) -> str:
        """The page of the handle's server at which ``uri`` is followed.

        BadInput when it names none that may be led to, RemoteTrouble when it gives no answer,
        RateLimited when there were too many.
        """
        self._count(visitor, handle.host)
        found = await self._discoverer.actor(handle, Budget())
        return subscribe_url(
            found.jrd, uri, handle=handle, actor=found.actor, allow_http=self._allow_http
        )

    async def actor(self, named: Handle | str, *, visitor: str) -> Actor:
        """The actor with this handle or id, which is kept from now on. Raises as above."""
        host = named.host if isinstance(named, Handle) else host_of(named)
        self._count(visitor, host)
        budget = Budget()
        id_ = (
            named if isinstance(named, str) else (await self._discoverer.actor(named, budget)).actor
        )
        return await self._remote.actor(id_, budget)

    def _count(self, visitor: str, host: str) -> None:
        now = time.monotonic()
        self._by_visitor.take(visitor, now).check()
        self._by_host.take(host, now).check()


def _limiter(quota: int) -> RateLimiter:
    return RateLimiter([Policy("visits", quota, limits.VISIT_S)])
