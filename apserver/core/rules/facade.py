"""What the façade of a thing does: it announces to its followers what happens to the thing.

Other servers let people follow actors, and nothing else. So a thing can have an actor that stands
for it, and passes on each public action that has the thing for its object or target, by an Announce
of it as groups do (FEP-1b12), or of the note that tells of it. An Announce is in no stream, and is
not announced again: it says what it is the companion of. It is undone when the action is deleted.

What other servers say of a thing is not passed on: anybody could have it say anything.
"""

from __future__ import annotations

from collections.abc import Iterable

from apserver.core.effects import Effects, Send
from apserver.core.facts import ActivityNeed, FacadeNeed, Facts, Need
from apserver.core.model import Activity
from apserver.core.names import announce_id, collection_id, companion_id
from apserver.core.roles import Role
from apserver.core.rules import activities, told
from apserver.core.streams import index_of
from apserver.core.vocabulary import PUBLIC

#: Answers, and the end of something: no news of a thing.
_NOT_TOLD = frozenset({"Accept", "Reject", "TentativeAccept", "TentativeReject", "Undo", "Flag"})


def needs(activity: Activity, facts: Facts) -> Iterable[Need]:
    """The façades of the things that take part; what they announced when it is deleted."""
    deleted = _deleted(activity, facts)
    about = deleted or activity
    yield from map(FacadeNeed, _things(about, facts))
    if deleted is not None:
        yield from map(ActivityNeed, _announces(deleted, facts))


def send(activity: Activity, facts: Facts) -> Effects:
    """An Announce by each façade, but not of what it did itself; or the end of it."""
    deleted = _deleted(activity, facts)
    if deleted is not None:
        return tuple(
            Send({"type": "Undo", "actor": one.actor, "object": id_})
            for id_ in _announces(deleted, facts)
            if (one := facts.activity(id_)) is not None
        )
    if activity.id is None:
        return ()
    verb = told.verb_of(activity, facts.registry.verbs)
    has_note = verb is not None and verb.companion
    announced = companion_id(activity.id) if has_note else activity.id
    return tuple(
        Send(
            {
                "type": "Announce",
                "actor": one,
                "object": announced,
                "companionOf": activity.id,
                "to": [PUBLIC],
                "cc": [collection_id(one, "followers")],
            },
            id=announce_id(activity.id, one),
        )
        for one in _facades(activity, facts)
    )


def _deleted(activity: Activity, facts: Facts) -> Activity | None:
    """The activity that is deleted, if it is one of the same actor."""
    fact = activities.found(activity, facts) if activity.type == "Delete" else None
    return None if fact is None else Activity(fact.document, fact.id, fact.type, fact.actor)


def _announces(activity: Activity, facts: Facts) -> list[str]:
    return [announce_id(str(activity.id), one) for one in _facades(activity, facts)]


def _facades(activity: Activity, facts: Facts) -> list[str]:
    found = (facts.facade(thing) for thing in _things(activity, facts))
    # In order, as everybody takes locks in order.
    return sorted({one for one in found if one is not None and one != activity.actor})


def _things(activity: Activity, facts: Facts) -> list[str]:
    """The things with a façade that a public action is done with or to."""
    if activity.type in _NOT_TOLD or not activity.audience.is_public:
        return []
    things = facts.registry.things
    roles = [pair for one in index_of(activity, facts.registry.verbs) for pair in one.participants]
    return [
        iri
        for role, iri in roles
        if role in (Role.OBJECT, Role.TARGET)
        if (kind := things.find(iri)) is not None and kind.facade
    ]
