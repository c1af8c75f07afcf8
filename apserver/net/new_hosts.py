"""How many hosts of one domain we begin to ask in an hour.

A wildcard in DNS gives one domain endless hosts, and each of them can name the next. What is
counted is hosts that were not asked before, by the domain that somebody registered. A host that
an actor here is known to live on is not new, however often this process starts.

It is held in memory, for a request that proves nothing stores nothing; so each worker has its
share of the number, and a restart begins anew.
"""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Sequence

from apserver.core import limits
from apserver.core.origin import Network, Origin, origin_of
from apserver.core.reach import literal_address, registered_domain
from apserver.errors import RemoteTrouble


class NewHosts:
    """Lets through what is known, and a few that are new.

    ``is_known`` tells whether an actor of that origin is stored here. Addresses in ``networks``,
    which the configuration names, are not counted. ``workers`` share the number.
    """

    def __init__(
        self,
        is_known: Callable[[Origin], Awaitable[bool]],
        *,
        networks: Sequence[Network],
        workers: int,
        clock: Callable[[], float] = time.monotonic,
    ):
        self._is_known = is_known
        self._networks = tuple(networks)
        self._workers = workers
        self._clock = clock
        self._met: OrderedDict[str, None] = OrderedDict()
        self._lately: OrderedDict[str, deque[float]] = OrderedDict()

    async def check(self, url: str) -> None:
        """RemoteTrouble when the host is one too many for now."""
        origin = origin_of(url)
        if origin.authority in self._met:
            self._met.move_to_end(origin.authority)
            return
        address = literal_address(origin.host)
        if address is None or not any(address in network for network in self._networks):
            await self._count(origin)
        self._met[origin.authority] = None
        while len(self._met) > limits.HOSTS_MET:
            self._met.popitem(last=False)

    async def _count(self, origin: Origin) -> None:
        domain, now = registered_domain(origin.host), self._clock()
        lately = self._lately.pop(domain, None) or deque()
        self._lately[domain] = lately
        while len(self._lately) > limits.HOSTS_MET:
            self._lately.popitem(last=False)
        while lately and lately[0] <= now - limits.NEW_HOSTS_S:
            lately.popleft()
        if len(lately) < max(1, limits.NEW_HOSTS // self._workers):
            lately.append(now)
        elif not await self._is_known(origin):
            raise RemoteTrouble(
                f"{origin} is not asked: {domain} has had its number of new hosts for now"
            )
