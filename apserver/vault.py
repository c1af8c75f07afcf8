"""Private keys at rest, and the making of new ones.

Private keys lie in the database sealed with AES-256-GCM under a secret in the data folder, so
that a copy of the database alone lets nobody speak for our actors. The actor's id is bound in:
a sealed key moved to another actor's row does not open. The secret belongs in the backup.
"""

from __future__ import annotations

import asyncio
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apserver.core.keys import PrivateKey
from apserver.errors import ConfigProblem

_SECRET_BYTES = 32
_NONCE_BYTES = 12
_CACHED_KEYS = 4_096  # about 2 KiB each
RSA_BITS = 2_048  # what every server can verify (SIG-C-12)


class Vault:
    """Seals and opens private keys, and keeps opened ones at hand."""

    def __init__(self, secret: bytes):
        self._cipher = AESGCM(secret)
        # By what is sealed, not by actor: another worker may give the actor a new key any time.
        self._opened: OrderedDict[tuple[str, bytes], PrivateKey] = OrderedDict()

    @classmethod
    def at(cls, data_dir: Path) -> Vault:
        """The vault of a data folder; its secret is made at first use, mode 0600."""
        return cls(_secret(data_dir / "secret"))

    def seal(self, key: PrivateKey, actor: str) -> bytes:
        """The private key (PKCS #8 DER) encrypted for the database."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, key.der(), actor.encode())

    def open(self, sealed: bytes, actor: str) -> PrivateKey:
        """The key that `seal` sealed; ConfigProblem when the secret is not the one it was."""
        known = self._opened.get((actor, sealed))
        if known is not None:
            self._opened.move_to_end((actor, sealed))
            return known
        try:
            der = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], actor.encode())
        except InvalidTag:
            raise ConfigProblem(
                f"The key of {actor} does not open: the file 'secret' in the data folder is not "
                "the one that this database was made with. Restore it from the backup."
            ) from None
        self._opened[actor, sealed] = key = PrivateKey.from_der(der)
        if len(self._opened) > _CACHED_KEYS:
            self._opened.popitem(last=False)
        return key


@dataclass(frozen=True, slots=True)
class KeyPairs:
    """The two key pairs of an actor of ours; requests are signed with the RSA one."""

    rsa: PrivateKey
    ed25519: PrivateKey


async def new_key_pairs() -> KeyPairs:
    """New key pairs. RSA takes some 30 ms of a core, in a thread."""
    made = await asyncio.to_thread(rsa.generate_private_key, 65_537, RSA_BITS)
    return KeyPairs(PrivateKey.of(made), PrivateKey.of(Ed25519PrivateKey.generate()))


def _secret(path: Path) -> bytes:
    """Read the secret, or make it; whoever links it first wins, and nobody reads half of it."""
    if not path.exists():
        path.parent.mkdir(mode=0o711, parents=True, exist_ok=True)
        draft = path.with_name(f"secret.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_bytes(os.urandom(_SECRET_BYTES))
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    secret = path.read_bytes()
    if len(secret) != _SECRET_BYTES:
        raise ConfigProblem(
            f"{path} is {len(secret)} bytes long and must be {_SECRET_BYTES}. "
            "Restore it from the backup."
        )
    return secret
