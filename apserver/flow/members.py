"""Collections of other servers that one of ours addresses (ActivityPub 7.1).

Such a collection is read as it is shown to the sender, all its pages within one budget, and each
member gets the activity as if it was named: once, whether it is named too, follows the sender, or
stands in two collections. Collections among the members are passed over: one step is enough, and
whoever keeps a collection has us go no further (AP-S2S-11). Members that are not known here have to
be looked for; of those no more are than a client could have named itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apserver.core import limits
from apserver.core.document import id_of, types_of
from apserver.core.origin import check_id, key_of, same_origin
from apserver.core.vocabulary import ACTOR_TYPES, KNOWN_TYPES, LINK_TYPES, PUBLIC_FORMS
from apserver.errors import BadInput
from apserver.flow.fan_out import blocked_among, inboxes_of, owe
from apserver.flow.live_rules import LiveRules
from apserver.flow.paging import Document, Get, items_of, pages_of
from apserver.store import actors, deliveries, inboxes, jobs
from apserver.store.actors import Actor
from apserver.store.db import Connection
from apserver.store.effects import show_to
from apserver.store.jobs import Job, Left
from apserver.store.objects import ActivityRow


async def members_of(collection: Document, id_: str, get: Get, *, allow_http: bool) -> list[str]:
    """The ids of what a collection holds, each once, up to `limits.MEMBERS`."""
    pages = await pages_of(
        collection, id_, get, items=limits.MEMBERS, pages=limits.FETCHES_PER_EVENT
    )
    named = (id_of(item) for page in pages for item in items_of(page) if _may_be_actor(item))
    found = dict.fromkeys(one for one in named if one and one not in PUBLIC_FORMS)
    return [one for one in found if _is_id(one, allow_http)][: limits.MEMBERS]


def _may_be_actor(item: Any) -> bool:
    """What is given in full says what it is; collections of posts are addressed, too."""
    types = KNOWN_TYPES.intersection(types_of(item)) if isinstance(item, dict) else frozenset()
    return not types or not types.isdisjoint(ACTOR_TYPES | LINK_TYPES)


def _is_id(value: str, allow_http: bool) -> bool:
    try:
        check_id(value, allow_http=allow_http)
    except BadInput:
        return False
    return True


class MemberFanOut:
    """Queues what the members of a collection are owed."""

    def __init__(self, live: LiveRules, *, origin: str):
        self._live = live
        self._origin = origin

    async def queue(
        self,
        conn: Connection,
        job: Job,
        row: ActivityRow,
        left: Left,
        *,
        recipient: str,
        members: Sequence[str],
    ) -> bool:
        """Queue it for those that are known; whether the others are still to be found by the job.

        Part of a transaction that holds the row of the job, of which ``left`` was read.
        """
        known = await actors.actors_by_key(conn, map(key_of, members))
        known.pop(row.actor, None)  # AP-S2S-13
        blocked = await blocked_among(conn, row, known)
        free = [
            one
            for key, one in known.items()
            if not self._live.barred(one.id) and (row.actor, key) not in blocked
        ]
        await _show_here(conn, row, [one for one in free if one.ours])
        remote = [one for one in free if not one.ours]
        already = await _owed_already(conn, row, remote)
        reached = await owe(conn, row, remote, order=job.id, but={*left.owed, *already})
        # Whoever is named too is still owed it as such: it must not look served.
        owed = [one for one in reached if one not in already]
        unknown = [
            one
            for one in members
            if self._is_to_be_found(one) and key_of(one) not in known and one not in left.recipients
        ][: limits.RECIPIENTS]
        if unknown:
            await jobs.led_to(conn, job, recipient, unknown, owed)
        else:
            await jobs.found(conn, job, recipient, owed, is_last=len(left.recipients) == 1)
        return bool(unknown)

    def _is_to_be_found(self, member: str) -> bool:
        return not same_origin(member, self._origin) and self._live.barred(member) is None


async def _show_here(conn: Connection, row: ActivityRow, ours: Sequence[Actor]) -> None:
    concerned = await inboxes.receive(
        conn, named=[(row.key, key_of(one.id)) for one in ours], for_followers=[]
    )
    if concerned:
        await show_to(conn, concerned)


async def _owed_already(conn: Connection, row: ActivityRow, members: Sequence[Actor]) -> set[str]:
    """Which inboxes of these have it without the collection: as they are named, or follow."""
    wanted = list(await inboxes_of(conn, row, members))
    named = await actors.actors_by_key(conn, map(key_of, row.recipients or ()))
    owed = set(await inboxes_of(conn, row, [one for one in named.values() if not one.ours]))
    sender = await actors.actor_by_key(conn, row.actor)
    if sender is not None and sender.followers in (row.recipients or ()):
        owed |= await deliveries.of_followers(conn, row.actor, wanted)
    return owed
