"""Origins, ids, handles, keys and addresses (threats: spoofing, outbound requests; decision 2)."""

from __future__ import annotations

import hashlib
from ipaddress import ip_address, ip_network
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core import limits
from apserver.core.origin import (
    Handle,
    Origin,
    activity_key,
    bucket_of,
    check_id,
    fold_name,
    host_of,
    is_local_name,
    is_public_address,
    key_of,
    may_connect,
    origin_of,
    parse_handle,
    same_origin,
    typed_id,
    uri_of,
)
from apserver.errors import BadInput

# --- Origins ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("iri", "origin"),
    [
        ("https://a.example/u/1?q#f", Origin("https", "a.example", 443)),
        ("https://a.example", Origin("https", "a.example", 443)),
        ("https://a.example?q", Origin("https", "a.example", 443)),
        ("https://a.example#f", Origin("https", "a.example", 443)),
        ("http://a.example/", Origin("http", "a.example", 80)),
        ("HTTPS://A.EXAMPLE/", Origin("https", "a.example", 443)),
        ("https://a.example:443/", Origin("https", "a.example", 443)),
        ("https://a.example:8443/", Origin("https", "a.example", 8443)),
        ("https://a.example./", Origin("https", "a.example", 443)),
        ("https://localhost:3000/", Origin("https", "localhost", 3000)),
        ("http://127.0.0.1:8000/u", Origin("http", "127.0.0.1", 8000)),
        ("http://[::1]:8000/u", Origin("http", "[::1]", 8000)),
        ("http://[0:0::1]/u", Origin("http", "[::1]", 80)),
        ("https://münchen.example/", Origin("https", "xn--mnchen-3ya.example", 443)),
        ("https://MÜNCHEN.example/", Origin("https", "xn--mnchen-3ya.example", 443)),
        ("https://xn--mnchen-3ya.example/", Origin("https", "xn--mnchen-3ya.example", 443)),
        ("https://a。example/", Origin("https", "a.example", 443)),
        ("https://a．example｡/", Origin("https", "a.example", 443)),
        ("https://ａ.example/", Origin("https", "a.example", 443)),
        ("https://a-b--c.example/", Origin("https", "a-b--c.example", 443)),
        ("https://faß.example/", Origin("https", "xn--fa-hia.example", 443)),
    ],
)
def test_CVE_2023_42451_one_spelling_for_each_origin(iri: str, origin: Origin) -> None:
    assert origin_of(iri) == origin
    assert origin_of(f"{origin}/x") == origin


NO_ORIGIN = [
    "",
    "a.example",
    "//a.example/",
    "/u/1",
    "urn:uuid:1",
    "at://did:plc:x/y",
    "javascript:alert(1)",
    "data:text/plain,x",
    "file:///etc/passwd",
    "gopher://a.example/",
    "ftp://a.example/",
    "https:a.example",
    "https:/a.example/",
    " https://a.example/",
    "https://",
    "https:///u",
    "https://a..example/",
    "https://.a.example/",
    "https://./",
    "https://a.example../",
    "https://u@a.example/",
    "https://u:p@a.example/",
    "https://b.example@a.example/",
    "https://@a.example/",
    "https://a.example\\@b.example/",
    "https://a.example\\.b.example/",
    "https://a.example/x\\y",
    "https://a%2eexample/",
    "https://a.example%00/",
    "https://%61.example/",
    "https://a example/",
    "https://a.exa\tmple/",
    "https://a.example/\r\nX: y",
    "https://a.example/\0",
    "https://a.example/\u2028",
    "https://a.example/\ud800",
    "https://a.example:/",
    "https://a.example:0/",
    "https://a.example:65536/",
    "https://a.example:08443/",
    "https://a.example:https/",
    "https://a.example:８４４３/",
    "https://a.example:-1/",
    "https://a.example:1:2/",
    "https://-a.example/",
    "https://a-.example/",
    "https://a_b.example/",
    "https://a,b.example/",
    "https://a!.example/",
    "https://＠a.example/",
    "https://a＠b.example/",
    "https://a／b.example/",
    "https://xn--.example/",
    "https://xn--zzzzzz-.example/",
    "https://xn--a-ecp.example\u200b\u0300/",
    "https://" + "a" * 64 + ".example/",
    "https://" + "a." * 127 + "example/",
    "https://" + "\u00ad" * 600 + "a.example/",
    # What some resolvers read as 127.0.0.1 (CVE-2026-22245).
    "http://127.1/",
    "http://127.0.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://0x7f000001/",
    "http://0177.0.0.1/",
    "http://127.0.0.1./",
    "http://127.0.0.01/",
    "http://1.2.3.4.5/",
    "http://a.1/",
    "http://１２７.1/",
    "http://[::1/",
    "http://[]/",
    "http://[127.0.0.1]/",
    "http://[fe80::1%25eth0]/",
    "http://[::1]x/",
    "http://::1/",
]


