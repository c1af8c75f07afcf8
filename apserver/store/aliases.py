"""Which actors of ours stand for users of a site, and for things that others can follow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from apserver.core.origin import key_of
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True)
class Alias:
    """A row of ``alias``: the actor is that of a user of the site, or else a façade."""

    thing_id: str
    actor_id: str
    is_user: bool


# By primary key.
_BY_THINGS = "SELECT thing_id, actor_id, is_user FROM alias WHERE thing = ANY($1::uuid[])"

# By primary key, and by alias_actor.
_CANONICAL = """
SELECT thing_id AS given, actor_id AS meant FROM alias WHERE thing = ANY($1::uuid[]) AND is_user
UNION ALL
SELECT actor_id, thing_id FROM alias WHERE actor = ANY($1::uuid[]) AND NOT is_user
"""

# By primary keys.
_FACADES = """
SELECT l.thing_id, l.actor_id FROM alias l JOIN actor a ON a.key = l.actor
WHERE l.thing = ANY($1::uuid[]) AND NOT l.is_user
  AND a.gone_at IS NULL AND a.suspended_at IS NULL
"""

# By alias_actor.
_IS_USER = "SELECT EXISTS (SELECT FROM alias WHERE actor = $1 AND is_user)"

# One thing has one actor, and one actor stands for one thing.
_INSERT = """
INSERT INTO alias (thing, thing_id, actor, actor_id, is_user) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT DO NOTHING RETURNING thing
"""


async def actors_for(conn: Connection, things: Iterable[str]) -> dict[str, Alias]:
    """The aliases of these IRIs of a site, by IRI."""
    rows = await conn.fetch(_BY_THINGS, sorted({key_of(one) for one in things}))
    return {row["thing_id"]: Alias(**row) for row in rows}


async def canonical(conn: Connection, iris: Iterable[str]) -> Mapping[str, str]:
    """What each of these IRIs means: a user of a site its actor here, a façade the thing that it
    stands for, all others themselves."""
    given = list(iris)
    rows = await conn.fetch(_CANONICAL, sorted({key_of(one) for one in given}))
    meant = {row["given"]: row["meant"] for row in rows}
    return {one: meant.get(one, one) for one in given}


async def is_user(conn: Connection, actor: str) -> bool:
    """Whether an actor here is that of a user of the site."""
    return bool(await conn.fetchval(_IS_USER, key_of(actor)))


async def facades_of(conn: Connection, things: Iterable[str]) -> dict[str, str]:
    """The façades of things by their IRIs, without those that are gone or suspended."""
    rows = await conn.fetch(_FACADES, sorted({key_of(one) for one in things}))
    return {row["thing_id"]: row["actor_id"] for row in rows}


async def insert(conn: Connection, alias: Alias) -> bool:
    """Add an alias; False when the thing or the actor has one."""
    added = await conn.fetchval(
        _INSERT,
        key_of(alias.thing_id),
        alias.thing_id,
        key_of(alias.actor_id),
        alias.actor_id,
        alias.is_user,
    )
    return added is not None
