"""Outgoing requests: SIG-C-07, SIG-C-10, SIG-R-06, IO-27 to IO-29.

The texts that must be signed are written out here; the signatures are checked over them.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from apserver.core.keys import PrivateKey
from apserver.core.signatures import (
    Request,
    check_digest,
    read_claim,
    sign_cavage,
    sign_rfc9421,
    verify,
)

VECTORS = Path(__file__).parents[1] / "vectors"
FEDIVERSE = json.loads((VECTORS / "fediverse_rsa_v1_5.json").read_text())
RFC_KEYS = json.loads((VECTORS / "rfc9421_appendix_b.json").read_text())["keys"]

RSA, ED25519 = (
    PrivateKey.of(load_pem_private_key(RFC_KEYS[name]["privatePem"].encode(), None))
    for name in ("test-key-rsa", "test-key-ed25519")
)
KEY_ID = "https://social.example/actors/ann#main-key"
INBOX = "https://remote.example/users/bob/inbox"
OUTBOX = "https://remote.example/users/bob/outbox?page=true"
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
DATE = "Thu, 15 Jan 2026 12:00:00 GMT"
#: The body of RFC 9421 appendix B, whose digest is printed there.
BODY = b'{"hello": "world"}'
DIGEST = "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="


def post(url: str = INBOX) -> Request:
    return Request("POST", url, {"content-type": ["application/activity+json"]}, BODY)


def get(url: str = OUTBOX) -> Request:
    return Request("GET", url, {"accept": ["application/activity+json"]})


def cavage(request: Request, *, with_query: bool = True, key: PrivateKey = RSA) -> dict[str, str]:
    return sign_cavage(request, key_id=KEY_ID, key=key, now=NOW, with_query=with_query)


def assert_signs(header: str, *lines: str) -> None:
    """The signature in a cavage header is over just these lines."""
    encoded = header.rpartition('signature="')[2].rstrip('"')
    assert RSA.public().verify(b64decode(encoded), "\n".join(lines).encode())


def assert_accepted(request: Request, *, key: PrivateKey) -> None:
    claim = read_claim(request)
    check_digest(request, claim)
    verify(claim, key.public(), now=NOW)


def test_IO_27_post_has_the_one_form_that_all_read() -> None:
    added = cavage(post())
    assert {name: added[name] for name in ("Host", "Date", "Digest")} == {
        "Host": "remote.example",
        "Date": DATE,
        "Digest": DIGEST,
    }
    assert re.fullmatch(
        rf'keyId="{re.escape(KEY_ID)}",algorithm="rsa-sha256",'
        r'headers="\(request-target\) host date digest content-type",signature="[A-Za-z0-9+/]+=*"',
        added["Signature"],
    )
    assert len(added) == 4


def test_SIG_C_07_IO_27_post_signs_the_string_of_the_draft() -> None:
    assert_signs(
        cavage(post())["Signature"],
        "(request-target): post /users/bob/inbox",
        "host: remote.example",
        f"date: {DATE}",
        f"digest: {DIGEST}",
        "content-type: application/activity+json",
    )


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://remote.example:8443/inbox", "remote.example:8443"),
        ("https://remote.example:443/inbox", "remote.example"),
        ("http://localhost:80/inbox", "localhost"),
        ("http://localhost:443/inbox", "localhost:443"),
    ],
)
def test_IO_27_host_has_a_port_unless_it_is_the_default(url: str, host: str) -> None:
    assert cavage(post(url))["Host"] == host


def test_IO_27_each_attempt_has_its_own_date_and_signature() -> None:
    later = sign_cavage(post(), key_id=KEY_ID, key=RSA, now=NOW + timedelta(seconds=1))
    assert later["Date"] == "Thu, 15 Jan 2026 12:00:01 GMT"
    assert later["Signature"] != cavage(post())["Signature"]
    assert cavage(post()) == cavage(post())


def test_IO_28_get_signs_target_host_and_date() -> None:
    added = cavage(get())
    assert list(added) == ["Host", "Date", "Signature"]
    assert 'headers="(request-target) host date",' in added["Signature"]
    assert_signs(
        added["Signature"],
        "(request-target): get /users/bob/outbox?page=true",
        "host: remote.example",
        f"date: {DATE}",
    )


def test_IO_28_SIG_C_10_get_can_leave_out_the_query() -> None:
    assert_signs(
        cavage(get(), with_query=False)["Signature"],
        "(request-target): get /users/bob/outbox",
        "host: remote.example",
        f"date: {DATE}",
    )


def test_IO_29_what_is_signed_is_what_is_sent() -> None:
    """Nothing is normalised on the way into the signature: the target is signed as given."""
    added = cavage(get("https://remote.example/a/../%7Eb//c?x=%2F&y"))
    assert_signs(
        added["Signature"],
        "(request-target): get /a/../%7Eb//c?x=%2F&y",
        "host: remote.example",
        f"date: {DATE}",
    )


@pytest.mark.parametrize("case_id", ["v1-get", "v2-post"])
def test_SIG_R_06_rfc9421_requests_are_the_vectors(case_id: str) -> None:
    """rsa-v1_5-sha256 is deterministic: signing gives the vector's headers, letter by letter."""
    case = next(case for case in FEDIVERSE["cases"] if case["id"] == case_id)
    sent = case["request"]
    names = ("Content-Digest", "Signature-Input", "Signature")
    expected = {name: value for name, value in sent["headers"] if name in names}
    request = Request(sent["method"], sent["url"], {}, (sent["body"] or "").encode())
    now = datetime.fromtimestamp(FEDIVERSE["created"], UTC)
    assert sign_rfc9421(request, key_id=FEDIVERSE["keyid"], key=RSA, now=now) == expected


@pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])
@pytest.mark.parametrize("request_", [post(), get()], ids=["post", "get"])
def test_both_schemes_are_accepted_with_both_keys(request_: Request, key: PrivateKey) -> None:
    by_rfc = sign_rfc9421(request_, key_id=KEY_ID, key=key, now=NOW)
    assert_accepted(request_.with_fields(by_rfc), key=key)
    assert_accepted(request_.with_fields(cavage(request_, key=key)), key=key)


def test_SIG_C_06_ed25519_is_called_hs2019() -> None:
    assert 'algorithm="hs2019"' in cavage(post(), key=ED25519)["Signature"]


def test_FEP_8fcf_collection_synchronization_is_signed_when_sent() -> None:
    request = post().with_fields({"Collection-Synchronization": 'url="x"'})
    assert 'content-type collection-synchronization"' in cavage(request)["Signature"]
    added = sign_rfc9421(request, key_id=KEY_ID, key=RSA, now=NOW)
    assert added["Signature-Input"].startswith(
        'sig1=("@method" "@target-uri" "content-digest" "collection-synchronization");created='
    )
    assert_accepted(request.with_fields(added), key=RSA)
