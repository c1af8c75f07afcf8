"""LD signatures (RsaSignature2017): what relays and Mastodon prove that they pass on.

Read, never made: the suite is out of date, and others have better (`core.proofs`). What is signed
has to be worked out by JSON-LD, in a process of its own (`apserver.compaction.signed_form`).
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from apserver.core import limits
from apserver.core.keys import PublicKey
from apserver.errors import NotTrusted

_TYPE = "RsaSignature2017"


@dataclass(frozen=True, slots=True)
class LdSignature:
    """A signature as it stands in a document: the id of its key, and its bytes."""

    key_id: str
    signature: bytes

    def is_by(self, key: PublicKey, signed: bytes) -> bool:
        """Whether it was made over ``signed`` with the private half of this key."""
        return key.kind == "rsa" and key.verify(self.signature, signed)


def read_ld_signature(document: Mapping[str, Any]) -> LdSignature | None:
    """The LD signature in a document; None when it has none. NotTrusted when it is of another
    kind, or malformed."""
    found = document.get("signature")
    if found is None:
        return None
    if not isinstance(found, dict) or found.get("type") != _TYPE:
        raise NotTrusted(f"An LD signature is one {_TYPE}, given in full.")
    creator, value = found.get("creator"), found.get("signatureValue")
    if not isinstance(creator, str) or not isinstance(value, str):
        raise NotTrusted("An LD signature needs creator and signatureValue, as text.")
    if max(len(creator), len(value)) > limits.IRI:
        raise NotTrusted(f"A member of an LD signature has more than {limits.IRI} characters.")
    try:
        return LdSignature(creator, base64.b64decode(value, validate=True))
    except binascii.Error:
        raise NotTrusted("The signatureValue is not base64.") from None
