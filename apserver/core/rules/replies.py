"""What answers an object of ours: in its ``replies`` as long as it is there (AS2 Vocabulary).

An answer counts when its author may read what is answered. Whoever looks sees those answers that
it may read itself.

What begins a conversation here has all of it in its ``context`` (FEP-7888), itself first: what is
for everybody and answers something of ours in it. Answers to answers of others are not there, since
anybody could name the conversation as theirs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from apserver.core import limits
from apserver.core.audience import Visibility
from apserver.core.document import first, id_of, ids_of
from apserver.core.effects import AddTo, Effects, Open, RemoveFrom
from apserver.core.facts import Facts, Need, ObjectNeed
from apserver.core.model import Activity
from apserver.core.names import collection_id
from apserver.core.origin import same_origin
from apserver.core.rules import concerning

_CONTEXT = "/context"


def needs(activity: Activity, document: Mapping[str, Any], facts: Facts) -> Iterable[Need]:
    """What an object answers, and how who acts stands to whose that is."""
    for id_ in _answered(document):
        yield ObjectNeed(id_)
        yield from concerning.needs_of_author(id_, activity, facts)
        beginning = _beginning(id_, facts)
        if beginning is not None:
            yield ObjectNeed(beginning)


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
        if visibility <= Visibility.UNLISTED:
            reply = AddTo("", str(document["id"]), activity.actor, visibility)
            effects += _in_conversation(_beginning(id_, facts), reply, facts)
    return tuple(effects)


def leave(id_: str, document: Mapping[str, Any]) -> Effects:
    """An object that is deleted answers nothing any more."""
    places = [collection_id(one, "replies") for one in _answered(document)]
    context = id_of(first(document.get("context")))
    if context is not None and context.endswith(_CONTEXT):
        places.append(context)
    return tuple(RemoveFrom(place, id_) for place in places)


def _beginning(id_: str, facts: Facts) -> str | None:
    """What the conversation of something of ours began with, by its id."""
    stored = facts.object(id_)
    context = id_of(first(stored.document.get("context"))) if stored and stored.ours else None
    is_ours = context is not None and context.endswith(_CONTEXT) and same_origin(context, id_)
    return context.removesuffix(_CONTEXT) if context is not None and is_ours else None


def _in_conversation(beginning: str | None, reply: AddTo, facts: Facts) -> tuple[Open | AddTo, ...]:
    stored = facts.object(beginning)
    author = concerning.author_of(stored) if stored is not None and stored.ours else None
    if beginning is None or stored is None or author is None or stored.deleted:
        return ()
    context = collection_id(beginning, "context")
    itself = AddTo(context, beginning, author, Visibility(stored.visibility))
    return (Open(context, author, "context"), itself, replace(reply, collection=context))


def _answered(document: Mapping[str, Any]) -> tuple[str, ...]:
    return ids_of(document.get("inReplyTo"))[: limits.PARTICIPANTS]
