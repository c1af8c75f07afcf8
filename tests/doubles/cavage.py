"""draft-cavage-12 by hand, in the words of the draft, in the dialects that other servers speak.

What is tested against this was not written by the code under test.
"""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from hashlib import sha256
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

FOR_POST = "(request-target) host date digest"


def digest_of(body: bytes) -> str:
    """The Digest header."""
    return "SHA-256=" + b64encode(sha256(body).digest()).decode()


def joined(parameters: Mapping[str, str]) -> str:
    """The Signature header as most write it."""
    return ",".join(f'{name}="{value}"' for name, value in parameters.items())


class Signs(Protocol):
    """A private key, or what somebody has instead."""

    def sign(self, data: bytes) -> bytes:
        """The signature over the data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """How a POST is signed, or another ``method``.

    ``covered`` are the signed names in order, None to leave the parameter out; ``age`` is that of
    the Date; ``target`` is signed in place of the path, ``fields`` in place of other headers or
    beside them; ``parameters`` are added to the signature, which ``write`` writes.
    """

    method: str = "post"
    covered: str | None = FOR_POST
    algorithm: str | None = "rsa-sha256"
    age: timedelta = timedelta()
    target: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    write: Callable[[Mapping[str, str]], str] = joined

    def sign(self, url: str, body: bytes, *, key_id: str, key: Signs) -> dict[str, str]:
        """The headers to send, except Host, which the client sets."""
        host, _, path = url.partition("://")[2].partition("/")
        sent = {
            "host": host,
            "date": format_datetime(datetime.now(UTC) - self.age, usegmt=True),
            "digest": digest_of(body),
            "content-type": "application/activity+json",
            "content-length": str(len(body)),
        }
        sent |= self.fields
        own = {"keyId": key_id, **self.parameters}
        if self.algorithm is not None:
            own["algorithm"] = self.algorithm
        values = sent | {f"({name})": value for name, value in own.items()}
        values["(request-target)"] = f"{self.method} {self.target or '/' + path}"
        names = (self.covered or "date").split()
        string = "\n".join(f"{name}: {values[name].strip()}" for name in names if name in values)
        if self.covered is not None:
            own["headers"] = self.covered
        own["signature"] = b64encode(key.sign(string.encode())).decode()
        sent["signature"] = self.write(own)
        return {name: value for name, value in sent.items() if name != "host"}


def check_signed(headers: Mapping[str, str], *, target: str, key_pem: str) -> None:
    """Check a received POST as the draft says; InvalidSignature when it does not hold."""
    given = dict(re.findall(r'([a-zA-Z]+)="([^"]*)"', headers["Signature"]))
    values = {name.lower(): value for name, value in headers.items()}
    values["(request-target)"] = f"post {target}"
    string = "\n".join(f"{name}: {values[name]}" for name in given["headers"].split())
    public = load_pem_public_key(key_pem.encode())
    assert isinstance(public, rsa.RSAPublicKey)
    public.verify(b64decode(given["signature"]), string.encode(), PKCS1v15(), SHA256())