@pytest.mark.parametrize("iri", NO_ORIGIN)
def test_CVE_2023_42451_what_has_no_origin(iri: str) -> None:
    with pytest.raises(BadInput):
        origin_of(iri)
    assert not same_origin(iri, iri)


@pytest.mark.parametrize(
    "other",
    [
        "https://a.example/",
        "https://A.Example/x",
        "https://a.example:443/",
        "https://a.example./u",
        "https://ａ.example/",
        "https://a。example/",
    ],
)
def test_CVE_2025_25306_same_origin(other: str) -> None:
    assert same_origin("https://a.example/u/1", other)
    assert same_origin(other, "https://a.example/u/1")


@pytest.mark.parametrize(
    "other",
    [
        "http://a.example/u/1",
        "https://a.example:8443/u/1",
        "https://a.example:80/u/1",
        "https://b.a.example/u/1",
        "https://aa.example/u/1",
        "https://a.example.b.example/u/1",
        "https://xn--a-ecp.example/u/1",
        "https://á.example/",
        "https://а.example/",  # Cyrillic
        "https://a.example@b.example/",
        "https://b.example/https://a.example/",
        *NO_ORIGIN,
    ],
)
def test_CVE_2025_25306_other_origins(other: str) -> None:
    assert not same_origin("https://a.example/u/1", other)
    assert not same_origin(other, "https://a.example/u/1")


@pytest.mark.parametrize(
    ("iri", "host"),
    [
        ("https://a.example/u", "a.example"),
        ("https://a.example:443/u", "a.example"),
        ("http://a.example:443/u", "a.example:443"),
        ("http://127.0.0.1:8000/u", "127.0.0.1:8000"),
        ("http://[::1]:8000/u", "[::1]:8000"),
    ],
)
def test_the_host_as_a_handle_shows_it(iri: str, host: str) -> None:
    assert host_of(iri) == host


@given(
    st.text(max_size=30), st.sampled_from(["", "https://", "http://a.example", "https://[", "@"])
)
def test_origins_of_random_text(text: str, start: str) -> None:
    try:
        origin = origin_of(start + text)
    except BadInput:
        return
    assert origin.host == origin.host.lower()
    assert origin.host.isascii()
    assert 0 < origin.port < 65536
    assert origin_of(str(origin)) == origin


@given(st.text("aA.-1x[]:%@\\/。ａßé​0", max_size=14))
def test_the_plain_form_is_a_fixed_point(authority: str) -> None:
    try:
        origin = origin_of(f"https://{authority}/")
    except BadInput:
        return
    assert origin_of(f"{origin}/") == origin
    assert check_id(f"{origin}/", allow_http=False) == f"{origin}/"


# --- Ids -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "iri",
    [
        "https://a.example/users/1",
        "https://a.example/@name/",
        "https://a.example/?author=1",
        "https://a.example/u#accepts/follows/9",
        "https://a.example/u#follows/3#undo",
        "https://a.example",
        "https://a.example:8443/u",
        "https://xn--mnchen-3ya.example/é",
        "https://a.example/%7Euser",
        "https://a.example/" + "x" * (limits.IRI - len("https://a.example/")),
    ],
)
def test_ids_are_returned_as_they_are(iri: str) -> None:
    assert check_id(iri, allow_http=False) == iri


