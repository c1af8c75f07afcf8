"""RFC 9421 in the profile of the fediverse, incoming: SIG-R-01 to SIG-R-10, IO-24.

Requests are signed here by hand, over bases written out line by line.
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from hashlib import sha256, sha512
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from apserver.core.keys import PrivateKey
from apserver.core.signatures import (
    Request,
    check_digest,
    is_signed,
    read_claim,
    sign_cavage,
    verify,
)
from apserver.errors import BadInput, NotTrusted

VECTORS = Path(__file__).parents[1] / "vectors"
APPENDIX_B = json.loads((VECTORS / "rfc9421_appendix_b.json").read_text())
FEDIVERSE = json.loads((VECTORS / "fediverse_rsa_v1_5.json").read_text())

RSA = PrivateKey.of(
    load_pem_private_key(APPENDIX_B["keys"]["test-key-rsa"]["privatePem"].encode(), None)
)
ED25519 = PrivateKey.of(
    load_pem_private_key(APPENDIX_B["keys"]["test-key-ed25519"]["privatePem"].encode(), None)
)
KEY_ID = "https://remote.example/users/bob#main-key"
INBOX = "https://social.example/users/ann/inbox"
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
CREATED = int(NOW.timestamp())
BODY = b'{"type":"Follow"}'
FOR_POST = ("@method", "@target-uri", "content-digest")
PARAMETERS = f';created={CREATED};keyid="{KEY_ID}"'


def content_digest_of(body: bytes) -> str:
    return f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"


def signed(
    names: tuple[str, ...] = FOR_POST,
    *,
    parameters: str = PARAMETERS,
    method: str = "POST",
    url: str = INBOX,
    body: bytes = BODY,
    key: PrivateKey = RSA,
    label: str = "sig1",
    headers: Mapping[str, str] | None = None,
) -> Request:
    """A request signed in the words of RFC 9421 2.5; names may carry parameters."""
    values = {"content-digest": content_digest_of(body), **(headers or {})}
    derived = {"@method": method, "@target-uri": url, "@authority": "social.example"}
    identifiers = [
        '"' + name.replace(";", '";', 1) + ("" if ";" in name else '"') for name in names
    ]
    lines = [
        f"{identifier}: {(derived | values).get(name, '')}"
        for identifier, name in zip(identifiers, names, strict=True)
    ]
    member = f"({' '.join(identifiers)}){parameters}"
    base = "\n".join([*lines, f'"@signature-params": {member}'])
    values["signature-input"] = f"{label}={member}"
    values["signature"] = f"{label}=:{b64encode(key.sign(base.encode())).decode()}:"
    return Request.from_pairs(method, url, headers=values.items(), body=body)


def changed(request: Request, name: str, *values: str) -> Request:
    """The request with other values of one header (no value: without the header)."""
    kept = {n: v for n, v in {**request.headers, name: values}.items() if v}
    return Request(request.method, request.url, kept, request.body)


def accept(request: Request, *, key: PrivateKey = RSA, now: datetime = NOW) -> None:
    """All that stands between a request and trust in its sender."""
    claim = read_claim(request)
    check_digest(request, claim)
    verify(claim, key.public(), now=now)
    assert (claim.scheme, claim.key_id) == ("rfc9421", KEY_ID)


def refuse(
    request: Request,
    match: str | None = None,
    *,
    error: type[NotTrusted] | type[BadInput] = NotTrusted,
    key: PrivateKey = RSA,
    now: datetime = NOW,
) -> None:
    with pytest.raises(error, match=match):
        accept(request, key=key, now=now)


@pytest.mark.parametrize("label", ["sig1", "wp", "*a.b-c_9"])
def test_SIG_R_01_IO_24_any_label(label: str) -> None:
    request = signed(label=label)
    assert is_signed(request)
    accept(request)


@pytest.mark.parametrize("name", ["signature", "signature-input"])
def test_SIG_R_01_one_signature_under_one_label(name: str) -> None:
    """Another label, a second one, the same one twice, a second header line, none at all."""
    request, other = signed(), signed(label="sig2")
    value, second = request.headers[name][0], other.headers[name][0]
    refuse(changed(request, name, second), "same label")
    refuse(changed(request, name, f"{value}, {second}"), "one signature")
    refuse(changed(request, name, value, second), "one signature")
    refuse(changed(request, name, f"{value}, {value}"), "twice")
    refuse(changed(request, name, value, value), "twice")


def test_SIG_R_01_signature_header_is_missing() -> None:
    refuse(changed(signed(), "signature"), "one signature")
    refuse(changed(signed(), "signature-input", ""), "one signature")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("signature-input", 'sig1=("@method"'),
        ("signature-input", 'sig1=("@method""@path")'),
        ("signature-input", 'sig1="@method"'),
        ("signature-input", "sig1=(1 2);created=1"),
        ("signature-input", "Sig1=()"),
        ("signature-input", "sig1=();created="),
        ("signature-input", "sig1=(),"),
        ("signature-input", 'sig1=("é")'),
        ("signature", "sig1=YQ=="),
        ("signature", "sig1=:YQ=:"),
        ("signature", "sig1=:YQ==YQ==:"),
        ("signature", "sig1=(:YQ==:)"),
        ("signature", 'sig1="YQ=="'),
        ("signature", 'keyId="a",signature="YQ=="'),
    ],
)
def test_KEY_08_malformed_structured_field_is_bad_input(name: str, value: str) -> None:
    refuse(changed(signed(), name, value), error=BadInput)


def test_KEY_08_field_beyond_the_limit_is_bad_input() -> None:
    refuse(signed(parameters=PARAMETERS + f';nonce="{"n" * 9000}"'), "longer", error=BadInput)


@pytest.mark.parametrize("parameter", [";created=1", f';keyid="{KEY_ID}"', ";x;x"])
def test_parameter_twice_is_refused(parameter: str) -> None:
    """Mastodon #37375, for this scheme; RFC 8941 would let the last one win."""
    refuse(signed(parameters=PARAMETERS + parameter), "twice")


