"""Both schemes by their common door: vectors of the fediverse, round trips, and garbage."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from apserver.core.keys import PrivateKey, PublicKey
from apserver.core.signatures import (
    Claim,
    Request,
    check_digest,
    check_fresh,
    read_claim,
    sign_cavage,
    sign_rfc9421,
    verify,
)
from apserver.errors import BadInput, NotTrusted

VECTORS = Path(__file__).parents[1] / "vectors"
FEDIVERSE = json.loads((VECTORS / "fediverse_rsa_v1_5.json").read_text())
RFC_KEYS = json.loads((VECTORS / "rfc9421_appendix_b.json").read_text())["keys"]

#: Ed25519, since it signs ten times faster than RSA and the schemes treat both alike.
KEY = PrivateKey.of(load_pem_private_key(RFC_KEYS["test-key-ed25519"]["privatePem"].encode(), None))
PUBLIC = KEY.public()
KEY_ID = "https://remote.example/users/bob#main-key"
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)


def judge(request: Request, key: PublicKey = PUBLIC, now: datetime = NOW) -> Claim:
    claim = read_claim(request)
    check_digest(request, claim)
    verify(claim, key, now=now)
    return claim


@pytest.mark.parametrize("case", FEDIVERSE["cases"], ids=lambda case: case["id"])
def test_vectors_of_the_fediverse(case: dict[str, Any]) -> None:
    """Accepted or refused as the vector says, and at the step it says where that is one of ours."""
    sent = case["request"]
    body = (sent["body"] or "").encode()
    request = Request.from_pairs(sent["method"], sent["url"], headers=sent["headers"], body=body)
    key = PublicKey.from_pem(FEDIVERSE["keys"][case["key"]]["publicPem"])
    now = datetime.fromtimestamp(case["now"], UTC)
    if case["expect"]:
        claim = judge(request, key, now)
        assert claim.scheme == case["profile"]
        assert claim.key_id == FEDIVERSE["keyid"]
        assert [base.decode() for base in claim.bases] == [case["signatureBase"]]
        return
    with pytest.raises(NotTrusted):
        judge(request, key, now)
    if case["failsAt"] == "clock":
        with pytest.raises(NotTrusted):
            check_fresh(read_claim(request), now=now)
    if case["failsAt"] == "digest":
        with pytest.raises(NotTrusted):
            check_digest(request, read_claim(request))


def by_cavage(request: Request) -> Request:
    return request.with_fields(sign_cavage(request, key_id=KEY_ID, key=KEY, now=NOW))


def by_rfc9421(request: Request) -> Request:
    return request.with_fields(sign_rfc9421(request, key_id=KEY_ID, key=KEY, now=NOW))


Signer = Callable[[Request], Request]
both = pytest.mark.parametrize("sign", [by_cavage, by_rfc9421])
PRINTABLE = "".join(map(chr, range(0x21, 0x7F)))
paths = st.text(PRINTABLE.replace("#", ""), max_size=40).map(lambda text: "/" + text)
values = st.text(PRINTABLE + " \t", max_size=40)
requests = st.builds(
    lambda path, value, body: Request(
        "POST", "https://social.example" + path, {"content-type": [value]}, body
    ),
    paths,
    values,
    st.binary(max_size=60),
)


@both
@given(request=requests)
@settings(max_examples=60, deadline=None)
def test_what_is_signed_is_accepted(sign: Signer, request: Request) -> None:
    """Whatever the path, the query, a header value and the body are."""
    assert judge(sign(request)).key_id == KEY_ID


@both
@given(request=requests, at=st.integers(0), other=st.sampled_from(re.sub("[#?]", "", PRINTABLE)))
@settings(max_examples=60, deadline=None)
def test_a_changed_path_is_refused(sign: Signer, request: Request, at: int, other: str) -> None:
    """One character of path or query, at any place behind the leading slash, or one more. No query
    where there was none: old servers sign without it (`core.signatures.cavage`)."""
    signed, start = sign(request), len("https://social.example/")
    at = start + at % (len(request.url) - start + 1)
    url = request.url[:at] + other + request.url[at + 1 :]
    if url != request.url:
        with pytest.raises(NotTrusted):
            judge(Request("POST", url, signed.headers, request.body))


@both
@given(request=requests, at=st.integers(0), flip=st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_changed_body_is_refused(sign: Signer, request: Request, at: int, flip: int) -> None:
    """One byte at any place, or one more."""
    body = bytearray(request.body + b"\0")
    body[at % len(body)] ^= flip
    with pytest.raises(NotTrusted):
        judge(Request("POST", request.url, sign(request).headers, bytes(body)))


@both
@given(request=requests, seconds=st.integers(-10_000, 10_000))
@settings(max_examples=60, deadline=None)
def test_a_changed_date_is_refused(sign: Signer, request: Request, seconds: int) -> None:
    """Moving the signed time breaks the signature, within the window too."""
    signed, moved = sign(request), NOW + timedelta(seconds=seconds)
    if sign is by_cavage:
        added = sign_cavage(request, key_id=KEY_ID, key=KEY, now=moved)
        forged = signed.with_fields({"Date": added["Date"]})
    else:
        text = signed.headers["signature-input"][0]
        times = str(int(NOW.timestamp())), str(int(moved.timestamp()))
        forged = signed.with_fields({"Signature-Input": text.replace(*times)})
    if seconds:
        with pytest.raises(NotTrusted):
            judge(forged)


#: Pieces of which real headers are made, so that garbage gets past the first check now and then.
PIECES = [
    *('sig1=("@method" "@target-uri" "content-digest")', ";created=1768478400", ';keyid="k"'),
    *(
        '"@query-param";name="a"',
        '"x";bs',
        "sig1=:YQ==:",
        'keyId="k"',
        'signature="YQ=="',
        "sha-256=",
    ),
    *('headers="(request-target) host date digest"', "SHA-256=", ":YQ==:", 'algorithm="hs2019"'),
    *(
        "Signature ",
        "Thu, 15 Jan 2026 12:00:00 GMT",
        ",",
        ", ",
        '"',
        "(",
        ")",
        ";",
        "=",
        "?1",
        "\\",
    ),
]
garbage = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(codec=None), max_size=10),
    st.lists(st.sampled_from(PIECES), max_size=8).map("".join),
    st.lists(st.sampled_from(PIECES), max_size=8).map(",".join),
)
NAMES = (
    "signature",
    "signature-input",
    "authorization",
    "digest",
    "content-digest",
    "date",
    "host",
)


@given(
    headers=st.dictionaries(st.sampled_from(NAMES), st.lists(garbage, max_size=2), min_size=2),
    url=st.one_of(st.just("https://social.example/inbox"), st.text(max_size=20)),
    method=st.sampled_from(["POST", "GET", "\ud800"]),
)
@settings(max_examples=400, deadline=None)
def test_garbage_is_refused_and_breaks_nothing(
    headers: dict[str, list[str]], url: str, method: str
) -> None:
    """Only the two errors that a peer may cause escape, whatever the headers hold."""
    with pytest.raises((NotTrusted, BadInput)):
        judge(Request(method, url, headers, b"{}"))


@both
@given(value=garbage, name=st.sampled_from(NAMES), twice=st.booleans())
@settings(max_examples=150, deadline=None)
def test_one_bad_header_in_a_good_request(sign: Signer, value: str, name: str, twice: bool) -> None:
    """A signed request with one header replaced or doubled passes unchanged in meaning, or fails
    in one of the two ways."""
    signed = sign(Request("POST", "https://social.example/inbox", {}, b"{}"))
    headers = dict(signed.headers)
    headers[name] = [*headers.get(name, ()), value] if twice else [value]
    try:
        claim = judge(Request(signed.method, signed.url, headers, signed.body))
    except (NotTrusted, BadInput):
        return
    assert claim == read_claim(signed)


@both
def test_bytes_beyond_ascii_are_signed_as_sent(sign: Signer) -> None:
    """aiohttp hands undecodable bytes on as surrogate escapes; they enter the base as bytes."""
    url = b"https://social.example/\xff\xc3\xa9".decode("utf-8", "surrogateescape")
    claim = judge(sign(Request("POST", url, {}, b"")))
    assert b"/\xff\xc3\xa9" in claim.bases[0]


@both
def test_a_claim_without_a_digest_does_not_cover_a_body(sign: Signer) -> None:
    """A body that turns up after the claim of a bare GET was read is not vouched for."""
    signed = sign(Request("GET", "https://social.example/outbox", {}))
    claim = judge(signed)
    with pytest.raises(NotTrusted):
        check_digest(Request(signed.method, signed.url, signed.headers, b"{}"), claim)


def test_from_pairs_groups_header_lines_in_order() -> None:
    pairs = [("A", "1"), ("b", "2"), ("a", "3")]
    request = Request.from_pairs("GET", "https://social.example/", headers=pairs)
    assert request.headers == {"a": ["1", "3"], "b": ["2"]}
    assert request.field("a") == "1, 3"
    assert request.field("c") is None
