"""Update and Delete of what an actor did: of an activity, and not of an object.

The actor of an activity may change how it is told and what data it carries, but not what was done,
to whom and when (seed row H9). A deleted activity leaves a Tombstone under its id, and is in no
outbox, inbox or stream any more (scenario 29). What stands for a state, such as a Follow, is
undone instead; what made an object goes with the object.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apserver.core.audience import Audience, audience_of
from apserver.core.contexts import joined
from apserver.core.effects import BuryActivity, Effects, Refuse, ReviseActivity, Send
from apserver.core.facts import ActivityFact, Facts, Need, ObjectNeed
from apserver.core.model import MUTATIONS, Activity, VerifiedActivity, addressed_to
from apserver.core.names import companion_id
from apserver.core.rules import follow, told
from apserver.core.streams import place_of
from apserver.core.times import stamp
from apserver.core.tombstones import tombstone
from apserver.errors import BadInput, Gone

#: What an Update may change.
_TOLD = frozenset(
    "verbPhrase summary summaryMap content contentMap name nameMap actionData".split()
)
#: How what stands for a state, or for an object, is taken back.
_OTHERWISE: Mapping[str, str] = {
    **dict.fromkeys(
        ("Follow", "Block", "Like", "Announce", "Accept", "Reject", "Flag"), "Undo it."
    ),
    "Create": "Delete its object.",
    **dict.fromkeys(("Update", "Delete", "Undo"), "It cannot be taken back."),
}


def found(about: Activity, facts: Facts) -> ActivityFact | None:
    """The activity that an Update or Delete is about, if it is one by the same actor."""
    return facts.activity(about.object_id, actor=about.actor)


def _standing(fact: ActivityFact) -> Activity:
    hidden = Audience(hidden=fact.recipients)
    audience = audience_of(fact.document) | hidden
    return Activity(fact.document, fact.id, fact.type, fact.actor, audience)


def _check_stands(fact: ActivityFact) -> None:
    if fact.document.get("type") == "Tombstone":
        raise Gone("It was deleted before.", pointer="/object")


def _changeable(fact: ActivityFact) -> frozenset[str]:
    """What of it an Update may change; of a Follow also what it wants (seed B14)."""
    return _TOLD | {"actorOnly"} if fact.type == "Follow" else _TOLD


# Update -----------------------------------------------------------------------------------


def update_needs(fact: ActivityFact, facts: Facts) -> tuple[Need, ...]:
    """What its sentence is made of."""
    standing = _standing(fact)
    return (*told.needs(standing, facts), *follow.needs_anew(standing))


def complete_update(
    update: Activity, fact: ActivityFact, patch: Mapping[str, Any], facts: Facts
) -> Activity:
    """The whole activity as it is from now on, for those who got it."""
    _check_stands(fact)
    if fact.type in MUTATIONS:
        raise BadInput(f"{fact.type} tells of its object. Update that.", pointer="/object")
    if fact.type == "Flag":  # an Update would tell others of it, and who reported
        raise BadInput(
            "A report stays as it was made. Undo it, and report anew.", pointer="/object"
        )
    told_of = _changeable(fact)
    for name in sorted(patch.keys() - told_of - {"@context", "id"}):
        if patch[name] != fact.document.get(name):
            raise BadInput(f"{name} is what was done, and stays.", pointer=f"/object/{name}")
    before = _standing(fact)
    changed = {name: value for name, value in patch.items() if name in told_of}
    whole = {**fact.document, **changed, "updated": stamp(facts.now)}
    shown = {name: one for name, one in whole.items() if name != "@context" and one is not None}
    shown = _told_again(shown, changed, before, facts)
    context = joined(fact.document.get("@context"), update.document["@context"])
    document = {**update.document, "@context": context, "object": shown}
    completed = Activity(document, update.id, update.type, update.actor, update.addressed)
    if completed.addressed and completed.addressed.everyone:
        return completed
    return addressed_to(completed, before.audience)


def _told_again(
    shown: dict[str, Any], changed: Mapping[str, Any], before: Activity, facts: Facts
) -> dict[str, Any]:
    """With a new sentence when the old one was made here and the phrase is another."""
    verb = told.verb_of(before, facts.registry.verbs)
    if verb is None or not {"summary", "summaryMap"}.isdisjoint(changed):
        return shown
    made = told.sentence_of(before, verb, facts)
    if any(before.document.get(name) != value for name, value in made.items()):
        return shown
    kept = {name: value for name, value in shown.items() if name not in made}
    again = Activity(kept, before.id, before.type, before.actor, before.addressed)
    return dict(told.complete(again, facts).document)


def send_update(update: Activity, facts: Facts) -> Effects:
    """An actor of ours tells what it did in another way."""
    embedded = update.embedded
    assert embedded is not None, "completed before"
    document = {"@context": update.document["@context"], **embedded}
    revised = Activity(document, update.object_id, "Activity", update.actor)
    wished = follow.wished_anew(embedded, update.actor, facts)
    return (_revised(revised, facts), *wished, *_tell_companion(revised, facts))


def _tell_companion(revised: Activity, facts: Facts) -> Effects:
    """The note that tells of it says the same, if there is one."""
    note, words = companion_id(revised.id or ""), told.companion_words(revised.document)
    stored = facts.object(note)
    if stored is None or stored.deleted or not words:
        return ()
    if all(stored.document.get(name) == value for name, value in words.items()):
        return ()
    patch = {"contentMap": None, **words, "id": note}
    return (Send({"type": "Update", "actor": revised.actor, "object": patch}),)


def receive_update(update: VerifiedActivity, fact: ActivityFact, facts: Facts) -> Effects:
    """Somebody elsewhere tells what it did in another way."""
    embedded = update.embedded
    if fact.type in MUTATIONS:
        return ()
    if fact.type == "Flag":
        return (Refuse("kept-as-report"),)
    if embedded is None or fact.document.get("type") == "Tombstone":
        return (Refuse("object-deleted"),)
    changed = {name: embedded.get(name) for name in (*_changeable(fact), "updated")}
    context = update.document.get("@context")
    document = {**fact.document, **changed, "@context": context}
    kept = {name: value for name, value in document.items() if value is not None}
    revised = Activity(kept, fact.id, fact.type, fact.actor)
    return (_revised(revised, facts), *follow.wished_anew(kept, fact.actor, facts))


def _revised(activity: Activity, facts: Facts) -> ReviseActivity:
    place = place_of(activity, now=facts.now)
    id_, actor = activity.id or "", activity.actor
    return ReviseActivity(id_, actor, activity.document, place.verb, place.data)


# Delete -----------------------------------------------------------------------------------


def complete_delete(delete: Activity, fact: ActivityFact, facts: Facts) -> Activity:
    """The Tombstone embedded, for all who got the activity."""
    _check_stands(fact)
    if fact.type in _OTHERWISE:
        raise BadInput(f"{fact.type} is not deleted. {_OTHERWISE[fact.type]}", pointer="/object")
    stone = tombstone(fact.id, former_type=fact.type, deleted_at=facts.now)
    document = {**delete.document, "object": stone}
    completed = Activity(document, delete.id, delete.type, delete.actor, delete.addressed)
    return addressed_to(completed, completed.audience | _standing(fact).audience)


def send_delete(delete: Activity, fact: ActivityFact, facts: Facts) -> Effects:
    """An actor of ours takes back what it did, with the note that told of it."""
    buried = BuryActivity(fact.id, fact.actor, fact.type, facts.now)
    note = companion_id(fact.id)
    companion = facts.object(note)
    if companion is None or companion.deleted:
        return (buried,)
    return (buried, Send({"type": "Delete", "actor": delete.actor, "object": note}))


def companion_needs(fact: ActivityFact) -> tuple[Need, ...]:
    """The companion, if there is one."""
    return (ObjectNeed(companion_id(fact.id)),)


def receive_delete(fact: ActivityFact, facts: Facts) -> Effects:
    """Somebody elsewhere takes back what it did. That of a report is shown to nobody either."""
    buried = BuryActivity(fact.id, fact.actor, fact.type, facts.now)
    return (buried, Refuse("kept-as-report")) if fact.type == "Flag" else (buried,)
