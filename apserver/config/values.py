"""Checks of single values: each returns the value to use, or raises ValueError."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apserver.core.origin import Network, Origin, origin_of
from apserver.core.reach import NameServer
from apserver.errors import BadInput


def check_origin(value: str) -> str:
    """`scheme://host[:port]` in the one spelling of `core.origin`; or ValueError."""
    return str(_bare_origin(value))


def check_handle_host(value: str) -> str:
    """`host[:port]` in the one spelling of `core.origin`; or ValueError."""
    return _bare_origin(f"https://{value}").authority


def _bare_origin(value: str) -> Origin:
    if any(mark in value.partition("://")[2] for mark in "/?#"):
        raise ValueError(value)
    try:
        return origin_of(value)
    except BadInput as error:
        raise ValueError(value) from error


def split_listen(value: str) -> tuple[str, int]:
    """`127.0.0.1:8080` or `[::1]:8080` as (address, port); port 0 means any; or ValueError."""
    host, _, port = value.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    address = ipaddress.ip_address(host[1:-1] if bracketed else host)
    if bracketed != (address.version == 6) or not re.fullmatch("[0-9]{1,5}", port):
        raise ValueError(value)
    if int(port) > 65_535:
        raise ValueError(value)
    return str(address), int(port)


def check_listen(value: str) -> str:
    """An address that `split_listen` understands."""
    split_listen(value)
    return value


_FUNCTION = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*")


def check_function(value: str) -> str:
    """Nothing, or the name of a function as `package.module:function`."""
    if value and _FUNCTION.fullmatch(value) is None:
        raise ValueError(value)
    return value


def check_networks(value: list[str]) -> tuple[Network, ...]:
    """Networks in CIDR form; a bare address stands for itself alone."""
    return tuple(ipaddress.ip_network(item) for item in value)


def check_name_servers(value: list[str]) -> tuple[NameServer, ...]:
    """IP addresses, each with a port or with that of DNS: `9.9.9.9`, `[::1]:5353`, `::1`."""
    return tuple(map(_name_server, value))


def _name_server(value: str) -> NameServer:
    try:
        return NameServer(str(ipaddress.ip_address(value)), 53)
    except ValueError:
        return NameServer(*split_listen(value))


def check_existing_file(value: Path | None) -> Path | None:
    """The path of a file, or None."""
    if value is not None and not value.is_file():
        raise ValueError(value)
    return value


def check_database_url(value: str) -> str:
    """A URL of libpq's form (PostgreSQL manual 34.1.1.2), or nothing."""
    if value and not value.startswith(("postgresql://", "postgres://")):
        raise ValueError(value)
    return value


def without_password(text: str) -> str:
    """A URL, or a text with one, in which passwords are hidden (libpq takes them in two places)."""
    text = re.sub(r"(//[^/:@\s]*):\S*@", r"\1:(hidden)@", text)
    return re.sub(r"([?&](?:ssl)?password=)[^&\s\"]*", r"\1(hidden)", text)


def check_not_negative(value: int) -> int:
    """Zero or more."""
    if value < 0:
        raise ValueError(value)
    return value


def check_one_of(*allowed: str) -> Callable[[str], str]:
    """A check for one of these words."""

    def check(value: str) -> str:
        if value not in allowed:
            raise ValueError(value)
        return value

    return check


def any_value(value: Any) -> Any:
    """No check beyond that of the type."""
    return value
