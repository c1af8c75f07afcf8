"""Work that one worker does for all, now and then: whose turn it is.

A row of ``periodic`` says when the work is due. Whoever leases it does it, renews the lease at
each step, and sets the next time. A worker that is killed loses its lease after a minute, and
another goes on. Times are the database's, so the workers may run on several machines.
"""

from __future__ import annotations

from dataclasses import dataclass

from apserver.core import limits
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class Turn:
    """The work is ours, as long as the lease is renewed in time."""

    name: str
    fence: int


# All by primary key.
_TAKE = """
UPDATE periodic SET lease_until = now() + make_interval(secs => $2), fence = fence + 1
WHERE name = $1 AND next_at <= now() AND lease_until < now()
RETURNING fence
"""
_KEEP = """
UPDATE periodic SET lease_until = now() + make_interval(secs => $3)
WHERE name = $1 AND fence = $2 RETURNING true
"""
_END = """
UPDATE periodic SET lease_until = '-infinity', next_at = now() + make_interval(secs => $3)
WHERE name = $1 AND fence = $2
"""


async def take_turn(conn: Connection, name: str) -> Turn | None:
    """Lease the work if it is due and nobody does it; else None."""
    fence = await conn.fetchval(_TAKE, name, float(limits.LEASE_S))
    return None if fence is None else Turn(name, fence)


async def keep_turn(conn: Connection, turn: Turn) -> bool:
    """Hold it for another full time; False when somebody else has it."""
    return bool(await conn.fetchval(_KEEP, turn.name, turn.fence, float(limits.LEASE_S)))


async def end_turn(conn: Connection, turn: Turn, *, next_in_s: float) -> None:
    """The work is done, or given up, until the next time."""
    await conn.execute(_END, turn.name, turn.fence, next_in_s)
