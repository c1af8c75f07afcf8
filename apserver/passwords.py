"""Passwords, hashed: the one test of whether one fits.

A password is kept as scrypt makes it (RFC 7914), with a salt of its own: whoever steals the
database pays 32 MiB and a quarter of a second of a core for each guess. We pay the same for each
that is sent to us, so

* no more than a few are looked at together, in threads, so that other requests go on. When too many
  wait we say so (503);
* one for a name that has no password costs the same: a stranger cannot tell names by the time that
  an answer takes.

The cost stands beside each digest, so that it can be raised: old ones go on fitting.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import os
import secrets

from apserver.core import limits
from apserver.core.passwords import Hashed, password_bytes
from apserver.errors import Busy

_SALT_BYTES = 16
_DIGEST_BYTES = 32
_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # without what looks alike
_GROUPS, _GROUP = 5, 4  # 31 ** 20: 99 bits
_NOBODYS = Hashed(bytes(_SALT_BYTES), bytes(_DIGEST_BYTES))


def new_password() -> str:
    """A password that nobody guesses, and that can be typed from paper."""
    return "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS)
    )


class Passwords:
    """Hashes passwords, a few at a time."""

    def __init__(self) -> None:
        self._turns = asyncio.Semaphore(limits.HASHING)
        self._waiting = 0

    async def hash(self, password: str) -> Hashed:
        """What to keep of a new password."""
        salt = os.urandom(_SALT_BYTES)
        return Hashed(salt, await self._digest(password, Hashed(salt, b"")))

    async def fits(self, password: str, kept: Hashed | None) -> bool:
        """Whether it is the password that was kept; with None never, at the same cost."""
        compared = kept or _NOBODYS
        digest = await self._digest(password, compared)
        return hmac.compare_digest(digest, compared.digest) and kept is not None

    async def _digest(self, password: str, cost: Hashed) -> bytes:
        sent = password_bytes(password)
        if self._waiting >= limits.HASHES_WAITING:
            raise Busy("Too many people sign in at this moment. Try again.", retry_after_s=5)
        self._waiting += 1
        try:
            async with self._turns:
                return await asyncio.to_thread(_scrypt, sent, cost)
        finally:
            self._waiting -= 1


def _scrypt(password: bytes, cost: Hashed) -> bytes:
    return hashlib.scrypt(
        password,
        salt=cost.salt,
        n=cost.n,
        r=cost.r,
        p=cost.p,
        maxmem=256 * cost.n * cost.r,  # twice what it needs
        dklen=_DIGEST_BYTES,
    )