def test_SIG_R_02_a_component_stands_once() -> None:
    refuse(signed((*FOR_POST, "@method")), "twice")
    refuse(signed((*FOR_POST, "content-digest;bs", "content-digest;bs")), "twice")


def test_SIG_R_02_components_are_counted() -> None:
    names = tuple(f"x{n}" for n in range(33))
    refuse(signed((*FOR_POST, *names), headers=dict.fromkeys(names, "1")), "32 components")


@pytest.mark.parametrize(
    "name",
    ["date", "@status", "@unknown", "@signature-params", "@query-param", "@method;req", "@path;x=1"]
    + [f"content-digest;{name}" for name in ("sf", 'key="sha-256"', "req", "tr", "bs=?0", "bs;tr")],
)
def test_SIG_R_02_unresolved_component_is_refused(name: str) -> None:
    """Absent headers, and components or parameters that are not read here."""
    refuse(signed((*FOR_POST, name)), "does not have or")


def test_SIG_R_02_a_value_cannot_add_a_line() -> None:
    refuse(signed((*FOR_POST, "x-note"), headers={"x-note": 'a\n"b": c'}), "line break")


@pytest.mark.parametrize(
    ("key", "alg"), [(RSA, "rsa-v1_5-sha256"), (ED25519, "ed25519")], ids=["rsa", "ed25519"]
)
def test_SIG_R_04_SIG_R_05_algorithm_comes_from_the_key(key: PrivateKey, alg: str) -> None:
    accept(signed(key=key), key=key)
    accept(signed(key=key, parameters=f'{PARAMETERS};alg="{alg}"'), key=key)
    for other in {"rsa-v1_5-sha256", "ed25519", "rsa-pss-sha512", "hmac-sha256", "new"} - {alg}:
        request = signed(key=key, parameters=f'{PARAMETERS};alg="{other}"')
        refuse(request, "does not belong", key=key)


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        (("@target-uri", "content-digest"), "@method"),
        (("@method", "@authority", "content-digest"), "@target-uri"),
        (("@method", "@target-uri"), "content-digest"),
        (("@method", "@target-uri", "content-digest;bs"), "content-digest"),
    ],
)
def test_SIG_R_06_IO_24_post_must_cover(names: tuple[str, ...], missing: str) -> None:
    refuse(signed(names), f"does not cover {missing}")


def test_SIG_R_06_get_needs_no_digest() -> None:
    accept(signed(("@method", "@target-uri"), method="GET", body=b""))


