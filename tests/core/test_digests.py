"""Digest and Content-Digest over the raw body: SIG-C-08, SIG-R-07, IO-14, KEY-08."""

from __future__ import annotations

from base64 import b64encode
from hashlib import md5, sha256, sha512

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core.signatures import digests
from apserver.errors import BadInput, NotTrusted

#: The body and the values of RFC 9421 appendix B.2.
BODY = b'{"hello": "world"}'
SHA256 = "X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
SHA512 = "WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew=="
MD5 = b64encode(md5(BODY, usedforsecurity=False).digest()).decode()


def test_digests_of_the_rfc() -> None:
    assert digests.digest(BODY) == f"SHA-256={SHA256}"
    assert digests.content_digest(BODY) == f"sha-256=:{SHA256}:"


@pytest.mark.parametrize(
    "value",
    [
        f"SHA-256={SHA256}",
        f"sha-256={SHA256}",
        f"Sha-256={SHA256} ",
        f"SHA-512={SHA512},SHA-256={SHA256}",
        f"SHA-256={SHA256}, md5={MD5}, unixsum=30637",
    ],
)
def test_SIG_C_08_IO_14_digest_is_accepted_on_sha_256(value: str) -> None:
    digests.check_digest(value, BODY)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "SHA-256",
        "SHA-256=",
        f"SHA-512={SHA512}",
        f"md5={MD5}",
        f"SHA-256={SHA256[:-1]}",
        f"SHA-256={SHA256[:-4]}",
        f"SHA-256={SHA512}",
        f"SHA-256=:{SHA256}:",
        "SHA-256=é",
        f"SHA-256={SHA256},SHA-256={SHA256}",
        f"SHA-256={SHA256},sha-256={b64encode(sha256(b'').digest()).decode()}",
    ],
)
def test_SIG_C_08_digest_is_refused(value: str) -> None:
    with pytest.raises(NotTrusted) as refusal:
        digests.check_digest(value, BODY)
    assert refusal.value.status == 401


@pytest.mark.parametrize(
    "value",
    [
        f"sha-256=:{SHA256}:",
        f"sha-512=:{SHA512}:",
        f"sha-512=:{SHA512}:,\tsha-256=:{SHA256}:",
        f"md5=:{MD5}:, sha-256=:{SHA256}:;note=1",
    ],
)
def test_SIG_R_07_content_digest_is_accepted_on_one_active_algorithm(value: str) -> None:
    digests.check_content_digest(value, BODY)


@pytest.mark.parametrize(
    "value",
    [
        "",
        f"md5=:{MD5}:",
        f"sha-256=:{SHA512}:",
        f"sha-256=:{SHA256}:, sha-256=:{SHA256}:",
        "sha-256=::",
    ],
)
def test_SIG_R_07_content_digest_is_refused(value: str) -> None:
    with pytest.raises(NotTrusted) as refusal:
        digests.check_content_digest(value, BODY)
    assert refusal.value.status == 401


@pytest.mark.parametrize(
    "value",
    [
        f"sha-256={SHA256}",
        f"SHA-256=:{SHA256}:",
        f"sha-256=:{SHA256[:-1]}:",
        f"sha-256=:{SHA256}",
        f"sha-256=:{SHA256}:,",
        f'sha-256=:{SHA256}:, sha-512="x"',
        f"sha-256=(:{SHA256}:)",
        f"sha-256=:{SHA256}: sha-512=:{SHA512}:",
        "sha-256",
        "é",
    ],
)
def test_SIG_R_07_KEY_08_content_digest_that_cannot_be_read_is_bad_input(value: str) -> None:
    with pytest.raises(BadInput) as refusal:
        digests.check_content_digest(value, BODY)
    assert refusal.value.status == 400


@given(st.binary(max_size=200), st.integers(0), st.integers(1, 255))
def test_any_changed_byte_is_noticed(body: bytes, at: int, flip: int) -> None:
    """Both headers hold for the body they were made of, and for no neighbour of it."""
    digests.check_digest(digests.digest(body), body)
    digests.check_content_digest(digests.content_digest(body), body)
    other = bytearray(body or b"\0")
    other[at % len(other)] ^= flip if body else 0
    with pytest.raises(NotTrusted):
        digests.check_digest(digests.digest(body), bytes(other))
    with pytest.raises(NotTrusted):
        digests.check_content_digest(digests.content_digest(body), bytes(other))


def test_sha_512_vector_is_of_this_body() -> None:
    assert b64encode(sha512(BODY).digest()).decode() == SHA512
