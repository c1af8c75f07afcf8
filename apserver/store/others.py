"""Actors that change or end, and what hangs on them here."""

from __future__ import annotations

from uuid import UUID

from apserver.core import limits
from apserver.core.document import render
from apserver.core.effects import PutActor, PutOwnActor
from apserver.core.names import collection_id
from apserver.core.origin import key_of
from apserver.store import (
    actors,
    collections,
    follows,
    hashtags,
    inboxes,
    objects,
    profiles,
    reactions,
    relations,
)
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
    """It is gone, and what is left of it begins to go (IO-47): `end_some` does the rest."""
    key = key_of(id_)
    await actors.forget_public_keys(conn, id_)
    await actors.end_remote_actor(conn, key)
    await profiles.forget(conn, [key], [id_])
    await end_some(conn, key, limit=limits.ENDED_ROWS)


async def end_some(conn: Connection, key: UUID, *, limit: int) -> bool:
    """End up to so many relations of an actor elsewhere that is gone, and remove as many
    activities and objects of it; whether there may be more."""
    is_left = await end_relations(conn, key, limit=limit)
    removed = await inboxes.remove_activities_of(conn, key, limit=limit)
    objects_ = await objects.remove_objects_of(conn, key, limit=limit)
    await hashtags.remove(conn, objects_)
    if is_left or limit in (removed, len(objects_)):
        return True
    await relations.isolate(conn, key)
    return False


async def end_relations(conn: Connection, key: UUID, *, limit: int) -> bool:
    """End up to so many relations on either side of an actor, with its places in lists here;
    whether there may be more."""
    found = await relations.some_of(conn, key, limit=limit)
    pairs = [(subject, object_) for object_, kind, subject in found if kind == "follow"]
    near = {subject if object_ == key else object_ for subject, object_ in pairs}
    known = (await actors.actors_by_key(conn, near)).values()
    ours = {one.key: one.id for one in known if one.ours}
    listings = [
        (key_of(collection_id(ours[other], name)), key)
        for subject, object_ in pairs
        for other, name in ((subject, "following"), (object_, "followers"))
        if other != key and other in ours
    ]
    await collections.remove_members(conn, listings)
    await relations.unrelate(conn, found)
    await follows.drop_all(conn, pairs)
    reactions_left = await reactions.drop_by(conn, key, limit=limit)
    return reactions_left or len(found) >= limit


async def _followed_here(conn: Connection, key: UUID) -> list[tuple[UUID, UUID]]:
    """The `followers` collections here that it is in, locked: it is moved once at a time."""
    followed = [other for other, follows in await relations.neighbours(conn, key) if not follows]
    pairs = [(key_of(collection_id(other, "followers")), key) for other in followed]
    await collections.lock(conn, [collection for collection, _ in pairs])
    return await collections.members_among(conn, pairs)
