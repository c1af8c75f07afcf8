"""A database with so much in it that PostgreSQL has to choose how to read it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import asyncpg

from tests.conftest import new_database


@contextmanager
def filled(postgres: str, fill: Callable[[asyncpg.Connection], Awaitable[None]]) -> Iterator[str]:
    """The DSN of a database of its own that ``fill`` was called for. What it has is analysed, and
    not vacuumed: as after a rush."""

    async def make() -> str:
        dsn = await new_database(postgres)
        connection = await asyncpg.connect(dsn)
        await fill(connection)
        await connection.execute("ANALYZE")
        await connection.close()
        return dsn

    async def drop(dsn: str) -> None:
        admin = await asyncpg.connect(postgres)
        await admin.execute(f"DROP DATABASE {urlsplit(dsn).path[1:]} WITH (FORCE)")
        await admin.close()

    made = asyncio.run(make())
    yield made
    asyncio.run(drop(made))
