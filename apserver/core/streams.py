"""What is in which stream: the roles of an activity, as they go into the index.

Streams show actions: what actors do. What only keeps servers in step (Update, Delete) is in none,
nor is what is told beside an action that is there already (``companionOf``); an Announce by the
façade of another server stands for an action that is not. Each participant has a role by the verb
of the action (`core.verbs`), which holds for what we make and for what comes from elsewhere alike.

The place of an action is the time at which it was published, never later than when it reached us:
so nobody can pin himself to the top. Dates in documents have whole seconds; what is published in
the second in which it comes in has the time at which it came, so that it keeps its order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list, id_of, types_of
from apserver.core.effects import Index
from apserver.core.model import Activity, VerifiedActivity
from apserver.core.roles import Role
from apserver.core.times import published_at
from apserver.core.verbs import RoleName, Verbs

_NAMES: Mapping[Role, RoleName] = {Role.OBJECT: "object", Role.TARGET: "target"}
#: What is done to keep servers in step, or is nobody else's business.
_IN_NONE = frozenset({"Update", "Delete", "Block", "Flag", "Ignore"})
#: Answers: between those whom they concern, unless they are for everybody.
_ONLY_IN_PUBLIC = frozenset({"Accept", "Reject", "TentativeAccept", "TentativeReject", "Undo"})


@dataclass(frozen=True, slots=True)
class Place:
    """Where an activity stands in streams, and what they are filtered by.

    ``sort_at`` is None for what is in none. ``data`` is JSON.
    """

    sort_at: datetime | None
    verb: str | None
    data: str | None


def place_of(activity: Activity, *, now: datetime) -> Place:
    """The place of an activity that reached us ``now``, or that we publish now."""
    verb, data = activity.document.get("verbPhrase"), activity.document.get("actionData")
    return Place(
        sort_at=_sort_at(activity.document, now) if is_streamed(activity) else None,
        verb=verb if isinstance(verb, str) and 0 < len(verb) <= limits.PHRASE else None,
        data=None if data is None else _filtered_by(data),
    )


def _filtered_by(data: Any) -> str | None:
    """As JSON; of what is bigger than we take from our own clients, streams know nothing: each look
    through a filter reads it again."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False)
    return text if len(text.encode()) <= limits.ACTION_DATA else None


def is_streamed(activity: Activity) -> bool:
    """Whether it is in streams at all."""
    if activity.type in _IN_NONE:
        return False
    if _is_beside(activity):
        return False
    return activity.type not in _ONLY_IN_PUBLIC or activity.audience.is_public


def _is_beside(activity: Activity) -> bool:
    """Whether it is told beside an action that is in streams itself. An Announce from elsewhere is
    not: whoever follows the façade of a thing there gets nothing else of the action."""
    if activity.type == "Announce" and isinstance(activity, VerifiedActivity) and not activity.ours:
        return False
    return bool(
        activity.document.get("companionOf") or (activity.embedded or {}).get("companionOf")
    )


def index_of(activity: Activity, verbs: Verbs) -> tuple[Index, ...]:
    """What to put into the role index for an activity: its participants, each role once.

    What is undone took place between the same participants as the Undo.
    """
    if not is_streamed(activity):
        return ()
    told: Mapping[str, Any] = activity.document
    if activity.type == "Undo" and activity.embedded is not None:
        told = activity.embedded
    phrase = told.get("verbPhrase")
    type_ = next(iter(types_of(told)), "") if told is activity.embedded else activity.type
    roles = verbs.roles(phrase if isinstance(phrase, str) else None, type_)
    found = [(Role.ACTOR, activity.actor)]
    for role in (Role.OBJECT, Role.TARGET):
        values = as_list(told.get(roles.get(_NAMES[role], "")))[: limits.PARTICIPANTS]
        found += [(role, iri) for iri in map(id_of, values) if iri is not None]
    return (Index(activity.key, tuple(dict.fromkeys(found))),)


def _sort_at(document: Mapping[str, Any], now: datetime) -> datetime:
    published = published_at(document.get("published"), now)
    return now if published >= now.replace(microsecond=0) else published
