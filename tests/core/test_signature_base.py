"""The texts that are signed: SIG-C-02 to SIG-C-04, SIG-R-02, SIG-R-03, and both appendices."""

from __future__ import annotations

import hmac
import json
from base64 import b64decode
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key

from apserver.core.keys import PrivateKey, PublicKey
from apserver.core.signatures import Request, cavage, rfc9421
from apserver.errors import NotTrusted

VECTORS = Path(__file__).parents[1] / "vectors"
APPENDIX_B = json.loads((VECTORS / "rfc9421_appendix_b.json").read_text())
APPENDIX_C = json.loads((VECTORS / "cavage12_appendix_c.json").read_text())
INBOX = "https://social.example/users/ann/inbox"


@pytest.mark.parametrize("case", APPENDIX_C["cases"], ids=lambda case: case["id"])
def test_vectors_of_appendix_c(case: dict[str, str]) -> None:
    """The signing string is the draft's, and its signature verifies (RSA of 1024 bits)."""
    sent = APPENDIX_C["request"]
    url = "https://example.com" + sent["target"]
    request = Request.from_pairs(
        sent["method"], url, headers=sent["headers"], body=sent["body"].encode()
    )
    names = cavage.covered_names(case["headersParam"], algorithm=case["algorithm"])
    string = cavage.signing_string(request, names)
    assert string.decode() == case["signingString"]
    pem = APPENDIX_C["keys"][case["keyId"]]["publicPem"]
    key = PublicKey.from_pem(pem, rsa_bits_min=1024)
    signature = b64decode(case["signature"])
    assert key.verify(signature, string)
    assert not key.verify(signature, string + b"\n")


def test_SIG_C_02_signing_string_is_built_as_the_draft_says() -> None:
    request = Request.from_pairs(
        "POST",
        INBOX,
        headers=[("X-Two", " one "), ("Empty", ""), ("X-TWO", "\ttwo"), ("Date", "today")],
    )
    string = cavage.signing_string(request, ("date", "x-two", "empty"))
    assert string == b"date: today\nx-two: one, two\nempty: "


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://social.example/Users/Ann?Page=1&b", "/Users/Ann?Page=1&b"),
        ("https://social.example/%40ann/../in%62ox", "/%40ann/../in%62ox"),
        ("https://social.example", "/"),
        ("https://social.example?a=/b", "/?a=/b"),
        ("https://social.example/?", "/?"),
    ],
)
def test_SIG_C_03_request_target_is_method_and_target_as_sent(url: str, target: str) -> None:
    string = cavage.signing_string(Request("PoSt", url, {}), ("(request-target)",))
    assert string.decode() == f"(request-target): post {target}"


@pytest.mark.parametrize(
    ("algorithm", "names"),
    [("rsa-sha256", ("date",)), ("hs2019", ("(created)",)), ("", ("(created)",))],
)
def test_SIG_C_04_default_of_headers(algorithm: str, names: tuple[str, ...]) -> None:
    assert cavage.covered_names(None, algorithm=algorithm) == names


def _rsa_pss(key: rsa.RSAPublicKey, signature: bytes, base: bytes) -> None:
    key.verify(signature, base, padding.PSS(padding.MGF1(SHA512()), 64), SHA512())


def _ecdsa(key: ec.EllipticCurvePublicKey, signature: bytes, base: bytes) -> None:
    r, s = (int.from_bytes(half, "big") for half in (signature[:32], signature[32:]))
    key.verify(utils.encode_dss_signature(r, s), base, ec.ECDSA(SHA256()))


def _ed25519(key: ed25519.Ed25519PublicKey, signature: bytes, base: bytes) -> None:
    key.verify(signature, base)


ALGORITHMS: dict[str, Callable[[Any, bytes, bytes], None]] = {
    "rsa-pss-sha512": _rsa_pss,
    "ecdsa-p256-sha256": _ecdsa,
    "ed25519": _ed25519,
}


def message(name: str) -> Request:
    sent = APPENDIX_B["messages"][name]
    method, target, _ = sent["start"].split(" ")
    host = dict(sent["headers"])["Host"]
    return Request.from_pairs(
        method, f"https://{host}{target}", headers=sent["headers"], body=sent["body"].encode()
    )


def signature_of(case: Mapping[str, str]) -> bytes:
    return b64decode(case["signature"].partition("=:")[2].rstrip(":"))


def verify_as_the_rfc(case: Mapping[str, str], base: bytes) -> None:
    key = APPENDIX_B["keys"][case["key"]]
    if case["alg"] == "hmac-sha256":
        assert hmac.digest(b64decode(key["secretBase64"]), base, "sha256") == signature_of(case)
    else:
        public = load_pem_public_key(key["publicPem"].encode())
        ALGORITHMS[case["alg"]](public, signature_of(case), base)


REQUEST_CASES = [case for case in APPENDIX_B["cases"] if case["id"] != "b.2.4"]


