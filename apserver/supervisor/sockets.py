"""Listening sockets: one address, one socket per worker."""

from __future__ import annotations

import errno
import socket
from typing import Any

from apserver.errors import ApserverError, ConfigProblem, Refused


def bind(host: str, port: int, *, count: int) -> list[socket.socket]:
    """`count` sockets bound to one address, not yet listening. Port 0 takes any free port.

    Raises Refused when another process has the port, ConfigProblem when this machine or this
    user cannot have the address.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with _bound(family, address, shared=False) as probe:
            address = probe.getsockname()
        return [_bound(family, address, shared=True) for _ in range(count)]
    except OSError as error:
        raise _unbound(f"{host}:{port}", error) from error


def _bound(family: int, address: Any, *, shared: bool) -> socket.socket:
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT
        if shared:
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # [::] takes IPv4 too
        bound.bind(address)
    except OSError:
        bound.close()
        raise
    return bound


def _unbound(address: str, error: OSError) -> ApserverError:
    if error.errno == errno.EADDRINUSE:
        return Refused(
            f"{address} is in use by another process. Stop that, or set another port in listen"
        )
    cure = "Set an address of this machine in listen"
    if error.errno == errno.EACCES:
        cure = "Ports below 1024 are root's: set a higher one in listen, behind a proxy"
    return ConfigProblem(f"{address} cannot be listened on: {error.strerror}. {cure}")


def shown(address: Any) -> str:
    host, port, *_ = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
