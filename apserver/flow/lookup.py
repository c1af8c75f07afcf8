"""Rows by key, all that are asked for at the same time by one statement.

Every server that hears of an actor or an object of ours asks for its document, every page begins
with the row of its collection, each activity that comes in is held against what we know of its
actor, and each request of a client brings a token: of all that we read these are read the most. So
they are read in rounds (`flow.rounds`): as good as held in memory when many ask, and never older
than the question. A key that is replaced, a profile that another worker changed or a token that is
revoked shows at once, which no memory of ours could promise.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from apserver.flow.rounds import Rounds
from apserver.store import access, actors, collections, objects
from apserver.store.access import Holder
from apserver.store.actors import Actor
from apserver.store.collections import Collection
from apserver.store.db import Connection, Database
from apserver.store.objects import ObjectRow

K = TypeVar("K")
V = TypeVar("V")


class Lookup(Generic[K, V]):
    """Reads rows by their keys. ``load`` gives those that are there."""

    def __init__(
        self,
        db: Database,
        load: Callable[[Connection, Iterable[K]], Awaitable[Mapping[K, V]]],
    ):
        self._db = db
        self._load = load
        self._rounds: Rounds[K, V | None] = Rounds(self._load_all)

    async def get(self, key: K) -> V | None:
        """The row as it is now, or None."""
        return await self._rounds.add(key)

    async def _load_all(self, keys: Sequence[K]) -> list[V | None]:
        async with self._db.connection() as conn:
            found = await self._load(conn, set(keys))
        return [found.get(key) for key in keys]


@dataclass(frozen=True, slots=True)
class Lookups:
    """What is read in rounds; one of each per worker."""

    actors: Lookup[UUID, Actor]  #: by `core.origin.key_of` the id
    objects: Lookup[UUID, ObjectRow]  #: the same
    collections: Lookup[UUID, Collection]  #: the same
    holders: Lookup[bytes, Holder]  #: of tokens, by `identifiers.hash_token`

    @classmethod
    def of(cls, db: Database) -> Lookups:
        """Those that read from this database."""
        return cls(
            actors=Lookup(db, actors.actors_by_key),
            objects=Lookup(db, objects.objects_by_key),
            collections=Lookup(db, collections.collections_by_key),
            holders=Lookup(db, access.holders_of),
        )
