"""Follow, whole: asked, accepted, rejected, undone; by our actors and by others.

A follow is one relation (follower, "follow", followed), pending until the followed actor
accepts (ActivityPub 7.5 to 7.7). While it is accepted the follower is in ``followers`` of the
followed and the followed in ``following`` of the follower; each server keeps the collections
of its own actors. So accepting, rejecting and undoing do the same on both sides, whoever of
the two lives here.
"""

from __future__ import annotations

from collections.abc import Iterable

from apserver.core.audience import Audience
from apserver.core.effects import (
    ActorNeed,
    AddTo,
    Effects,
    Facts,
    Need,
    Refuse,
    Relate,
    RelationNeed,
    RemoveFrom,
    Send,
    Unrelate,
)
from apserver.core.model import Activity, VerifiedActivity, addressed_to
from apserver.core.names import INSTANCE, collection_id
from apserver.core.origin import same_origin
from apserver.core.rules import answers
from apserver.errors import BadInput, Forbidden, Missing


def needs(follow: Activity, facts: Facts) -> Iterable[Need]:
    """Both actors, and how they stand to each other."""
    if follow.object_id is not None:
        yield ActorNeed(follow.actor)
        yield ActorNeed(follow.object_id)
        yield RelationNeed(follow.actor, "follow", follow.object_id)
        yield RelationNeed(follow.actor, "block", follow.object_id)
        yield RelationNeed(follow.object_id, "block", follow.actor)
    if follow.id is not None:
        yield RelationNeed(follow.actor, "undone", follow.id)


def complete(follow: Activity, facts: Facts) -> Activity:
    """A Follow that addresses nobody goes to the actor that is asked."""
    if follow.audience.everyone or follow.object_id is None:
        return follow
    return addressed_to(follow, Audience(to=(follow.object_id,)))


def about(follow: Activity) -> tuple[str, ...]:
    """Whom it concerns, addressed or not: both of them."""
    return (follow.actor,) if follow.object_id is None else (follow.actor, follow.object_id)


def send(follow: Activity, facts: Facts) -> Effects:
    """An actor of ours asks to follow; it waits for the Accept (AP-C2S-29)."""
    followed = follow.object_id
    if followed is None:
        raise BadInput("Follow needs the id of an actor.", pointer="/object")
    if followed == follow.actor:
        raise BadInput("An actor cannot follow itself.", pointer="/object")
    if facts.actor(followed) is None and same_origin(followed, follow.actor):
        raise Missing(f"There is no actor {followed} here.", pointer="/object")
    if facts.blocks(follow.actor, followed):
        raise BadInput("You block this actor. Undo the Block first.", pointer="/object")
    return (Relate(follow.actor, "follow", followed, "pending", follow.id, subject_ours=True),)


def receive(follow: VerifiedActivity, facts: Facts) -> Effects:
    """Somebody wants to follow an actor of ours: accept, or leave it to the owner.

    A repeated Follow is accepted again: the follower may have lost our first answer (IO-32). The
    same one, by its id, is not, while it stands (AP-COL-08).
    """
    followed = facts.actor(follow.object_id)
    if followed is None or not followed.ours:
        return () if follow.ours else (Refuse("follow-not-ours"),)
    asked = Relate(
        follow.actor, "follow", followed.id, "pending", follow.id, subject_ours=follow.ours
    )
    if followed.id.endswith(f"/{INSTANCE}") or facts.blocks(followed.id, follow.actor):
        return (asked, Send(_answer("Reject", follow, by=followed.id)))
    if follow.id is not None and facts.was_undone(follow.actor, follow.id):
        return (Unrelate(follow.actor, "undone", follow.id), Refuse("follow-undone"))
    known = facts.follow(follow.actor, followed.id)
    if known is not None and known.activity_id == follow.id and not follow.ours:
        return ()
    follower = facts.actor(follow.actor)
    waits = followed.manual_approval or (follower is not None and follower.limited)
    if waits and (known is None or known.state == "pending"):
        return (asked,)
    return (asked, Send(_answer("Accept", follow, by=followed.id)))


def accept(answer: Activity, follow: Activity, facts: Facts) -> Effects:
    """The followed actor says yes, here or elsewhere."""
    relation = _answered(answer, follow, facts)
    if relation is None or follow.object_id is None:
        return (Refuse("accept-without-follow"),)
    follower_ours = _is_ours(follow.actor, facts)
    effects: list[AddTo | Relate] = [
        Relate(
            follow.actor,
            "follow",
            follow.object_id,
            "accepted",
            relation,
            subject_ours=follower_ours,
        )
    ]
    if _is_ours(follow.object_id, facts):
        effects.append(AddTo(collection_id(follow.object_id, "followers"), follow.actor))
    if follower_ours:
        effects.append(AddTo(collection_id(follow.actor, "following"), follow.object_id))
    return tuple(effects)


def reject(answer: Activity, follow: Activity, facts: Facts) -> Effects:
    """The followed actor says no, or no longer (IO-36)."""
    if _answered(answer, follow, facts) is None:
        return (Refuse("reject-without-follow"),)
    return _ended(follow, facts)


def undo(undoing: Activity, follow: Activity, facts: Facts) -> Effects:
    """The follower takes it back. Only its own: checked before (AP-S2S-43)."""
    if follow.object_id is None or facts.follow(follow.actor, follow.object_id) is None:
        return (*answers.undone_early(undoing, facts), Refuse("undo-without-follow"))
    return _ended(follow, facts)


def _ended(follow: Activity, facts: Facts) -> Effects:
    followed = follow.object_id
    assert followed is not None
    effects: list[RemoveFrom | Unrelate] = [Unrelate(follow.actor, "follow", followed)]
    if _is_ours(followed, facts):
        effects.append(RemoveFrom(collection_id(followed, "followers"), follow.actor))
    if _is_ours(follow.actor, facts):
        effects.append(RemoveFrom(collection_id(follow.actor, "following"), followed))
    return tuple(effects)


def _answered(answer: Activity, follow: Activity, facts: Facts) -> str | None:
    """The id of the stored follow that is answered; None when there is none to answer."""
    if follow.object_id != answer.actor:
        if _is_ours(answer.actor, facts):
            raise Forbidden(
                f"{answer.actor} answers a follow of {follow.object_id}",
                public="Only the actor that is asked can accept or reject a follow.",
            )
        return None
    relation = facts.follow(follow.actor, answer.actor)
    return None if relation is None else relation.activity_id or follow.id


def _is_ours(id_: str, facts: Facts) -> bool:
    actor = facts.actor(id_)
    return actor is not None and actor.ours


def _answer(type_: str, follow: Activity, *, by: str) -> dict[str, object]:
    """An Accept or Reject with the Follow embedded, its id unchanged (IO-31, IO-53)."""
    inner = {"id": follow.id, "type": "Follow", "actor": follow.actor, "object": by}
    return {
        "type": type_,
        "actor": by,
        "object": {key: value for key, value in inner.items() if value is not None},
        "to": [follow.actor],
    }
