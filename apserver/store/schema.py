"""What state a database is in, looked at without changing anything."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import asyncpg

from apserver.errors import ConfigProblem
from apserver.store.db import connect, script_names

VERSION_MIN = 15  #: of PostgreSQL; older ones lack what our SQL needs

_LOOK = "SELECT clock_timestamp() AS now, to_regclass('migration') IS NOT NULL AS begun"
_APPLIED = "SELECT name FROM migration"
_CLAIMED = "SELECT origin, handle_host FROM server"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """``pending`` names the migrations to come; ``origin`` is None before the first start."""

    version: tuple[int, int]
    now: datetime  #: by the clock of the database
    pending: tuple[str, ...]
    origin: str | None
    handle_host: str | None

    def check_owner(self, origin: str, handle_host: str) -> None:
        """ConfigProblem when the database belongs to another origin."""
        if self.origin is not None and self.handle_host is not None:
            check_owner(self.origin, self.handle_host, configured=(origin, handle_host))


def check_owner(origin: str, handle_host: str, *, configured: tuple[str, str]) -> None:
    """ConfigProblem when a database of this origin is used with another one configured."""
    if (origin, handle_host) != configured:
        raise ConfigProblem(
            f"This database belongs to {origin} (handles @NAME@{handle_host}); the configuration "
            f"says {configured[0]} (@NAME@{configured[1]}). Set them back, or use another data_dir "
            "or database."
        )


async def state(dsn: str) -> Schema:
    """Look at a database. Busy or ConfigProblem when it cannot be reached."""
    connection = await connect(dsn)
    try:
        return await _look(connection)
    finally:
        await connection.close()


async def _look(connection: asyncpg.Connection) -> Schema:
    row = await connection.fetchrow(_LOOK)
    applied = {one["name"] for one in await connection.fetch(_APPLIED)} if row["begun"] else set()
    pending = tuple(name for name in script_names() if name not in applied)
    owner = None if pending else await connection.fetchrow(_CLAIMED)
    version = connection.get_server_version()
    return Schema(
        version=(version.major, version.micro),  # asyncpg reads 18.6 as 18.0.6
        now=row["now"],
        pending=pending,
        origin=owner["origin"] if owner else None,
        handle_host=owner["handle_host"] if owner else None,
    )
