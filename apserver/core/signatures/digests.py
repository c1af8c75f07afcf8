"""Digests of a body: `Digest` (RFC 3230), that draft-cavage signs, and `Content-Digest` (RFC 9530).

A signature covers headers only; these two headers tie the body to it. They are computed over the
raw bytes of the body, before anything parses it.
"""

from __future__ import annotations

from base64 import b64encode
from binascii import a2b_base64
from collections.abc import Callable
from hashlib import sha256, sha512
from typing import Any

from apserver.core.signatures.structured import Item, read_dictionary
from apserver.errors import BadInput, NotTrusted

#: The active algorithms of RFC 9530 5; the first that a message offers is the one that is checked.
_ALGORITHMS: tuple[tuple[str, Callable[[bytes], Any]], ...] = (
    ("sha-256", sha256),
    ("sha-512", sha512),
)


def digest(body: bytes) -> str:
    """The `Digest` header. Some peers want the name in capitals and nothing else beside it."""
    return "SHA-256=" + b64encode(sha256(body).digest()).decode()


def content_digest(body: bytes) -> str:
    """The `Content-Digest` header."""
    return f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"


def check_digest(value: str, body: bytes) -> None:
    """Raise NotTrusted unless a `Digest` header holds one SHA-256 entry and it is the body's.

    Algorithm names are compared without case (RFC 3230 4.1.1), other algorithms are ignored.
    """
    entries = [entry.strip(" \t").partition("=") for entry in value.split(",")]
    found = [encoded for name, _, encoded in entries if name.lower() == "sha-256"]
    if len(found) != 1:
        raise NotTrusted("Digest must contain exactly one SHA-256 entry.")
    try:
        matches = a2b_base64(found[0], strict_mode=True) == sha256(body).digest()
    except ValueError:
        raise NotTrusted("The SHA-256 entry of Digest is not base64.") from None
    if not matches:
        raise NotTrusted("Digest does not match the body. Compute it over the bytes sent.")


def check_content_digest(value: str, body: bytes) -> None:
    """Raise unless a `Content-Digest` header matches the body.

    BadInput when it is no dictionary of byte sequences (RFC 9530 2); NotTrusted when it offers no
    active algorithm, one twice, or another body's digest.
    """
    offered = read_dictionary(value, field="Content-Digest")
    if not all(isinstance(m, Item) and isinstance(m.value, bytes) for m in offered.values()):
        raise BadInput("Content-Digest must map algorithms to byte sequences (RFC 9530 2).")
    for name, algorithm in _ALGORITHMS:
        member = offered.get(name)
        if isinstance(member, Item):
            if member.value != algorithm(body).digest():
                raise NotTrusted(
                    "Content-Digest does not match the body. Compute it over the bytes sent."
                )
            return
    raise NotTrusted("Content-Digest offers no algorithm known here. Use sha-256.")
