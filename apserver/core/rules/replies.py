"""What answers an object of ours: in its ``replies`` as long as it is there (AS2 Vocabulary).

An answer counts when its author may read what is answered. Whoever looks sees those answers that
it may read itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apserver.core import limits
from apserver.core.audience import Visibility
from apserver.core.document import ids_of
from apserver.core.effects import AddTo, Effects, Open, RemoveFrom
from apserver.core.facts import Facts, Need, ObjectNeed
from apserver.core.model import Activity
from apserver.core.names import collection_id
from apserver.core.rules import concerning


def needs(activity: Activity, document: Mapping[str, Any], facts: Facts) -> Iterable[Need]:
    """What an object answers, and how who acts stands to whose that is."""
    for id_ in _answered(document):
        yield ObjectNeed(id_)
        yield from concerning.needs_of_author(id_, activity, facts)


def is_to_ours(document: Mapping[str, Any], facts: Facts) -> bool:
    """Whether it answers something of ours."""
    found = (facts.object(id_) for id_ in _answered(document))
    return any(one is not None and one.ours for one in found)


def join(
    activity: Activity, document: Mapping[str, Any], visibility: Visibility, facts: Facts
) -> Effects:
    """An object that somebody makes is among the replies to what it answers."""
    effects: list[Open | AddTo] = []
    for id_ in _answered(document):
        stored = facts.object(id_)
        author = concerning.author_of(stored) if stored is not None and stored.ours else None
        if author is None or concerning.refused(id_, activity, facts) is not None:
            continue
        replies = collection_id(id_, "replies")
        effects.append(Open(replies, author, "replies"))
        effects.append(AddTo(replies, str(document["id"]), activity.actor, visibility))
    return tuple(effects)


def leave(id_: str, document: Mapping[str, Any]) -> Effects:
    """An object that is deleted answers nothing any more."""
    return tuple(RemoveFrom(collection_id(one, "replies"), id_) for one in _answered(document))


def _answered(document: Mapping[str, Any]) -> tuple[str, ...]:
    return ids_of(document.get("inReplyTo"))[: limits.PARTICIPANTS]
