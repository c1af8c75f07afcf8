"""A name server that says what the test says, and can change its mind with every question."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
from dns.rdatatype import RdataType


@dataclass(slots=True)
class NameServerDouble(asyncio.DatagramProtocol):
    """``addresses`` by name: what each question about it is answered, one list after the other, and
    then the last one again. ``*.name`` stands for all under it. ``asked`` counts questions for
    addresses of IPv4. A name that is in ``silent`` gets no answer, with ``*`` none does."""

    addresses: dict[str, list[list[str]]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    silent: set[str] = field(default_factory=set)
    port: int = 0
    _transport: asyncio.DatagramTransport | None = None

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncIterator[NameServerDouble]:
        """Start one on a free port of loopback."""
        loop = asyncio.get_running_loop()
        transport, self = await loop.create_datagram_endpoint(cls, local_addr=("127.0.0.1", 0))
        self.port = transport.get_extra_info("sockname")[1]
        try:
            yield self
        finally:
            transport.close()

    @property
    def setting(self) -> str:
        """As a value of ``[federation] dns_servers``."""
        return f"127.0.0.1:{self.port}"

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        question = dns.message.from_wire(data)
        [asked] = question.question
        name = asked.name.to_text(omit_final_dot=True)
        if asked.rdtype is RdataType.A:
            self.asked[name] += 1
        if self.silent & {name, "*"}:
            return
        reply = dns.message.make_response(question)
        reply.flags |= dns.flags.RA
        answers = self._answers(name)
        if answers is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        elif asked.rdtype is RdataType.A:
            # For no longer than this very moment (TTL 0): the worst case for whoever asks.
            now = answers.pop(0) if len(answers) > 1 else answers[0]
            if now:
                reply.answer.append(dns.rrset.from_text(asked.name, 0, "IN", "A", *now))
        assert self._transport is not None
        self._transport.sendto(reply.to_wire(), addr)

    def _answers(self, name: str) -> list[list[str]] | None:
        return self.addresses.get(name) or self.addresses.get(f"*.{name.partition('.')[2]}")
