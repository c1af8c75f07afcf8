"""The one door through which apserver speaks to other servers.

Whoever can make us fetch a URL (by a key id, an inbox, an object id) must not reach what only
we can reach. So the *address* is judged, not the text of the URL, and at two points: every
address that a name resolves to, before any is used, and the one that a socket is really made
for. The second also catches addresses written out in the URL, in whatever form, and leaves no
gap between looking and connecting (DNS rebinding). Public addresses may be reached; others
only when the configuration names their network.

Redirects are not followed here, cookies are not kept, proxies of the environment are ignored,
and every answer has a limit in bytes and one in seconds, for the whole of it.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from apserver import __version__
from apserver.core import limits
from apserver.core.origin import check_id, may_connect
from apserver.errors import BadInput, ConfigProblem, RemoteTrouble, Unreachable, Why

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
        check: Callable[[str], None] = lambda url: None,
    ):
        self._allow_http = allow_http
        #: Raises for a URL that is not to be asked, whoever wants it: a blocked domain.
        self._check = check
        self._networks = tuple(allow_networks)
        self._ca_file = ca_file
        #: What every request carries, unsigned.
        self.headers = {
            "User-Agent": f"apserver/{__version__} (+{origin}/)",
            "Accept-Encoding": "identity",
        }
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        """Make the pool of connections."""
        connector = aiohttp.TCPConnector(
            resolver=_JudgingResolver(self._networks),
            socket_factory=self._socket,
            ssl=_trusting(self._ca_file),
            limit=limits.CONNECTIONS,
            limit_per_host=limits.CONNECTIONS_PER_HOST,
            keepalive_timeout=60,
            ttl_dns_cache=60,
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
        deadline_s: float,
        max_bytes: int,
    ) -> Answer:
        """One request and its answer. RemoteTrouble when there is none within the limits;
        DomainBlocked when we do not deal with that server.

        ``url`` goes out byte for byte as it is: signatures cover it (IO-29).
        """
        assert self._session is not None, "open() comes first"
        try:
            check_id(url, allow_http=self._allow_http)
            self._check(url)
            target = URL(url.partition("#")[0], encoded=True)
            async with (
                asyncio.timeout(deadline_s),
                self._session.request(
                    method,
                    target,
                    headers={**self.headers, **headers},
                    data=body or None,
                    allow_redirects=False,
                    timeout=aiohttp.ClientTimeout(total=None, sock_connect=limits.CONNECT_S),
                ) as response,
            ):
                return Answer(response.status, _joined(response), await _read(response, max_bytes))
        except BadInput as error:
            raise RemoteTrouble(f"{url} cannot be requested: {error}") from error
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError, UnicodeError) as error:
            why, reason = _fault(error)
            raise Unreachable(f"{method} {url}: {_in_words(reason)}", why=why) from error

    def _socket(self, info: Any) -> socket.socket:
        family, kind, protocol, _, address = info
        _judge(address[0], self._networks)
        made = socket.socket(family=family, type=kind, proto=protocol)
        made.setblocking(False)
        return made


class _Closed(OSError):
    """An address that we may not reach."""


class _JudgingResolver(AbstractResolver):
    """Resolves a name, and refuses it when any of its addresses may not be reached."""

    def __init__(self, networks: Sequence[Network]):
        self._networks = networks
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        for one in found:
            _judge(one["host"], self._networks)
        return found

    async def close(self) -> None:
        await self._resolver.close()


#: What an error in the chain tells; the first that fits counts.
_FAULTS: tuple[tuple[Why, tuple[type[BaseException], ...]], ...] = (
    ("address", (_Closed,)),
    ("tls", (ssl.SSLError, ssl.CertificateError, aiohttp.ClientSSLError)),
    ("name", (socket.gaierror, aiohttp.ClientConnectorDNSError)),
    ("time", (TimeoutError,)),
    ("connection", (aiohttp.ClientConnectionError, ConnectionError)),
)


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    """TLS that trusts the authorities of the system, and besides them those of the file."""
    context = ssl.create_default_context()
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise ConfigProblem(
                f"[federation] ca_file = {ca_file} cannot be used: {error}. "
                "It must hold certificates of authorities as PEM"
            ) from error
    return context


def _judge(address: str, networks: Sequence[Network]) -> None:
    if not may_connect(ipaddress.ip_address(address.partition("%")[0]), networks):
        raise _Closed(
            f"{address} is no public address. If this server may call it, "
            "add its network to [federation] allow_networks"
        )


async def _read(response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
    if response.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise ValueError("the answer is compressed, though we asked for it plain")
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > max_bytes:
            raise ValueError(f"the answer is longer than {max_bytes} bytes")
    return bytes(body)


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
    return "no answer in time" if isinstance(error, TimeoutError) else f"{error or type(error)}"
