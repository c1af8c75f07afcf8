"""Accept, Reject and Undo: activities about an activity. Here is found which one is meant.

The inner activity comes as an id, in full, or as a stub; ids may not match what we stored
(IO-34, IO-35). What we hold ourselves counts first, an embedded copy only for its own actor:
nobody can undo, by embedding it, what another did (AP-S2S-43).
"""

from __future__ import annotations

from collections.abc import Iterable

from apserver.core.audience import Audience, audience_of
from apserver.core.document import first, id_of, ids_of, types_of
from apserver.core.effects import Effects, Relate
from apserver.core.facts import ActivityFact, ActivityNeed, Facts, Need
from apserver.core.model import Activity, VerifiedActivity, addressed_to
from apserver.core.origin import same_origin
from apserver.core.rules import concerning
from apserver.errors import BadInput

TYPES = frozenset({"Accept", "Reject", "Undo"})


def needs(answer: Activity, facts: Facts) -> Iterable[Need]:
    """The inner activity, as we may hold it, and how who answers stands to who did it."""
    if answer.object_id is None:
        return
    yield ActivityNeed(answer.object_id, _author(answer))
    yield ActivityNeed(answer.object_id)
    yield ActivityNeed(answer.object_id, asked=answer.actor)
    yield from concerning.needs_of_doer(_stored(answer, facts), answer)


def inner_of(answer: Activity, facts: Facts) -> Activity | None:
    """The activity that is answered or undone; None when it cannot be told."""
    id_, stored = answer.object_id, _stored(answer, facts)
    if stored is not None and _may_answer(answer, stored, facts):
        return Activity(stored.document, stored.id, stored.type, stored.actor)
    embedded = answer.embedded
    if embedded is None:
        return None
    type_ = next(iter(types_of(embedded)), None)
    actor = id_of(first(embedded.get("actor")))
    if type_ is None or actor is None or (answer.type == "Undo" and actor != answer.actor):
        return None
    return Activity(embedded, id_, type_, actor)


def _stored(answer: Activity, facts: Facts) -> ActivityFact | None:
    id_ = answer.object_id
    return (
        facts.activity(id_, actor=_author(answer))
        or facts.activity(id_)
        or facts.activity(id_, asked=answer.actor)
    )


def _may_answer(answer: Activity, stored: ActivityFact, facts: Facts) -> bool:
    """Whether it is undone by who did it, or answered by somebody who knows of it: an answer of
    ours shows it in full (CVE-2024-23649)."""
    if answer.type == "Undo":
        return stored.actor == answer.actor
    if stored.type == "Flag":
        return False  # a report is for moderators, who answer by closing it
    if isinstance(answer, VerifiedActivity):
        return True
    asked = stored.type == "Follow" and answer.actor in ids_of(stored.document.get("object"))
    return facts.by_site or asked or concerning.may_see(stored, answer.actor, facts)


def is_of_another(undo: Activity, facts: Facts) -> bool:
    """Whether it can be seen that an Undo means what somebody else did.

    It can when the Undo itself says so, or the activity may be read by the one who undoes.
    """
    embedded = undo.embedded
    if undo.type != "Undo":
        return False
    if embedded is not None and id_of(first(embedded.get("actor"))) not in (None, undo.actor):
        return True
    stored = facts.activity(undo.object_id)
    if stored is None:
        return False
    audience = audience_of(stored.document)
    return audience.is_public or undo.actor in audience.everyone


def undone_early(undo: Activity, facts: Facts) -> Effects:
    """What an Undo leaves behind when what it undoes has not come yet: that it will not count.

    It happens when the first delivery of a Follow fails and the Undo overtakes it (1.6 #17).
    """
    id_ = undo.object_id
    if undo.type != "Undo" or id_ is None or facts.activity(id_, actor=undo.actor) is not None:
        return ()
    if not _is_of_origin(id_, undo.actor):
        return ()
    return (Relate(undo.actor, "undone", id_, "accepted", undo.id, subject_ours=False),)


def complete(answer: Activity, inner: Activity) -> Activity:
    """The answer with the inner activity embedded, and addressed to those concerned by it."""
    shown = {key: value for key, value in inner.document.items() if key != "@context"}
    document = {**answer.document, "object": shown}
    whole = Activity(document, answer.id, answer.type, answer.actor, answer.addressed)
    if whole.audience.everyone:
        return whole
    if answer.type == "Undo" and inner.type == "Follow":  # to stop is nobody else's news (seed B9)
        return addressed_to(whole, Audience(to=(inner.object_id,) if inner.object_id else ()))
    if answer.type == "Undo":
        return addressed_to(whole, inner.audience)
    return addressed_to(whole, Audience(to=(inner.actor,)))


def _is_of_origin(id_: str, actor: str) -> bool:
    try:
        return same_origin(id_, actor)
    except BadInput:
        return False


def _author(answer: Activity) -> str | None:
    """Whose activity is meant: one's own for Undo, that of the embedded one otherwise."""
    if answer.type == "Undo":
        return answer.actor
    return id_of(first(answer.embedded.get("actor"))) if answer.embedded else None
