"""Where outgoing requests may go, apart from the question which addresses (`core.origin`).

Two things are judged of a host and a port that somebody else has named:

* **The port.** Any server may live on any port, and on test hosts it does; what we must not be
  made to speak to are services of other kinds, which read our request as commands of their own.
  So all ports are open but those that browsers refuse too (Fetch Standard 2.9, "bad port"), and
  those of data stores that answer whoever reaches them.
* **How many hosts one owner has.** By a wildcard in DNS one domain has endless hosts, each of
  which looks new (CVE-2022-46405). They are counted together by the domain that somebody had to
  register, and only so many new ones are asked in an hour.
"""

from __future__ import annotations

from ipaddress import IPv6Network, ip_address
from typing import NamedTuple

from apserver.core.origin import Address

_OF_OTHER_SERVICES = frozenset({
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
    103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
    512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
    995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
    6669, 6679, 6697, 10080,
})  # fmt: skip
#: Docker, etcd, MySQL, PostgreSQL, CouchDB, Redis, Elasticsearch, memcached, MongoDB.
_OF_DATA_STORES = frozenset({2375, 2376, 2379, 3306, 5432, 5984, 6379, 9200, 11211, 27017})

#: What registries of countries put between the country and the names that they give out.
_SECOND_LEVELS = frozenset(
    "ac asn co com edu go gob gouv gov gv id ind info ltd me mil ne net nic nom or org plc sch"
    " school web".split()
)


class NameServer(NamedTuple):
    """A server that resolves names, for us: an IP address and a port."""

    address: str
    port: int

    def __str__(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return f"{host}:{self.port}"


def is_open_port(port: int) -> bool:
    """Whether a server of the web may listen there."""
    return port not in _OF_OTHER_SERVICES and port not in _OF_DATA_STORES


def literal_address(host: str) -> Address | None:
    """The address that a host (as in `core.origin.Origin`) is written as; None for a name."""
    if host.startswith("["):
        return ip_address(host[1:-1])
    return ip_address(host) if host.rpartition(".")[2].isdigit() else None


def registered_domain(host: str) -> str:
    """The domain under which somebody can have as many hosts as they like.

    The last two labels of a name, or three where the second last is one of those that registries
    use (``co.uk``). This is no Public Suffix List, which changes every week: where it errs, the
    hosts of several owners are counted as those of one, or a registry's as its own. An IPv4 address
    stands for itself, an IPv6 address for its /64, which is what one customer gets.
    """
    address = literal_address(host)
    if address is not None:
        return host if address.version == 4 else str(IPv6Network((int(address), 64), strict=False))
    labels = host.split(".")
    of_registry = len(labels) > 2 and len(labels[-1]) == 2 and labels[-2] in _SECOND_LEVELS
    return ".".join(labels[-3 if of_registry else -2 :])
