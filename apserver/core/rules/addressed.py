"""Verbs that change nothing here, whole: whom they are told when their client names nobody.

They are stored, listed and delivered (BP-07); what they mean is between people. Nobody is told by
default what somebody looked at, or where somebody is: that is for who does it to say. Somebody who
is ignored never hears of it, as with Block.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from apserver.core.audience import Audience
from apserver.core.document import first, id_of
from apserver.core.effects import Effects
from apserver.core.facts import ActivityNeed, ActorNeed, Facts, Need, ObjectNeed
from apserver.core.model import Activity, VerifiedActivity, addressed_to
from apserver.core.rules import concerning

Whom = Callable[[Activity, Facts], Iterable[str]]


def needs(activity: Activity, facts: Facts) -> Iterable[Need]:
    """What it is about, and where it is directed."""
    yield from concerning.needs(activity, facts)
    target = _target(activity)
    if target is not None:
        yield ActorNeed(target)
        yield ObjectNeed(target)
        yield from concerning.needs_of_author(target, activity, facts)
    for id_ in concerning.objects_of(activity):
        yield ActorNeed(id_)
        yield ActivityNeed(id_)
        yield from concerning.needs_of_doer(facts.activity(id_), activity)
    yield from map(ActorNeed, concerning.authors(activity, facts))


def answered(activity: Activity, facts: Facts) -> Iterable[str]:
    """Who did what is answered: said by what is embedded, or known here."""
    said = id_of(first((activity.embedded or {}).get("actor")))
    return concerning.authors(activity, facts) if said is None else (said,)


def authors(activity: Activity, facts: Facts) -> Iterable[str]:
    """Whose the objects are; actors are their own."""
    return concerning.authors(activity, facts)


def target_or_authors(activity: Activity, facts: Facts) -> Iterable[str]:
    """Who is offered something: the target, or whose that is; else whose the object is."""
    return list(_of_target(activity, facts)) or concerning.authors(activity, facts)


def invited(activity: Activity, facts: Facts) -> Iterable[str]:
    """Who is invited, and whose that is to which they are."""
    yield from (one for one in concerning.objects_of(activity) if facts.actor(one) is not None)
    yield from _of_target(activity, facts)


def followers(activity: Activity, facts: Facts) -> Iterable[str]:
    """The followers of who does it."""
    actor = facts.actor(activity.actor)
    return () if actor is None or actor.followers is None else (actor.followers,)


def nobody(activity: Activity, facts: Facts) -> Iterable[str]:
    """Nobody."""
    return ()


def completing(whom: Whom) -> Callable[[Activity, Facts], Activity]:
    """Fills in these recipients when there are none."""

    def complete(activity: Activity, facts: Facts) -> Activity:
        if activity.audience.everyone:
            return activity
        found = dict.fromkeys(one for one in whom(activity, facts) if one != activity.actor)
        return addressed_to(activity, Audience(to=tuple(found)))

    return complete


def complete_ignore(ignore: Activity, facts: Facts) -> Activity:
    """Whoever else is addressed, who is ignored is not."""
    audience = ignore.audience
    for id_ in (*concerning.objects_of(ignore), *concerning.authors(ignore, facts)):
        audience = audience.without(id_)
    return ignore if audience == ignore.audience else addressed_to(ignore, audience)


def send(activity: Activity, facts: Facts) -> Effects:
    """It changes nothing here."""
    return ()


def receive(activity: VerifiedActivity, facts: Facts) -> Effects:
    """The same from elsewhere."""
    return ()


def undo(undoing: Activity, activity: Activity, facts: Facts) -> Effects:
    """Taken back, by who did it: checked before (AP-S2S-43)."""
    return ()


def _target(activity: Activity) -> str | None:
    return id_of(first(activity.document.get("target")))


def _of_target(activity: Activity, facts: Facts) -> Iterable[str]:
    target = _target(activity)
    if target is None:
        return ()
    return concerning.authors_of((target,), activity, facts)