@pytest.mark.parametrize(
    "names",
    [
        ("@method", "@target-uri", "@authority", "content-digest"),
        ("@method", "@target-uri", "@authority", "host", "date", "content-digest"),
        ("content-digest", "@target-uri", "@method", "content-type"),
    ],
    ids=["WordPress", "Fedify", "another order"],
)
def test_SIG_R_06_IO_24_other_senders(names: tuple[str, ...]) -> None:
    headers = {"host": "social.example", "date": "today", "content-type": "application/json"}
    accept(signed(names, headers=headers))


@pytest.mark.parametrize(
    "parameters",
    [f';keyid="{KEY_ID}"', f";created={CREATED}", f';created={CREATED};keyid=""'],
)
def test_SIG_R_06_IO_24_created_and_keyid_are_required(parameters: str) -> None:
    refuse(signed(parameters=parameters), "must have the parameters")


@pytest.mark.parametrize(
    "parameters",
    [
        f';created={CREATED}.5;keyid="{KEY_ID}"',
        f';created="{CREATED}";keyid="{KEY_ID}"',
        f';created;keyid="{KEY_ID}"',
        f";created={CREATED};keyid=bob",
        f"{PARAMETERS};expires=soon",
        f"{PARAMETERS};alg=ed25519",
    ],
)
def test_SIG_R_06_parameters_have_types(parameters: str) -> None:
    refuse(signed(parameters=parameters), "wrong type")


def test_key_id_beyond_the_limit_is_refused() -> None:
    refuse(signed(parameters=f'{PARAMETERS[:-1]}{"x" * 3000}"'), "key id is longer")


def test_SIG_R_07_IO_24_content_digest_of_another_body() -> None:
    sent = signed()
    refuse(Request("POST", INBOX, sent.headers, BODY[:-1] + b"]"), "does not match")
    refuse(signed(headers={"content-digest": content_digest_of(b"x")}), "does not match")


def test_SIG_R_07_sha_512_alone_is_enough() -> None:
    digest = f"sha-512=:{b64encode(sha512(BODY).digest()).decode()}:"
    accept(signed(headers={"content-digest": digest}))


def test_SIG_R_07_KEY_08_IO_24_unparsable_content_digest_is_bad_input() -> None:
    refuse(signed(headers={"content-digest": "sha-256=YQ=="}), error=BadInput)


@pytest.mark.parametrize("minutes", [-70, -66, 66, 70])
def test_SIG_R_08_created_outside_the_window(minutes: int) -> None:
    refuse(signed(), "65 minutes", now=NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("minutes", [-64, -59, 59, 64])
def test_SIG_R_08_created_within_the_window(minutes: int) -> None:
    accept(signed(), now=NOW + timedelta(minutes=minutes))


@pytest.mark.parametrize("created", [-1, 999_999_999_999_999])
def test_SIG_R_08_created_out_of_range(created: int) -> None:
    refuse(signed(parameters=f';created={created};keyid="{KEY_ID}"'), "out of range")


def test_SIG_R_08_expires_is_honoured() -> None:
    request = signed(parameters=f"{PARAMETERS};expires={CREATED + 60}")
    accept(request, now=NOW + timedelta(seconds=60))
    refuse(request, "expired", now=NOW + timedelta(seconds=61))


def test_SIG_R_08_nonce_tag_and_unknown_parameters_are_optional() -> None:
    accept(signed(parameters=f'{PARAMETERS};nonce="n";tag="t";x=?1;y=1.5'))


def test_SIG_R_09_signature_input_alone_decides_the_scheme() -> None:
    """Decisions 4: a good draft-cavage signature does not help when Signature-Input is there."""
    request = Request("POST", INBOX, {}, BODY)
    request = request.with_fields(sign_cavage(request, key_id=KEY_ID, key=RSA, now=NOW))
    assert read_claim(request).scheme == "cavage"
    both = request.with_fields({"Signature-Input": f'sig1=("@method"){PARAMETERS}'})
    refuse(both, error=BadInput)


def test_SIG_R_03_behind_a_proxy_the_configured_origin_counts() -> None:
    """The Host that a proxy puts in its place does not enter @authority or @target-uri."""
    accept(signed(headers={"host": "127.0.0.1:8080"}))


def test_replayed_to_another_host_or_method_is_refused() -> None:
    sent = signed()
    other = INBOX.replace("social.", "victim.")
    refuse(Request("POST", other, sent.headers, BODY), "does not fit")
    refuse(Request("PUT", INBOX, sent.headers, BODY), "does not fit")
