"""Which SQL statements a server sends, as PostgreSQL's own log tells.

Their number is the figure that a busy machine does not blur, and most of the cost of a path
hangs on it: each is a round trip of two processes.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from apserver.store.embedded import EmbeddedPostgres
from bench.instance import Instance

_ON = (
    "ALTER SYSTEM SET log_statement = 'all'",
    "ALTER SYSTEM SET log_line_prefix = '<%p> '",
    "SELECT pg_reload_conf()",
)
_OFF = ("ALTER SYSTEM RESET ALL", "SELECT pg_reload_conf()")
_RELOAD_S = 0.3  #: until every process of the server has seen the new settings
_LINE = re.compile(r"^<(\d+)> LOG:  (?:execute [^:]*|statement): (.*(?:\n\t.*)*)", re.MULTILINE)


@asynccontextmanager
async def counting(instance: Instance, into: Counter[str]) -> AsyncIterator[None]:
    """Count the statements of others while the context lasts; the counter is filled at its end.

    Everything is slow meanwhile, so nothing else can be measured.
    """
    log = EmbeddedPostgres(instance.settings.data_dir).log_file
    await _set(instance, _ON)
    start = log.stat().st_size
    yield
    await _set(instance, _OFF)
    with log.open("rb") as lines:
        lines.seek(start)
        text = lines.read().decode(errors="replace")
    for pid, statement in _LINE.findall(text):
        if int(pid) != instance.db_pid:
            into[" ".join(statement.split())] += 1


async def _set(instance: Instance, statements: tuple[str, ...]) -> None:
    async with instance.db.connection() as conn:
        for statement in statements:
            await conn.execute(statement)
    await asyncio.sleep(_RELOAD_S)
