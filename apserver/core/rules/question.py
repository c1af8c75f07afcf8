"""Votes: a Question is an object with options, and a vote a Note that names one of them.

A vote answers the Question, has the ``name`` of an option and no ``content`` (interop 2.6, IO-58).
It counts once for each voter and option, and with ``oneOf`` once for each voter; not after the end
(``endTime`` or ``closed``), and not by who may not read the Question (IO-79). Who voted for what is
told to nobody: the numbers are counters of collections without a URL. They are put into the
Question when it is read (`with_votes`), and so is its end. Those who got it, and who voted, are
told now and then by an Update, and once more when it has ended (`flow.polls`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from apserver.core.audience import Visibility
from apserver.core.document import as_list, types_of
from apserver.core.effects import (
    AddTo,
    Effect,
    Effects,
    ForgetVotes,
    Open,
    Refuse,
    Relate,
    TellVotes,
)
from apserver.core.facts import Facts, Need, ObjectFact, RelationNeed
from apserver.core.model import Activity, VerifiedActivity
from apserver.core.polls import (
    as_it_stands,
    asked_in,
    counts_of,
    end_of,
    has_ended,
    options_of,
    tell_at,
    with_counts,
)
from apserver.core.rules import concerning
from apserver.core.times import read_time, stamp
from apserver.errors import BadInput

#: The collection, below a Question, of those who voted in it.
VOTERS_OF = "voters"


def needs(activity: Activity, document: Mapping[str, Any], facts: Facts) -> Iterable[Need]:
    """Whether the actor voted before, when it may be a vote."""
    question = asked_in(document)
    if question is not None:
        yield RelationNeed(activity.actor, "vote", question)


def asked_by(document: Mapping[str, Any], facts: Facts) -> str | None:
    """The author of the Question that a vote is for, here or elsewhere; None for what is none."""
    stored = _question(document, facts)
    return None if stored is None else concerning.author_of(stored)


def vote(activity: Activity, document: Mapping[str, Any], facts: Facts) -> Effects | None:
    """The vote counts, or has no effect; None for what is no vote for a Question of ours."""
    stored, id_ = _question(document, facts), asked_in(document)
    if stored is None or id_ is None or not stored.ours:
        return None
    reason = concerning.refused(id_, activity, facts)
    options, is_single = options_of(stored.document)
    if reason is not None:
        return (Refuse(reason),)
    if has_ended(stored.document, facts.now):
        return (Refuse("vote-too-late"),)
    if document["name"] not in options:
        return (Refuse("vote-for-nothing"),)
    if is_single and facts.relation(activity.actor, "vote", id_) is not None:
        return (Refuse("vote-repeated"),)
    author = str(concerning.author_of(stored))
    ours = not isinstance(activity, VerifiedActivity)
    chosen, voters = f"{id_}/votes/{options.index(document['name'])}", f"{id_}/{VOTERS_OF}"
    return (
        Relate(activity.actor, "vote", id_, "accepted", activity.id, subject_ours=ours),
        Open(chosen, author, "votes"),
        Open(voters, author, "votes"),
        AddTo(chosen, activity.actor, visibility=Visibility.DIRECT),
        AddTo(voters, activity.actor, visibility=Visibility.DIRECT),
        TellVotes(id_, tell_at(stored.document, facts.now)),
    )


def cast(create: Activity, ballot: Iterable[Mapping[str, Any]], facts: Facts) -> Effects:
    """Votes for several options in one Create: each counts that would alone (IO-79)."""
    effects: list[Effect] = []
    refused: list[Refuse] = []
    chosen: set[str] = set()
    for document in ballot:
        stored, name = _question(document, facts), str(document["name"])
        if stored is None or name in chosen or (chosen and options_of(stored.document)[1]):
            continue
        voted = vote(create, document, facts) or ()
        reasons = [one for one in voted if isinstance(one, Refuse)]
        refused += reasons
        if voted and not reasons:
            chosen.add(name)
            effects += voted
    return tuple(effects or refused[:1])


def asked(
    id_: str, document: Mapping[str, Any], facts: Facts, *, before: Mapping[str, Any]
) -> Effects:
    """What follows when one of ours makes a Question, or changes it: its end is told when it comes.
    Other options are another question: who voted on ``before`` has not voted on it."""
    if "Question" not in types_of(document):
        return ()
    effects: Effects = ()
    if before and options_of(before) != options_of(document):
        effects = (ForgetVotes(id_, tuple(counters(id_, before))),)
    end = end_of(document)
    if end is not None and end > facts.now and not document.get("closed"):
        return (*effects, TellVotes(id_, end, is_end=True))
    return effects


def ended(id_: str, document: Mapping[str, Any]) -> tuple[ForgetVotes, ...]:
    """A Question of ours is deleted: who voted for what goes with it."""
    is_question = "Question" in types_of(document)
    return (ForgetVotes(id_, tuple(counters(id_, document))),) if is_question else ()


def as_edited(whole: Mapping[str, Any], before: Mapping[str, Any]) -> dict[str, Any]:
    """A Question of ours as its author made or edited it, with the numbers that were told before:
    none for other options."""
    if "Question" not in types_of(whole):
        return dict(whole)
    _check_options(whole)
    is_same = options_of(before) == options_of(whole)
    counts, voters = counts_of(before) if is_same else ({}, 0)
    return with_counts(whole, counts, voters)


def _check_options(document: Mapping[str, Any]) -> None:
    """A vote names its option, so each has a name and no two have the same."""
    names, is_single = options_of(document)
    if len(set(map(str, names))) < len(names) or not all(
        isinstance(one, str) and one for one in names
    ):
        member = "oneOf" if is_single else "anyOf"
        raise BadInput("Give each option a name of its own.", pointer=f"/object/{member}")


def as_told(
    stored: ObjectFact, told: Mapping[str, Any], changed: datetime | None
) -> dict[str, Any] | None:
    """A Question of somebody else after an Update that does not edit it, but says how it stands
    (IO-78); None for an edit."""
    is_edit = changed is not None and changed != stored.updated_at
    if stored.type != "Question" or is_edit or options_of(stored.document) != options_of(told):
        return None
    return as_it_stands(stored.document, told)


def may_be_vote(document: Mapping[str, Any]) -> bool:
    """Whether a document has the form of a vote."""
    return asked_in(document) is not None


def counters(id_: str, document: Mapping[str, Any]) -> list[str]:
    """The collections that count the votes for a Question: how many voted, then by option."""
    options, _ = options_of(document)
    return [f"{id_}/{VOTERS_OF}", *(f"{id_}/votes/{at}" for at in range(len(options)))]


def with_votes(
    id_: str, document: Mapping[str, Any], totals: Mapping[str, int], now: datetime
) -> dict[str, Any]:
    """A Question of ours as it stands ``now``: with the votes (``totals`` by collection), and
    ``closed`` once its end has come."""
    shown = dict(document)
    for name in ("oneOf", "anyOf"):
        if name in document:
            shown[name] = [
                {**option, "replies": {"type": "Collection", "totalItems": totals.get(at, 0)}}
                if isinstance(option, dict)
                else option
                for n, option in enumerate(as_list(document[name]))
                for at in (f"{id_}/votes/{n}",)
            ]
    shown["votersCount"] = totals.get(f"{id_}/{VOTERS_OF}", 0)
    end = read_time(document.get("endTime"))
    if "closed" not in document and end is not None and end <= now:
        shown["closed"] = stamp(end)
    return shown


def _question(document: Mapping[str, Any], facts: Facts) -> ObjectFact | None:
    stored = facts.object(asked_in(document))
    return stored if stored is not None and stored.type == "Question" else None
