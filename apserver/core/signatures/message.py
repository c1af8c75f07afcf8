"""What a signature is made over (`Request`) and what a request says of its signer (`Claim`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from apserver.errors import NotTrusted

Scheme = Literal["cavage", "rfc9421"]

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
#: Methods that carry no body unless one is there (RFC 9110 9.3.1 and 9.3.2).
_BODILESS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request, as far as a signature can cover it.

    ``url`` is absolute and without fragment: the origin that the request is addressed to (behind a
    proxy the configured one), then path and query exactly as they were sent. ``headers`` maps
    lower-case names to values in order of arrival. Text that came from the wire may hold surrogate
    escapes; they turn into the same bytes again.
    """

    method: str
    url: str
    headers: Mapping[str, Sequence[str]]
    body: bytes = b""

    @classmethod
    def from_pairs(
        cls, method: str, url: str, *, headers: Iterable[tuple[str, str]], body: bytes = b""
    ) -> Request:
        """Build one from header lines: (name in any case, value), in order of arrival."""
        grouped: dict[str, list[str]] = {}
        for name, value in headers:
            grouped.setdefault(name.lower(), []).append(value)
        return cls(method, url, grouped, body)

    @property
    def scheme(self) -> str:
        """``http`` or ``https``."""
        return self.url.partition("://")[0].lower()

    @property
    def authority(self) -> str:
        """Host in lower case, with the port unless it is the scheme's own (RFC 9421 2.2.3)."""
        rest = self.url.partition("://")[2]
        return _authority(rest.partition("/")[0].partition("?")[0], self.scheme)

    @property
    def target(self) -> str:
        """Path and query as sent; an empty path is ``/`` (RFC 9112 3.2.1)."""
        rest = self.url.partition("://")[2]
        slash, query = rest.find("/"), rest.find("?")
        if slash >= 0 and (query < 0 or slash < query):
            return rest[slash:]
        return "/" + rest[query:] if query >= 0 else "/"

    @property
    def needs_digest(self) -> bool:
        """Whether a signature says nothing of value unless it covers a digest of the body."""
        return bool(self.body) or self.method.upper() not in _BODILESS

    def field(self, name: str) -> str | None:
        """All values of a lower-case header name, trimmed and joined (RFC 9421 2.1); or None."""
        values = self.headers.get(name)
        if not values:
            return None
        return ", ".join([value.strip(" \t") for value in values])

    def with_fields(self, added: Mapping[str, str]) -> Request:
        """The same request with headers added or replaced; names in any case."""
        headers = {**self.headers, **{name.lower(): (value,) for name, value in added.items()}}
        return Request(self.method, self.url, headers, self.body)

    def is_for_host(self, host: str) -> bool:
        """Whether a Host header names the authority that the request is addressed to."""
        return _authority(host, self.scheme) == self.authority


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Who a request says has signed it: read and complete, but not verified.

    ``bases`` are the exact bytes of which one must bear ``signature``; building them fails when
    something covered is absent, so a claim covers what the rules want. ``algorithm`` is the name
    that the signer gave, in lower case, or "": it is only compared with the key, never obeyed.
    """

    scheme: Scheme
    key_id: str
    algorithm: str
    signature: bytes
    bases: tuple[bytes, ...]
    signed_at: datetime
    expires_at: datetime | None
    covers_digest: bool


def base_bytes(lines: Sequence[str]) -> bytes:
    """Join the lines of a signature base: LF between them and none at the end.

    Raises NotTrusted when a value would smuggle in a line of its own, or is no text of the wire.
    """
    base = "\n".join(lines)
    if base.count("\n") != len(lines) - 1:
        raise NotTrusted("A signed value contains a line break. Remove it.")
    return wire_bytes(base)


def wire_bytes(text: str) -> bytes:
    """The bytes that a text was on the wire. Raises NotTrusted when it cannot have been there."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise NotTrusted("A signed value is not text. Send ASCII headers.") from None


def _authority(host: str, scheme: str) -> str:
    return host.lower().removesuffix(_DEFAULT_PORTS.get(scheme, ""))
