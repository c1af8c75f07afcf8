"""Activities with the documents of their participants in place of ids (``expand=full``).

Only what is served of them, and only to those who may read it: where there is nothing to show, the
id stays. What was deleted is a Tombstone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from apserver.core import limits
from apserver.core.audience import may_read
from apserver.core.document import as_list, render
from apserver.core.origin import key_of
from apserver.serve.site import Site
from apserver.serve.soundness import is_sound
from apserver.serve.viewing import viewer_among
from apserver.store import actors, objects
from apserver.store.actors import Actor
from apserver.store.db import Connection

_MEMBERS = ("actor", "object", "target")


async def expanded(
    conn: Connection, site: Site, viewer: str | None, activities: Sequence[bytes]
) -> list[bytes]:
    """These activities with what may be shown of actor, object and target."""
    read = [json.loads(activity) for activity in activities]
    named = {iri for activity in read for name in _MEMBERS for iri in _named(activity, name)}
    known = await _actors(conn, site, named)
    known = await _objects(conn, site, viewer, named) | known
    return [render(_with(activity, known)) for activity in read]


def _named(activity: Mapping[str, Any], member: str) -> list[str]:
    values = as_list(activity.get(member))[: limits.PARTICIPANTS]
    return [value for value in values if isinstance(value, str)]


def _with(activity: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    def member(value: Any) -> Any:
        if isinstance(value, list):
            return [member(one) for one in value]
        return known.get(value, value) if isinstance(value, str) else value

    return {name: member(value) if name in _MEMBERS else value for name, value in activity.items()}


async def _actors(conn: Connection, site: Site, named: Collection[str]) -> dict[str, Any]:
    rows = await actors.actors_by_key(conn, [key_of(iri) for iri in named])
    return {
        row.id: _document(row)
        for row in rows.values()
        if row.suspended_at is None
        and site.live.barred(row.id) is None
        and is_sound(row.document, table="actor", key=row.key)
    }


def _document(actor: Actor) -> dict[str, Any]:
    if actor.gone_at is not None and not actor.ours:
        return {"id": actor.id, "type": "Tombstone", "formerType": actor.type}
    document: dict[str, Any] = json.loads(actor.document)
    return {name: value for name, value in document.items() if name != "@context"}


async def _objects(
    conn: Connection, site: Site, viewer: str | None, named: Collection[str]
) -> dict[str, Any]:
    rows = (await objects.objects_by_key(conn, [key_of(iri) for iri in named])).values()
    who = await viewer_among(conn, viewer, [row.author for row in rows])
    who = site.live.guard(who, {row.author: row.id for row in rows})
    return {
        row.id: json.loads(row.document)
        for row in rows
        if may_read(who, row)
        and not site.live.is_suspended(row.author)
        and is_sound(row.document, table="object", key=row.key)
    }
