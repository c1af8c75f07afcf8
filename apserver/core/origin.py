"""Whose a thing is: origins and ids, handles, internal keys, and addresses we may connect to.

Every trust rule of federation compares origins (FEP-fe34), so there is one function that makes
them and nothing else takes an IRI apart. It refuses what parsers are known to disagree about:
userinfo, backslashes, percent signs and empty labels in the host, and numbers that some
resolvers read as IPv4 addresses (``127.1``).

Host names are compared in lower-case ASCII, after UTS 46 and IDNA 2008. The ``idna`` package
does that; it is there already, because aiohttp needs it through yarl.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID, SafeUUID

import idna

from apserver.core import lexical, limits
from apserver.errors import BadInput

# --- Origins and ids -------------------------------------------------------------------------

_DEFAULT_PORTS = {"http": 80, "https": 443}
_IRI = re.compile(r"(https?)://([^/?#]*)", re.IGNORECASE)
#: What no IRI may hold (RFC 3987 2.2), and some readers drop or take for a slash.
_NEVER = re.compile(r"[\x00-\x20\x7f-\xa0\\\u2028\u2029\ud800-\udfff]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]+")
_PORT = re.compile(r"[1-9][0-9]{0,4}")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_LOOKS_NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*")
_HOST_LENGTH = 253
_AUTHORITY_LENGTH = 512  #: characters; UTS 46 drops some, so a host may be written longer


class Origin(NamedTuple):
    """Scheme, host and port. Two things with one origin answer to one owner."""

    scheme: str
    host: str  #: lower-case ASCII; an IPv6 address stands in brackets
    port: int

    @property
    def authority(self) -> str:
        """The host, with the port when it is not the scheme's own: what a handle shows."""
        usual = _DEFAULT_PORTS[self.scheme]
        return self.host if self.port == usual else f"{self.host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def origin_of(iri: str) -> Origin:
    """The origin of an http or https IRI, in one spelling; BadInput for everything else."""
    match = _IRI.match(iri)
    if match is None:
        raise BadInput("This is no http or https address with a host.")
    if _NEVER.search(iri):
        raise BadInput("An address must not hold spaces, control characters or backslashes.")
    if len(match[2]) > _AUTHORITY_LENGTH:
        raise BadInput("The host name of this address is too long.")
    return _origin(match[1].lower(), match[2])


@lru_cache(maxsize=8192)
def _origin(scheme: str, authority: str) -> Origin:
    host, port = _split_port(authority)
    return Origin(scheme, _canonical_host(host), port or _DEFAULT_PORTS[scheme])


def _split_port(authority: str) -> tuple[str, int | None]:
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        return authority, None
    if not _PORT.fullmatch(port) or int(port) > 65535:
        raise BadInput("The port in this address is no number from 1 to 65535.")
    return host, int(port)


def _canonical_host(host: str) -> str:
    if host.startswith("[") and host.endswith("]"):
        return f"[{_ipv6(host[1:-1])}]"
    name = host.lower() if host.isascii() else _to_ascii(host)
    labels = name.removesuffix(".").split(".")
    if _LOOKS_NUMERIC.fullmatch(labels[-1]):
        return _ipv4(name)
    for label in labels:
        if not _LABEL.fullmatch(label):
            raise BadInput("The host of this address is no host name.")
        if label.startswith("xn--"):
            _check_a_label(label)
    name = ".".join(labels)
    if len(name) > _HOST_LENGTH:
        raise BadInput("The host name of this address is too long.")
    return name


def _to_ascii(host: str) -> str:
    # UTS 46 maps full-width letters and dots first, so one host cannot have two spellings.
    try:
        return idna.encode(host, uts46=True, std3_rules=True).decode()
    except (idna.IDNAError, UnicodeError):
        raise BadInput("The host of this address is no host name.") from None


def _check_a_label(label: str) -> None:
    try:
        idna.ulabel(label)
    except (idna.IDNAError, UnicodeError):
        raise BadInput("The host of this address is no valid IDNA name.") from None


def _ipv4(text: str) -> str:
    try:
        return str(IPv4Address(text))
    except ValueError:
        raise BadInput("An IPv4 address is written as four decimal numbers.") from None


def _ipv6(text: str) -> str:
    try:
        if "%" not in text:
            return str(IPv6Address(text))
    except ValueError:
        pass
    raise BadInput("The host of this address is no IPv6 address.")


def same_origin(one: str, other: str) -> bool:
    """Whether both are http(s) IRIs with one scheme, host and port (FEP-fe34)."""
    try:
        return origin_of(one) == origin_of(other)
    except BadInput:
        return False


def host_of(iri: str) -> str:
    """The host of an http(s) IRI as a handle shows it: ``:port`` only when it is unusual."""
    return origin_of(iri).authority


def check_id(iri: object, *, allow_http: bool) -> str:
    """The id, when it can be the id of a thing on some server; else BadInput.

    It must be absolute, https (or http when that is allowed), of at most `limits.IRI` bytes, and
    its host must be spelt as `origin_of` spells it: ids are compared as they are (AS-11), so two
    spellings of a host would be two actors (CVE-2023-42451). A second ``#`` is
    part of the fragment: BookWyrm makes the id of an Undo by adding ``#undo`` to that of a Follow.
    """
    if not isinstance(iri, str) or not iri:
        raise BadInput("An id must be a string that is not empty.")
    if len(iri.encode(errors="replace")) > limits.IRI:
        raise BadInput(f"An id is longer than {limits.IRI} bytes.")
    origin = origin_of(iri)
    if origin.scheme == "http" and not allow_http:
        raise BadInput("An id must start with https://.")
    if not iri.startswith(str(origin)) or iri[len(str(origin)) :][:1] not in ("", "/", "?", "#"):
        raise BadInput(f"The host of an id must be in its plain form, here {origin}.")
    return iri


