"""Who is the client behind a proxy, for counting requests.

`X-Forwarded-For` is a list to which each proxy appends the address that it was called from. Its
right end was written by the proxy that calls us, everything left of that by whoever came before,
the client included. So it is read from the right, and only as far as the writers are trusted:
each trusted address vouches for the one left of it. Without trusted proxies the header is not
looked at, as anybody can send one (GHSA-c2r5-cfqr-c553). `Forwarded` (RFC 7239) is never looked
at: two headers that may disagree are one too many (GHSA-qp4r-p842-mw5c).
"""

from __future__ import annotations

from collections.abc import Sequence
from ipaddress import IPv6Address, IPv6Network, ip_address

from apserver.core.origin import Address, Network

#: Bits of an IPv6 address that name a customer; the rest is his to change at will (RFC 6177).
_SITE_BITS = 64


def client_address(peer: Address, forwarded_for: str, trusted: Sequence[Network]) -> Address:
    """The address of the client, by the socket's peer and the joined `X-Forwarded-For` headers.

    What is no address ends the search: the client is then the last one vouched for.
    """
    client = _plain(peer)
    for text in reversed(forwarded_for.split(",")):
        if not any(client in network for network in trusted):
            break
        before = _parsed(text.strip())
        if before is None:
            break
        client = before
    return client


def counted_as(client: Address) -> str:
    """Under which name the requests of an address are counted: IPv6 by the network of 64 bits."""
    if isinstance(client, IPv6Address):
        return str(IPv6Network((client, _SITE_BITS), strict=False))
    return str(client)


def _parsed(text: str) -> Address | None:
    """An address with or without a port: some proxies write one."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return _plain(ip_address(text.partition("%")[0]))
    except ValueError:
        return None


def _plain(address: Address) -> Address:
    """IPv4 out of an IPv6 socket (``::ffff:192.0.2.1``) is IPv4."""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address
