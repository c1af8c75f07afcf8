"""The one door through which apserver speaks to other servers.

Whoever can make us fetch a URL (by a key id, an inbox, an object id) must not reach what only
we can reach. So the *address* is judged, not the text of the URL, and at two points: every
address that a name resolves to, before any is used (`net.resolver`), and the one that a socket is
really made for. The second also catches addresses written out in the URL, in whatever form, and
leaves no gap between looking and connecting (DNS rebinding). Public addresses may be reached;
others only when the configuration names their network. Ports of other services are closed, and
of one domain only so many hosts are asked for the first time (`core.reach`, `net.new_hosts`).

Redirects are not followed here, cookies are not kept, proxies of the environment are ignored,
answers are taken as they come and not unpacked, and every one has a limit in bytes and one in
seconds, for the whole of it: a limit for each read is met by a byte now and then (CVE-2023-36461).
What a request costs is taken from the budget of whatever has caused it (`net.budget`).
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
from yarl import URL

from apserver import __version__, telemetry
from apserver.core import limits
from apserver.core.origin import Network, check_id, may_connect, origin_of
from apserver.core.reach import NameServer, is_open_port
from apserver.errors import OverBudget, RemoteTrouble, Unreachable, Why
from apserver.net.budget import Budget
from apserver.net.new_hosts import NewHosts
from apserver.net.resolver import JudgingResolver
from apserver.net.trust import trusting


@dataclass(frozen=True, slots=True)
class Answer:
    """What another server said. ``headers`` have lower-case names; repeated ones are joined."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def retry_after_s(self) -> float | None:
        """Retry-After in seconds (RFC 9110 10.2.3); None when there is none to be understood."""
        value = self.headers.get("retry-after", "")
        if value.isascii() and value.isdigit():
            return float(value[:9])
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return None
        return (at.replace(tzinfo=at.tzinfo or UTC) - datetime.now(UTC)).total_seconds()


