"""Keys: what a signature is made and checked with.

Two types are in use, and each has one algorithm here, so that no message can choose another:
RSA signs with RSASSA-PKCS1-v1_5 over SHA-256, Ed25519 with itself. A public key comes as PEM or DER
(SubjectPublicKeyInfo or PKCS#1) or as Multikey: a multicodec prefix, then PKCS#1 or the 32 bytes
of Ed25519, in base58btc (FEP-521a).

Keys from elsewhere are measured before use: RSA modulus of 2048 to 8192 bits, public exponent odd,
at least 3 and at most 64 bits. A small one proves nothing; a big one makes each check dear.

Keys are not made here; that takes randomness.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_der_private_key,
    load_der_public_key,
    load_pem_public_key,
)

from apserver.core import limits, multibase
from apserver.errors import ApserverError, BadInput, NotTrusted

KeyKind: TypeAlias = Literal["rsa", "ed25519"]

_PADDING = PKCS1v15()
_HASH = SHA256()
#: Multicodec prefixes as unsigned varints: rsa-pub 0x1205, ed25519-pub 0xed.
_CODEC_RSA = b"\x85\x24"
_CODEC_ED25519 = b"\xed\x01"


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key that is fit for use. Equal keys are equal, however they were written.

    ``spki`` is its DER SubjectPublicKeyInfo. The constructors raise NotTrusted when the text is no
    key, or a key of a type or size that is not taken; ``rsa_bits_min`` lets test vectors use
    smaller ones.
    """

    kind: KeyKind
    spki: bytes
    _key: RSAPublicKey | Ed25519PublicKey = field(repr=False, compare=False)

    @classmethod
    def from_pem(cls, pem: str, *, rsa_bits_min: int = limits.RSA_BITS_MIN) -> PublicKey:
        """Read `BEGIN PUBLIC KEY` or `BEGIN RSA PUBLIC KEY`; space around it does not matter."""
        if len(pem) > limits.KEY_TEXT:
            raise NotTrusted(f"A public key is longer than {limits.KEY_TEXT} characters.")
        try:
            key = load_pem_public_key(pem.strip().encode())
        except (ValueError, UnsupportedAlgorithm):
            raise NotTrusted("A public key is not PEM of a type known here.") from None
        return cls._of(key, rsa_bits_min)

    @classmethod
    def from_der(cls, der: bytes, *, rsa_bits_min: int = limits.RSA_BITS_MIN) -> PublicKey:
        """Read SubjectPublicKeyInfo or PKCS#1 RSAPublicKey."""
        try:
            key = load_der_public_key(der)
        except (ValueError, UnsupportedAlgorithm):
            raise NotTrusted("A public key is not DER of a type known here.") from None
        return cls._of(key, rsa_bits_min)

    @classmethod
    def from_multikey(cls, text: str, *, rsa_bits_min: int = limits.RSA_BITS_MIN) -> PublicKey:
        """Read a `publicKeyMultibase` (FEP-521a)."""
        if len(text) > limits.KEY_TEXT:
            raise NotTrusted(f"A public key is longer than {limits.KEY_TEXT} characters.")
        try:
            data = multibase.decode(text)
        except BadInput as error:
            raise NotTrusted(f"A Multikey is malformed: {error}") from None
        if data.startswith(_CODEC_RSA):
            return cls.from_der(data[2:], rsa_bits_min=rsa_bits_min)
        if not data.startswith(_CODEC_ED25519):
            raise NotTrusted("A Multikey is of a type unknown here. Use RSA or Ed25519.")
        try:
            return cls._of(Ed25519PublicKey.from_public_bytes(data[2:]), rsa_bits_min)
        except ValueError:
            raise NotTrusted("An Ed25519 Multikey does not have 32 bytes.") from None

    @classmethod
    def _of(cls, key: object, rsa_bits_min: int) -> PublicKey:
        if isinstance(key, RSAPublicKey):
            _check_rsa(key, rsa_bits_min)
            return cls("rsa", _spki(key), key)
        if isinstance(key, Ed25519PublicKey):
            return cls("ed25519", _spki(key), key)
        raise NotTrusted("A public key is of a type unknown here. Use RSA or Ed25519.")

    def verify(self, signature: bytes, data: bytes) -> bool:
        """Whether the signature over the data was made with this key's private half."""
        try:
            if isinstance(self._key, RSAPublicKey):
                self._key.verify(signature, data, _PADDING, _HASH)
            else:
                self._key.verify(signature, data)
        except InvalidSignature:
            return False
        return True

    def pem(self) -> str:
        """`BEGIN PUBLIC KEY` (SubjectPublicKeyInfo): the one form that all peers read."""
        return self._key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def multikey(self) -> str:
        """The `publicKeyMultibase` of FEP-521a."""
        if isinstance(self._key, RSAPublicKey):
            return multibase.encode(
                _CODEC_RSA + self._key.public_bytes(Encoding.DER, PublicFormat.PKCS1)
            )
        return multibase.encode(_CODEC_ED25519 + self._key.public_bytes_raw())


@dataclass(frozen=True, slots=True, eq=False)
class PrivateKey:
    """A private key of ours."""

    kind: KeyKind
    _key: RSAPrivateKey | Ed25519PrivateKey = field(repr=False)

    @classmethod
    def from_der(cls, der: bytes) -> PrivateKey:
        """Read an unencrypted PKCS#8 key **that we made ourselves**.

        It skips the check that an RSA key's numbers belong together, which takes 31 ms and holds
        the GIL. Never use it for keys from elsewhere. Raises ApserverError when it is no such key:
        what we stored is damaged, or was decrypted with another secret.
        """
        try:
            key = load_der_private_key(der, None, unsafe_skip_rsa_key_validation=True)
        except (ValueError, TypeError, UnsupportedAlgorithm):
            raise ApserverError("A stored private key is not PKCS#8 DER.") from None
        return cls.of(key)

    @classmethod
    def of(cls, key: object) -> PrivateKey:
        """Take a key as `cryptography` makes it. Raises ApserverError unless RSA or Ed25519."""
        if isinstance(key, RSAPrivateKey):
            return cls("rsa", key)
        if isinstance(key, Ed25519PrivateKey):
            return cls("ed25519", key)
        raise ApserverError("A private key is neither RSA nor Ed25519.")

    def sign(self, data: bytes) -> bytes:
        """Sign the data. Both algorithms give the same signature every time."""
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, _PADDING, _HASH)
        return self._key.sign(data)

    def public(self) -> PublicKey:
        """The public half."""
        key = self._key.public_key()
        return PublicKey(self.kind, _spki(key), key)

    def der(self) -> bytes:
        """PKCS#8 without encryption. Encrypt it before it is stored."""
        return self._key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def _spki(key: RSAPublicKey | Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _check_rsa(key: RSAPublicKey, bits_min: int) -> None:
    if not bits_min <= key.key_size <= limits.RSA_BITS_MAX:
        raise NotTrusted(
            f"An RSA key has {key.key_size} bits."
            f" Use one of {bits_min} to {limits.RSA_BITS_MAX} bits."
        )
    # That the exponent is odd and at least 3 is seen to by the loader.
    if key.public_numbers().e.bit_length() > limits.RSA_EXPONENT_BITS_MAX:
        raise NotTrusted("An RSA key has too long a public exponent. Use 65537.")
