"""Names to addresses, every one of which is judged before any is used.

A name belongs to somebody else, who may let it lead anywhere: to an address that only we can reach,
to a public one first and to a private one a moment later (DNS rebinding), or to both at once in the
hope that one of them is looked at and the other one used. So a name is refused when *any* of its
addresses is closed to us, what was judged is what is connected to, and the socket's own address
is judged once more (`net.client`). What is kept of an answer is its judged addresses, for
`limits.DNS_CACHE_S`, whatever time to live it has: a new answer is judged anew.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from aiohttp.abc import AbstractResolver, ResolveResult

from apserver.core import limits
from apserver.core.reach import NameServer
from apserver.net.name_servers import NameServers, resolved


class JudgingResolver(AbstractResolver):
    """Asks the system, or these servers; ``judge`` raises for an address that is closed."""

    def __init__(self, servers: Sequence[NameServer], judge: Callable[[str], None]):
        self._judge = judge
        self._resolver = NameServers(servers) if servers else SystemResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. OSError when there is none, or one of them is closed."""
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            self._judge(one["host"])
        return found

    async def close(self) -> None:
        """Ask no more."""
        await self._resolver.close()


class SystemResolver(AbstractResolver):
    """Resolves as the system does: its name servers, its hosts file.

    The system's call blocks a thread for as long as a name server makes it wait. The loop has four
    threads for that, which four names of somebody's slow server would keep busy; so there are
    more of them here, and they are for nothing else.
    """

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(limits.RESOLVER_THREADS, "resolver")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name; OSError when there is none."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _ask_system, host, port, family)

    async def close(self) -> None:
        """Ask no more; threads that wait are left to themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _ask_system(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    found = socket.getaddrinfo(
        host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG
    )
    return [
        resolved(host, str(address[0]), port, family=of)
        for of, _, _, _, address in found
        if of in (socket.AF_INET, socket.AF_INET6)
    ]
