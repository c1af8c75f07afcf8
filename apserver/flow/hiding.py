"""An admin takes down what somebody did (seed row H8).

What an actor of ours did or wrote is deleted in its name, so that everybody who got it is told.
What was done elsewhere is taken out of this server alone. A post and its Create go together, since
a Create is not deleted by itself. Either way the act is kept in the audit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from apserver.core.document import ids_of
from apserver.core.drafts import NewIds, draft
from apserver.core.effects import Bury, BuryActivity, Effect
from apserver.core.names import Names
from apserver.core.origin import check_id, key_of, origin_of
from apserver.core.registry import Registry
from apserver.errors import BadInput, Refused
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
    """What was hidden: an activity or a post, whose it is, and the id of the Delete if one is
    sent."""

    id: str
    actor: str
    delete: str | None


@dataclass(frozen=True, slots=True)
class _Found:
    """What is to be hidden; ``effects`` take it out of this server alone."""

    id: str
    actor: str
    type: str
    is_ours: bool
    effects: tuple[Effect, ...]


class Hiding:
    """Hides activities and posts in the name of ``who``."""

    def __init__(self, db: Database, names: Names, registry: Registry, *, who: str = "cli"):
        self._db = db
        self._names = names
        self._registry = registry
        self._who = who

    async def hide(self, id_: str, *, act: str) -> Hidden:
        """Hide an activity or a post. Refused when none is known by this id, or it was deleted
        before."""
        _check_is_id(id_)
        delete_id, now = self._names.activity(uuid7()), datetime.now(UTC)

        async def work(conn: Connection) -> Hidden:
            await moderation.begin(conn)
            found = await self._find(conn, id_, now)
            if found is None:
                raise Refused(f"Nothing is shown as {id_}. Give the id of an activity or a post.")
            if found.is_ours:
                await self._delete(conn, found, delete_id, now)
            else:
                await perform(conn, found.effects)
            detail = {"actor": found.actor, "type": found.type}
            await moderation.record(conn, self._who, [Act(act, found.id, detail)])
            sent = delete_id if found.is_ours else None
            return Hidden(id=found.id, actor=found.actor, delete=sent)

        return await self._db.transaction(work)

    async def _find(self, conn: Connection, id_: str, now: datetime) -> _Found | None:
        row = await self._activity(conn, id_)
        made = key_of(id_)
        if row is not None:
            made = row.spliced if row.type == "Create" and row.spliced else row.key
        post = await self._post(conn, made, now)
        if row is None or (post is not None and post.is_ours):
            return post
        bury = BuryActivity(id_, row.actor_id, row.type, now)
        also = post.effects if post is not None and post.actor == row.actor_id else ()
        is_ours = row.local_key is not None
        return _Found(id_, row.actor_id, row.type, is_ours, (bury, *also))

    async def _activity(self, conn: Connection, id_: str) -> ActivityRow | None:
        own = await objects.own_activities(conn, [key_of(id_)])
        rows = [*own.values()] or await activities_elsewhere(conn, id_, domain=origin_of(id_).host)
        # Of several actors that use one id each is hidden by a call of its own.
        return next((row for row in rows if row.deleted_at is None), None)

    async def _post(self, conn: Connection, key: UUID, now: datetime) -> _Found | None:
        row = (await objects.objects_by_key(conn, [key])).get(key)
        if row is None or row.deleted_at is not None or row.kind == "site":
            return None
        authors = ids_of(json.loads(row.document).get("attributedTo"))
        author = next((one for one in authors if key_of(one) == row.author), None)
        if author is None:
            return None
        bury = Bury(row.id, "remote", author, row.type, now)
        return _Found(row.id, author, row.type, row.kind == "ours", (bury,))

    async def _delete(self, conn: Connection, found: _Found, delete_id: str, now: datetime) -> None:
        ids = NewIds(delete_id, delete_id)
        posted = {"type": "Delete", "object": found.id}
        delete = draft(posted, actor=found.actor, ids=ids, now=now, checked=False)
        drafted = Drafted(activity=delete, now=now)
        await publish(conn, drafted, names=self._names, registry=self._registry)


def _check_is_id(text: str) -> None:
    try:
        check_id(text, allow_http=True)
    except BadInput as error:
        raise Refused(
            f"{text} is no id: {error} Give the id of the activity or of the post, which is a URL: "
            'its document has it as "id", and a browser in the address of its page.'
        ) from error