@pytest.mark.parametrize("case", REQUEST_CASES, ids=lambda case: case["id"])
def test_SIG_R_02_bases_of_appendix_b(case: dict[str, Any]) -> None:
    """Each base equals the RFC's and bears its signature, but for the two that must not.

    Our code builds the base; algorithms that we do not use are checked with the library's.
    """
    _, covered = rfc9421.read_input(case["signatureInput"])
    base = rfc9421.signature_base(message(case["message"]), covered)
    assert base.decode() == case["signatureBase"]
    if case["expect"]:
        verify_as_the_rfc(case, base)
    if case["alg"] == "ed25519":
        key = PublicKey.from_pem(APPENDIX_B["keys"][case["key"]]["publicPem"])
        assert key.verify(signature_of(case), base) is case["expect"]


def test_SIG_R_03_status_belongs_to_responses() -> None:
    """B.2.4 signs a response: its vector holds, and in a request @status is refused."""
    case = next(case for case in APPENDIX_B["cases"] if case["id"] == "b.2.4")
    verify_as_the_rfc(case, case["signatureBase"].encode())
    _, covered = rfc9421.read_input(case["signatureInput"])
    with pytest.raises(NotTrusted, match="@status"):
        rfc9421.signature_base(message("test-request"), covered)


@pytest.mark.parametrize("case_id", ["b.2.6", "b.4.0"])
def test_ed25519_vectors_are_reproduced_by_signing(case_id: str) -> None:
    case = next(case for case in APPENDIX_B["cases"] if case["id"] == case_id)
    pem = APPENDIX_B["keys"]["test-key-ed25519"]["privatePem"]
    key = PrivateKey.of(load_pem_private_key(pem.encode(), None))
    assert key.sign(case["signatureBase"].encode()) == signature_of(case)


def base_of(components: str, request: Request) -> list[str]:
    _, covered = rfc9421.read_input(f"a=({components})")
    return rfc9421.signature_base(request, covered).decode().split("\n")[:-1]


@pytest.mark.parametrize(
    ("component", "url", "value"),
    [
        ("@target-uri", "https://a.example/x?y=%2F", "https://a.example/x?y=%2F"),
        ("@authority", "https://A.Example:443/", "a.example"),
        ("@authority", "http://a.example:80", "a.example"),
        ("@authority", "https://a.example:80/", "a.example:80"),
        ("@authority", "https://a.example:8443?q", "a.example:8443"),
        ("@scheme", "HTTPS://a.example/", "https"),
        ("@request-target", "https://a.example/x?y", "/x?y"),
        ("@path", "https://a.example", "/"),
        ("@path", "https://a.example?x", "/"),
        ("@path", "https://a.example/%7Ea/../b?x", "/%7Ea/../b"),
        ("@query", "https://a.example/x", "?"),
        ("@query", "https://a.example/x?", "?"),
        ("@query", "https://a.example/x?a=%20b&&c", "?a=%20b&&c"),
    ],
)
def test_SIG_R_03_derived_components(component: str, url: str, value: str) -> None:
    assert base_of(f'"{component}"', Request("GET", url, {})) == [f'"{component}": {value}']


def test_SIG_R_03_method_keeps_its_case() -> None:
    assert base_of('"@method"', Request("pOsT", INBOX, {})) == ['"@method": pOsT']


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("param", "value"),
        ("foo", "bar"),
        ("baz", "batman"),
        ("qux", ""),
        ("var", "this%20is%20a%20big%0Avalue"),
        ("bar", "with%20plus%20whitespace"),
        ("fa%C3%A7ade%22%3A%20", "something"),
        ("t", "%7E*-._%21"),
    ],
)
def test_SIG_R_03_query_parameter_is_reencoded(name: str, value: str) -> None:
    """The examples of RFC 9421 2.2.8, and the characters that form encoding leaves alone."""
    query = (
        "param=value&foo=bar&baz=batman&qux=&var=this%20is%20a%20big%0Avalue"
        "&bar=with+plus+whitespace&fa%C3%A7ade%22%3A%20=something&t=~*-._!"
    )
    component = f'"@query-param";name="{name}"'
    assert base_of(component, Request("GET", f"{INBOX}?{query}", {})) == [f"{component}: {value}"]


@pytest.mark.parametrize("query", ["", "?", "?b=1", "?a=1&a=2", "?a=1&%61=1"])
def test_SIG_R_03_query_parameter_absent_or_repeated(query: str) -> None:
    with pytest.raises(NotTrusted, match="@query-param"):
        base_of('"@query-param";name="a"', Request("GET", INBOX + query, {}))


def test_SIG_R_03_header_values_are_trimmed_and_joined() -> None:
    """RFC 9421 2.1, with the byte sequences of 2.1.3, where a comma in a value is no border."""
    pairs = [("X-A", " one "), ("x-a", "\ttwo, three"), ("Empty", "")]
    request = Request.from_pairs("GET", INBOX, headers=pairs)
    assert base_of('"x-a" "empty" "x-a";bs', request) == [
        '"x-a": one, two, three',
        '"empty": ',
        '"x-a";bs: :b25l:, :dHdvLCB0aHJlZQ==:',
    ]


def test_SIG_R_03_byte_sequences_are_of_the_bytes_sent() -> None:
    """aiohttp hands undecodable bytes on as surrogate escapes; other surrogates were never sent."""
    assert base_of('"x";bs', Request("GET", INBOX, {"x": ["\udcff"]})) == ['"x";bs: :/w==:']
    with pytest.raises(NotTrusted, match="not text"):
        base_of('"x";bs', Request("GET", INBOX, {"x": ["\ud800"]}))
