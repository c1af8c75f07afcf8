"""Actors by their handles: whom a text means."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from apserver.core.actors import Profile
from apserver.core.origin import Handle
from apserver.store import actors
from apserver.store.db import Connection, Database

OURS = "https://social.example/actors/ann"


@pytest.fixture
async def conn(database: Callable[[], Awaitable[str]]) -> AsyncIterator[Connection]:
    """A connection to a database with ann, whose handle is on another host than her id."""
    db = Database(await database(), connections=1)
    await db.open()
    async with db.connection() as connection:
        await connection.execute(
            "INSERT INTO actor (key, id, ours, type, host, bucket, name, folded_name, handle_host,"
            " inbox, document) VALUES (gen_random_uuid(), $1, true, 'Person', 'social.example', 0,"
            " 'Ann', 'ann', 'example.org', $1, '')",
            OURS,
        )
        yield connection
    await db.close()


async def meet(conn: Connection, id_: str, name: str) -> None:
    """Know an actor elsewhere."""
    profile = Profile(id_, "Person", name, f"{id_}/inbox", None, None, False)
    await actors.put_remote_actor(conn, actors.remote_actor(profile, b"{}"))


async def test_IO_55_who_is_meant_by_a_handle(conn: Connection) -> None:
    """IO-55: ours by the host of the handle, others by that of the id, port and all; nobody where
    a host has two of one name."""
    await meet(conn, "https://far.example/u/1", "Bob")
    await meet(conn, "https://far.example:8443/u/1", "bob")
    await meet(conn, "https://far.example/u/2", "group")
    await meet(conn, "https://far.example/c/2", "Group")
    names = ("ann@example.org", "ann@social.example", "bob@far.example", "bob@far.example:8443")
    handles = [Handle(*one.split("@")) for one in (*names, "group@far.example", "eve@far.example")]
    found = await actors.actors_by_handles(conn, handles)
    assert {str(handle): actor.id for handle, actor in found.items()} == {
        names[0]: OURS,
        names[2]: "https://far.example/u/1",
        names[3]: "https://far.example:8443/u/1",
    }


async def test_IO_55_nobody_is_meant_who_is_gone(conn: Connection) -> None:
    await meet(conn, "https://far.example/u/1", "bob")
    await conn.execute("UPDATE actor SET gone_at = now() WHERE NOT ours")
    assert await actors.actors_by_handles(conn, [Handle("bob", "far.example")]) == {}


async def test_a_handle_is_found_by_an_index(conn: Connection) -> None:
    """However many actors of one host are known."""
    for number in range(200):
        await meet(conn, f"https://far.example/u/{number}", f"bob{number}")
    await conn.execute("ANALYZE actor")
    await conn.execute("SET enable_seqscan = off")
    plan = await conn.fetch(
        f"EXPLAIN {actors.BY_HANDLES}", ["far.example"], ["far.example"], ["bob7"]
    )
    text = "\n".join(row[0] for row in plan)
    for index in ("actor_handle", "actor_named"):
        assert f"using {index}" in text or f"on {index}" in text, text
