"""What each type of activity does: the registry of rules, and the two ways through it.

A rule is one file with a verb's whole life: ``needs`` names what must be known, ``send`` is for
activities of our own clients, ``receive`` for those that reach actors here. Accept, Reject and
Undo have no rule of their own: they look up the rule of the activity inside.

Types without a rule are stored, listed and delivered, and do nothing else (AP, BP-07).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from apserver.core.audience import visibility_of
from apserver.core.effects import Effects, EndActor, Fetch, Index, Instead, Put, Refuse, Show
from apserver.core.facts import ActorNeed, Facts, Need, ReachNeed
from apserver.core.model import Activity, VerifiedActivity
from apserver.core.namespace import with_definitions
from apserver.core.roles import Role
from apserver.core.rules import (
    add,
    addressed,
    announce,
    answers,
    block,
    facade,
    flag,
    follow,
    forwarding,
    like,
    move,
    objects,
    question,
    replies,
    things,
    threads,
    told,
)
from apserver.core.streams import index_of
from apserver.errors import BadInput, Forbidden, Missing

Answer = Callable[[Activity, Activity, Facts], Effects]


@dataclass(frozen=True, slots=True)
class Rule:
    """The life of one type. ``complete`` fills in what a client of ours left out.

    ``accept``, ``reject`` and ``undo`` take the outer and the inner activity. So do ``meant``,
    which tells what inner activity is meant of several, and ``narrow``, which keeps an answer of
    ours from some. What is not ``is_listed`` has its effects and appears in no inbox.
    """

    needs: Callable[[Activity, Facts], Iterable[Need]]
    send: Callable[[Activity, Facts], Effects]
    receive: Callable[[VerifiedActivity, Facts], Effects]
    complete: Callable[[Activity, Facts], Activity] | None = None
    about: Callable[[Activity, Facts], Iterable[str]] | None = None
    is_listed: bool = True
    meant: Callable[[Activity, Activity, Facts], Activity] | None = None
    narrow: Callable[[Activity, Activity, Facts], Activity] | None = None
    accept: Answer | None = None
    reject: Answer | None = None
    undo: Answer | None = None

    def answer(self, type_: str) -> Answer | None:
        """What an Accept, a Reject or an Undo of this type does, if anything."""
        return {"Accept": self.accept, "Reject": self.reject, "Undo": self.undo}[type_]


_LIKE = Rule(
    needs=like.needs,
    send=like.send,
    receive=like.receive,
    complete=like.complete,
    about=like.about,
    undo=like.undo,
)

RULES = {
    "Follow": Rule(
        needs=follow.needs,
        send=follow.send,
        receive=follow.receive,
        about=follow.about,
        complete=follow.complete,
        meant=follow.meant,
        narrow=follow.narrow,
        accept=follow.accept,
        reject=follow.reject,
        undo=follow.undo,
    ),
    "Create": Rule(
        needs=objects.needs,
        send=objects.send_create,
        receive=objects.receive_create,
        complete=objects.complete_create,
        undo=objects.undo,
    ),
    "Block": Rule(
        needs=block.needs,
        send=block.send,
        receive=block.receive,
        complete=block.complete,
        undo=block.undo,
        is_listed=False,
    ),
    "Update": Rule(
        needs=objects.needs,
        send=objects.send_update,
        receive=objects.receive_update,
        complete=objects.complete_update,
        undo=objects.undo,
    ),
    "Delete": Rule(
        needs=objects.needs,
        send=objects.send_delete,
        receive=objects.receive_delete,
        complete=objects.complete_delete,
        undo=objects.undo,
    ),
    "Add": Rule(
        needs=add.needs,
        send=add.send_add,
        receive=add.receive,
        complete=add.complete,
        undo=add.undo_add,
    ),
    "Remove": Rule(
        needs=add.needs, send=add.send_remove, receive=add.receive, complete=add.complete
    ),
    "Announce": Rule(
        needs=announce.needs,
        send=announce.send,
        receive=announce.receive,
        complete=announce.complete,
        about=announce.about,
        undo=announce.undo,
    ),
    "Dislike": _LIKE,
    **dict.fromkeys(like.TYPES, _LIKE),
}


def _told(whom: addressed.Whom) -> Rule:
    """A verb that changes nothing here, and whom it is told when nobody is named."""
    return Rule(
        needs=addressed.needs,
        send=addressed.send,
        receive=addressed.receive,
        complete=addressed.completing(whom),
        undo=addressed.undo,
    )


RULES |= {
    **dict.fromkeys(("TentativeAccept", "TentativeReject"), _told(addressed.answered)),
    **dict.fromkeys(("Join", "Leave"), _told(addressed.authors)),
    **dict.fromkeys(("Arrive", "Travel", "Listen", "Read", "View"), _told(addressed.nobody)),
    "Flag": Rule(
        needs=flag.needs,
        send=flag.send,
        receive=flag.receive,
        complete=flag.complete,
        about=flag.about,
        narrow=flag.narrow,
        undo=flag.undo,
        is_listed=False,
    ),
    "Ignore": replace(_told(addressed.nobody), complete=addressed.complete_ignore),
    "Invite": _told(addressed.invited),
    "Move": replace(
        _told(addressed.followers),
        needs=move.needs,
        send=move.send,
        receive=move.receive,
        undo=move.undo,
    ),
    "Offer": _told(addressed.target_or_authors),
}


#: Nobody but its actor may read it, not even those whom it reaches.
_CONFIDENTIAL = frozenset({"Flag"})

#: What an actor does to something once.
_ONCE = frozenset({"Announce", "Dislike", *like.TYPES})
#: The same, and what ends it.
_TURNS = _ONCE | {"Undo"}

_OF_THINGS = Rule(
    needs=things.needs, send=things.send, receive=things.receive, complete=things.complete
)


def _rule_of(activity: Activity, facts: Facts) -> Rule | None:
    """The rule of an activity: that of its type, or that of what belongs to a site."""
    if things.is_about_thing(activity, facts.registry.things):
        return _OF_THINGS
    return RULES.get(activity.type)


def is_confidential(activity: Activity) -> bool:
    """Whether nobody may read it but its actor, whomever it is sent to."""
    return activity.type in _CONFIDENTIAL


def takes_turns(activity: Activity) -> bool:
    """Whether it counts once for each actor, or changes the actor itself: of several at the same
    time by one of ours each must know of the one before."""
    if activity.type in ("Move", "Update"):
        return activity.is_about_itself
    if activity.type == "Create":
        return question.may_be_vote(activity.embedded or {})
    return activity.type in _TURNS and not activity.document.get("companionOf")


def needs(activity: Activity, facts: Facts) -> tuple[Need, ...]:
    """What must be known to receive the activity, given what is known already.

    Asked again, at most three times, until nothing new is named: an Undo first needs the
    activity that it undoes, and then what that one needs.
    """
    return _not_yet_known(
        reach_of(activity, facts),
        *_needs(activity, facts),
        *forwarding.needs(activity, facts),
        facts=facts,
    )


def needs_to_send(activity: Activity, facts: Facts) -> tuple[Need, ...]:
    """The same to send one of ours, with what its sentence is made of."""
    return _not_yet_known(
        *_needs(activity, facts),
        *told.needs(activity, facts),
        *facade.needs(activity, facts),
        facts=facts,
    )


def _not_yet_known(*needs: Need, facts: Facts) -> tuple[Need, ...]:
    return tuple(need for need in dict.fromkeys(needs) if need not in facts.found)


def _needs(activity: Activity, facts: Facts) -> list[Need]:
    wanted: list[Need] = [ActorNeed(activity.actor)]
    if activity.type in answers.TYPES:
        wanted += answers.needs(activity, facts)
        inner = _inner_of(activity, facts)
        if inner is not None and inner.type in RULES:
            wanted += RULES[inner.type].needs(inner, facts)
    elif (rule := _rule_of(activity, facts)) is not None:
        wanted += rule.needs(activity, facts)
    return wanted


def complete(activity: Activity, facts: Facts) -> Activity:
    """An activity of ours with what its client may leave out, its sentence, and a context that
    defines what it uses of our own terms."""
    whole = told.complete(_complete(activity, facts), facts)
    document = with_definitions(whole.document)
    return Activity(document, whole.id, whole.type, whole.actor, whole.addressed)


def _complete(activity: Activity, facts: Facts) -> Activity:
    """What the rule of its type fills in.

    The activity that is accepted, rejected or undone is embedded in full, since many servers
    look at nothing else (IO-53); and one that addresses nobody goes to those it is about.
    """
    if activity.type in answers.TYPES:
        inner = _inner_of(activity, facts)
        if inner is None:
            return activity
        whole = answers.complete(activity, inner)
        answered = RULES.get(inner.type)
        return answered.narrow(whole, inner, facts) if answered and answered.narrow else whole
    rule = _rule_of(activity, facts)
    return rule.complete(activity, facts) if rule and rule.complete else activity


def send(activity: Activity, facts: Facts) -> Effects:
    """The effects of an activity by an actor of ours, besides storing and delivering it."""
    effects = _send(activity, facts)
    if any(isinstance(effect, Instead) for effect in effects) or is_confidential(activity):
        return effects
    return (
        *effects,
        *told.send(activity, facts),
        *facade.send(activity, facts),
        *index_of(activity, facts.registry.verbs),
    )


def _send(activity: Activity, facts: Facts) -> Effects:
    if activity.type in answers.TYPES:
        return _send_answer(activity, facts)
    rule = _rule_of(activity, facts)
    return rule.send(activity, facts) if rule else ()


def receive(activity: VerifiedActivity, facts: Facts) -> Effects:
    """The effects of an activity that reached us, or a `Refuse` and what to remember of it."""
    reach = reach_of(activity, facts)
    forwarded = forwarding.forward(activity, facts)
    if not (facts.reaches(reach) or forwarded or _is_known(activity, facts)):
        return (Refuse("no-local-relation"),)
    effects = _receive(activity, facts)
    if any(isinstance(effect, Refuse) for effect in effects):
        return effects
    if not _is_listed(activity, facts):
        return effects if activity.ours else (*effects, Refuse("unlisted"))
    if any(isinstance(effect, EndActor) for effect in effects):
        return effects  # all that it sent goes with it, this too
    author = facts.actor(activity.actor)
    visibility = visibility_of(activity.audience, author.followers if author else None)
    shown = Show(reach.activity, reach.actor, reach.addressed, reach.to_followers, visibility)
    # What is ours is in streams since it was sent.
    indexed = () if activity.ours else index_of(activity, facts.registry.verbs)
    concerns_us = facts.reaches(reach) or _answers_ours(activity, facts)
    around = threads.explore(activity, facts) if concerns_us else ()
    return (*effects, shown, *indexed, *forwarded, *around)


def _is_listed(activity: Activity, facts: Facts) -> bool:
    """Whether it is in inboxes and streams. An answer to what is confidential is not either: some
    embed it."""
    if activity.type in answers.TYPES:
        inner = _inner_of(activity, facts)
        return inner is None or not is_confidential(inner)
    rule = _rule_of(activity, facts)
    return rule is None or rule.is_listed


def recall(activity: VerifiedActivity, facts: Facts) -> Effects:
    """The effects of what happened before anybody here followed its actor: it is stored, and in
    streams. Whom it reached then is not our business, nor what it did between others."""
    return _stored(receive(activity, facts), activity, facts)


def receive_announced(activity: VerifiedActivity, facts: Facts) -> Effects:
    """The effects of what a group that is followed here has announced, and its actor did (IO-81).
    A post for everybody that concerns nobody else here is stored, and in streams."""
    effects = receive(activity, facts)
    is_post = activity.type == "Create" and activity.audience.is_public
    if effects != (Refuse("no-local-relation"),) or not is_post:
        return effects
    made = _receive(activity, facts)
    refused = tuple(one for one in made if isinstance(one, Refuse))
    return refused or _stored((*made, *index_of(activity, facts.registry.verbs)), activity, facts)


def _stored(effects: Effects, activity: VerifiedActivity, facts: Facts) -> Effects:
    fetches = [effect for effect in effects if isinstance(effect, Fetch)]
    if any(one.is_needed for one in fetches):
        return (Refuse("recalled-by-id"),)
    if fetches:
        return index_of(activity, facts.registry.verbs)
    return tuple(one for one in effects if isinstance(one, Put | Index | Refuse))


def _is_known(activity: VerifiedActivity, facts: Facts) -> bool:
    """Whether it is worth something though nobody here is addressed or follows its actor: it was
    sent to one of us, or changes what we hold."""
    if activity.ours or activity.in_person:
        return True
    if _answers_ours(activity, facts) or add.is_of_pinned(activity, facts):
        return True  # IO-42, IO-84
    changes = activity.type in ("Update", "Delete")
    return changes and (activity.is_about_itself or facts.object(activity.object_id) is not None)


def _answers_ours(activity: VerifiedActivity, facts: Facts) -> bool:
    return activity.type == "Create" and replies.is_to_ours(activity.embedded or {}, facts)


def reach_of(activity: Activity, facts: Facts) -> ReachNeed:
    """Who here may be concerned: those addressed, and followers when it is for followers.

    Many servers address a Follow and its answers to nobody (interop 2.1): whom it is about counts.
    """
    author = facts.actor(activity.actor)
    audience = activity.audience
    followers = author.followers if author else None
    return ReachNeed(
        activity.key,
        activity.actor,
        tuple(sorted({*audience.recipients, *_about(activity, facts)} - {activity.actor})),
        audience.is_public
        or (followers is not None and followers in audience.everyone)
        or move.is_of_account(activity),  # which many servers address to nobody
        _participants(activity, facts) if audience.is_public else (),
    )


def _participants(activity: Activity, facts: Facts) -> tuple[str, ...]:
    """Whom and what the action is done with or to."""
    found = index_of(activity, facts.registry.verbs)
    return tuple(iri for entry in found for role, iri in entry.participants if role != Role.ACTOR)


def _inner_of(answer: Activity, facts: Facts) -> Activity | None:
    """The activity that is answered or undone; None when it cannot be told."""
    inner = answers.inner_of(answer, facts)
    rule = RULES.get(inner.type) if inner is not None else None
    if inner is None or rule is None or rule.meant is None:
        return inner
    return rule.meant(answer, inner, facts)


def _about(activity: Activity, facts: Facts) -> set[str]:
    inner = _inner_of(activity, facts) if activity.type in answers.TYPES else activity
    rule = RULES.get(inner.type) if inner is not None else None
    if inner is None or rule is None or rule.about is None:
        return set()
    return set(rule.about(inner, facts))


def _receive(activity: VerifiedActivity, facts: Facts) -> Effects:
    if activity.type in answers.TYPES:
        if activity.ours:
            return ()  # its effects are on both sides, and came with sending it
        inner = _inner_of(activity, facts)
        if inner is None:
            refusal = Refuse(f"{activity.type.lower()}-of-unknown")
            return (*answers.undone_early(activity, facts), refusal)
        answer = RULES[inner.type].answer(activity.type) if inner.type in RULES else None
        return answer(activity, inner, facts) if answer else ()
    rule = _rule_of(activity, facts)
    return rule.receive(activity, facts) if rule else ()


def _send_answer(activity: Activity, facts: Facts) -> Effects:
    inner = _inner_of(activity, facts)
    if inner is None:
        if answers.is_of_another(activity, facts):
            raise Forbidden("Only the actor who did it can undo it.", pointer="/object")
        raise Missing(
            f"{activity.type} of {activity.object_id}, which is not here",
            public=f"The activity to {activity.type.lower()} is not known here. "
            "Give its id, or embed it with its type, actor and object.",
            pointer="/object",
        )
    answer = RULES[inner.type].answer(activity.type) if inner.type in RULES else None
    effects = answer(activity, inner, facts) if answer else ()
    if any(isinstance(effect, Refuse) for effect in effects):
        raise BadInput(f"There is no {inner.type} to {activity.type.lower()}.", pointer="/object")
    return effects
