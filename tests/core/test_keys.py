"""Keys: reading, sizes, spellings, and Multikey. SIG-C-12, KEY-04, algorithm confusion."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from hypothesis import given
from hypothesis import strategies as st

from apserver.core import multibase
from apserver.core.keys import PrivateKey, PublicKey
from apserver.errors import ApserverError, BadInput, NotTrusted

VECTORS = Path(__file__).parents[1] / "vectors"
RFC_KEYS = json.loads((VECTORS / "rfc9421_appendix_b.json").read_text())["keys"]
FEDIVERSE_KEYS = json.loads((VECTORS / "fediverse_rsa_v1_5.json").read_text())["keys"]
WEAK_PEM = json.loads((VECTORS / "cavage12_appendix_c.json").read_text())["keys"]["Test"][
    "publicPem"
]
MULTIKEYS = json.loads((VECTORS / "multikey.json").read_text())["cases"]

RSA_PKCS1 = FEDIVERSE_KEYS["test-key-rsa"]["publicPem"]
RSA_SPKI = FEDIVERSE_KEYS["test-key-rsa"]["publicSpkiPem"]
ED25519_PEM = RFC_KEYS["test-key-ed25519"]["publicPem"]
RSA_PRIVATE = load_pem_private_key(RFC_KEYS["test-key-rsa"]["privatePem"].encode(), None)


def rsa_der(bits: int, exponent: int = 65537) -> bytes:
    """PKCS#1 RSAPublicKey with a modulus of that size; nobody knows its factors."""
    return _der(0x30, _der_integer((1 << (bits - 1)) + 1) + _der_integer(exponent))


def _der_integer(number: int) -> bytes:
    return _der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _der(tag: int, content: bytes) -> bytes:
    size = len(content)
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return (
        bytes([tag])
        + (bytes([size]) if size < 128 else bytes([0x80 | len(length)]) + length)
        + content
    )


def test_SIG_C_12_both_kinds_of_pem_are_one_key() -> None:
    pkcs1, spki = PublicKey.from_pem(RSA_PKCS1), PublicKey.from_pem(RSA_SPKI)
    assert RSA_PKCS1.startswith("-----BEGIN RSA PUBLIC KEY-----")
    assert pkcs1 == spki
    assert hash(pkcs1) == hash(spki)
    assert pkcs1 != PublicKey.from_pem(ED25519_PEM)
    assert (pkcs1.kind, PublicKey.from_pem(ED25519_PEM).kind) == ("rsa", "ed25519")


def test_IO_07_pem_is_subject_public_key_info() -> None:
    assert PublicKey.from_pem(RSA_PKCS1).pem() == RSA_SPKI
    assert PublicKey.from_pem(ED25519_PEM).pem() == ED25519_PEM


def test_der_round_trip() -> None:
    for pem in (RSA_PKCS1, ED25519_PEM):
        key = PublicKey.from_pem(pem)
        assert PublicKey.from_der(key.spki) == key


@pytest.mark.parametrize(
    "pem",
    [RSA_SPKI.strip(), f"\n  {RSA_SPKI}\n", RSA_SPKI.replace("\n", "\r\n")],
    ids=["no newline", "space around", "CRLF"],
)
def test_pem_in_odd_layout_is_read(pem: str) -> None:
    assert PublicKey.from_pem(pem).pem() == RSA_SPKI


@pytest.mark.parametrize(
    "pem",
    [
        "",
        "key",
        RSA_SPKI[:200],
        RSA_SPKI.replace("MIIB", "MIIC"),
        RSA_SPKI.replace("M", "é"),
        "\ud800",
        RFC_KEYS["test-key-ecc-p256"]["publicPem"],
        RFC_KEYS["test-key-ed25519"]["privatePem"],
        RSA_SPKI + " " * 5000,
    ],
    ids=["empty", "word", "cut", "bad DER", "not ASCII", "surrogate", "ECDSA", "private", "long"],
)
def test_pem_that_is_no_usable_key_is_refused(pem: str) -> None:
    with pytest.raises(NotTrusted):
        PublicKey.from_pem(pem)


@given(st.binary(max_size=60))
def test_der_garbage_is_refused(der: bytes) -> None:
    with pytest.raises(NotTrusted):
        PublicKey.from_der(der)


def test_SIG_C_12_rsa_of_1024_bits_is_refused_unless_asked_for() -> None:
    with pytest.raises(NotTrusted, match="1024 bits"):
        PublicKey.from_pem(WEAK_PEM)
    assert PublicKey.from_pem(WEAK_PEM, rsa_bits_min=1024).kind == "rsa"


@pytest.mark.parametrize("bits", [512, 2047, 8193, 65_536])
def test_algorithm_confusion_rsa_size_is_bounded(bits: int) -> None:
    """Small keys prove nothing, big ones are work for us."""
    with pytest.raises(NotTrusted, match=f"{bits} bits"):
        PublicKey.from_der(rsa_der(bits))


@pytest.mark.parametrize("bits", [2048, 4096, 8192])
def test_rsa_sizes_in_use_are_taken(bits: int) -> None:
    assert PublicKey.from_der(rsa_der(bits)).kind == "rsa"


