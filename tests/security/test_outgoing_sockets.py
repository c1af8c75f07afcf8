"""security.md 0, rule 7, and 3: one client for everything. No other module opens a connection.

CVE-2026-62857, CVE-2021-39195, CVE-2024-52579, CVE-2021-21273, CVE-2023-32683: a side way that
lacked the guard (NodeInfo, upload by URL, oEmbed, previews). There is no such way here, and one
that is added must use `net.client` or fail this test.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.meta.imports import imported_modules
from tests.meta.project import Source, sources

#: Modules that open connections by themselves.
DIALLING_MODULES = (
    "aiohttp.client", "aiohttp.connector", "aiodns", "dns", "ftplib", "http.client", "httpx",
    "imaplib", "pycurl", "poplib", "requests", "smtplib", "socketserver", "ssl.SSLSocket",
    "telnetlib", "urllib.request", "urllib3", "websockets", "xmlrpc",
)  # fmt: skip
#: Calls that do, or make what can, by the last part of their names.
DIALLING_CALLS = {
    "ClientSession", "TCPConnector", "UnixConnector", "connect", "connect_ex",
    "connect_accepted_socket", "create_connection", "create_datagram_endpoint",
    "create_unix_connection", "getaddrinfo", "gethostbyname", "getnameinfo", "open_connection",
    "open_unix_connection", "sendto", "sock_connect", "socket", "urlopen", "ws_connect",
}  # fmt: skip
#: Who may, and what for. `net.client` and `net.resolver` are the way out.
ALLOWED = {
    "apserver/net/client.py": {"ClientSession", "TCPConnector", "socket"},
    "apserver/net/resolver.py": {"getaddrinfo"},  # addresses of names
    "apserver/net/name_servers.py": {"dns"},
    "apserver/store/embedded.py": {"socket", "connect"},  # whether our PostgreSQL answers
    "apserver/store/budget.py": {"connect"},  # PostgreSQL; so are the next two
    "apserver/store/db.py": {"connect"},
    "apserver/store/schema.py": {"connect"},
    "apserver/supervisor/sockets.py": {"socket", "getaddrinfo"},  # where we listen
    "apserver/app/worker.py": {"socket"},  # takes over a socket that listens
    "apserver/serve/door.py": {"connect_accepted_socket"},
}


def dialling(source: Source) -> Iterator[str]:
    """What of it opens connections."""
    for module in imported_modules(source):
        for name in DIALLING_MODULES:
            if module == name or module.startswith(f"{name}."):
                yield name.partition(".")[0] if name == "dns" else name
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Call):
            match node.func:
                case ast.Name(id=name) | ast.Attribute(attr=name) if name in DIALLING_CALLS:
                    yield name


def test_CVE_2026_62857_only_net_opens_connections() -> None:
    """Each file has exactly what the table allows it; so the table has no door that is not used."""
    found = {one.place: set(dialling(one)) for one in sources("apserver")}
    assert {place: calls for place, calls in found.items() if calls} == ALLOWED


@pytest.mark.parametrize(
    "text",
    [
        "import urllib.request\n",
        "from http.client import HTTPSConnection\n",
        "import aiohttp\nasync def f(): return await aiohttp.ClientSession().get(u)\n",
        "import asyncio\nasync def f(): await asyncio.open_connection(h, 80)\n",
        "import socket\ns = socket.create_connection((h, 80))\n",
        "async def f(loop): await loop.create_connection(p, h, 80)\n",
        "import dns.asyncresolver\n",
    ],
)
def test_a_side_way_is_seen(text: str) -> None:
    """The test's own test."""
    assert list(dialling(Source("apserver/serve/x.py", text, ast.parse(text))))
