"""Object integrity proofs against the vectors of FEP-8b32 and of vc-di-eddsa."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from apserver.core.keys import PublicKey
from apserver.core.proofs import Proof, read_proof
from apserver.errors import NotTrusted

CASES = {
    case["id"]: case
    for case in json.loads(
        (Path(__file__).parents[1] / "vectors" / "eddsa_jcs_2022.json").read_text(encoding="utf-8")
    )["cases"]
}
NOW = datetime(2026, 1, 2, tzinfo=UTC)
#: Its signature holds for the key; that the key is another actor's is found out by whoever
#: looks the key up.
FOREIGN = "fep-8b32-2025-foreign-method"


def holds(document: dict[str, Any], key: str, *, now: datetime = NOW) -> bool:
    """Whether the document has a proof by this key."""
    try:
        proof = read_proof(document, now=now)
    except NotTrusted:
        return False
    return proof is not None and proof.is_by(PublicKey.from_multikey(key))


@pytest.mark.parametrize("id_", sorted(CASES.keys() - {FOREIGN}))
def test_IO_97_vectors(id_: str) -> None:
    """IO-97, FEP-8b32: what was signed holds, and nothing else."""
    case = CASES[id_]
    assert holds(case["document"], case["publicKeyMultibase"]) is case["expect"]


@pytest.mark.parametrize("id_", sorted(one for one, case in CASES.items() if "signedHex" in case))
def test_IO_97_what_is_signed(id_: str) -> None:
    """FEP-8b32: the hash of the options, then that of the document."""
    case = CASES[id_]
    proof = read_proof(case["document"], now=NOW)
    assert proof is not None
    assert proof.signed.hex() == case["signedHex"]
    assert proof.signature.hex() == case["signatureHex"]


def test_IO_97_the_key_is_the_one_that_is_named() -> None:
    """IO-97: the proof names a key, and says nothing about whose it is."""
    case = CASES[FOREIGN]
    proof = read_proof(case["document"], now=NOW)
    assert isinstance(proof, Proof)
    assert proof.key_id == "https://evil.example/users/mallory#ed25519-key"


@pytest.mark.parametrize(
    "change",
    [
        {"proofValue": None},
        {"proofValue": "u1234"},
        {"proofValue": "z" + "1" * 100},
        {"verificationMethod": None},
        {"verificationMethod": {"id": "https://server.example/users/alice#ed25519-key"}},
        {"type": "RsaSignature2017"},
        {"cryptosuite": None},
        {"created": "2026-01-02T03:00:00Z"},
        {"expires": "2025-12-31T00:00:00Z"},
        {"expires": "soon"},
    ],
    ids=str,
)
def test_IO_97_what_is_no_proof(change: dict[str, Any]) -> None:
    """FEP-8b32: malformed, of another suite, from the future, or expired."""
    case = CASES["fep-8b32-2025"]
    document = {**case["document"], "proof": {**case["document"]["proof"], **change}}
    assert not holds(document, case["publicKeyMultibase"])


def test_IO_97_one_proof_at_most() -> None:
    """FEP-8b32: several proofs are not read, and a document without one has none."""
    case = CASES["fep-8b32-2025"]
    proof = case["document"]["proof"]
    assert not holds({**case["document"], "proof": [proof, proof]}, case["publicKeyMultibase"])
    unsigned = {name: one for name, one in case["document"].items() if name != "proof"}
    assert read_proof(unsigned, now=NOW) is None


def test_IO_97_an_ld_signature_comes_after_it() -> None:
    """FEP-8b32: a relay puts its signature on the whole, proof included."""
    case = CASES["fep-8b32-2025"]
    document = {**case["document"], "signature": {"type": "RsaSignature2017"}}
    assert holds(document, case["publicKeyMultibase"])
    early = datetime(2023, 2, 24, 23, 36, 38, tzinfo=UTC) - timedelta(hours=1)
    assert holds(document, case["publicKeyMultibase"], now=early)
