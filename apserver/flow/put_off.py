"""A job that failed waits for its next try, each time longer; at last it is given up (fault 18)."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable

from apserver import telemetry
from apserver.core import limits
from apserver.core.delivery import wait_s
from apserver.errors import ApserverError
from apserver.store import jobs
from apserver.store.db import Connection, Database
from apserver.store.jobs import Job

Hold = Callable[[Connection], Awaitable[None]]


async def put_off(
    db: Database,
    job: Job,
    trouble: Exception,
    *,
    hold: Hold | None = None,
    attempts: int = limits.JOB_ATTEMPTS,
) -> None:
    """Put off a job; after so many attempts it is parked, to be looked at. ``hold`` raises when
    the job is another's by now."""
    wait = wait_s(job.attempt + 1, spread=random.uniform(-1, 1))

    async def work(conn: Connection) -> bool:
        if hold is not None:
            await hold(conn)
        return await jobs.fail_job(conn, job, error=repr(trouble), wait_s=wait, attempts=attempts)

    parked = await db.transaction(work)
    telemetry.count(telemetry.JOBS, job.kind, "parked" if parked else "failed")
    if isinstance(trouble, ApserverError | TimeoutError):
        telemetry.warn("job put off", kind=job.kind, activity=job.activity, reason=trouble)
    else:
        telemetry.fault("job failed", trouble, kind=job.kind, activity=job.activity)
