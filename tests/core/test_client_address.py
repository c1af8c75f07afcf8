"""Who the client is (threats: the rows on X-Forwarded-For and Forwarded)."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core.client_address import client_address, counted_as

TRUSTED = [ip_network("127.0.0.1/32"), ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        # From a stranger the header counts for nothing.
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),
        ("203.0.113.7", "127.0.0.1", "203.0.113.7"),
        # From a proxy, what it wrote: the right end.
        ("127.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("127.0.0.1", "10.0.0.1, 203.0.113.7", "203.0.113.7"),
        # Through two proxies.
        ("127.0.0.1", "198.51.100.1, 203.0.113.7, 10.1.2.3", "203.0.113.7"),
        ("fd00::1", "2001:db8::7,10.1.2.3", "2001:db8::7"),
        # Nothing but proxies: the one farthest away.
        ("127.0.0.1", "10.0.0.2, 10.0.0.1", "10.0.0.2"),
        ("127.0.0.1", "", "127.0.0.1"),
        # What is no address ends the search.
        ("127.0.0.1", "203.0.113.7, unknown", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7, unknown, 10.0.0.1", "10.0.0.1"),
        ("127.0.0.1", "203.0.113.7,,10.0.0.1", "10.0.0.1"),
        ("127.0.0.1", "300.1.1.1", "127.0.0.1"),
        # Forms that proxies write.
        ("127.0.0.1", "203.0.113.7:4711", "203.0.113.7"),
        ("127.0.0.1", "[2001:db8::7]:4711", "2001:db8::7"),
        ("127.0.0.1", "::ffff:203.0.113.7", "203.0.113.7"),
        # An IPv4 proxy at an IPv6 socket.
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7"),
    ],
)
def test_the_header_is_read_from_the_right(peer: str, forwarded: str, client: str) -> None:
    assert client_address(ip_address(peer), forwarded, TRUSTED) == ip_address(client)


@given(st.text(max_size=100), st.ip_addresses())
def test_without_trusted_proxies_the_peer_is_the_client(forwarded: str, peer: object) -> None:
    assert client_address(ip_address(str(peer)), forwarded, []) in (
        peer,
        getattr(peer, "ipv4_mapped", None),
    )


@given(st.text(max_size=100))
def test_any_header_is_read(forwarded: str) -> None:
    client_address(ip_address("127.0.0.1"), forwarded, TRUSTED)


def test_a_site_with_many_ipv6_addresses_is_one_client() -> None:
    """Whoever has one IPv6 address has 2**64 of them."""
    assert counted_as(ip_address("2001:db8:1:2::7")) == counted_as(ip_address("2001:db8:1:2:f::1"))
    assert counted_as(ip_address("2001:db8:1:2::7")) != counted_as(ip_address("2001:db8:1:3::7"))
    assert counted_as(ip_address("203.0.113.7")) != counted_as(ip_address("203.0.113.8"))
