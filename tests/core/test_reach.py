"""Ports, name servers, and the domains that new hosts are counted by."""

from __future__ import annotations

import pytest

from apserver.core.reach import NameServer, is_open_port, literal_address, registered_domain


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("a.example", "a.example"),
        ("example", "example"),
        ("social.a.example", "a.example"),
        ("x.y.z.a.example", "a.example"),
        ("a.co.uk", "a.co.uk"),
        ("x.y.a.co.uk", "a.co.uk"),
        ("x.a.com.au", "a.com.au"),
        ("x.a.or.jp", "a.or.jp"),
        ("co.uk", "co.uk"),
        ("x.com.example", "com.example"),  # not below a country
        ("x.a.de", "a.de"),
        ("x.xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.2", "192.0.2.2"),
        ("[2001:db8::1]", "2001:db8::/64"),
        ("[2001:db8::ffff:1]", "2001:db8::/64"),
        ("[2001:db8:0:1::1]", "2001:db8:0:1::/64"),
    ],
)
def test_hosts_of_one_owner_are_counted_together(host: str, domain: str) -> None:
    """CVE-2022-46405: wildcard DNS; whoever has one address of IPv6 has 2^64."""
    assert registered_domain(host) == domain


def test_ports_of_the_web_are_open() -> None:
    """Servers on test hosts have any port; those of other services are closed (Fetch 2.9)."""
    assert all(map(is_open_port, (80, 443, 3000, 8080, 8443, 20_000, 65_535)))
    assert not any(map(is_open_port, (1, 22, 25, 53, 587, 993, 5432, 6379, 6667, 11211, 27017)))


def test_what_is_an_address() -> None:
    assert str(literal_address("192.0.2.1")) == "192.0.2.1"
    assert str(literal_address("[2001:db8::1]")) == "2001:db8::1"
    assert literal_address("a.example") is None
    assert literal_address("1.example") is None


def test_a_name_server_is_written_as_it_is_read() -> None:
    assert str(NameServer("9.9.9.9", 53)) == "9.9.9.9:53"
    assert str(NameServer("::1", 5353)) == "[::1]:5353"
