"""Private keys at rest: decisions 2."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from apserver.errors import ConfigProblem
from apserver.vault import KeyPairs, Vault, new_key_pairs

ANN = "https://social.example/actors/ann"


@pytest.fixture(scope="module")
def keys() -> KeyPairs:
    return asyncio.run(new_key_pairs())


def test_SIG_C_12_new_keys_are_of_both_kinds(keys: KeyPairs) -> None:
    """SIG-C-12: RSA of 2048 bits, which every server can verify, and Ed25519."""
    assert (keys.rsa.kind, keys.ed25519.kind) == ("rsa", "ed25519")
    assert len(keys.rsa.sign(b"")) == 2048 // 8


def test_what_is_sealed_opens_again_and_does_not_show_the_key(keys: KeyPairs) -> None:
    vault = Vault(b"s" * 32)
    for key in (keys.rsa, keys.ed25519):
        sealed = vault.seal(key, ANN)
        assert key.der() not in sealed
        assert vault.open(sealed, ANN).public() == key.public()
        assert Vault(b"s" * 32).open(sealed, ANN).public() == key.public()
        assert vault.seal(key, ANN) != sealed, "each time with a nonce of its own"


def test_a_key_opens_for_its_actor_and_under_its_secret_only(keys: KeyPairs) -> None:
    vault = Vault(b"s" * 32)
    sealed = vault.seal(keys.ed25519, ANN)
    vault.open(sealed, ANN)
    with pytest.raises(ConfigProblem, match="backup"):
        vault.open(sealed, f"{ANN}/bob")
    with pytest.raises(ConfigProblem, match="backup"):
        Vault(b"t" * 32).open(sealed, ANN)
    with pytest.raises(ConfigProblem, match="backup"):
        vault.open(sealed[:-1] + bytes([sealed[-1] ^ 1]), ANN)


def test_a_replaced_key_is_seen_though_the_old_one_was_opened(keys: KeyPairs) -> None:
    """Another process gives the actor a new key: what is opened is what the row holds now."""
    vault = Vault(b"s" * 32)
    old, new = vault.seal(keys.rsa, ANN), vault.seal(keys.ed25519, ANN)
    assert vault.open(old, ANN).kind == "rsa"
    assert vault.open(new, ANN).kind == "ed25519"
    assert vault.open(old, ANN) is vault.open(old, ANN), "opening is dear and done once"


def test_the_secret_is_made_once_and_for_nobody_else_to_read(
    tmp_path: Path, keys: KeyPairs
) -> None:
    """security.md: export-of-keys: whoever has the database alone has no keys."""
    sealed = Vault.at(tmp_path / "data").seal(keys.ed25519, ANN)
    secret = tmp_path / "data" / "secret"
    assert secret.stat().st_mode & 0o777 == 0o600
    assert [one.name for one in secret.parent.iterdir()] == ["secret"]
    assert Vault.at(tmp_path / "data").open(sealed, ANN).public() == keys.ed25519.public()
    secret.write_bytes(b"short")
    with pytest.raises(ConfigProblem, match="32"):
        Vault.at(tmp_path / "data")
