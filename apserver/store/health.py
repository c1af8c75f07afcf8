"""How the work in the database is getting on, for whoever looks after the server."""

from __future__ import annotations

from dataclasses import dataclass

from apserver.store.db import Connection

# Sequential scans of the queues, which are short when all is well.
_WORK = """
SELECT
    (SELECT count(*) FROM pg_stat_activity
     WHERE application_name = 'apserver' AND datname = current_database()
         AND pid <> pg_backend_pid()) AS sessions,
    (SELECT count(*) FROM job WHERE parked_at IS NOT NULL) AS parked,
    (SELECT coalesce(extract(epoch FROM now() - min(run_at)), 0)::float8 FROM job
     WHERE parked_at IS NULL AND run_at <= now()) AS jobs_late_s,
    (SELECT coalesce(extract(epoch FROM now() - min(next_at)), 0)::float8 FROM host
     WHERE next_at <= now()) AS deliveries_late_s,
    (SELECT count(*) FROM host WHERE failures > 0 AND next_at < 'infinity') AS hosts_down
"""


@dataclass(frozen=True, slots=True)
class Work:
    """``sessions`` are connections of workers; ``late_s`` is how long the oldest has been due."""

    sessions: int
    parked: int
    jobs_late_s: float
    deliveries_late_s: float
    hosts_down: int


async def work(conn: Connection) -> Work:
    """Look at the queues."""
    return Work(**await conn.fetchrow(_WORK))
