"""security.md 0, rule 7, and 3: one client for everything. No other module opens a connection.

CVE-2026-62857, CVE-2021-39195, CVE-2024-52579, CVE-2021-21273, CVE-2023-32683: a side way that
lacked the guard (NodeInfo, upload by URL, oEmbed, previews). There is no such way here, and one
that is added must use `net.client` or fail this test. What is looked at is every name that opens a
connection, however it is reached: called, handed on, imported under another name, or asked for by
its text; and every module that could do so without such a name: another program, C, or code that
is made at run time.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from tests.meta.imports import imported_modules
from tests.meta.project import Source, sources

#: Modules that open connections by themselves, or let something do it that cannot be looked at.
DIALLING_MODULES = (
    "_socket", "aiodns", "aiohttp.client", "aiohttp.connector", "aiohttp.http", "aiosignal", "cffi",
    "ctypes", "dns", "ftplib", "http.client", "httpx", "imaplib", "multiprocessing",
    "nntplib", "poplib", "pty", "pycares", "pycurl", "requests", "runpy", "smtplib", "socketserver",
    "subprocess", "telnetlib", "urllib.request", "urllib3", "uvloop", "websockets", "xmlrpc",
)  # fmt: skip
#: Names of what does, or makes what can.
DIALLING_NAMES = {
    "ClientSession", "TCPConnector", "UnixConnector", "__import__", "connect",
    "connect_accepted_socket", "connect_ex", "create_connection", "create_datagram_endpoint",
    "create_server", "create_subprocess_exec", "create_subprocess_shell",
    "create_unix_connection", "entry_points", "eval", "exec", "execv", "execve", "execvp",
    "fork", "fromfd", "getaddrinfo", "gethostbyaddr", "gethostbyname", "gethostbyname_ex",
    "getnameinfo", "import_module", "open_connection", "open_unix_connection", "popen",
    "posix_spawn", "posix_spawnp", "sendmsg", "sendto", "sock_connect", "sock_sendto", "socket",
    "socketpair", "spawnv", "subprocess_exec", "subprocess_shell", "system", "urlopen",
    "ws_connect",
}  # fmt: skip
#: Words that are names of other things, too: they count where they are called or imported.
_WORDS = {"connect", "socket", "system", "exec"}
#: Who may, and what for. `net.client` and `net.resolver` are the way out.
ALLOWED = {
    "apserver/net/client.py": {"ClientSession", "TCPConnector", "socket"},
    "apserver/net/resolver.py": {"getaddrinfo"},  # addresses of names
    "apserver/net/name_servers.py": {"dns"},
    # Our PostgreSQL: whether it answers, and the connections of asyncpg.
    "apserver/store/embedded.py": {"socket", "connect", "subprocess"},
    "apserver/store/budget.py": {"connect"},
    "apserver/store/db.py": {"connect"},
    "apserver/store/schema.py": {"connect"},
    "apserver/store/binaries.py": {"subprocess"},
    "apserver/store/cluster.py": {"subprocess", "ctypes"},  # ctypes: it ends with its parent
    # Where we listen.
    "apserver/supervisor/sockets.py": {"socket", "getaddrinfo"},
    "apserver/app/worker.py": {"socket"},  # takes over a socket that listens
    "apserver/serve/door.py": {"connect_accepted_socket", "create_server"},
    # Our own processes.
    "apserver/supervisor/children.py": {"subprocess"},
    "apserver/supervisor/crew.py": {"subprocess"},
    "apserver/supervisor/signals.py": {"socketpair"},  # a signal wakes it up
    "apserver/compaction/__init__.py": {"create_subprocess_exec"},
    "apserver/app/__main__.py": {"uvloop"},  # the event loop itself
    "apserver/app/streams.py": {"entry_points"},  # streams of other packages
    "apserver/app/hooks.py": {"import_module"},  # the filter that the configuration names
}


def dialling(source: Source) -> Iterator[str]:
    """What of it opens connections, or could."""
    for module in imported_modules(source):
        for name in DIALLING_MODULES:
            if module == name or module.startswith(f"{name}."):
                yield name
    for node in ast.walk(source.tree):
        yield from (name for name in _named(node) if name in DIALLING_NAMES)


def _named(node: ast.AST) -> Iterator[str]:
    """The names that a piece of code has for something, and those in its imports."""
    match node:
        case ast.Call(func=ast.Name(id=name) | ast.Attribute(attr=name)):
            yield name
        case ast.Attribute(attr=name) | ast.Name(id=name) | ast.Constant(value=str(name)):
            if name not in _WORDS:
                yield name
        case ast.ImportFrom(names=aliases):
            yield from (alias.name for alias in aliases)


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
        "from asyncio import open_connection as fine\nasync def f(): await fine(h, 80)\n",
        "import asyncio\ndial = asyncio.open_connection\n",
        "import asyncio\ndial = getattr(asyncio, 'open_connection')\n",
        "import socket\ns = socket.create_connection((h, 80))\n",
        "from socket import socket as Fine\n",
        "import socket as fine\ns = fine.socket()\n",
        "async def f(loop): await loop.create_connection(p, h, 80)\n",
        "async def f(loop, s): await loop.sock_connect(s, a)\n",
        "import dns.asyncresolver\n",
        "import subprocess\nsubprocess.run(['curl', u])\n",
        "import asyncio\nasync def f(): await asyncio.create_subprocess_shell(c)\n",
        "import os\nos.system('curl')\n",
        "import os\nrun = os.popen\n",
        "import ctypes\n",
        "m = __import__('socket')\n",
        "exec('import socket')\n",
        "from importlib import import_module\n",
    ],
)
def test_a_side_way_is_seen(text: str) -> None:
    """The test's own test."""
    assert list(dialling(Source("apserver/serve/x.py", text, ast.parse(text))))
