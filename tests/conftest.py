"""One PostgreSQL for the run, a database from a template for each server, servers on loopback."""

from __future__ import annotations

import asyncio
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from itertools import count
from pathlib import Path

import asyncpg
import pytest

from apserver.store import db as store
from apserver.store.embedded import EmbeddedPostgres
from tests.doubles.peer import Peer
from tests.doubles.server import Server, database_dsn

StartServer = Callable[..., Awaitable[Server]]
StartPeer = Callable[..., Awaitable[Peer]]

_numbers = count(1)


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The DSN of the run's own PostgreSQL. Its folder is not tmp_path: that is 0700 for root."""
    folder = Path(tempfile.mkdtemp(prefix="apserver-tests-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "data")
    server.start()
    try:
        yield server.dsn
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def template(postgres: str) -> str:
    """The name of a database with the schema and nothing in it."""

    async def make() -> None:
        connection = await asyncpg.connect(postgres)
        await connection.execute("CREATE DATABASE template_apserver")
        await connection.close()
        await store.migrate(database_dsn(postgres, "template_apserver"))

    asyncio.run(make())
    return "template_apserver"


@pytest.fixture
async def database(postgres: str, template: str) -> AsyncIterator[Callable[[], Awaitable[str]]]:
    """Makes databases with the schema; they are dropped after the test."""
    made: list[str] = []

    async def make() -> str:
        name = f"test_{next(_numbers)}"
        connection = await asyncpg.connect(postgres)
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        await connection.close()
        made.append(name)
        return database_dsn(postgres, name)

    yield make
    connection = await asyncpg.connect(postgres)
    for name in made:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
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

        async def start(*actors: str, host: str = "127.0.0.1") -> Peer:
            return await stack.enter_async_context(Peer.running(actors, host))

        yield start


@pytest.fixture
async def peer(start_peer: StartPeer) -> Peer:
    """A peer with the actor carol."""
    return await start_peer("carol")


def free_port() -> int:
    """A port on loopback that nobody has at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
