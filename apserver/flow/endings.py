"""What ends with a deleted thing of a site: its follows, its façade, perhaps what was done.

The site's Delete leaves a Tombstone at once; the rest may be much, and is the work of a job, by
turns (`flow.turns`): each takes a bounded number of follows and of actions.

By the policy of the thing's type its actions stay, or go as if their actors had deleted each
(seed row H3): those who got one are told.
"""

from __future__ import annotations

from datetime import UTC, datetime

from apserver import telemetry
from apserver.core import limits
from apserver.core.effects import BuryActivity, Send
from apserver.core.origin import key_of
from apserver.core.things import Things
from apserver.errors import BadInput, Missing
from apserver.flow.departure import Farewell
from apserver.flow.publish import Publisher
from apserver.store import actors, aliases, objects, things
from apserver.store.db import Connection
from apserver.store.effects import perform
from apserver.store.jobs import Job
from apserver.store.objects import ObjectRow
from apserver.store.things import Action

#: What says by itself that it is over, or of which nobody was told.
_SILENT = frozenset("Accept Block Delete Follow Reject Undo Update".split())


class Endings:
    """Does ``end_thing`` jobs."""

    def __init__(self, publisher: Publisher, farewell: Farewell, registered: Things):
        self._publisher = publisher
        self._farewell = farewell
        self._registered = registered

    async def end_some(self, conn: Connection, job: Job) -> bool:
        """Do a turn of a job (`flow.turns`); whether something is left."""
        assert job.owner is not None, "publish names the thing"
        thing = (await objects.objects_by_key(conn, [job.owner])).get(job.owner)
        return thing is not None and await self._end_some(conn, thing, job)

    async def _end_some(self, conn: Connection, thing: ObjectRow, job: Job) -> bool:
        """End some of what hangs on the thing; False when nothing was left."""
        if await things.end_follows(conn, thing.key, limit=limits.ENDED_FOLLOWS):
            return True
        for alias in (await aliases.actors_for(conn, [thing.id])).values():
            facade = await actors.actor_by_key(conn, key_of(alias.actor_id))
            if facade is not None:
                await self._farewell.depart(conn, facade)
        kind = self._registered.find(thing.id)
        if kind is None or kind.deletion != "cascade":
            return False
        actions = await things.actions_with(
            conn, thing.key, but=job.activity, limit=limits.ENDED_ACTIONS
        )
        for action in actions:
            await self._end(conn, action)
        return bool(actions)

    async def _end(self, conn: Connection, action: Action) -> None:
        """Delete an action in the name of its actor, in the way that its type is taken back."""
        try:
            if action.type in ("Like", "Announce"):
                await self._send(conn, "Undo", action, action.id)
            elif action.type == "Create":
                await self._delete_object(conn, action)
            elif action.type not in _SILENT:
                await self._send(conn, "Delete", action, action.id)
                return
        except (BadInput, Missing) as error:
            # The actor or the object went before, or there is nothing left to undo.
            telemetry.detail("action ends untold", activity=action.id, reason=error)
        await perform(
            conn, [BuryActivity(action.id, action.actor_id, action.type, datetime.now(UTC))]
        )

    async def _delete_object(self, conn: Connection, action: Action) -> None:
        if action.object is None:
            return
        made = (await objects.objects_by_key(conn, [action.object])).get(action.object)
        if made is not None:
            await self._send(conn, "Delete", action, made.id)

    async def _send(self, conn: Connection, type_: str, action: Action, object_: str) -> None:
        document = {"type": type_, "actor": action.actor_id, "object": object_}
        await self._publisher.answer(conn, Send(document))
