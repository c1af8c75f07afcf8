"""The actors of this server, as whoever runs it sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from apserver.core.actors import handle
from apserver.core.document import parse
from apserver.core.names import INSTANCE, collection_id
from apserver.core.origin import fold_name, key_of
from apserver.core.times import read_time
from apserver.errors import Refused
from apserver.store import actors, collections, key_pairs
from apserver.store.actors import Actor
from apserver.store.db import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnActor:
    """An actor of ours and its figures, which are zero when it is deleted."""

    name: str
    handle: str
    id: str
    type: str
    created_at: datetime | None
    followers: int
    following: int
    posts: int
    manual_approval: bool
    key_ids: tuple[str, ...]
    deleted_at: datetime | None
    suspended_at: datetime | None
    moved_to: str | None = None

    @property
    def state(self) -> str:
        """In a word: active, suspended or deleted."""
        if self.deleted_at is not None:
            return "deleted"
        return "active" if self.suspended_at is None else "suspended"


async def list_actors(conn: Connection) -> list[OwnActor]:
    """All of them by name, the instance actor and deleted ones too."""
    return await _described(conn, await actors.own_actors(conn))


async def show_actor(conn: Connection, handle_host: str, name: str) -> OwnActor:
    """One of them, even when it is deleted. Refused when there never was one."""
    [described] = await _described(conn, [await known_actor(conn, handle_host, name)])
    return described


async def known_actor(conn: Connection, handle_host: str, name: str) -> Actor:
    """The actor that has, or had, this name. Refused when there never was one."""
    found = await actors.actor_by_handle(conn, handle_host, fold_name(name))
    if found is None:
        raise Refused(
            f"There is no actor named {name}. See: apserver actor list. "
            f"Make it with: apserver actor create {name}"
        )
    return found


async def find_actor(conn: Connection, handle_host: str, name: str) -> Actor:
    """The actor to act on. Refused when there is none or it is deleted."""
    found = await known_actor(conn, handle_host, name)
    if found.gone_at is not None:
        raise Refused(f"{name} was deleted. What is deleted does not come back.")
    return found


async def find_person(conn: Connection, handle_host: str, name: str) -> Actor:
    """As `find_actor`, but never the actor that stands for the server."""
    if fold_name(name) == INSTANCE:
        raise Refused(f"{name} is the server's own actor: it signs what the server fetches.")
    return await find_actor(conn, handle_host, name)


async def _described(conn: Connection, rows: list[Actor]) -> list[OwnActor]:
    totals = await collections.totals(
        conn,
        [
            key_of(collection_id(row.id, name))
            for row in rows
            for name in ("followers", "following", "outbox")
        ],
    )
    keys = await key_pairs.key_ids(conn, [row.key for row in rows])

    def total(row: Actor, name: str) -> int:
        return totals.get(key_of(collection_id(row.id, name)), 0)

    return [
        OwnActor(
            name=row.name or "",
            handle=handle(row.name or "", row.handle_host or ""),
            id=row.id,
            type=row.type,
            created_at=read_time(parse(row.document).get("published")),
            followers=total(row, "followers"),
            following=total(row, "following"),
            posts=total(row, "outbox"),
            manual_approval=row.manual_approval,
            key_ids=tuple(keys.get(row.key, ())),
            deleted_at=row.gone_at,
            suspended_at=row.suspended_at,
            moved_to=row.moved_to,
        )
        for row in rows
    ]
