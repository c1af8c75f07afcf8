"""An admin takes down what somebody did (seed row H8).

What an actor of ours did is deleted in its name, so that everybody who got it is told. What was
done elsewhere is taken out of this server alone. Either way the act is kept in the audit.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from apserver.core.drafts import NewIds, draft
from apserver.core.effects import BuryActivity
from apserver.core.names import Names
from apserver.core.origin import key_of, origin_of
from apserver.core.registry import Registry
from apserver.errors import Refused
from apserver.flow.batch import Drafted
from apserver.flow.publish import publish
from apserver.identifiers import uuid7
from apserver.store import moderation, objects
from apserver.store.activities import activities_elsewhere
from apserver.store.db import Connection, Database
from apserver.store.effects import perform
from apserver.store.moderation import Act
from apserver.store.objects import ActivityRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """What was hidden: the activity, who did it, and the id of the Delete if one is sent."""

    activity: str
    actor: str
    delete: str | None


class Hiding:
    """Hides activities in the name of ``who``."""

    def __init__(self, db: Database, names: Names, registry: Registry, *, who: str = "cli"):
        self._db = db
        self._names = names
        self._registry = registry
        self._who = who

    async def hide(self, id_: str, *, act: str) -> Hidden:
        """Hide an activity. Refused when none is known by this id, or it was deleted before."""
        delete_id, now = self._names.activity(uuid7()), datetime.now(UTC)

        async def work(conn: Connection) -> Hidden:
            await moderation.begin(conn)
            row = await self._find(conn, id_)
            if row is None:
                raise Refused(f"No activity {id_} is here. Give the id of one that is shown.")
            ours = row.local_key is not None
            if ours:
                await self._delete(conn, row, delete_id, now)
            else:
                await perform(conn, [BuryActivity(id_, row.actor_id, row.type, now)])
            detail = {"actor": row.actor_id, "type": row.type}
            await moderation.record(conn, self._who, [Act(act, id_, detail)])
            return Hidden(activity=id_, actor=row.actor_id, delete=delete_id if ours else None)

        return await self._db.transaction(work)

    async def _find(self, conn: Connection, id_: str) -> ActivityRow | None:
        own = await objects.own_activities(conn, [key_of(id_)])
        rows = [*own.values()] or await activities_elsewhere(conn, id_, domain=origin_of(id_).host)
        # Of several actors that use one id each is hidden by a call of its own.
        return next((row for row in rows if row.deleted_at is None), None)

    async def _delete(
        self, conn: Connection, row: ActivityRow, delete_id: str, now: datetime
    ) -> None:
        ids = NewIds(delete_id, delete_id)
        posted = {"type": "Delete", "object": row.id}
        delete = draft(posted, actor=row.actor_id, ids=ids, now=now, checked=False)
        drafted = Drafted(activity=delete, now=now)
        await publish(conn, drafted, names=self._names, registry=self._registry)
