"""New identifiers. UUIDv7 (RFC 9562 5.7): in the order of their making, unguessable enough."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from datetime import UTC, datetime
from uuid import UUID

_last = 0


def uuid7() -> UUID:
    """A UUIDv7 that is greater than every one made before in this process.

    The 12 bits after the milliseconds count up within a millisecond (RFC 9562 6.2, method 1);
    when they run out, or the clock steps back, the last time is kept and counted on.
    """
    global _last
    now = (time.time_ns() // 1_000_000) << 12 | secrets.randbits(8)
    _last = now if now > _last else _last + 1
    milliseconds, counter = _last >> 12, _last & 0xFFF
    tail = int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    return UUID(int=milliseconds << 80 | 7 << 76 | counter << 64 | 0b10 << 62 | tail)


def made_at(id_: UUID) -> datetime:
    """When a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((id_.int >> 80) / 1000, UTC)


def new_token() -> str:
    """A bearer token: 256 random bits, with a prefix that secret scanners can find."""
    return "aps_" + secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    """The SHA-256 of a token, which is all that is kept of it."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


def new_session() -> str:
    """What the cookie of a browser holds: 256 random bits."""
    return secrets.token_urlsafe(32)
