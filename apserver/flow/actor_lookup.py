"""Actors by key, all that are asked for at the same time by one statement.

Every server that hears of an actor of ours asks for its document, and each activity that comes in
is held against what we know of its actor: of all that we read it is read the most. So it is read in
rounds (`flow.rounds`): as good as held in memory when many ask, and never older than the question.
A key that is replaced, or a profile that is changed by another worker, shows at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias
from uuid import UUID

from apserver.flow.rounds import Rounds
from apserver.store import actors
from apserver.store.actors import Actor
from apserver.store.db import Database

#: ``add`` gives the actor with a key (`core.origin.key_of` its id), or None.
ActorLookup: TypeAlias = Rounds[UUID, Actor | None]


def actor_lookup(db: Database) -> ActorLookup:
    """One per worker."""

    async def load(keys: Sequence[UUID]) -> list[Actor | None]:
        async with db.connection() as conn:
            found = await actors.actors_by_key(conn, set(keys))
        return [found.get(key) for key in keys]

    return Rounds(load)
