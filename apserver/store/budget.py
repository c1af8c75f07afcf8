"""Whether PostgreSQL takes as many connections as workers and commands open together."""

from __future__ import annotations

from apserver.core import limits
from apserver.errors import ConfigProblem
from apserver.store.db import connect

# Limits of a role and of a database bind all but superusers, as the reserved connections do.
_ROOM = """
SELECT current_setting('max_connections')::int AS most,
       current_setting('superuser_reserved_connections')::int
           + coalesce(current_setting('reserved_connections', true)::int, 0) AS reserved,
       CASE WHEN r.rolsuper THEN NULL
            ELSE least(nullif(r.rolconnlimit, -1), nullif(d.datconnlimit, -1)) END AS allowed
FROM pg_roles r, pg_database d
WHERE r.rolname = current_user AND d.datname = current_database()
"""


async def check_connections(dsn: str, *, workers: int) -> None:
    """ConfigProblem when so many workers would run out of connections."""
    connection = await connect(dsn)
    try:
        row = await connection.fetchrow(_ROOM)
    finally:
        await connection.close()
    most, reserved, allowed = row["most"], row["reserved"], row["allowed"]
    room = most - reserved if allowed is None else min(most - reserved, allowed)
    needed = limits.connections_needed(workers)
    if needed <= room:
        return
    source = f"max_connections = {most}, less {reserved} reserved"
    cure = f"raise max_connections to {needed + reserved}"
    if allowed is not None and allowed < most - reserved:
        source = "CONNECTION LIMIT of the role or of the database"
        cure = f"raise the limit to {needed}"
    fitting = limits.workers_within(room)
    fewer = f"start with --workers {fitting} at most, or " if fitting else ""
    raise ConfigProblem(
        f"PostgreSQL lets {room} connections in ({source}), and {workers} workers need {needed}: "
        f"{limits.POOL + limits.LISTENING} each, and {limits.COMMANDS} for commands. "
        f"To cure it, {fewer}{cure}"
    )
