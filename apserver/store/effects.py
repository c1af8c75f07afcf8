"""Effects become SQL here, and nowhere else: one statement per kind, sorted by key.

A batch of effects of many activities is performed together. Order within the batch is kept
where it matters: the last word on one relation or one membership is the one that counts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from uuid import UUID

from apserver.core.audience import Visibility, strip_private
from apserver.core.document import render
from apserver.core.effects import (
    AddTo,
    Bury,
    BuryActivity,
    DropFollow,
    Effect,
    EndActor,
    ForgetVotes,
    Index,
    Moved,
    Open,
    Put,
    PutActor,
    PutFollow,
    PutOwnActor,
    PutReport,
    React,
    Relate,
    RemoveFrom,
    ReviseActivity,
    Show,
    TakeBackReport,
    TellVotes,
    Unreact,
    Unrelate,
)
from apserver.core.names import collection_id
from apserver.core.origin import activity_key, key_of
from apserver.core.times import stamp
from apserver.core.tombstones import tombstone
from apserver.store import (
    activities,
    collections,
    follows,
    hashtags,
    inboxes,
    objects,
    polls,
    reactions,
    relations,
    reports,
    streams,
)
from apserver.store.activities import Revision
from apserver.store.actors import actors_by_key
from apserver.store.collections import Membership
from apserver.store.db import Connection
from apserver.store.follows import FollowRow
from apserver.store.moves import move_actor
from apserver.store.new_objects import add_objects
from apserver.store.objects import ObjectRow
from apserver.store.others import change_actor, change_own_actor, end_actor
from apserver.store.reactions import Reaction
from apserver.store.relations import Relation

_PLACES = {"first": 0, "ahead": 1, "last": -1}


async def perform(conn: Connection, effects: Sequence[Effect]) -> dict[UUID, ObjectRow]:
    """Write what these effects say; the objects that were not here before, by key. Performing them
    again changes nothing."""
    added = await _put(conn, [one for one in effects if isinstance(one, Put)])
    await _bury(conn, [one for one in effects if isinstance(one, Bury)])
    await _revise(conn, [one for one in effects if isinstance(one, ReviseActivity)])
    for effect in effects:
        if isinstance(effect, PutActor):
            await change_actor(conn, effect)
        elif isinstance(effect, PutOwnActor):
            await change_own_actor(conn, effect)
        elif isinstance(effect, EndActor):
            await end_actor(conn, effect.id)
        elif isinstance(effect, Moved):
            await move_actor(conn, effect)
    await _relate(conn, effects)
    await _follow(conn, effects)
    await _react(conn, effects)
    await _list(conn, effects)
    await _bury_activities(conn, [one for one in effects if isinstance(one, BuryActivity)])
    await _show(conn, [one for one in effects if isinstance(one, Show)])
    indexed = [one for one in effects if isinstance(one, Index)]
    if indexed:
        await streams.index(conn, indexed)
    for effect in effects:
        if isinstance(effect, ForgetVotes):
            await polls.forget(conn, effect)
    await polls.tell(conn, [one for one in effects if isinstance(one, TellVotes)])
    await reports.put(conn, [one for one in effects if isinstance(one, PutReport)])
    await reports.take_back(conn, [one for one in effects if isinstance(one, TakeBackReport)])
    return added


async def show_to(conn: Connection, pairs: Sequence[tuple[UUID, UUID]]) -> None:
    """List activities in inboxes here, for (owner, activity) pairs that have a receipt.

    What applying refused is not listed, nor what is of somebody whom the owner blocks (IO-86).
    """
    rows = await objects.activities_by_key(conn, {activity for _, activity in pairs})
    owners = await _inbox_keys(conn, {owner for owner, _ in pairs})
    blocked = await relations.blocks_among(
        conn, [(owner, rows[activity].actor) for owner, activity in pairs if activity in rows]
    )
    members = [
        Membership(owners[owner], activity, None, rows[activity].actor, rows[activity].visibility)
        for owner, activity in pairs
        if owner in owners and activity in rows and rows[activity].verdict is None
        if (owner, rows[activity].actor) not in blocked
    ]
    if members:
        await collections.add_members(conn, members)


async def _put(conn: Connection, puts: Sequence[Put]) -> dict[UUID, ObjectRow]:
    """Put objects, and under their hashtags; those that are edited may have had others."""
    added = await add_objects(conn, [object_row(put) for put in puts if not put.replace])
    edited = [object_row(put) for put in puts if put.replace]
    if edited:
        await objects.replace_objects(conn, edited)
        await hashtags.index(conn, {row.key for row in edited})
    return added


async def _bury(conn: Connection, buried: Sequence[Bury]) -> None:
    """Tombstones in place of objects of the author. Where there is none, one that nobody sees, with
    a key that nobody else's object has: what the author deleted before we had it (fault 16)."""
    if not buried:
        return
    found = await objects.objects_by_key(conn, {key_of(one.id) for one in buried})
    rows = [_buried_row(one, found.get(key_of(one.id))) for one in buried]
    in_place = [row for row in rows if row.key in found]
    await collections.remove_of_objects(conn, [row.id for row in in_place if row.kind == "ours"])
    await add_objects(conn, [row for row in rows if row.key not in found])
    await objects.replace_objects(conn, in_place)
    await objects.forget_raw(conn, [row.key for row in in_place])
    await objects.leave_streams(conn, [row.key for row in in_place])
    await hashtags.remove(conn, [row.key for row in in_place])


