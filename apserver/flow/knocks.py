"""What is learnt about signature schemes, kept from one start to the next (see `net.knock`).

Each worker learns for itself and starts with what all of them knew. What is written is rare: one
row when a server turns out to want the other scheme, and again after a week.
"""

from __future__ import annotations

from apserver import telemetry
from apserver.core.signatures import Scheme
from apserver.errors import Busy
from apserver.net.knock import Knocks, Learnt
from apserver.store import knocks
from apserver.store.db import Connection, Database
from apserver.store.knocks import KnockRow


async def load_knocks(db: Database, first: Scheme) -> Knocks:
    """What is known at the start of a worker; what it learns goes to the database."""

    async def keep(origin: str, learnt: Learnt | None) -> None:
        try:
            await db.transaction(lambda conn: _write(conn, origin, learnt))
        except Busy as error:
            telemetry.warn("signature scheme not kept", origin=origin, reason=error)

    async with db.connection() as conn:
        rows = await knocks.all_knocks(conn)
    return Knocks(first, {row.origin: Learnt(row.scheme, row.learnt_at) for row in rows}, keep)


async def _write(conn: Connection, origin: str, learnt: Learnt | None) -> None:
    if learnt is None:
        await knocks.forget_knock(conn, origin)
        return
    await knocks.put_knock(conn, KnockRow(origin, learnt.scheme, learnt.at))
    await knocks.prune_knocks(conn)