@pytest.mark.parametrize(
    "iri",
    [
        *NO_ORIGIN,
        None,
        7,
        True,
        [],
        {"id": "https://a.example/"},
        "_:b0",
        "https://a.example/" + "é" * (limits.IRI // 2),
        # Two spellings of one host would be two actors.
        "https://A.EXAMPLE/u",
        "https://A.EXAMPLE./u",
        "https://a.example./u",
        "https://a.example:443/u",
        "https://a。example/u",
        "https://ａ.example/u",
        "https://münchen.example/u",
        "HTTPS://a.example/u",
        "http://[0:0::1]/u",
    ],
)
def test_relative_and_blank_ids_and_other_spellings_are_refused(iri: Any) -> None:
    with pytest.raises(BadInput) as caught:
        check_id(iri, allow_http=True)
    caught.value.public.encode()  # the answer can be sent


def test_http_ids_only_where_they_are_allowed() -> None:
    assert check_id("http://127.0.0.1:8000/u", allow_http=True)
    with pytest.raises(BadInput, match="https"):
        check_id("http://127.0.0.1:8000/u", allow_http=False)


@given(st.one_of(st.text(), st.none(), st.integers(), st.lists(st.text())))
def test_any_id_is_returned_or_refused(iri: Any) -> None:
    try:
        assert check_id(iri, allow_http=True) == iri
    except BadInput:
        assert not isinstance(iri, str) or not iri.startswith("https://a.example/")


@pytest.mark.parametrize(
    ("iri", "uri"),
    [
        # RFC 3987 3.1: UTF-8, each byte in percent signs; what is ASCII stays, escapes too.
        ("https://a.example/r\u00e9sum\u00e9", "https://a.example/r%C3%A9sum%C3%A9"),
        (
            "https://a.example/\U00010300?\u00fc%C3%BC~@#f",
            "https://a.example/%F0%90%8C%80?%C3%BC%C3%BC~@#f",
        ),
        ("https://a.example/@ann/%7Ex?a=b c", "https://a.example/@ann/%7Ex?a=b c"),
    ],
)
def test_AS_10_an_iri_is_mapped_to_a_uri(iri: str, uri: str) -> None:
    assert uri_of(iri) == uri


# --- Handles ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["ann@a.example", "@ann@a.example", "acct:ann@a.example", "ACCT:ann@A.Example."]
)
def test_handles_in_three_forms(text: str) -> None:
    assert parse_handle(text) == Handle("ann", "a.example")
    assert str(parse_handle(text)) == "ann@a.example"


@pytest.mark.parametrize(
    ("text", "handle"),
    [
        ("Ann_B@a.example", Handle("Ann_B", "a.example")),
        ("a.b-c~d@a.example", Handle("a.b-c~d", "a.example")),
        ("a@127.0.0.1:3000", Handle("a", "127.0.0.1:3000")),
        ("acct:a@[::1]:3000", Handle("a", "[::1]:3000")),
        ("a@münchen.example", Handle("a", "xn--mnchen-3ya.example")),
        ("a@a.example:443", Handle("a", "a.example")),
    ],
)
def test_handles_of_all_kinds(text: str, handle: Handle) -> None:
    assert parse_handle(text) == handle


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ann",
        "@ann",
        "@",
        "@@a.example",
        "ann@",
        "@a.example",
        "acct:",
        "acct:@ann@a.example",
        "@acct:ann@a.example",
        "mailto:ann@a.example",
        "https://a.example/@ann",
        "ann@b@a.example",
        "acct:a@127.0.0.1:5432/x?",
        "a@a.example/x",
        "a@a.example?x",
        "a@a.example#x",
        "a@a.example\r\nX: y",
        "a\r\nX: y@a.example",
        "a@a.example\n",
        " a@a.example",
        "a b@a.example",
        "a/b@a.example",
        "a%40b@a.example",
        "é@a.example",
        "a@a.example:x",
        "a@127.1",
        "a@u:p",
        "a@a..example",
        "a" * 129 + "@a.example",
        "a@" + "a" * 300,
    ],
)
def test_CVE_2025_25194_strange_handles_are_refused(text: str) -> None:
    with pytest.raises(BadInput):
        parse_handle(text)


