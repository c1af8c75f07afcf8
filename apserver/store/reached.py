"""Servers that got something of an actor of ours, and are to hear when it ends.

``follower_inbox`` knows where followers are; ``reached`` knows the others, one inbox for each host:
whoever was addressed (written with the deliveries), and those whose last follower left (written
as that inbox goes). So a post to followers, of which there are the most, writes nothing here.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from apserver.core.delivery import GIVE_UP_AFTER, LAST_WORDS_AFTER
from apserver.store.db import Connection
from apserver.store.deliveries import IS_REACHABLE, WAKE

# By primary keys. A host that is owed the activity already needs it once. The deliveries are as old
# as makes them end soon: nobody waits a week for a server that may have nothing of it any more.
_QUEUE = (
    """
WITH added AS (
    INSERT INTO delivery (bucket, host, id, inbox, activity, sender, since)
    SELECT i.bucket, i.host, $2::uuid, i.inbox, $3::uuid, $1::uuid, now() - $5::interval
    FROM reached i
    WHERE i.actor = $1 AND ($4::timestamptz IS NULL OR i.followed_until >= $4)
      AND NOT EXISTS (SELECT FROM delivery d
                      WHERE d.bucket = i.bucket AND d.host = i.host AND d.id = $2) AND """
    + IS_REACHABLE
    + """
    ORDER BY 1, 2, 3, 4
    ON CONFLICT DO NOTHING
    RETURNING bucket, host, inbox
)"""
    + WAKE
)

_FORGET = "DELETE FROM reached WHERE actor = $1"


async def tell_former_followers(
    conn: Connection, *, activity: UUID, sender: UUID, order: UUID, since: datetime
) -> int:
    """Owe an activity to the servers that had followers of the sender then or later, and have none
    now; how many. ``order`` is that of its other deliveries, which come first."""
    return await _queue(conn, activity, sender, order, since)


async def tell_all(conn: Connection, *, activity: UUID, sender: UUID, order: UUID) -> int:
    """The same for all servers that got anything of the sender."""
    return await _queue(conn, activity, sender, order, None)


async def forget(conn: Connection, actor: UUID) -> None:
    """Nothing is to be told any more."""
    await conn.execute(_FORGET, actor)


async def _queue(
    conn: Connection, activity: UUID, sender: UUID, order: UUID, since: datetime | None
) -> int:
    age = GIVE_UP_AFTER - LAST_WORDS_AFTER
    added: int = await conn.fetchval(_QUEUE, sender, order, activity, since, age)
    return added
