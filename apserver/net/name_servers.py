"""Names resolved by the servers that the configuration names, not by those of the system.

dnspython is imported when it is needed: it takes a tenth of a second, on every start of a command,
and hardly anybody names servers.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

from aiohttp.abc import AbstractResolver, ResolveResult

from apserver.core import limits
from apserver.core.reach import NameServer

_KINDS = {"A": socket.AF_INET, "AAAA": socket.AF_INET6}


class NameServers(AbstractResolver):
    """Asks DNS for the addresses of a name: the first server that answers counts.

    The hosts file of the system is not read, and nothing is kept here.
    """

    def __init__(self, servers: Sequence[NameServer]):
        from dns.asyncresolver import Resolver
        from dns.nameserver import Do53Nameserver

        self._resolver = Resolver(configure=False)
        self._resolver.nameservers = [Do53Nameserver(one.address, one.port) for one in servers]

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name; OSError when there is none.

        One kind is enough: some name servers give no usable answer when asked for the other.
        """
        kinds = [kind for kind, of in _KINDS.items() if family in (of, socket.AF_UNSPEC)]
        answers = await asyncio.gather(
            *(self._addresses(host, kind) for kind in kinds), return_exceptions=True
        )
        found = [
            resolved(host, address, port, family=_KINDS[kind])
            for kind, addresses in zip(kinds, answers, strict=True)
            if not isinstance(addresses, BaseException)
            for address in addresses
        ]
        if not found:
            troubles = [one for one in answers if isinstance(one, BaseException)]
            raise troubles[0] if troubles else OSError(f"{host} has no address")
        return found

    async def _addresses(self, host: str, kind: str) -> list[str]:
        from dns.exception import DNSException
        from dns.name import from_text
        from dns.resolver import NXDOMAIN, NoAnswer

        try:
            answer = await self._resolver.resolve(from_text(host), kind, lifetime=limits.DNS_S)
        except (NoAnswer, NXDOMAIN):
            return []
        except DNSException as error:
            raise OSError(f"{host} could not be resolved: {error}") from error
        return [str(one.address) for one in answer]

    async def close(self) -> None:
        """Nothing is open between two questions."""


def resolved(host: str, address: str, port: int, *, family: socket.AddressFamily) -> ResolveResult:
    """One address of a name, as aiohttp wants it."""
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=family,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