@given(st.text(max_size=40))
def test_random_text_is_a_handle_or_refused(text: str) -> None:
    try:
        handle = parse_handle(text)
    except BadInput:
        return
    assert parse_handle(str(handle)) == handle


@pytest.mark.parametrize("name", ["a", "Ann_1", "_", "instance", "x" * 30])
def test_local_names(name: str) -> None:
    assert is_local_name(name)


@pytest.mark.parametrize("name", ["", "x" * 31, "a.b", "a-b", "a b", "é", "a\n", "@a", "a@b", "١"])
def test_what_is_no_local_name(name: str) -> None:
    assert not is_local_name(name)


def test_names_are_folded_for_comparing() -> None:
    assert fold_name("Ann_B") == fold_name("aNN_b") == "ann_b"
    assert fold_name("a") != fold_name("b")


# --- Keys ------------------------------------------------------------------------------------


def test_the_key_is_half_of_the_sha256_of_the_iri() -> None:
    iri = "https://a.example/é"
    assert key_of(iri) == UUID(hashlib.sha256(iri.encode()).hexdigest()[:32])
    # Decided once and for all: stored keys must stay what they are.
    assert key_of("https://a.example/u/1") == UUID("1ba36e93-c0bc-d216-afb2-b051992dd458")


def test_keys_of_spellings_that_pass_as_ids_differ_only_for_different_things() -> None:
    assert key_of("https://a.example/u") != key_of("https://a.example/u/")
    assert key_of("https://a.example/u") != key_of("https://a.example/U")


@given(*[st.text(max_size=6)] * 4)
def test_activity_keys_tell_pairs_apart(actor: str, id_: str, actor2: str, id2: str) -> None:
    same = (actor, id_) == (actor2, id2)
    assert (activity_key(actor, id_) == activity_key(actor2, id2)) == same


def test_the_border_between_actor_and_id_counts() -> None:
    assert activity_key("https://a.example/1", "2") != activity_key("https://a.example/", "12")
    assert activity_key("a", "b") != activity_key("b", "a")
    assert activity_key("a", "b") != key_of("ab")


def test_an_activity_without_id_is_known_by_its_bytes() -> None:
    assert activity_key("a", b'{"type":"Add"}') == activity_key("a", b'{"type":"Add"}')
    assert activity_key("a", b'{"type":"Add"}') != activity_key("a", b'{"type": "Add"}')
    assert activity_key("a", b'{"type":"Add"}') != activity_key("b", b'{"type":"Add"}')


def test_buckets_are_spread_and_stay() -> None:
    buckets = [bucket_of(f"host{number}.example") for number in range(2_000)]
    assert set(buckets) == set(range(limits.BUCKETS))
    assert max(map(buckets.count, set(buckets))) < 70  # 31 on average
    assert bucket_of("a.example") == 26


# --- Addresses -------------------------------------------------------------------------------

