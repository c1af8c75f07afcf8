"""How an action is told: the sentence that comes with it, and the Note that stands beside it.

The sentence is for readers that do not know the verb (`core.summaries`). What everybody knows
anyhow, such as a Like, needs none, unless the client gave it a phrase. Names come from what is
embedded and from what is known here; of what the actor may not read, only the id is told.

The Note, the companion of the action, is for servers that show nothing else (rule R4 of the seed's
features). It is made for verbs that say so, and is in no stream: the action is there already.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apserver.core.audience import audience_of
from apserver.core.document import first, id_of, parse
from apserver.core.effects import Effects, Send
from apserver.core.facts import ActorNeed, Facts, Need, ObjectFact, ObjectNeed
from apserver.core.model import Activity
from apserver.core.names import companion_id
from apserver.core.origin import key_of
from apserver.core.summaries import Sentence, default_pattern, plain, summaries
from apserver.core.verbs import RoleName, Verb, Verbs

#: Understood by those who speak ActivityPub (6 and 7), or answers to what was asked.
_KNOWN_EVERYWHERE = frozenset(
    "Accept Add Announce Block Create Delete Flag Follow Ignore Like Move Question Reject Remove "
    "TentativeAccept TentativeReject Undo Update".split()
)

_NAMED: tuple[RoleName, ...] = ("object", "target")


def verb_of(activity: Activity, verbs: Verbs) -> Verb | None:
    """The verb that a sentence is made of; None when the activity gets no sentence."""
    phrase = activity.document.get("verbPhrase")
    if not isinstance(phrase, str):
        return None if activity.type in _KNOWN_EVERYWHERE else verbs.find(None, activity.type)
    by_type = verbs.find(phrase, activity.type)
    if by_type is None or by_type.phrase != phrase:
        roles = verbs.roles(phrase, activity.type)
        return Verb(phrase=phrase, type=activity.type, roles=roles)
    return by_type


def needs(activity: Activity, facts: Facts) -> Iterable[Need]:
    """Who takes part, by name."""
    verb = verb_of(activity, facts.registry.verbs)
    if verb is None:
        return
    iris = {id_of(_participant(activity, verb, role)) for role in _NAMED}
    for iri in sorted(iri for iri in iris if iri is not None):
        yield ActorNeed(iri)
        yield ObjectNeed(iri)


def complete(activity: Activity, facts: Facts) -> Activity:
    """The activity with a sentence, unless its client wrote one."""
    verb = verb_of(activity, facts.registry.verbs)
    if verb is None or not {"summary", "summaryMap"}.isdisjoint(activity.document):
        return activity
    document = {**activity.document, **sentence_of(activity, verb, facts)}
    return Activity(document, activity.id, activity.type, activity.actor, activity.addressed)


def sentence_of(activity: Activity, verb: Verb, facts: Facts) -> dict[str, Any]:
    """``summary``, and ``summaryMap`` when the verb has patterns."""
    said = Sentence(
        verb=verb.phrase,
        actor=_name(activity.document.get("actor"), activity, facts) or activity.actor,
        object=_name(_participant(activity, verb, "object"), activity, facts),
        target=_name(_participant(activity, verb, "target"), activity, facts),
    )
    summary, by_language = summaries(verb.sentences, said, default=default_pattern(verb.roles))
    return {"summary": summary, **({"summaryMap": by_language} if by_language else {})}


def send(activity: Activity, facts: Facts) -> Effects:
    """The companion, for verbs that have one."""
    verb = verb_of(activity, facts.registry.verbs)
    words = companion_words(activity.document)
    if verb is None or not verb.companion or not words or activity.id is None:
        return ()
    note = {"type": "Note", **words, "companionOf": activity.id}
    audience = activity.audience
    create = {
        "type": "Create",
        "actor": activity.actor,
        "published": activity.document["published"],
        "companionOf": activity.id,
        "to": list(audience.to),
        "cc": list(audience.cc),
        "audience": list(audience.others),
        "bto": list(audience.hidden),
        "object": note,
    }
    return (Send(create, object_id=companion_id(activity.id)),)


def companion_words(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the companion of an activity says: its sentence. Empty when it has none."""
    summary, by_language = document.get("summary"), document.get("summaryMap")
    if not isinstance(summary, str):
        return {}
    words: dict[str, Any] = {"content": f"<p>{summary}</p>"}
    if isinstance(by_language, Mapping):
        words["contentMap"] = {tag: f"<p>{text}</p>" for tag, text in by_language.items()}
    return words


def _participant(activity: Activity, verb: Verb, role: RoleName) -> Any:
    return first(activity.document.get(verb.roles.get(role, "")))


def _name(value: Any, activity: Activity, facts: Facts) -> str | None:
    """What somebody or something is called: by name when it has one that the actor may know."""
    iri = id_of(value)
    if isinstance(value, Mapping) and (own := _name_in(value)):
        return own
    actor = facts.actor(iri)
    if actor is not None and (known := _name_in(parse(actor.document))):
        return known
    thing = facts.object(iri)
    if iri and thing is not None and _may_name(iri, thing, activity.actor, facts):
        return _name_in(thing.document) or iri
    return iri


def _name_in(document: Mapping[str, Any]) -> str:
    for member in ("name", "preferredUsername"):
        if isinstance(document.get(member), str) and (name := plain(document[member])):
            return name
    return ""


def _may_name(iri: str, thing: ObjectFact, actor: str, facts: Facts) -> bool:
    kind = facts.registry.things.find(iri)
    if kind is not None:
        return kind.access == "public"
    audience = audience_of(thing.document)
    return thing.author == key_of(actor) or audience.is_public or actor in audience.everyone
