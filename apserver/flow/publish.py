"""An activity of ours: made whole, checked by its rule, stored with its jobs in one transaction.

The client's 201 means: the activity, its object, its place in the outbox, the effects of its
rule and the job that delivers it are all in the database, or none of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from apserver.core import rules
from apserver.core.audience import visibility_of
from apserver.core.document import render
from apserver.core.drafts import NewIds, draft
from apserver.core.effects import Facts, Send
from apserver.core.model import Activity, spliced_object
from apserver.core.names import Names, collection_id
from apserver.core.origin import bucket_of, key_of
from apserver.core.times import published_at
from apserver.errors import Gone
from apserver.flow.facts import load_facts
from apserver.identifiers import uuid7
from apserver.store import actors, collections, jobs, objects
from apserver.store.collections import Membership
from apserver.store.db import Connection, Database
from apserver.store.effects import context_bytes, perform
from apserver.store.jobs import Job
from apserver.store.objects import ActivityRow


@dataclass(frozen=True, slots=True)
class Published:
    """An activity as it now stands: its id, and the JSON that the client gets."""

    id: str
    body: bytes


class Publisher:
    """Publishes activities of the actors of one origin."""

    def __init__(self, db: Database, names: Names):
        self._db = db
        self._names = names

    async def post(self, actor: str, posted: Mapping[str, Any]) -> Published:
        """What a client posted to the outbox of ``actor``. BadInput, Forbidden or Missing if not.

        Ids are chosen here, once, so that a transaction that is tried again writes the same.
        """
        ids = NewIds(self._names.activity(uuid7()), self._names.object(uuid7()))
        activity = draft(posted, actor=actor, ids=ids, now=datetime.now(UTC))
        job = uuid7()

        async def work(conn: Connection) -> Published:
            row = await publish(conn, activity, job=job, names=self._names)
            [body] = await objects.compose_activities(conn, [row])
            return Published(ids.activity, body)

        return await self._db.transaction(work)

    async def answer(self, conn: Connection, document: Mapping[str, Any]) -> None:
        """What a rule sends by itself, in the transaction of the rule's other effects."""
        await _answer(conn, document, names=self._names)


async def _answer(conn: Connection, document: Mapping[str, Any], *, names: Names) -> None:
    ids = NewIds(names.activity(uuid7()), names.object(uuid7()))
    actor = str(document["actor"])
    activity = draft(document, actor=actor, ids=ids, now=datetime.now(UTC), checked=False)
    await publish(conn, activity, job=uuid7(), names=names)


async def publish(conn: Connection, drafted: Activity, *, job: UUID, names: Names) -> ActivityRow:
    """Store an activity of ours with everything that follows from it, the activities among it
    that its rule sends. Part of a transaction."""
    now = datetime.now(UTC)
    if drafted.type == "Update" and drafted.is_about_itself:
        await actors.lock_own_document(conn, key_of(drafted.actor))  # it is merged, then written
    elif not await actors.stays(conn, key_of(drafted.actor)):
        raise Gone(f"{drafted.actor} was deleted a moment ago.")
    facts = await load_facts(conn, [drafted], rules.needs, now=now)
    activity = rules.complete(drafted, facts)
    effects = rules.send(activity, facts)
    row = _row(activity, facts)
    await objects.insert_activity(conn, row)
    await perform(conn, effects)
    await _list_in_outbox(conn, row)
    if row.recipients:
        await jobs.enqueue(conn, [Job(bucket_of(activity.actor), job, "fan_out", row.key)])
    for effect in effects:
        if isinstance(effect, Send):
            await _answer(conn, effect.document, names=names)
    return row


async def _list_in_outbox(conn: Connection, row: ActivityRow) -> None:
    outbox = key_of(collection_id(row.actor_id, "outbox"))
    member = Membership(outbox, row.key, None, row.actor, row.visibility)
    await collections.add_members(conn, [member])


def _row(activity: Activity, facts: Facts) -> ActivityRow:
    assert activity.id is not None, "an activity of ours has an id"
    author = facts.actor(activity.actor)
    spliced = spliced_object(activity)
    apart = {"@context"} if spliced is None else {"@context", "object"}
    envelope = {key: value for key, value in activity.document.items() if key not in apart}
    return ActivityRow(
        key=activity.key,
        id=activity.id,
        local_key=key_of(activity.id),
        actor=key_of(activity.actor),
        actor_id=activity.actor,
        type=activity.type,
        visibility=visibility_of(activity.audience, author.followers if author else None),
        audience=activity.audience.keys(),
        recipients=[one for one in activity.audience.recipients if one != activity.actor],
        spliced=None if spliced is None else key_of(str(spliced["id"])),
        context=context_bytes(activity.document.get("@context")),
        envelope=render(envelope),
        published_at=published_at(activity.document.get("published"), facts.now),
    )
