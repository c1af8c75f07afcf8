"""When votes for Questions of ours are told of, and votes that count no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from apserver.core.effects import ForgetVotes, TellVotes
from apserver.core.origin import bucket_of, host_of, key_of
from apserver.store.collections import remove_collections
from apserver.store.db import Connection

# By primary key: a Question has one job for the votes that have come, and one for its end. One that
# was given up begins anew.
_SOON = """
INSERT INTO job AS j (bucket, id, kind, activity, recipients, run_at)
SELECT bucket, id, 'poll', question, ARRAY[question_id], at
FROM unnest($1::smallint[], $2::uuid[], $3::uuid[], $4::text[], $5::timestamptz[])
    AS i(bucket, id, question, question_id, at) ORDER BY bucket, id
ON CONFLICT (bucket, id) DO UPDATE SET run_at = EXCLUDED.run_at, attempt = 0, parked_at = NULL
WHERE """
_VOTES = _SOON + "j.parked_at IS NOT NULL"
_END = _SOON + "true"

# By primary key.
_FORGET = "DELETE FROM relation WHERE object = $1 AND kind = 'vote'"


async def tell(conn: Connection, told: Sequence[TellVotes]) -> None:
    """Have these Questions told of in time."""
    for is_end, statement, what in ((False, _VOTES, "votes"), (True, _END, "end")):
        at = {one.question: one.at for one in told if one.is_end is is_end}
        if at:
            await conn.execute(
                statement,
                [bucket_of(host_of(one)) for one in at],
                [key_of(f"{one}#{what}") for one in at],
                [key_of(one) for one in at],
                list(at),
                list(at.values()),
            )


async def forget(conn: Connection, one: ForgetVotes) -> None:
    """Nobody has voted for this Question any more."""
    await conn.execute(_FORGET, key_of(one.question))
    await remove_collections(conn, [key_of(counter) for counter in one.counters])


async def clock(conn: Connection) -> datetime:
    """The time of the database, by which jobs are due."""
    now: datetime = await conn.fetchval("SELECT clock_timestamp()")
    return now
