"""Objects that were here before hashtags were indexed are put under theirs, a batch at a time."""

from __future__ import annotations

from dataclasses import replace

from apserver.core import limits
from apserver.identifiers import uuid7
from apserver.store import hashtags, jobs
from apserver.store.db import Connection
from apserver.store.jobs import Job


async def index_some(conn: Connection, job: Job) -> bool:
    """Do a turn of a ``hashtags`` job (`flow.turns`), whose ``activity`` is the key that the last
    one came to; what is left is another job."""
    keys = await hashtags.keys_after(conn, job.activity, limit=limits.ROUND_ROWS)
    if keys:
        await hashtags.index(conn, keys)
        await jobs.enqueue(conn, [replace(job, id=uuid7(), activity=keys[-1])])
    return False
