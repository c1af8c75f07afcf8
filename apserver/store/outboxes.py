"""What actors here did, as it gets its place in their outboxes and its jobs: one statement."""

from __future__ import annotations

from collections.abc import Sequence

from apserver.store.collections import ADDED, Membership, columns
from apserver.store.db import Connection
from apserver.store.jobs import Job

_PLACE = (
    """
WITH queued AS (
    INSERT INTO job (bucket, id, kind, activity, owner)
    SELECT bucket, id, kind, activity, owner
    FROM unnest($7::smallint[], $8::uuid[], $9::text[], $10::uuid[], $11::uuid[])
        AS i(bucket, id, kind, activity, owner) ORDER BY bucket, id
), """
    + ADDED
)


async def place(conn: Connection, members: Sequence[Membership], jobs: Sequence[Job]) -> None:
    """Put activities into outboxes, and add jobs that are for nobody in particular."""
    if not members and not jobs:
        return
    await conn.execute(
        _PLACE,
        *columns(members),
        [job.bucket for job in jobs],
        [job.id for job in jobs],
        [job.kind for job in jobs],
        [job.activity for job in jobs],
        [job.owner for job in jobs],
    )
