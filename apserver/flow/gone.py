"""Actors elsewhere that their own server says are not there any more (interop 3.7, IO-70).

410 is the word for it, and counts at once. 404 may be a mistake of a server that is being mended:
it counts once it was said on several days (`store.actors.note_missing`). That we may not see an
actor (401, 403), or cannot ask, says nothing. One 410 is about one actor, whatever else its server
answers so (IO-89): nothing is concluded for others, or for a shared inbox.

Gone means what the Delete of an actor means: it is not heard or shown, its follows end both ways,
and what it made goes, by turns (`flow.turns`). When its document is back before all is removed, the
rest stays.
"""

from __future__ import annotations

from apserver import telemetry
from apserver.core import limits
from apserver.core.effects import EndActor
from apserver.core.origin import bucket_of, host_of, key_of
from apserver.errors import RemoteGone
from apserver.identifiers import uuid7
from apserver.store import actors, jobs, others
from apserver.store.db import Connection, Database
from apserver.store.effects import perform
from apserver.store.jobs import Job


class GoneActors:
    """Takes down which actors are gone."""

    def __init__(self, db: Database):
        self._db = db

    async def saw(self, id_: str, answer: RemoteGone) -> None:
        """What lies at this id, which may be an actor's, is not there."""
        key = key_of(id_)
        async with self._db.connection() as conn:
            known = await actors.actor_by_key(conn, key)
        if known is None or known.ours or known.gone_at is not None:
            return

        async def work(conn: Connection) -> bool:
            if not (answer.for_good or await actors.note_missing(conn, key)):
                return False
            await perform(conn, [EndActor(id_)])
            await jobs.enqueue(conn, [ending(id_)])
            return True

        if await self._db.transaction(work):
            telemetry.event("actor gone", actor=id_, answer=answer)


def ending(id_: str) -> Job:
    """The job that removes what is left of an actor elsewhere, which is gone."""
    return Job(bucket_of(host_of(id_)), uuid7(), "end_actor", key_of(id_), owner=key_of(id_))


async def end_some(conn: Connection, job: Job) -> bool:
    """Do a turn of such a job; whether something is left."""
    actor = None if job.owner is None else await actors.actor_by_key(conn, job.owner)
    if actor is None or actor.ours or actor.gone_at is None:
        return False
    return await others.end_some(conn, actor.key, limit=limits.ENDED_ROWS)