NOT_PUBLIC = (
    # IPv4 special ranges, first and last of the wide ones
    "0.0.0.0 0.1.2.3 10.0.0.1 10.255.255.255 100.64.0.1 100.127.255.255 127.0.0.1 127.255.255.254 "
    "169.254.169.254 172.16.0.1 172.31.255.255 192.0.0.1 192.0.0.170 192.0.2.1 192.31.196.1 "
    "192.52.193.1 192.88.99.1 192.168.0.1 192.168.255.255 192.175.48.1 198.18.0.1 198.19.255.255 "
    "198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255 240.0.0.1 255.255.255.255 "
    # IPv6 special ranges
    ":: ::1 fc00::1 fd12:3456::1 fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1 100::1 100:0:0:1::1 "
    "2001:db8::1 2001:2::1 2001:10::1 2001:20::1 2001:1::1 3fff::1 5f00::1 2620:4f:8000::1 "
    "4000::1 8000::1 "
    # an IPv4 address inside an IPv6 address: mapped, compatible, NAT64, 6to4, Teredo
    "::ffff:127.0.0.1 ::ffff:7f00:1 ::ffff:10.0.0.1 ::ffff:169.254.169.254 ::ffff:0.0.0.0 "
    "::127.0.0.1 ::10.0.0.1 ::8.8.8.8 64:ff9b::127.0.0.1 64:ff9b::10.0.0.1 64:ff9b::a9fe:a9fe "
    "64:ff9b:1::127.0.0.1 64:ff9b:1:7f00:0:100:: 64:ff9b:1::8.8.8.8 2002:7f00:1:: 2002:a00:1::1 "
    "2002:808:808::1 2001:0:7f00:1:0:0:80ff:fffe 2001:0:808:808:0:0:f7f7:f7f7"
).split()
PUBLIC = (
    "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.0.0.1 128.0.0.1 "
    "169.253.0.1 172.15.255.255 172.32.0.0 192.0.1.1 192.167.0.1 192.169.0.1 198.17.0.1 198.20.0.1 "
    "203.0.114.1 223.255.255.255 2001:4860:4860::8888 2606:4700::1111 2a01:4f8::1 2003::1 2400::1 "
    "::ffff:8.8.8.8 64:ff9b::8.8.8.8 64:ff9b::808:808"
).split()


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_CVE_2026_50131_special_addresses(address: str) -> None:
    assert not is_public_address(ip_address(address))
    assert not may_connect(ip_address(address), [])


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    assert is_public_address(ip_address(address))
    assert may_connect(ip_address(address), [])


@given(st.ip_addresses())
def test_no_address_is_public_that_python_calls_private(address: Any) -> None:
    if address.is_private and not getattr(address, "ipv4_mapped", None):
        assert not is_public_address(address)


LOOPBACK = [ip_network("127.0.0.0/8"), ip_network("::1/128")]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "::ffff:127.0.0.1", "8.8.8.8"])
def test_allowed_networks_may_be_reached(address: str) -> None:
    assert may_connect(ip_address(address), LOOPBACK)


@pytest.mark.parametrize(
    "address", ["10.0.0.1", "::2", "::ffff:10.0.0.1", "::127.0.0.1", "fe80::1"]
)
def test_other_networks_may_not(address: str) -> None:
    assert not may_connect(ip_address(address), LOOPBACK)


@pytest.mark.parametrize(
    "address", ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "::ffff:0.0.0.0", "::ffff:224.0.0.1"]
)
def test_CVE_2026_46348_unspecified_and_multicast_never(address: str) -> None:
    everything = [ip_network("0.0.0.0/0"), ip_network("::/0")]
    assert not may_connect(ip_address(address), everything)
    assert may_connect(ip_address("10.0.0.1"), everything)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("https://example.org/users/carol", "https://example.org/users/carol"),
        ("http://example.org/users/carol", "http://example.org/users/carol"),
        ("  https://example.org/@carol\n", "https://example.org/@carol"),
        ("example.org/users/carol", "https://example.org/users/carol"),
        ("example.org", "https://example.org"),
        ("example.org:8443/users/carol", "https://example.org:8443/users/carol"),
        ("localhost:8000/users/carol", "https://localhost:8000/users/carol"),
        ("did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2", None),
        ("urn:uuid:01902f2c-7d3b-7b5e-8c6a-2f1d3e4b5a69", None),
    ],
)
def test_AP_ACT_02_an_id_that_is_typed(typed: str, meant: str | None) -> None:
    """AP-ACT-02: a URI is used as it is; without a scheme https is tried."""
    assert typed_id(typed) == (meant or typed)


@pytest.mark.parametrize(
    "typed",
    [
        *("", " ", "carol", "@carol", "/users/carol", "https://", "https:///x", "//example.org/x"),
        *("https://exa mple.org/", "example.org/a b", "https://user@example.org/", "..", "a..b/x"),
    ],
)
def test_AP_ACT_02_what_is_typed_and_no_id(typed: str) -> None:
    """AP-ACT-02: anything else is invalid."""
    with pytest.raises(BadInput):
        typed_id(typed)
