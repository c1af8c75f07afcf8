"""An actor of ours leaves for good.

In one transaction: the actor says Delete of itself, the deliveries of that are queued, and all
that it had here goes. What stays is the Delete (it must be sent, and can be fetched), a Tombstone
in place of the actor and of each of its objects, the name, which is never given out again, and
the key, which signs the deliveries. The queue is filled here and not by a job, because the lists
of followers that it is filled from are gone afterwards.

Servers with followers are told, and those with actors that it followed, since they list it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from apserver.core import limits
from apserver.core.audience import Audience, Visibility
from apserver.core.collections import OF_ACTORS
from apserver.core.document import parse, render
from apserver.core.effects import Show
from apserver.core.names import Names, collection_id
from apserver.core.origin import activity_key, key_of
from apserver.core.times import stamp
from apserver.core.tombstones import tombstone
from apserver.core.vocabulary import AS2_CONTEXT, PUBLIC
from apserver.errors import Refused
from apserver.flow.own_actors import find_person
from apserver.identifiers import uuid7
from apserver.store import access, actors, collections, deliveries, objects, relations
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.effects import perform
from apserver.store.objects import ActivityRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """What a deletion did, or would do: the id of the Delete, and how many of what were touched."""

    actor: str
    activity: str
    deliveries: int
    objects: int
    tokens: int


class Farewell:
    """Deletes actors of one origin."""

    def __init__(self, db: Database, names: Names, *, handle_host: str):
        self._db = db
        self._names = names
        self._handle_host = handle_host

    async def delete(self, name: str) -> Departure:
        """Delete an actor. Refused when there is none, or it is the server's own."""

        async def work(conn: Connection) -> Departure:
            actor = await find_person(conn, self._handle_host, name)
            departure = await self.depart(conn, actor)
            if departure is None:
                raise Refused(f"{name} was deleted a moment ago.")
            return departure

        return await self._db.transaction(work)

    async def depart(self, conn: Connection, actor: Actor) -> Departure | None:
        """Delete it in the transaction of the caller; None when it is gone already."""
        id_, now = self._names.activity(uuid7()), datetime.now(UTC)
        if not await actors.bury_own_actor(
            conn, actor.key, document=_stone(actor, now), gone_at=now
        ):
            return None
        buried = await _bury_posts(conn, actor, now)
        said = _delete(actor, id_, now)
        await objects.insert_activity(conn, said)
        owed = await _part(conn, actor, said, order=uuid7())
        tokens = await access.revoke_tokens_of(conn, actor.key)
        return Departure(
            actor=actor.id, activity=id_, deliveries=owed, objects=buried, tokens=tokens
        )


def _stone(actor: Actor, now: datetime) -> bytes:
    published = parse(actor.document).get("published")
    stone = tombstone(
        actor.id,
        former_type=actor.type,
        deleted_at=now,
        published=published if isinstance(published, str) else None,
    )
    return render({"@context": AS2_CONTEXT, **stone})


def _delete(actor: Actor, id_: str, now: datetime) -> ActivityRow:
    """The Delete, in the shape of Mastodon's (interop 2.2): the actor by its id, to Public."""
    document = {
        "id": id_,
        "type": "Delete",
        "actor": actor.id,
        "object": actor.id,
        "to": [PUBLIC],
        "published": stamp(now),
    }
    return ActivityRow(
        key=activity_key(actor.id, id_),
        id=id_,
        local_key=key_of(id_),
        actor=actor.key,
        actor_id=actor.id,
        type="Delete",
        visibility=Visibility.PUBLIC,
        audience=Audience(to=(PUBLIC,)).keys(),
        recipients=[],
        spliced=None,
        context=None,
        envelope=render(document),
        published_at=now,
    )


async def _bury_posts(conn: Connection, actor: Actor, now: datetime) -> int:
    """Tombstones for its objects, and no reader for its activities; a batch at a time."""
    outbox = key_of(collection_id(actor.id, "outbox"))
    buried = 0
    before: int | None = None
    while True:
        members = await collections.page_of(
            conn, outbox, limit=limits.ROUND_ROWS, before=before, public_only=False
        )
        if not members:
            return buried
        before = members[-1].position
        rows = await objects.activities_by_key(conn, [one.item for one in members])
        made = {row.spliced for row in rows.values() if row.spliced is not None}
        found = (await objects.objects_by_key(conn, made)).values()
        stones = {
            row.key: render(
                tombstone(
                    row.id,
                    former_type=row.type,
                    deleted_at=now,
                    published=stamp(row.published_at),
                )
            )
            for row in found
            if row.author == actor.key and row.deleted_at is None
        }
        await objects.bury_objects(conn, stones, deleted_at=now)
        await collections.remove_of_objects(conn, [row.id for row in found if row.key in stones])
        listings = await collections.listings_of(conn, [*rows, *made])
        await collections.remove_members(conn, [one for one in listings if one[0] != outbox])
        await objects.hide_activities(conn, rows)
        buried += len(stones)


async def _part(conn: Connection, actor: Actor, said: ActivityRow, *, order: UUID) -> int:
    """Tell those who are told, then end every relation and remove the collections."""
    owed = await deliveries.queue(
        conn,
        activity=said.key,
        sender=actor.key,
        order=order,
        targets=await relations.followed_inboxes(conn, actor.key),
        to_followers=True,
    )
    show = Show(said.key, actor.id, (), to_followers=True, visibility=Visibility.PUBLIC)
    await perform(conn, [show])
    listings = [
        (key_of(collection_id(other, "following" if follows else "followers")), actor.key)
        for other, follows in await relations.neighbours(conn, actor.key)
    ]
    await collections.remove_members(conn, listings)
    await relations.isolate(conn, actor.key)
    mine = [key_of(collection_id(actor.id, name)) for name in OF_ACTORS]
    await collections.remove_collections(conn, mine)
    return owed