@pytest.mark.parametrize("exponent", [1, 2, 4, 65_536, (1 << 64) + 1, (1 << 2000) + 1])
def test_algorithm_confusion_rsa_exponent_is_bounded(exponent: int) -> None:
    """With e = 1 every text is its own signature."""
    with pytest.raises(NotTrusted):
        PublicKey.from_der(rsa_der(2048, exponent))


def test_rsa_exponent_of_three_is_taken() -> None:
    assert PublicKey.from_der(rsa_der(2048, 3)).kind == "rsa"


@pytest.mark.parametrize("case", MULTIKEYS, ids=lambda case: case["id"])
def test_KEY_04_multikey_vectors(case: dict[str, Any]) -> None:
    text = case["publicKeyMultibase"]
    if text is None:
        # RFC 8032 test 1; the answer stands in the README of the vectors.
        text = "z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw"
        assert multibase.decode(text) == b"\xed\x01" + bytes.fromhex(case["publicKeyHex"])
    if case["valid"]:
        key = PublicKey.from_multikey(text)
        assert (key.kind, key.multikey()) == (case["type"], text)
    else:
        with pytest.raises(NotTrusted):
            PublicKey.from_multikey(text)


def test_KEY_04_FEP_521a_ed25519_example() -> None:
    raw = bytes.fromhex("2e6fcce36701dc791488e0d0b1745cc1e33a4c1c9fcc41c63bd343dbbe0970e6")
    key = PublicKey.from_multikey("z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK")
    assert key.spki.endswith(raw)


def test_KEY_04_rsa_multikey_is_pkcs1_behind_0x1205() -> None:
    key = PublicKey.from_pem(RSA_SPKI)
    pkcs1 = RSA_PRIVATE.public_key().public_bytes(Encoding.DER, PublicFormat.PKCS1)
    assert multibase.decode(key.multikey()) == b"\x85\x24" + pkcs1
    assert PublicKey.from_multikey(key.multikey()) == key


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xed\x01",
        b"\xed\x01" + bytes(33),
        b"\x80\x24" + bytes(33),
        b"\x85\x24",
        b"\x85\x24" + rsa_der(1024),
    ],
    ids=["empty", "no key", "33 bytes", "P-256", "no RSA key", "RSA of 1024 bits"],
)
def test_multikey_that_is_no_usable_key_is_refused(data: bytes) -> None:
    with pytest.raises(NotTrusted):
        PublicKey.from_multikey(multibase.encode(data))


def test_multikey_beyond_the_limit_is_refused() -> None:
    with pytest.raises(NotTrusted, match="longer"):
        PublicKey.from_multikey("z" + "1" * 5000)


@given(st.binary(max_size=80))
def test_multibase_round_trip(data: bytes) -> None:
    assert multibase.decode(multibase.encode(data)) == data


@pytest.mark.parametrize(
    ("data", "text"),
    [(b"", "z"), (b"\0\0\x01", "z112"), (b"yes mani !", "z7paNL19xttacUY")],
)
def test_multibase_examples(data: bytes, text: str) -> None:
    """The third is from the multibase test suite (basic.csv)."""
    assert multibase.encode(data) == text
    assert multibase.decode(text) == data


@pytest.mark.parametrize("text", ["", "uAQ", "f00", "z0", "zO", "zI", "zl", "z é", "Z1"])
def test_multibase_that_is_not_base58btc_is_refused(text: str) -> None:
    with pytest.raises(BadInput):
        multibase.decode(text)


def test_private_key_signs_for_its_public_half() -> None:
    for name in ("test-key-rsa", "test-key-ed25519"):
        made = load_pem_private_key(RFC_KEYS[name]["privatePem"].encode(), None)
        key = PrivateKey.of(made)
        signature = key.sign(b"data")
        assert key.public() == PublicKey.from_pem(RFC_KEYS[name]["publicPem"])
        assert key.public().verify(signature, b"data")
        assert not key.public().verify(signature, b"Data")
        assert not key.public().verify(b"", b"data")


def test_private_key_round_trip_in_pkcs8() -> None:
    for pem in (RFC_KEYS["test-key-rsa"]["privatePem"], RFC_KEYS["test-key-ed25519"]["privatePem"]):
        made = load_pem_private_key(pem.encode(), None)
        der = made.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        key = PrivateKey.from_der(der)
        assert key.der() == der
        assert key.sign(b"data") == PrivateKey.of(made).sign(b"data")


def test_ed25519_private_key_of_rfc_9421() -> None:
    """The PKCS#8 of test-key-ed25519 as printed in the RFC."""
    key = PrivateKey.from_der(
        b64decode("MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF")
    )
    assert key.public().pem() == ED25519_PEM


def test_private_key_that_cannot_be_read_is_our_own_trouble() -> None:
    """What is damaged is in our store, so it is no refusal of a peer (500, not 401)."""
    ecdsa = ec.derive_private_key(7, ec.SECP256R1())
    other = ecdsa.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    for der in (b"", b"damaged", other):
        with pytest.raises(ApserverError) as trouble:
            PrivateKey.from_der(der)
        assert trouble.value.status == 500


def test_a_private_key_does_not_show_itself() -> None:
    assert repr(PrivateKey.of(RSA_PRIVATE)) == "PrivateKey(kind='rsa')"
