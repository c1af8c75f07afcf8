"""For whom an edit, a Delete or an Undo is besides those whom it addresses: who got the old thing.

Others keep what they were sent, and whoever shows it must hear of its end: by what they follow,
because they answered, liked or shared it, or because it came to them by bto or bcc.
"""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from apserver.core import limits
from apserver.core.audience import Visibility
from apserver.core.collections import OF_OBJECTS
from apserver.core.effects import Bury, BuryActivity, Effects, Put, ReviseActivity
from apserver.core.facts import Facts
from apserver.core.names import collection_id
from apserver.core.origin import activity_key, key_of
from apserver.core.rules.question import VOTERS_OF
from apserver.store import actors, collections, follows, objects
from apserver.store.db import Connection
from apserver.store.objects import ActivityRow


async def for_interested(
    conn: Connection, row: ActivityRow, effects: Effects, facts: Facts
) -> ActivityRow:
    """What changes or takes back an activity is also for those who got it because it happened to
    something that they follow; what does so to an object, for those who have it because they did
    something with it, or were addressed by bto or bcc."""
    changed = [
        activity_key(effect.actor, effect.id)
        for effect in effects
        if isinstance(effect, BuryActivity | ReviseActivity)
    ]
    interested: set[UUID] = set()
    for one in (await objects.activities_by_key(conn, changed)).values() if changed else ():
        if one.sort_at is not None and one.visibility <= Visibility.UNLISTED:
            interested |= {*await follows.interested(conn, one.key, sort_at=one.sort_at)}
    interested |= await _engaged(conn, row, effects)
    secret = await _in_secret(conn, row, effects, facts)
    if not interested and not secret:
        return row
    known = await actors.actors_by_key(conn, interested)
    ids = sorted({*secret, *(one.id for one in known.values())})
    return replace(row, recipients=[*dict.fromkeys((*(row.recipients or ()), *ids))])


async def _engaged(conn: Connection, row: ActivityRow, effects: Effects) -> set[UUID]:
    """Who answered, liked or shared the object that is edited or deleted, or voted in it: their
    servers have it, whether they follow its author or not (IO-59)."""
    changed = [
        effect.id
        for effect in effects
        if (isinstance(effect, Bury) or (isinstance(effect, Put) and effect.replace))
        and effect.kind == "ours"
    ]
    if not changed or row.visibility > Visibility.UNLISTED:
        return set()
    counted = (*OF_OBJECTS, VOTERS_OF)
    lists = [key_of(collection_id(id_, name)) for id_ in changed for name in counted]
    return await collections.authors_in(conn, lists, newest=limits.ENGAGED) - {row.actor}


async def _in_secret(
    conn: Connection, row: ActivityRow, effects: Effects, facts: Facts
) -> set[str]:
    """Who else got an object that is edited or deleted: the ids of those addressed by bto or bcc,
    which are with the activity that made it, and nowhere else."""
    secret: set[UUID] = set()
    for effect in effects:
        if isinstance(effect, Put):
            secret |= effect.also
        elif isinstance(effect, Bury) and (stored := facts.object(effect.id)) is not None:
            secret |= stored.audience
    secret -= {*map(key_of, row.recipients or ()), row.actor}
    if not secret:
        return set()
    changed = [key_of(one.id) for one in effects if isinstance(one, Put | Bury)]
    return {one for one in await objects.recipients_of(conn, changed) if key_of(one) in secret}
