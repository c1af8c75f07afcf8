"""HTTP/1.1 messages as bytes: just enough for a load generator and a sink on loopback.

Every message here has a Content-Length or no body. Neither side is what is measured, and both
share the machine with what is, so they do as little as they can.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)
_BLANK = b"\r\n\r\n"


class Messages:
    """Cuts what arrives on one connection into messages."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> Iterator[tuple[bytes, bytes]]:
        """The (head, body) of every message that is complete now."""
        self._rest += data
        while (end := self._rest.find(_BLANK)) >= 0:
            head = self._rest[:end]
            found = _LENGTH.search(head)
            body_at = end + len(_BLANK)
            rest_at = body_at + (int(found[1]) if found else 0)
            if len(self._rest) < rest_at:
                return
            body = self._rest[body_at:rest_at]
            self._rest = self._rest[rest_at:]
            yield head, body


def request(method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """The bytes of a request; ``headers`` must hold Host."""
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {headers[name]}" for name in headers)]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode() + body