def _buried_row(bury: Bury, stored: ObjectRow | None) -> ObjectRow:
    if stored is not None and stored.author != key_of(bury.author):
        stored = None
    published = None if stored is None else stamp(stored.published_at)
    stone = tombstone(
        bury.id, former_type=bury.former_type, deleted_at=bury.deleted_at, published=published
    )
    return ObjectRow(
        key=activity_key(bury.author, bury.id) if stored is None else stored.key,
        id=bury.id,
        kind=bury.kind,
        type=bury.former_type,
        author=key_of(bury.author),
        visibility=Visibility.DIRECT if stored is None else stored.visibility,
        audience=[] if stored is None else stored.audience,
        context=None,
        document=render(stone),
        published_at=bury.deleted_at if stored is None else stored.published_at,
        deleted_at=bury.deleted_at,
    )


async def _revise(conn: Connection, revised: Sequence[ReviseActivity]) -> None:
    if revised:
        await activities.revise_activities(conn, [_revision(one) for one in revised])


def _revision(revised: ReviseActivity) -> Revision:
    document = {name: one for name, one in revised.document.items() if name != "@context"}
    return Revision(
        key=activity_key(revised.actor, revised.id),
        envelope=render(strip_private(document)),
        context=context_bytes(revised.document.get("@context")),
        verb=revised.verb,
        data=revised.data,
    )


async def _bury_activities(conn: Connection, buried: Sequence[BuryActivity]) -> None:
    """Tombstones in place of activities of their actors."""
    if not buried:
        return
    stones = {
        activity_key(one.actor, one.id): render(
            tombstone(one.id, former_type=one.former_type, deleted_at=one.deleted_at)
        )
        for one in buried
    }
    await activities.bury_activities(conn, stones, deleted_at=buried[0].deleted_at)


def object_row(put: Put) -> ObjectRow:
    """The row of an object; its document loses bto, bcc and the @context around it."""
    document = {key: value for key, value in put.document.items() if key != "@context"}
    return ObjectRow(
        key=key_of(put.id),
        id=put.id,
        kind=put.kind,
        type=put.type,
        author=key_of(put.author),
        visibility=put.visibility,
        audience=sorted({*put.audience.keys(), *put.also}),
        context=context_bytes(put.context),
        document=render(strip_private(document)),
        published_at=put.published_at,
        updated_at=put.updated_at,
        is_found=put.is_found,
    )


def context_bytes(context: object) -> bytes | None:
    """An @context as it is stored: None for the plain AS2 one or none at all."""
    if context is None:
        return None
    rendered = render({"@context": context})[len(b'{"@context":') : -1]
    return None if rendered == objects.PLAIN_CONTEXT else rendered


