"""What each type of activity does: the registry of rules, and the two ways through it.

A rule is one file with a verb's whole life: ``needs`` names what must be known, ``send`` is for
activities of our own clients, ``receive`` for those that reach actors here. Accept, Reject and
Undo have no rule of their own: they look up the rule of the activity inside.

Types without a rule are stored, listed and delivered, and do nothing else (AP, BP-07).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from apserver.core.audience import visibility_of
from apserver.core.effects import ActorNeed, Effects, EndActor, Facts, Need, ReachNeed, Refuse, Show
from apserver.core.model import Activity, VerifiedActivity
from apserver.core.rules import answers, block, follow, objects
from apserver.errors import BadInput, Forbidden, Missing

Answer = Callable[[Activity, Activity, Facts], Effects]


@dataclass(frozen=True, slots=True)
class Rule:
    """The life of one type. ``complete`` fills in what a client of ours left out; ``accept``,
    ``reject`` and ``undo`` take the outer and the inner activity. What is not ``is_listed`` has
    its effects and appears in no inbox."""

    needs: Callable[[Activity, Facts], Iterable[Need]]
    send: Callable[[Activity, Facts], Effects]
    receive: Callable[[VerifiedActivity, Facts], Effects]
    complete: Callable[[Activity, Facts], Activity] | None = None
    about: Callable[[Activity], Iterable[str]] | None = None
    is_listed: bool = True
    accept: Answer | None = None
    reject: Answer | None = None
    undo: Answer | None = None

    def answer(self, type_: str) -> Answer | None:
        """What an Accept, a Reject or an Undo of this type does, if anything."""
        return {"Accept": self.accept, "Reject": self.reject, "Undo": self.undo}[type_]


RULES = {
    "Follow": Rule(
        needs=follow.needs,
        send=follow.send,
        receive=follow.receive,
        about=follow.about,
        complete=follow.complete,
        accept=follow.accept,
        reject=follow.reject,
        undo=follow.undo,
    ),
    "Create": Rule(needs=objects.needs, send=objects.send_create, receive=objects.receive_create),
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
    ),
    "Delete": Rule(
        needs=objects.needs,
        send=objects.send_delete,
        receive=objects.receive_delete,
        complete=objects.complete_delete,
    ),
}


def needs(activity: Activity, facts: Facts) -> tuple[Need, ...]:
    """What must be known to send or receive the activity, given what is known already.

    Asked again, at most three times, until nothing new is named: an Undo first needs the
    activity that it undoes, and then what that one needs.
    """
    wanted: list[Need] = [ActorNeed(activity.actor), reach_of(activity, facts)]
    if activity.type in answers.TYPES:
        wanted += answers.needs(activity)
        inner = answers.inner_of(activity, facts)
        if inner is not None and inner.type in RULES:
            wanted += RULES[inner.type].needs(inner, facts)
    elif activity.type in RULES:
        wanted += RULES[activity.type].needs(activity, facts)
    return tuple(need for need in dict.fromkeys(wanted) if need not in facts.found)


def complete(activity: Activity, facts: Facts) -> Activity:
    """An activity of ours with what its client may leave out.

    The activity that is accepted, rejected or undone is embedded in full, since many servers
    look at nothing else (IO-53); and one that addresses nobody goes to those it is about.
    """
    if activity.type in answers.TYPES:
        inner = answers.inner_of(activity, facts)
        return activity if inner is None else answers.complete(activity, inner)
    rule = RULES.get(activity.type)
    return rule.complete(activity, facts) if rule and rule.complete else activity


def send(activity: Activity, facts: Facts) -> Effects:
    """The effects of an activity by an actor of ours, besides storing and delivering it."""
    if activity.type in answers.TYPES:
        return _send_answer(activity, facts)
    rule = RULES.get(activity.type)
    return rule.send(activity, facts) if rule else ()


def receive(activity: VerifiedActivity, facts: Facts) -> Effects:
    """The effects of an activity that reached us, or a `Refuse` and what to remember of it."""
    reach = reach_of(activity, facts)
    if not (facts.reaches(reach) or _is_known(activity, facts)):
        return (Refuse("no-local-relation"),)
    effects = _receive(activity, facts)
    if any(isinstance(effect, Refuse) for effect in effects):
        return effects
    rule = RULES.get(activity.type)
    if rule is not None and not rule.is_listed:
        return effects if activity.ours else (*effects, Refuse("unlisted"))
    if any(isinstance(effect, EndActor) for effect in effects):
        return effects  # all that it sent goes with it, this too
    author = facts.actor(activity.actor)
    visibility = visibility_of(activity.audience, author.followers if author else None)
    shown = Show(reach.activity, reach.actor, reach.addressed, reach.to_followers, visibility)
    return (*effects, shown)


def _is_known(activity: VerifiedActivity, facts: Facts) -> bool:
    """Whether it is worth something though nobody here is addressed or follows its actor: it was
    sent to one of us, or changes what we hold."""
    if activity.ours or activity.in_person:
        return True
    changes = activity.type in ("Update", "Delete")
    return changes and (activity.is_about_itself or facts.object(activity.object_id) is not None)


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
        audience.is_public or (followers is not None and followers in audience.everyone),
    )


def _about(activity: Activity, facts: Facts) -> set[str]:
    inner = answers.inner_of(activity, facts) if activity.type in answers.TYPES else activity
    rule = RULES.get(inner.type) if inner is not None else None
    if inner is None or rule is None or rule.about is None:
        return set()
    return set(rule.about(inner))


def _receive(activity: VerifiedActivity, facts: Facts) -> Effects:
    if activity.type in answers.TYPES:
        if activity.ours:
            return ()  # its effects are on both sides, and came with sending it
        inner = answers.inner_of(activity, facts)
        if inner is None:
            refusal = Refuse(f"{activity.type.lower()}-of-unknown")
            return (*answers.undone_early(activity, facts), refusal)
        answer = RULES[inner.type].answer(activity.type) if inner.type in RULES else None
        return answer(activity, inner, facts) if answer else ()
    rule = RULES.get(activity.type)
    return rule.receive(activity, facts) if rule else ()


def _send_answer(activity: Activity, facts: Facts) -> Effects:
    inner = answers.inner_of(activity, facts)
    if inner is None:
        if answers.is_of_another(activity, facts):
            raise Forbidden("Only the actor who did it can undo it.", pointer="/object")
        raise Missing(
            f"{activity.type} of {activity.object_id}, which is not here",
            public=f"The activity to {activity.type.lower()} is not known here. "
            "Give its id, or embed it with its id, type, actor and object.",
        )
    answer = RULES[inner.type].answer(activity.type) if inner.type in RULES else None
    effects = answer(activity, inner, facts) if answer else ()
    if any(isinstance(effect, Refuse) for effect in effects):
        raise BadInput(f"There is no {inner.type} to {activity.type.lower()}.", pointer="/object")
    return effects