class Client:
    """Sends requests to other servers; see the head of this file."""

    def __init__(
        self,
        *,
        origin: str,
        allow_http: bool,
        allow_networks: Sequence[Network],
        ca_file: Path | None,
        dns_servers: Sequence[NameServer] = (),
        check: Callable[[str], None] = lambda url: None,
        new_hosts: NewHosts | None = None,
    ):
        self._allow_http = allow_http
        #: Raises for a URL that is not to be asked, whoever wants it: a blocked domain.
        self._check = check
        self._new_hosts = new_hosts
        self._networks = tuple(allow_networks)
        self._ca_file = ca_file
        self._dns_servers = tuple(dns_servers)
        #: What every request carries, unsigned.
        self.headers = {
            "User-Agent": f"apserver/{__version__} (+{origin}/)",
            "Accept-Encoding": "identity",
        }
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool of connections."""
        connector = aiohttp.TCPConnector(
            resolver=JudgingResolver(
                self._dns_servers, lambda address: _judge(address, self._networks)
            ),
            socket_factory=self._socket,
            ssl=trusting(self._ca_file),
            limit=limits.CONNECTIONS,
            limit_per_host=limits.CONNECTIONS_PER_HOST,
            keepalive_timeout=60,
            ttl_dns_cache=limits.DNS_CACHE_S,
        )
        self._session = aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,
            max_line_size=limits.HEADER,
            max_field_size=limits.HEADER,
            skip_auto_headers=("Content-Type",),
        )

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        body: bytes = b"",
        budget: Budget,
        deadline_s: float,
        max_bytes: int,
    ) -> Answer:
        """One request and its answer. RemoteTrouble when there is none within the limits,
        OverBudget when it is not made at all for want of budget; DomainBlocked when we do not deal
        with that server; BadInput when the URL cannot be asked by anybody.

        ``url`` goes out byte for byte as it is: signatures cover it (IO-29).
        """
        assert self._session is not None, "open() comes first"
        check_id(url, allow_http=self._allow_http)
        await self._admit(url)
        try:
            seconds = min(deadline_s, budget.begin(url))
            return await self._exchange(method, url, headers, body, budget, seconds, max_bytes)
        except OverBudget:
            _note("over-budget", url)
            raise

    async def _exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        budget: Budget,
        seconds: float,
        max_bytes: int,
    ) -> Answer:
        assert self._session is not None
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            target = URL(url.partition("#")[0], encoded=True)
            async with (
                asyncio.timeout(seconds),
                self._session.request(
                    method,
                    target,
                    headers={**self.headers, **headers},
                    data=body or None,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.CONNECT_S),
                ) as response,
            ):
                read = _begun if method == "POST" else _whole
                content = await read(response, max_bytes, budget)
                return Answer(response.status, _joined(response), content)
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, UnicodeError) as error:
            why, reason = _fault(error)
            if why == "address":
                _note("address", url)
            raise Unreachable(f"{method} {url}: {_in_words(reason)}", why=why) from error
        finally:
            budget.waited(clock() - began)

    async def _admit(self, url: str) -> None:
        """Raise for what is not to be asked, as far as the URL tells."""
        self._check(url)
        port = origin_of(url).port
        if not is_open_port(port):
            _note("port", url)
            raise Unreachable(f"{url}: on port {port} there is no web server", why="address")
        if self._new_hosts is not None:
            try:
                await self._new_hosts.check(url)
            except RemoteTrouble:
                _note("new-hosts", url)
                raise

    def _socket(self, info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        _judge(address[0], self._networks)
        made = socket.socket(family=family, type=kind, proto=protocol)
        made.setblocking(False)
        return made


class _Closed(OSError):
    """An address that we may not reach."""


#: What an error in the chain tells; the first that fits counts.
_FAULTS: tuple[tuple[Why, tuple[type[BaseException], ...]], ...] = (
    ("address", (_Closed,)),
    ("tls", (ssl.SSLError, ssl.CertificateError, aiohttp.ClientSSLError)),
    ("name", (socket.gaierror, aiohttp.ClientConnectorDNSError)),
    ("time", (TimeoutError,)),
    ("connection", (aiohttp.ClientConnectionError, ConnectionError)),
)


def _judge(address: str, networks: Sequence[Network]) -> None:
    if not may_connect(ipaddress.ip_address(address.partition("%")[0]), networks):
        raise _Closed(
            f"{address} is no public address. If this server may call it, "
            "add its network to [federation] allow_networks"
        )


def _note(reason: str, url: str) -> None:
    """Someone wanted a request that is not made: one line, one count."""
    telemetry.count(telemetry.NOT_ASKED, reason)
    telemetry.event("request not made", reason=reason, url=url)


async def _whole(response: aiohttp.ClientResponse, max_bytes: int, budget: Budget) -> bytes:
    """The body; ValueError when it is not plain, or too long."""
    if _is_packed(response):
        raise ValueError("the answer is compressed, though we asked for it plain")
    body = await _begun(response, max_bytes, budget)
    if len(body) > max_bytes:
        raise ValueError(f"the answer is longer than {max_bytes} bytes")
    return body


async def _begun(response: aiohttp.ClientResponse, max_bytes: int, budget: Budget) -> bytes:
    """The body as far as it is worth reading. After a POST the status counts alone: it must not be
    sent again because of what came behind. Connections with something unread are not used again."""
    body = bytearray()
    if not _is_packed(response):
        async for chunk in response.content.iter_any():
            body += chunk
            budget.read(len(chunk))
            if len(body) > max_bytes:
                break
    return bytes(body)


def _is_packed(response: aiohttp.ClientResponse) -> bool:
    return response.headers.get("Content-Encoding", "identity").lower() != "identity"


def _joined(response: aiohttp.ClientResponse) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in response.headers.items():
        lower = name.lower()
        found[lower] = f"{found[lower]}, {value}" if lower in found else value
    return found


def _fault(error: BaseException) -> tuple[Why, BaseException]:
    """What is at fault, and which of the errors that led to this one says so."""
    chain = _chain(error)
    for why, kinds in _FAULTS:
        for one in chain:
            if isinstance(one, kinds):
                return why, one
    return "answer", error


def _chain(error: BaseException | None) -> list[BaseException]:
    chain: list[BaseException] = []
    while error is not None and error not in chain:
        chain.append(error)
        error = getattr(error, "os_error", None) or error.__cause__
    return chain


def _in_words(error: BaseException) -> str:
    if type(error) is aiohttp.ClientConnectorError:  # those below it are about names and TLS
        host = f"[{error.host}]" if ":" in error.host else error.host
        reason = os.strerror(error.errno).lower() if error.errno else "no connection"
        return f"{host}:{error.port} does not answer ({reason})"
    return "no answer in time" if isinstance(error, TimeoutError) else f"{error or type(error)}"
