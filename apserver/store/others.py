"""Actors that change or end, and what hangs on them here."""

from __future__ import annotations

from uuid import UUID

from apserver.core.document import render
from apserver.core.effects import PutActor, PutOwnActor
from apserver.core.names import collection_id
from apserver.core.origin import key_of
from apserver.store import actors, collections, inboxes, objects, relations
from apserver.store.db import Connection


async def change_actor(conn: Connection, put: PutActor) -> None:
    """Store the new document. Its keys are forgotten, since the document may name others."""
    await put_actor(conn, put)
    await actors.forget_public_keys(conn, put.profile.id)


async def put_actor(conn: Connection, put: PutActor) -> None:
    """Store the document; deliveries to the actor as a follower go where it now says."""
    row = actors.remote_actor(put.profile, render(put.document))
    known = await actors.actor_by_key(conn, row.key)
    if known is None or (known.inbox, known.shared_inbox) == (row.inbox, row.shared_inbox):
        await actors.put_remote_actor(conn, row)
        return
    listings = await _followed_here(conn, row.key)
    await collections.leave_inboxes(conn, listings)
    await actors.put_remote_actor(conn, row)
    await collections.join_inboxes(conn, listings)


async def change_own_actor(conn: Connection, put: PutOwnActor) -> None:
    """Store the new document of an actor of ours, and what of it has a column."""
    manual = put.document.get("manuallyApprovesFollowers") is True
    await actors.set_own_document(
        conn, key_of(put.id), render(put.document), manual_approval=manual
    )


async def end_actor(conn: Connection, id_: str) -> None:
    """It is gone: its relations end, and what it made is removed (IO-47)."""
    key = key_of(id_)
    neighbours = await relations.neighbours(conn, key)
    await collections.remove_members(
        conn,
        [
            (key_of(collection_id(other, "following" if follows else "followers")), key)
            for other, follows in neighbours
        ],
    )
    await relations.isolate(conn, key)
    await inboxes.remove_activities_of(conn, key)
    await objects.remove_objects_of(conn, key)
    await actors.forget_public_keys(conn, id_)
    await actors.end_remote_actor(conn, key)


async def _followed_here(conn: Connection, key: UUID) -> list[tuple[UUID, UUID]]:
    """The `followers` collections here that it is in, locked: it is moved once at a time."""
    followed = [other for other, follows in await relations.neighbours(conn, key) if not follows]
    pairs = [(key_of(collection_id(other, "followers")), key) for other in followed]
    await collections.lock(conn, [collection for collection, _ in pairs])
    return await collections.members_among(conn, pairs)
