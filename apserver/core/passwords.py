"""Which texts are passwords, and what is kept of one."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from apserver.core import limits
from apserver.errors import Unprocessable


@dataclass(frozen=True, slots=True)
class Hashed:
    """What is kept of a password: its digest, and what it was made with (scrypt, RFC 7914)."""

    salt: bytes
    digest: bytes
    n: int = limits.SCRYPT_N
    r: int = limits.SCRYPT_R
    p: int = limits.SCRYPT_P


def check_password(password: str) -> None:
    """That a text may be set as a password. Unprocessable says why not."""
    if len(password) < limits.PASSWORD_LEAST:
        raise Unprocessable(f"A password has at least {limits.PASSWORD_LEAST} characters.")
    password_bytes(password)


def password_bytes(password: str) -> bytes:
    """What is hashed of a password, in one spelling (NFC, RFC 8265 4.2.2). Unprocessable for what
    is longer than any password: hashing it would cost us (CWE-400)."""
    if len(password) <= limits.PASSWORD:
        encoded = unicodedata.normalize("NFC", password).encode("utf-8", "surrogatepass")
        if len(encoded) <= limits.PASSWORD:
            return encoded
    raise Unprocessable(f"A password has at most {limits.PASSWORD} bytes.")
