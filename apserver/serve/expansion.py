"""Activities with the documents of their participants in place of ids (``expand=full``).

Only what is served of them, and only to those who may read it: where there is nothing to show, the
id stays, and so it does where the page would grow too big. What was deleted is a Tombstone.
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
from apserver.store.sizes import sizes_of

_MEMBERS = ("actor", "object", "target")


async def expanded(
    conn: Connection, site: Site, viewer: str | None, activities: Sequence[bytes]
) -> list[bytes]:
    """These activities with what may be shown of actor, object and target."""
    read = [json.loads(activity) for activity in activities]
    chosen = _chosen([_named(activity) for activity in read], await _sizes(conn, read))
    named = frozenset[str]().union(*chosen)
    known = await _actors(conn, site, named)
    known = await _objects(conn, site, viewer, named) | known
    return [
        render(_with(activity, {iri: known[iri] for iri in few if iri in known}))
        for activity, few in zip(read, chosen, strict=True)
    ]


def _named(activity: Mapping[str, Any]) -> list[str]:
    """The ids that may give way to documents, each once."""
    members = (as_list(activity.get(name))[: limits.PARTICIPANTS] for name in _MEMBERS)
    return list(dict.fromkeys(one for values in members for one in values if isinstance(one, str)))


async def _sizes(conn: Connection, activities: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    keys = {iri: key_of(iri) for activity in activities for iri in _named(activity)}
    sizes = await sizes_of(conn, set(keys.values()))
    return {iri: sizes[key] for iri, key in keys.items() if key in sizes}


def _chosen(named: Sequence[Sequence[str]], sizes: Mapping[str, int]) -> list[frozenset[str]]:
    """Of which ids, in each activity, the documents are shown: as many bytes as a page may have.

    One small activity can name what is big, and many can name the same.
    """
    left = limits.EXPANDED
    chosen = []
    for ids in named:
        few = set()
        for iri in ids:
            if iri in sizes and sizes[iri] * len(_MEMBERS) <= left:
                left -= sizes[iri] * len(_MEMBERS)
                few.add(iri)
        chosen.append(frozenset(few))
    return chosen


def _with(activity: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The activity with these documents, in each member once: others name one thing many times."""

    def member(value: Any, left: set[str]) -> Any:
        if isinstance(value, list):
            return [member(one, left) for one in value]
        if not isinstance(value, str) or value not in left:
            return value
        left.remove(value)
        return known[value]

    return {
        name: member(value, set(known)) if name in _MEMBERS else value
        for name, value in activity.items()
    }


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
