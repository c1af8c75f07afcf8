"""An actor of ours leaves for good.

In one transaction: the actor says Delete of itself, the deliveries of that are queued, and nobody
can act for it or see it any more. All that it had here goes: at once what one transaction may take,
and the rest by a job (`flow.remains`). What stays is the Delete (it must be sent, and can be
fetched), a Tombstone in place of the actor and of each of its objects, the name, which is never
given out again, and the key, which signs the deliveries. The queue is filled here and not by a job,
because the lists that it is filled from go.

Told are servers with followers, those with actors that it followed, since they list it too, and all
others that ever got anything of it (`store.reached`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from apserver.core.audience import Audience, Visibility
from apserver.core.document import parse, render
from apserver.core.effects import Show
from apserver.core.names import Names, collection_id
from apserver.core.origin import activity_key, bucket_of, host_of, key_of
from apserver.core.times import stamp
from apserver.core.tombstones import tombstone
from apserver.core.vocabulary import AS2_CONTEXT, PUBLIC
from apserver.errors import Refused
from apserver.flow.own_actors import find_person
from apserver.flow.remains import remove_some
from apserver.identifiers import uuid7
from apserver.store import (
    access,
    actors,
    collections,
    deliveries,
    jobs,
    logins,
    moderation,
    objects,
    reached,
    relations,
    reports,
)
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.effects import perform
from apserver.store.jobs import Job
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
        said = _delete(actor, id_, now)
        await objects.insert_activities(conn, [said])
        await reports.forget_reporter(conn, actor.id)
        owed = await _tell(conn, actor, said, order=uuid7())
        tokens = await access.revoke_tokens_of(conn, actor.key)
        await logins.drop_login(conn, actor.key)
        posts = await self._remove(conn, actor, said)
        return Departure(
            actor=actor.id, activity=id_, deliveries=owed, objects=posts, tokens=tokens
        )

    async def _remove(self, conn: Connection, actor: Actor, said: ActivityRow) -> int:
        """Remove what is left of it, or so much as one transaction may; how many posts there were.
        A job does the rest, and until then nobody is shown it."""
        removed = await remove_some(conn, actor)
        if not removed.is_left:
            return removed.objects
        await actors.set_ending(conn, actor.key, ending=True)
        await moderation.begin(conn)  # workers hide it within a second
        job = Job(bucket_of(host_of(actor.id)), uuid7(), "depart", said.key, owner=actor.key)
        await jobs.enqueue(conn, [job])
        outbox = key_of(collection_id(actor.id, "outbox"))
        left = await collections.totals(conn, [outbox])
        return removed.objects + left.get(outbox, 0)


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


async def _tell(conn: Connection, actor: Actor, said: ActivityRow, *, order: UUID) -> int:
    """Owe the Delete to every server that got anything, and show it to those who follow here."""
    to = {"activity": said.key, "sender": actor.key, "order": order}
    targets = await relations.followed_inboxes(conn, actor.key)
    owed = await deliveries.queue(conn, **to, targets=targets, to_followers=True)
    owed += await reached.tell_all(conn, **to)
    show = Show(said.key, actor.id, (), to_followers=True, visibility=Visibility.PUBLIC)
    await perform(conn, [show])
    return owed