def typed_id(text: str) -> str:
    """The id that a person means: a URI as it is; what lacks only a scheme, and begins with a host,
    with https (AP-ACT-02, ActivityPub 3.1). BadInput for what is neither."""
    text = text.strip()
    host = text.partition("/")[0].partition(":")[0]
    if "://" not in text and ("." in host or host == "localhost"):
        text = f"https://{text}"
    if not lexical.is_absolute_iri(text):
        raise BadInput(f"{text[:80]!a} is no id. Write it as https://example.org/users/carol.")
    if "://" in text:
        origin_of(text)
    return text


def uri_of(iri: str) -> str:
    """The URI that an id is fetched by: what is not ASCII is percent-encoded (RFC 3987 3.1).

    For the wire alone; ids are compared and stored as they are (AS-11).
    """
    if iri.isascii():
        return iri
    return _NOT_ASCII.sub(lambda found: quote(found[0], safe=""), iri)


# --- Handles and names -----------------------------------------------------------------------

_HANDLE = re.compile(r"(?:acct:|@)?([A-Za-z0-9._~-]{1,128})@([^@/?#]{1,260})", re.IGNORECASE)
_LOCAL_NAME = re.compile(rf"[A-Za-z0-9_]{{1,{limits.NAME}}}")


class Handle(NamedTuple):
    """An address that people type: ``name@host``."""

    name: str
    host: str  #: as `host_of` gives it

    def __str__(self) -> str:
        return f"{self.name}@{self.host}"


def parse_handle(text: str) -> Handle:
    """Read ``@name@host``, ``name@host`` or ``acct:name@host`` (RFC 7565); else BadInput."""
    match = _HANDLE.fullmatch(text)
    if match is None:
        raise BadInput("This is no handle. Write it as name@example.org.")
    return Handle(match[1], host_of(f"https://{match[2]}"))


def is_local_name(name: str) -> bool:
    """Whether an actor of ours may have this name: letters, digits, underscore."""
    return _LOCAL_NAME.fullmatch(name) is not None


def fold_name(name: str) -> str:
    """The form in which names are compared: ``Ann`` and ``ann`` are one."""
    return name.casefold()


# --- Internal keys ---------------------------------------------------------------------------


def key_of(iri: str) -> UUID:
    """The internal key of a thing: 16 bytes of the SHA-256 of its IRI (decision 2)."""
    return _uuid(_utf8(iri))


def digest_key(content: bytes) -> UUID:
    """The internal key of what is known by its bytes alone: a signature, a body."""
    return _uuid(content)


def activity_key(actor: str, id_: str | bytes) -> UUID:
    """The internal key of an activity, from its actor and its id.

    Two actors may use one id without a clash. An activity without an id is known by its bytes.
    """
    owner = _utf8(actor)
    name = id_ if isinstance(id_, bytes) else _utf8(id_)
    # The length in front tells where the actor ends, whatever the two hold.
    return _uuid(b"%d:%b%b" % (len(owner), owner, name))


def bucket_of(host: str) -> int:
    """The bucket of a host's jobs and deliveries, from 0 to ``limits.BUCKETS - 1``."""
    return int.from_bytes(sha256(_utf8(host)).digest()[:8]) % limits.BUCKETS


_UNKNOWN = SafeUUID.unknown  # every look at a member of an enumeration is a call


def _utf8(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def _uuid(content: bytes) -> UUID:
    """``UUID(bytes=...)`` of the hash, without its checks of what needs none: in half the time, and
    a page asks for some sixty keys."""
    made = UUID.__new__(UUID)
    object.__setattr__(made, "int", int.from_bytes(sha256(content).digest()[:16]))
    object.__setattr__(made, "is_safe", _UNKNOWN)
    return made


# --- Addresses -------------------------------------------------------------------------------

# IANA special-purpose registries (RFC 6890 and later). Python's `is_global` calls many of these
# global: NAT64, 6to4, v4-compatible, site-local, SRv6 SIDs, multicast.
_NOT_PUBLIC_4 = tuple(
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier NAT
        "127.0.0.0/8",  # loopback
        "169.254.0.0/16",  # link-local, cloud metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # AMT
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
#: Everything that is assigned as global unicast. Outside it nothing is public.
_PUBLIC_6 = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = tuple(
    IPv6Network(network)
    for network in (
        "2001::/23",  # protocol assignments, with Teredo and ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network


def is_public_address(address: Address) -> bool:
    """Whether a server of the public Internet may live at this address.

    An IPv4 address inside a mapped or NAT64 address is judged as itself. The older ways of
    wrapping one (v4-compatible, 6to4, Teredo, NAT64 for local use) are refused whatever they
    hold: no server is reached by them any more.
    """
    inner = _unwrapped(address)
    if isinstance(inner, IPv4Address):
        return not any(inner in network for network in _NOT_PUBLIC_4)
    return inner in _PUBLIC_6 and not any(inner in network for network in _NOT_PUBLIC_6)


def may_connect(address: Address, allowed_networks: Iterable[Network]) -> bool:
    """Whether we may open a connection: public, or in a network that the owner allows."""
    inner = _unwrapped(address)
    if any(one.is_multicast or one.is_unspecified for one in (address, inner)):
        return False
    if is_public_address(address):
        return True
    return any(address in network or inner in network for network in allowed_networks)


def _unwrapped(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address
