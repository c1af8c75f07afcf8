"""Listening sockets: one address, one socket per worker."""

from __future__ import annotations

import errno
import socket
from pathlib import Path
from typing import Any

from apserver.errors import ApserverError, ConfigProblem, Refused
from apserver.store.data_folder import lock_holder

OR_ELSE = 'set another port in listen, such as "ADDRESS"'


def bind(
    host: str,
    port: int,
    *,
    count: int,
    data_dir: Path | None = None,
    or_else: str = OR_ELSE,
) -> list[socket.socket]:
    """`count` sockets bound to one address, not yet listening. Port 0 takes any free port.

    Raises Refused when another process has the port, ConfigProblem when this machine or this
    user cannot have the address. Refused says so when that process is an apserver in
    `data_dir`; else it names the cure `or_else`, with another address for the word ADDRESS.
    """
    try:
        family, *_, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with _bound(family, address, shared=False) as probe:
            address = probe.getsockname()
        return [_bound(family, address, shared=True) for _ in range(count)]
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise _taken(host, port, data_dir, or_else) from error
        raise _unbound(shown((host, port)), error) from error


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


def _taken(host: str, port: int, data_dir: Path | None, or_else: str) -> Refused:
    holder = None if data_dir is None else lock_holder(data_dir)
    if holder is not None:
        return Refused(
            f"apserver already runs here (process {holder}), with its data in {data_dir}. "
            "Use that one, or stop it first"
        )
    other = shown((host, port + 1 if port < 65_535 else 8080))
    return Refused(
        f"{shown((host, port))} is in use by another process. Stop that, or "
        f"{or_else.replace('ADDRESS', other)}"
    )


def _unbound(address: str, error: OSError) -> ApserverError:
    cure = "Set an address of this machine in listen"
    if error.errno == errno.EACCES:
        cure = "Ports below 1024 are root's: set a higher one in listen, behind a proxy"
    return ConfigProblem(f"{address} cannot be listened on: {error.strerror}. {cure}")


def shown(address: Any) -> str:
    host, port, *_ = address
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