async def _relate(conn: Connection, effects: Sequence[Effect]) -> None:
    latest: dict[tuple[UUID, str, UUID], Relate | Unrelate] = {}
    for effect in effects:
        if isinstance(effect, Relate | Unrelate):
            latest[(key_of(effect.object), effect.kind, key_of(effect.subject))] = effect
    gone = [at for at, one in latest.items() if isinstance(one, Unrelate)]
    if gone:
        await relations.unrelate(conn, gone)
        ended = [(subject, object_) for object_, kind, subject in gone if kind == "follow"]
        if ended:
            await follows.drop_all(conn, ended)
    made = [(at, one) for at, one in latest.items() if isinstance(one, Relate)]
    if made:
        rows = [Relation(*at, one.state, one.activity_id) for at, one in made]
        await relations.relate(conn, rows, subjects_ours=[one.subject_ours for _, one in made])


async def _follow(conn: Connection, effects: Sequence[Effect]) -> None:
    latest: dict[tuple[UUID, UUID, str], PutFollow | DropFollow] = {}
    for effect in effects:
        if isinstance(effect, PutFollow | DropFollow):
            latest[(key_of(effect.subject), key_of(effect.object), effect.flag)] = effect
    gone = [at for at, one in latest.items() if isinstance(one, DropFollow)]
    if gone:
        await follows.drop(conn, gone)
    made = [
        FollowRow(
            subject=subject,
            flag=flag,
            object=object_,
            object_id=one.object,
            actor_only=one.actor_only,
            mutes=one.mutes,
            activity_id=one.activity_id,
            started_at=one.started_at,
        )
        for (subject, object_, flag), one in latest.items()
        if isinstance(one, PutFollow)
    ]
    if made:
        await follows.put(conn, made)


async def _react(conn: Connection, effects: Sequence[Effect]) -> None:
    latest: dict[tuple[UUID, UUID, str], React | Unreact] = {}
    for effect in effects:
        if isinstance(effect, React | Unreact):
            latest[(key_of(effect.object), key_of(effect.subject), effect.emoji)] = effect
    gone = [at for at, one in latest.items() if isinstance(one, Unreact)]
    if gone:
        await reactions.drop(conn, gone)
    made = [Reaction(*at, one.activity_id) for at, one in latest.items() if isinstance(one, React)]
    if made:
        await reactions.put(conn, made)


async def _list(conn: Connection, effects: Sequence[Effect]) -> None:
    latest: dict[tuple[UUID, UUID], AddTo | RemoveFrom] = {}
    for effect in effects:
        if isinstance(effect, AddTo | RemoveFrom):
            latest[(key_of(effect.collection), _item_key(effect))] = effect
    await _open(conn, [one for one in effects if isinstance(one, Open)])
    if not latest:
        return
    await collections.lock(conn, {collection for collection, _ in latest})
    gone = [at for at, one in latest.items() if isinstance(one, RemoveFrom)]
    if gone:
        await collections.remove_members(conn, gone)
    added = [
        Membership(
            collection,
            item,
            None if isinstance(one.item, UUID) else one.item,
            item if one.author is None else key_of(one.author),
            one.visibility,
            _PLACES[one.place],
        )
        for (collection, item), one in latest.items()
        if isinstance(one, AddTo)
    ]
    if added:
        await collections.add_members(conn, added)


def _item_key(effect: AddTo | RemoveFrom) -> UUID:
    return effect.item if isinstance(effect.item, UUID) else key_of(effect.item)


async def _open(conn: Connection, opened: Sequence[Open]) -> None:
    if opened:
        rows = [
            (key_of(one.collection), one.collection, key_of(one.owner), one.name) for one in opened
        ]
        await collections.open_collections(conn, rows)


async def _show(conn: Connection, shows: Sequence[Show]) -> None:
    if not shows:
        return
    named = [(one.activity, key_of(who)) for one in shows for who in one.addressed]
    for_followers = [(one.activity, key_of(one.actor)) for one in shows if one.to_followers]
    concerned = await inboxes.receive(conn, named=named, for_followers=for_followers)
    if concerned:
        await show_to(conn, concerned)


async def _inbox_keys(conn: Connection, owners: set[UUID]) -> Mapping[UUID, UUID]:
    found = await actors_by_key(conn, owners)
    return {key: key_of(collection_id(one.id, "inbox")) for key, one in found.items()}
