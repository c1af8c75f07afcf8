"""`Accept-Signature`, both ways: SIG-R-10, RFC 9421 5."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from apserver.core.keys import KeyKind, PrivateKey
from apserver.core.signatures import (
    AskedSignature,
    Request,
    accept_signature,
    asked_signature,
    check_digest,
    read_claim,
    sign_rfc9421,
    verify,
)
from apserver.core.signatures.structured import InnerList, read_dictionary

VECTORS = Path(__file__).parents[1] / "vectors"
RFC_KEYS = json.loads((VECTORS / "rfc9421_appendix_b.json").read_text())["keys"]
RSA = PrivateKey.of(load_pem_private_key(RFC_KEYS["test-key-rsa"]["privatePem"].encode(), None))
KEY_ID = "https://social.example/actors/ann#main-key"
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
CREATED = 1768478400
POST = Request(
    "POST", "https://remote.example/inbox?a=1", {"content-type": ["application/json"]}, b"{}"
)
GET = Request("GET", "https://remote.example/users/bob", {"accept": ["application/json"]})
LEAST = '"@method" "@target-uri" "content-digest"'


def asked(header: str, request: Request = POST, kind: KeyKind = "rsa") -> AskedSignature | None:
    return asked_signature(header, request, key_id=KEY_ID, kind=kind)


def given(header: str, request: Request = POST) -> dict[str, str]:
    """The headers of a request that is signed as asked; the signature holds."""
    form = asked(header, request)
    assert form is not None
    added = sign_rfc9421(request, key_id=KEY_ID, key=RSA, now=NOW, asked=form)
    signed = request.with_fields(added)
    claim = read_claim(signed)
    check_digest(signed, claim)
    verify(claim, RSA.public(), now=NOW)
    return added


@pytest.mark.parametrize("request_", [POST, GET], ids=["post", "get"])
def test_SIG_R_10_we_ask_for_what_we_check(request_: Request) -> None:
    """RFC 9421 5.1: a dictionary of inner lists, like Signature-Input; we can do it ourselves."""
    header = accept_signature(request_)
    member = read_dictionary(header, field="Accept-Signature")["sig1"]
    assert isinstance(member, InnerList)
    with_body = ("content-digest",) if request_ is POST else ()
    assert tuple(item.value for item in member.items) == ("@method", "@target-uri", *with_body)
    assert member.parameters == {"created": True}
    given(header, request_)


def test_SIG_R_10_the_answer_has_label_components_and_parameters_as_asked() -> None:
    components = '("content-digest" "@authority" "@target-uri" "@method" "@query" "date" "host")'
    added = given(
        rf'challenge={components};created;expires;nonce="a\"b\\c";tag="inbox";alg="rsa-v1_5-sha256"'
    )
    assert added["Signature-Input"] == (
        rf'challenge={components};created={CREATED};expires={CREATED + 300};keyid="{KEY_ID}"'
        r';alg="rsa-v1_5-sha256";nonce="a\"b\\c";tag="inbox"'
    )
    assert added["Signature"].startswith("challenge=:")
    assert (added["Date"], added["Host"]) == ("Thu, 15 Jan 2026 12:00:00 GMT", "remote.example")


def test_SIG_R_10_the_challenge_of_fedify_is_met() -> None:
    """As its `inboxChallengePolicy` writes it; for a GET too, whose content is empty."""
    challenge = f'sig1=({LEAST[:23]} "@authority" "content-digest");created;nonce="Zm9v"'
    assert 'nonce="Zm9v"' in given(challenge)["Signature-Input"]
    assert "Content-Digest" in given(challenge, GET)


def test_SIG_R_10_the_first_form_that_can_be_given_is_taken() -> None:
    header = f'a=("@status");created, b=({LEAST});alg="ed25519", c=({LEAST});created, d=({LEAST})'
    form = asked(header)
    assert form is not None
    assert form.label == "c"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "sig1",
        'sig1="@method"',
        "sig1=(1 2 3)",
        'sig1=("@method"',
        'sig1=("é")',
        f'sig1=({LEAST} "@status")',
        f'sig1=({LEAST} "x-not-sent")',
        f'sig1=({LEAST} "@method")',
        f'sig1=({LEAST} "content-type";sf)',
        f'sig1=({LEAST});alg="ecdsa-p256-sha256"',
        f'sig1=({LEAST});keyid="https://social.example/actors/bob#main-key"',
        f"sig1=({LEAST});nonce=1",
        f"sig1=({LEAST});new",
        f'sig1=({LEAST});nonce="{"n" * 9000}"',
    ],
)
def test_SIG_R_10_what_we_cannot_do_is_passed_over(header: str) -> None:
    assert asked(header) is None


@pytest.mark.parametrize("covered", ['"@method" "content-digest"', '"@method" "@target-uri"', ""])
def test_SIG_R_10_we_sign_no_less_than_we_demand(covered: str) -> None:
    """A signature that covers no target could be used at another server."""
    assert asked(f"sig1=({covered});created") is None


def test_SIG_R_10_the_key_that_is_asked_for_is_ours() -> None:
    assert asked(f'sig1=({LEAST});keyid="{KEY_ID}"') is not None
    form = asked(f'sig1=({LEAST});alg="ed25519"', kind="ed25519")
    assert form is not None
    assert form.alg == "ed25519"
