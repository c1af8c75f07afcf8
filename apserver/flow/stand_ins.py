"""Actors of ours that stand for something of a site: made when they are first needed.

A user of the site gets one when the site first names it, a thing that others shall be able to
follow when the site first writes of it, or when it is first looked up by its handle. Keys take a
while to make, so they are made before the transaction that writes them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from apserver.core import limits
from apserver.core.names import INSTANCE, Names
from apserver.core.origin import fold_name, is_local_name, key_of
from apserver.core.things import Things, ThingType
from apserver.core.vocabulary import ACTOR_TYPES
from apserver.errors import ApserverError, Conflict, Unprocessable
from apserver.flow.accounts import Accounts
from apserver.store import actors, aliases, objects
from apserver.store.actors import Actor
from apserver.store.aliases import Alias
from apserver.store.db import Connection, Database
from apserver.vault import KeyPairs, new_key_pairs


@dataclass(frozen=True, slots=True)
class StandIn:
    """An actor that is to be made for a thing, with its keys."""

    alias: Alias
    kind: ThingType
    name: str
    display_name: str | None
    keys: KeyPairs


class StandIns:
    """Makes them, for one origin."""

    def __init__(self, db: Database, accounts: Accounts, names: Names, things: Things):
        self._db = db
        self._accounts = accounts
        self._names = names
        self._things = things

    async def plan(
        self, wanted: Iterable[tuple[str, str | None]]
    ) -> tuple[dict[str, str], list[StandIn]]:
        """The ids of the actors for these things, each given with its name if that may be shown;
        and those that are still to be made, by `make`.

        Conflict when a name cannot be had.
        """
        [planned] = await self.plan_each([wanted])
        if isinstance(planned, ApserverError):
            raise planned
        return planned

    async def plan_each(
        self, wanted: Sequence[Iterable[tuple[str, str | None]]], *, most: int | None = None
    ) -> list[tuple[dict[str, str], list[StandIn]] | ApserverError]:
        """The same for many, each with what it wants, or why not. Only so many are made in all,
        since keys take their time."""
        asked = [dict(one) for one in wanted]
        iris = {iri for one in asked for iri in one}
        known: Mapping[str, Alias] = {}
        if iris:
            async with self._db.connection() as conn:
                known = await aliases.actors_for(conn, iris)
        new: dict[str, StandIn | ApserverError] = {}
        for iri, name in ((iri, one[iri]) for one in asked for iri in sorted(one.keys() - known)):
            if iri not in new:
                is_full = most is not None and len(new) >= most
                new[iri] = _full(iri) if is_full else await self._new_or_not(iri, name)
        return [_planned(one, known, new) for one in asked]

    async def make(self, conn: Connection, missing: Sequence[StandIn]) -> None:
        """Write them, unless somebody else just did. Part of a transaction."""
        for one in missing:
            made = await self._accounts.insert(
                conn,
                one.name,
                _actor_type(one.kind),
                one.display_name,
                keys=one.keys,
                manual_approval=one.kind.approval and not one.alias.is_user,
                thing=one.alias.thing_id,
            )
            if made and await aliases.insert(conn, one.alias):
                continue
            there = await aliases.actors_for(conn, [one.alias.thing_id])
            if there.get(one.alias.thing_id) != one.alias:
                raise _taken(one.name, one.alias.thing_id)

    async def find(self, name: str) -> Actor | None:
        """The façade with this name, made now if its thing is here and has none yet."""
        for kind, iri in self._things.named(name):
            async with self._db.connection() as conn:
                stored = await objects.objects_by_key(conn, [key_of(iri)])
            row = stored.get(key_of(iri))
            if row is None or row.kind != "site" or row.deleted_at is not None:
                continue
            try:
                return await self._facade(kind, iri)
            except Conflict:
                return None
        return None

    async def _facade(self, kind: ThingType, iri: str) -> Actor | None:
        ids, missing = await self.plan([(iri, None)])

        async def work(conn: Connection) -> Actor | None:
            await self.make(conn, missing)
            return await actors.actor_by_key(conn, key_of(ids[iri]))

        return await self._db.transaction(work)

    async def _new_or_not(self, iri: str, display_name: str | None) -> StandIn | ApserverError:
        try:
            return await self._new(iri, display_name)
        except Conflict as error:
            return error

    async def _new(self, iri: str, display_name: str | None) -> StandIn:
        kind = self._things.find(iri)
        name = None if kind is None else kind.name_of(iri)
        if kind is None or name is None or not is_local_name(name) or fold_name(name) == INSTANCE:
            raise _taken(name or "", iri)
        alias = Alias(iri, self._names.actor(name), is_user=kind.user)
        return StandIn(alias, kind, name, display_name, await new_key_pairs())


def _planned(
    wanted: Iterable[str],
    known: Mapping[str, Alias],
    new: Mapping[str, StandIn | ApserverError],
) -> tuple[dict[str, str], list[StandIn]] | ApserverError:
    ids = {iri: known[iri].actor_id for iri in wanted if iri in known}
    missing: list[StandIn] = []
    for one in (new[iri] for iri in sorted(wanted) if iri not in known):
        if isinstance(one, ApserverError):
            return one
        missing.append(one)
    return ids | {one.alias.thing_id: one.alias.actor_id for one in missing}, missing


def _full(iri: str) -> Unprocessable:
    return Unprocessable(
        f"{iri} would need an actor, and {limits.BULK_ACTORS} were made in this request already. "
        "Send it again in the next."
    )


def _actor_type(kind: ThingType) -> str:
    return kind.facade or (kind.type if kind.type in ACTOR_TYPES else "Person")


def _taken(name: str, thing: str) -> Conflict:
    return Conflict(
        f"{thing} cannot have the actor {name}: the name is taken or reserved. Rename it on the "
        "site, or give its type another handle under [things]."
    )
