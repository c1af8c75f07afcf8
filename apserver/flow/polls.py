"""Others are told how a Question of ours stands: now and then while votes come, and at its end.

Numbers of votes are counted here, and copies elsewhere show what the last Update said (interop
2.7). An Update for each vote would be as much traffic as the votes times the servers; so the first
vote sets a time (`core.polls.tell_at`), and what comes until then is told together. What is told is
kept in the Question, with its end; it is not an edit, and has no new `updated`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from apserver import telemetry
from apserver.core.document import parse
from apserver.core.effects import Send
from apserver.core.polls import KINDS, VOTERS
from apserver.core.rules.question import counters, with_votes
from apserver.errors import BadInput, Forbidden, Gone, Missing
from apserver.flow.publish import Publisher
from apserver.store import objects, polls
from apserver.store.actors import actor_by_key
from apserver.store.collections import told_totals
from apserver.store.db import Connection
from apserver.store.jobs import Job
from apserver.store.objects import ObjectRow


class Polls:
    """Does ``poll`` jobs, each about the Question whose key is its ``activity``."""

    def __init__(self, publisher: Publisher):
        self._publisher = publisher

    async def tell(self, conn: Connection, job: Job) -> bool:
        """Tell of a Question (`flow.turns`); nothing is left then."""
        row = (await objects.objects_by_key(conn, [job.activity])).get(job.activity)
        if row is None or not row.has_collections:
            return False
        author = await actor_by_key(conn, row.author)
        try:
            stored = parse(row.document)
            news = await _news(conn, row, stored, await polls.clock(conn))
            if author is not None and news:
                update = {"type": "Update", "actor": author.id, "object": {"id": row.id, **news}}
                await self._publisher.answer(conn, Send(update))
        except (BadInput, Forbidden, Gone, Missing) as error:
            # It, or its author, went before: there is nothing to tell.
            telemetry.detail("votes untold", question=row.id, reason=error)
        return False


async def _news(
    conn: Connection, row: ObjectRow, stored: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    """The members of the Question that are not as they were told last, and all that go with them;
    nothing when it stands as it did."""
    totals = await told_totals(conn, counters(row.id, stored))
    standing = with_votes(row.id, stored, totals, now)
    names = [name for name in (*KINDS, VOTERS, "closed") if name in standing]
    if all(standing[name] == stored.get(name) for name in names):
        return {}
    return {name: standing[name] for name in names}
