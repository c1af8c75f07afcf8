"""What answers an object of ours: in its ``replies`` as long as it is there (AS2 Vocabulary).

An answer counts when its author may read what is answered. Whoever looks sees those answers that
it may read itself: the author's own first, as Mastodon reads the first few of them (IO-99).

What begins a conversation here has all of it in its ``context`` (FEP-7888, FEP-f228), itself first,
each answer after what it answers: what is for everybody, and answers something of ours in it or
something that is in it already. What only calls itself a part of it is none (FEP-7888: membership
is for the owner to tell). Private answers are not there: the owner sees all that is in a
collection, and these may be for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from apserver.core import limits
from apserver.core.audience import Visibility
from apserver.core.document import first, id_of, ids_of
from apserver.core.effects import AddTo, Effects, Open, RemoveFrom
from apserver.core.facts import ConversationNeed, Facts, Need, ObjectNeed
from apserver.core.model import Activity
from apserver.core.names import collection_id
from apserver.core.origin import key_of
from apserver.core.rules import concerning

_CONTEXT = "/context"


def needs(activity: Activity, document: Mapping[str, Any], facts: Facts) -> Iterable[Need]:
    """What an object answers, the conversation that this is in, and how who acts stands to whose
    they are."""
    for id_ in answered(document):
        yield ObjectNeed(id_)
        yield from concerning.needs_of_author(id_, activity, facts)
        if facts.object(id_) is not None and _beginning(id_, facts) is None:
            yield ConversationNeed(id_)
        beginning = _beginning(id_, facts)
        if beginning is not None:
            yield ObjectNeed(beginning)
            yield from concerning.needs_of_author(beginning, activity, facts)


def is_to_ours(document: Mapping[str, Any], facts: Facts) -> bool:
    """Whether it answers something of ours."""
    found = (facts.object(id_) for id_ in answered(document))
    return any(one is not None and one.ours for one in found)


def join(
    activity: Activity, document: Mapping[str, Any], visibility: Visibility, facts: Facts
) -> Effects:
    """An object that somebody makes is among the replies to what it answers."""
    effects: list[Open | AddTo] = []
    for id_ in answered(document):
        stored = facts.object(id_)
        if stored is None or concerning.refused(id_, activity, facts) is not None:
            continue
        reply = AddTo("", str(document["id"]), activity.actor, visibility)
        author = concerning.author_of(stored) if stored.ours else None
        if author is not None:
            replies = collection_id(id_, "replies")
            effects.append(Open(replies, author, "replies"))
            ahead = key_of(activity.actor) == stored.author
            effects.append(replace(reply, collection=replies, place="ahead" if ahead else "first"))
        if visibility <= Visibility.UNLISTED:
            effects += _in_conversation(_beginning(id_, facts), reply, activity, facts)
    return tuple(effects)


def leave_needs(id_: str) -> Iterable[Need]:
    """The conversation that an object is in, before it is deleted."""
    yield ConversationNeed(id_)


def leave(id_: str, document: Mapping[str, Any], facts: Facts) -> Effects:
    """An object that is deleted answers nothing any more."""
    places = [collection_id(one, "replies") for one in answered(document)]
    conversation = facts.conversation(id_)
    if conversation is not None:
        places.append(conversation)
    return tuple(RemoveFrom(place, id_) for place in places)


def answered(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of what an object answers."""
    return ids_of(document.get("inReplyTo"))[: limits.PARTICIPANTS]


def begins_conversation(id_: str, document: Mapping[str, Any]) -> bool:
    """Whether an object of ours is the first of the conversation that it is in."""
    context = id_of(first(document.get("context")))
    return context in (None, collection_id(id_, "context"))


def _beginning(id_: str, facts: Facts) -> str | None:
    """What the conversation that something is in began with, by its id; None when it did not begin
    here."""
    stored = facts.object(id_)
    if stored is not None and stored.ours and begins_conversation(id_, stored.document):
        return id_
    context = facts.conversation(id_)
    return None if context is None else context.removesuffix(_CONTEXT)


def _in_conversation(
    beginning: str | None, reply: AddTo, activity: Activity, facts: Facts
) -> tuple[Open | AddTo, ...]:
    stored = facts.object(beginning)
    author = concerning.author_of(stored) if stored is not None and stored.ours else None
    if beginning is None or stored is None or author is None or stored.deleted:
        return ()
    if concerning.refused(beginning, activity, facts) is not None:
        return ()
    context = collection_id(beginning, "context")
    itself = AddTo(context, beginning, author, Visibility(stored.visibility), place="last")
    joined = replace(reply, collection=context, place="last")
    return (Open(context, author, "context"), itself, joined)
