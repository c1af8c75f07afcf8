"""Object integrity proofs: eddsa-jcs-2022 (FEP-8b32, W3C vc-di-eddsa 3.3).

An HTTP signature tells who carries a document. A proof stands in the document and tells who made
it, whoever carries it. What is signed is two hashes, each over the one form that JSON can be
written in (RFC 8785): of the proof itself without its value, then of the document without the
proof. So every byte of meaning is covered, members that no context defines too.

A proof holds when it was made with the key that it names. Whose key that is, it cannot say: that is
shown as for any key (`core.key_documents`). At most one proof is read. An LD signature
(`core.ld_signatures`) is put on after it, and is taken off first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import rfc8785

from apserver.core import limits, multibase
from apserver.core.document import as_list
from apserver.core.keys import PublicKey
from apserver.core.times import read_time
from apserver.errors import BadInput, NotTrusted

_TYPE = "DataIntegrityProof"
_CRYPTOSUITE = "eddsa-jcs-2022"
_PURPOSE = "assertionMethod"


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof as it stands in a document: the id of its key, what was signed (64 bytes), and the
    signature."""

    key_id: str
    signed: bytes
    signature: bytes

    def is_by(self, key: PublicKey) -> bool:
        """Whether it was made with the private half of this key."""
        return key.kind == "ed25519" and key.verify(self.signature, self.signed)


def read_proof(document: Mapping[str, Any], *, now: datetime) -> Proof | None:
    """The proof in a document, as it came and with nothing renamed; None when it has none.

    Raises NotTrusted when it is of another kind, for another purpose, or out of its time.
    """
    proof = document.get("proof")
    if proof is None:
        return None
    if not isinstance(proof, dict):
        raise NotTrusted("A document has one proof, given in full.")
    _check_kind(proof)
    _check_time(proof, now)
    _check_context(document, proof)
    options = {name: value for name, value in proof.items() if name != "proofValue"}
    shown = {name: one for name, one in document.items() if name not in ("proof", "signature")}
    return Proof(
        key_id=_text(proof, "verificationMethod"),
        signed=_hash(options) + _hash(shown),
        signature=_signature(_text(proof, "proofValue")),
    )


def _check_kind(proof: Mapping[str, Any]) -> None:
    wanted = {"type": _TYPE, "cryptosuite": _CRYPTOSUITE, "proofPurpose": _PURPOSE}
    for name, value in wanted.items():
        if proof.get(name) != value:
            raise NotTrusted(f"The {name} of a proof is {value} here.")


def _check_time(proof: Mapping[str, Any], now: datetime) -> None:
    """Old it may be: it is of the document, not of a request."""
    created, expires = (read_time(proof.get(name)) for name in ("created", "expires"))
    if created is not None and created > now + timedelta(seconds=limits.CLOCK_SKEW_S):
        raise NotTrusted("The proof was made in the future.")
    if "expires" in proof and (expires is None or expires <= now):
        raise NotTrusted("The proof has expired.")


def _check_context(document: Mapping[str, Any], proof: Mapping[str, Any]) -> None:
    """What a proof says of its @context, the document must begin with (vc-di-eddsa 3.3.2)."""
    if "@context" in proof:
        ours, theirs = as_list(document.get("@context")), as_list(proof["@context"])
        if ours[: len(theirs)] != theirs:
            raise NotTrusted("The @context of the document does not begin with the proof's.")


def _text(proof: Mapping[str, Any], name: str) -> str:
    value = proof.get(name)
    if not isinstance(value, str) or not value or len(value) > limits.IRI:
        raise NotTrusted(f"A proof needs its {name}, as text.")
    return value


def _signature(value: str) -> bytes:
    try:
        return multibase.decode(value)
    except BadInput as error:
        raise NotTrusted(f"The proofValue is malformed: {error}") from None


def _hash(value: Mapping[str, Any]) -> bytes:
    try:
        return hashlib.sha256(rfc8785.dumps(dict(value))).digest()
    except rfc8785.CanonicalizationError:
        raise NotTrusted("The document has no canonical form (RFC 8785).") from None
