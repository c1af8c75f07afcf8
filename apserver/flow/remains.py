"""What an actor of ours that was deleted leaves behind, and its removal, a batch at a time.

Its objects become Tombstones, its activities are for nobody, its relations end, and its collections
go. Each turn takes a bounded number of each, in an order in which whatever is left is still found:
posts by the outbox, relations by the actor, members by the collections.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from apserver.core import limits
from apserver.core.collections import OF_ACTORS
from apserver.core.document import parse, render
from apserver.core.names import collection_id
from apserver.core.origin import key_of
from apserver.core.rules import question
from apserver.core.times import stamp
from apserver.core.tombstones import tombstone
from apserver.errors import BadInput
from apserver.store import (
    actors,
    collections,
    hashtags,
    moderation,
    objects,
    others,
    polls,
    reached,
)
from apserver.store import relations as relations_
from apserver.store.actors import Actor
from apserver.store.collections import Member
from apserver.store.db import Connection
from apserver.store.jobs import Job
from apserver.store.objects import ObjectRow


@dataclass(frozen=True, slots=True)
class Removed:
    """What a turn did: how many objects it buried, and whether anything is left."""

    objects: int
    is_left: bool


async def end_some(conn: Connection, job: Job) -> bool:
    """Do a turn of a ``depart`` job (`flow.turns`); whether something is left."""
    actor = None if job.owner is None else await actors.actor_by_key(conn, job.owner)
    if actor is None:
        return False
    removed = await remove_some(conn, actor)
    if not removed.is_left:
        await actors.set_ending(conn, actor.key, ending=False)
        await moderation.begin(conn)  # workers need keep nothing of it from anybody any more
    return removed.is_left


async def remove_some(conn: Connection, actor: Actor) -> Removed:
    """Remove a part of what is left of an actor of ours that is gone."""
    outbox = key_of(collection_id(actor.id, "outbox"))
    members = await collections.page_of(conn, outbox, limit=limits.ENDED_ROWS, public_only=False)
    buried = await _bury(conn, actor, members) if members else 0
    if len(members) == limits.ENDED_ROWS:
        return Removed(buried, True)
    if await others.end_relations(conn, actor.key, limit=limits.ENDED_ROWS):
        return Removed(buried, True)
    mine = [key_of(collection_id(actor.id, name)) for name in OF_ACTORS]
    if await collections.empty_some(conn, mine, limit=limits.ENDED_ROWS):
        return Removed(buried, True)
    await relations_.isolate(conn, actor.key)
    await collections.remove_collections(conn, mine)
    await reached.forget(conn, actor.key)
    return Removed(buried, False)


async def _bury(conn: Connection, actor: Actor, members: Sequence[Member]) -> int:
    """Tombstones for the objects that these activities made, and no reader for the activities."""
    now = datetime.now(UTC)
    rows = await objects.activities_by_key(conn, [one.item for one in members])
    made = {row.spliced for row in rows.values() if row.spliced is not None}
    found = (await objects.objects_by_key(conn, made)).values()
    stones = {
        row.key: _stone(row, now)
        for row in found
        if row.author == actor.key and row.deleted_at is None
    }
    await objects.bury_objects(conn, stones, deleted_at=now)
    await hashtags.remove(conn, stones)
    await collections.remove_of_objects(conn, [row.id for row in found if row.key in stones])
    await _forget_votes(conn, [row for row in found if row.key in stones])
    listed = await collections.listings_of(conn, [*(one.item for one in members), *made])
    await collections.remove_members(conn, listed)
    await objects.hide_activities(conn, rows)
    return len(stones)


async def _forget_votes(conn: Connection, buried: Sequence[ObjectRow]) -> None:
    """Who voted for what in these objects, as far as they were Questions."""
    for row in buried:
        if row.type != "Question":
            continue
        try:
            document = parse(row.document)
        except BadInput:
            continue  # it is damaged, and shown to nobody
        for votes in question.ended(row.id, document):
            await polls.forget(conn, votes)


def _stone(row: ObjectRow, now: datetime) -> bytes:
    published = stamp(row.published_at)
    return render(tombstone(row.id, former_type=row.type, deleted_at=now, published=published))
