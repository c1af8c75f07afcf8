"""Activities of others that go on to followers of ours (`core.rules.forwarding`).

Followers elsewhere are owed the bytes that came, signed for the request by whom they follow here;
what the bytes prove, or whether they have to ask its origin, is theirs to see. Followers here find
it in their inboxes.
"""

from __future__ import annotations

from apserver.core.effects import Forward
from apserver.core.names import owner_of_followers
from apserver.core.origin import host_of, key_of
from apserver.identifiers import uuid7
from apserver.store import deliveries, inboxes
from apserver.store.db import Connection
from apserver.store.effects import show_to


async def queue_forward(conn: Connection, forward: Forward) -> None:
    """Owe it to all members of its audience, in one statement. Part of the transaction that applies
    the activity."""
    await deliveries.forward(
        conn,
        activity=forward.activity,
        to=sorted(map(key_of, forward.to)),
        but=host_of(forward.actor),
        order=uuid7(),
    )
    owners = [owner for one in forward.to if (owner := owner_of_followers(one))]
    concerned = await inboxes.receive(
        conn, named=[], for_followers=[(forward.activity, key_of(owner)) for owner in owners]
    )
    if concerned:
        await show_to(conn, concerned)
