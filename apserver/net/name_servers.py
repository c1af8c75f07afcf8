"""Names resolved by the servers that the configuration names, not by those of the system."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import dns.asyncresolver
import dns.exception
import dns.name
import dns.resolver
from aiohttp.abc import AbstractResolver, ResolveResult
from dns.nameserver import Do53Nameserver
from dns.rdatatype import RdataType

from apserver.core import limits
from apserver.core.reach import NameServer
from apserver.net.resolver import resolved

_KINDS = {RdataType.A: socket.AF_INET, RdataType.AAAA: socket.AF_INET6}


class NameServers(AbstractResolver):
    """Asks DNS for the addresses of a name: the first server that answers counts.

    The hosts file of the system is not read, and nothing is kept here.
    """

    def __init__(self, servers: Sequence[NameServer]):
        self._resolver = dns.asyncresolver.Resolver(configure=False)
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

    async def _addresses(self, host: str, kind: RdataType) -> list[str]:
        try:
            answer = await self._resolver.resolve(
                dns.name.from_text(host), kind, lifetime=limits.DNS_S
            )
        except (dns.resolver.NoAnswer, dns.resolver.NXDOMAIN):
            return []
        except dns.exception.DNSException as error:
            raise OSError(f"{host} could not be resolved: {error}") from error
        return [str(one.address) for one in answer]

    async def close(self) -> None:
        """Nothing is open between two questions."""
