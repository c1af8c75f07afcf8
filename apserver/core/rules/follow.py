"""Follow, whole: asked, accepted, rejected, undone; by our actors and by others.

A follow is one relation (follower, "follow", followed), pending until the followed actor
accepts (ActivityPub 7.5 to 7.7). While it is accepted the follower is in ``followers`` of the
followed and the followed in ``following`` of the follower; each server keeps the collections
of its own actors. So accepting, rejecting and undoing do the same on both sides, whoever of
the two lives here.

Actors of ours follow things too, which nobody has to accept. A follow may have a flag; several
with different flags are one relation, which ends with the last of them (`core.flags`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from apserver.core import limits
from apserver.core.audience import Audience
from apserver.core.document import first, id_of, ids_of, types_of
from apserver.core.effects import (
    AddTo,
    DropFollow,
    Effects,
    Instead,
    Open,
    PutFollow,
    Recall,
    Refuse,
    Relate,
    RemoveFrom,
    Send,
    Unrelate,
)
from apserver.core.facts import (
    ActorNeed,
    Facts,
    FollowFact,
    FollowsNeed,
    Need,
    ObjectFact,
    ObjectNeed,
    ReachNeed,
    RelationNeed,
)
from apserver.core.flags import ALL, Wish, wish_of, wish_received
from apserver.core.model import Activity, VerifiedActivity, addressed_to
from apserver.core.names import INSTANCE, collection_id
from apserver.core.origin import activity_key, same_origin
from apserver.core.rules import answers, concerning
from apserver.errors import BadInput, Conflict, Forbidden, Gone, Missing, Unprocessable


def needs(follow: Activity, facts: Facts) -> Iterable[Need]:
    """Both actors, and how they stand to each other; what is followed when it is no actor."""
    followed = follow.object_id
    if followed is not None:
        yield ActorNeed(follow.actor)
        yield ActorNeed(followed)
        yield RelationNeed(follow.actor, "follow", followed)
        yield RelationNeed(follow.actor, "block", followed)
        yield RelationNeed(followed, "block", follow.actor)
        yield FollowsNeed(follow.actor, followed)
        if not isinstance(follow, VerifiedActivity):
            yield _is_heard(follow)
        if ActorNeed(followed) in facts.found and facts.actor(followed) is None:
            yield ObjectNeed(followed)
            yield from concerning.needs_of_author(followed, follow, facts)
    if follow.id is not None:
        yield RelationNeed(follow.actor, "undone", follow.id)


def complete(follow: Activity, facts: Facts) -> Activity:
    """A Follow that addresses nobody goes to the actor that is asked, or whose thing it is
    (FEP-efda). One that mutes is told to nobody. A flag has a phrase of its own."""
    followed = follow.object_id
    if followed is None:
        return follow
    flag = wish_of(follow.document).flag
    phrase = facts.registry.verb_of_flag(flag)
    if phrase is not None:
        follow = replace(follow, document={"verbPhrase": phrase, **follow.document})
    if facts.registry.mutes(flag):
        return addressed_to(follow, Audience())
    if follow.audience.everyone:
        return follow
    if not _is_thing(follow, facts):
        return addressed_to(follow, Audience(to=(followed,)))
    thing = _thing(follow, facts)
    asked = () if thing is None else ids_of(thing.document.get("attributedTo"))
    return addressed_to(follow, Audience(to=asked))


def about(follow: Activity, facts: Facts) -> tuple[str, ...]:
    """Whom it concerns, addressed or not: both of them."""
    return (follow.actor,) if follow.object_id is None else (follow.actor, follow.object_id)


def send(follow: Activity, facts: Facts) -> Effects:
    """An actor of ours follows. An actor is asked, and the follow waits for its Accept
    (AP-C2S-29); a thing cannot answer, and is followed at once, unless its site is to approve."""
    followed = follow.object_id
    if followed is None:
        raise BadInput("Follow needs the id of an actor or a thing.", pointer="/object")
    if followed == follow.actor:
        raise BadInput("An actor cannot follow itself.", pointer="/object")
    thing, is_thing = _thing(follow, facts), _is_thing(follow, facts)
    if facts.actor(followed) is None and not is_thing and same_origin(followed, follow.actor):
        raise Missing(f"There is nothing at {followed} to follow.", pointer="/object")
    asked = facts.actor(followed)
    if asked is not None and asked.moved_to is not None:
        raise BadInput(f"It has moved. Follow {asked.moved_to} instead.", pointer="/object")
    if facts.blocks(follow.actor, followed):
        raise BadInput("You block this actor. Undo the Block first.", pointer="/object")
    if thing is not None and thing.deleted:
        raise Gone("It was deleted.", pointer="/object")
    wish = wish_of(follow.document)
    put = _put(follow, followed, wish, facts)
    there = _standing(follow, wish.flag, facts)
    if there is not None and there.activity_id is not None:
        same = there.actor_only == wish.actor_only
        return (*(() if same else (_change(follow, there),)), Instead(there.activity_id))
    if len(facts.follows(follow.actor, followed)) >= limits.FLAGS and there is None:
        raise Conflict(
            f"You follow this under {limits.FLAGS} flags already. Undo one first.",
            pointer="/followFlag",
        )
    if put.mutes:
        return (put,)
    if not is_thing or _waits_for_site(followed, facts):
        waits = Relate(follow.actor, "follow", followed, "pending", follow.id, subject_ours=True)
        return (waits, put, *_waiting(follow, "pendingFollowing", whose=follow.actor, facts=facts))
    return (
        Relate(follow.actor, "follow", followed, "accepted", follow.id, subject_ours=True),
        AddTo(collection_id(follow.actor, "following"), followed),
        put,
    )


def _change(follow: Activity, there: FollowFact) -> Send:
    """Another wish is an Update of the follow that stands (seed B14, X2)."""
    changed = {"id": there.activity_id, "actorOnly": not there.actor_only}
    return Send({"type": "Update", "actor": follow.actor, "object": changed})


def needs_anew(follow: Activity) -> tuple[Need, ...]:
    """What must be known to change a follow."""
    if follow.type != "Follow" or follow.object_id is None:
        return ()
    return (FollowsNeed(follow.actor, follow.object_id),)


def wished_anew(document: Mapping[str, Any], actor: str, facts: Facts) -> tuple[PutFollow, ...]:
    """What a Follow asks for from now on, when it stands."""
    followed = id_of(first(document.get("object")))
    if followed is None or "Follow" not in types_of(document):
        return ()
    wish = wish_received(document)
    return tuple(
        PutFollow(actor, followed, row.flag, wish.actor_only, row.mutes, row.activity_id, facts.now)
        for row in facts.follows(actor, followed)
        if row.activity_id == document.get("id")
    )


def _thing(follow: Activity, facts: Facts) -> ObjectFact | None:
    """What is followed, when it is no actor, and known here to the follower."""
    id_ = str(follow.object_id)
    if facts.actor(id_) is not None or concerning.refused(id_, follow, facts) in concerning.UNSEEN:
        return None
    return facts.object(id_)


def _is_thing(follow: Activity, facts: Facts) -> bool:
    """Whether it is no actor: something that is kept here, or that a site has."""
    id_ = str(follow.object_id)
    is_of_site = facts.actor(id_) is None and facts.registry.things.find(id_) is not None
    return is_of_site or _thing(follow, facts) is not None


def _waits_for_site(id_: str, facts: Facts) -> bool:
    """Whether a follow waits for the site that has the thing. Unprocessable when nobody can follow
    things of its type."""
    kind = facts.registry.things.find(id_)
    if kind is not None and kind.user:
        raise Unprocessable("Follow the user by the id of its actor here.", pointer="/object")
    if kind is not None and not kind.followable:
        raise Unprocessable(
            f"Things of the type {kind.kind} cannot be followed.", pointer="/object"
        )
    return kind is not None and kind.approval


def _standing(follow: Activity, flag: str, facts: Facts) -> FollowFact | None:
    """The same follow, when it stands already: to repeat it says nothing new (seed B5)."""
    followed = str(follow.object_id)
    there = next((one for one in facts.follows(follow.actor, followed) if one.flag == flag), None)
    if there is None or there.mutes:
        return there
    relation = facts.follow(follow.actor, followed)
    return there if relation is not None and relation.state == "accepted" else None


def _put(follow: Activity, followed: str, wish: Wish, facts: Facts) -> PutFollow:
    return PutFollow(
        follow.actor,
        followed,
        wish.flag,
        wish.actor_only,
        facts.registry.mutes(wish.flag) and _is_ours(follow.actor, facts),
        follow.id,
        facts.now,
    )


def _wish_kept(follow: Activity, followed: str, facts: Facts) -> Wish:
    """What a Follow from elsewhere asks for; with too many flags it is as if it had none."""
    wish = wish_received(follow.document)
    there = {one.flag for one in facts.follows(follow.actor, followed)}
    if wish.flag in there or len(there) < limits.FLAGS:
        return wish
    return replace(wish, flag="")


def receive(follow: VerifiedActivity, facts: Facts) -> Effects:
    """Somebody wants to follow an actor of ours: accept, or leave it to the owner.

    A repeated Follow is accepted again: the follower may have lost our first answer (IO-32). The
    same one, by its id, is not, while it stands (AP-COL-08).
    """
    followed = facts.actor(follow.object_id)
    if followed is None or not followed.ours:
        return () if follow.ours else (Refuse("follow-not-ours"),)
    rows = facts.follows(follow.actor, followed.id)
    if follow.ours and all(row.activity_id != follow.id for row in rows):
        return ()  # it was undone, or asked again, before it came here
    asked: tuple[Relate | PutFollow, ...] = (
        Relate(follow.actor, "follow", followed.id, "pending", follow.id, subject_ours=follow.ours),
    )
    if not follow.ours:  # of ours it was written when it was sent
        asked += (_put(follow, followed.id, _wish_kept(follow, followed.id, facts), facts),)
    is_closed = followed.id.endswith(f"/{INSTANCE}") or followed.moved_to is not None
    if is_closed or facts.blocks(followed.id, follow.actor):
        return (*asked, Send(_answer("Reject", follow, by=followed.id)))
    if follow.id is not None and facts.was_undone(follow.actor, follow.id):
        return (Unrelate(follow.actor, "undone", follow.id), Refuse("follow-undone"))
    known = facts.follow(follow.actor, followed.id)
    if known is not None and known.activity_id == follow.id and not follow.ours:
        return ()
    follower = facts.actor(follow.actor)
    waits = followed.manual_approval or (follower is not None and follower.limited)
    if waits and (known is None or known.state == "pending"):
        waiting = _waiting(follow, "pendingFollowers", whose=followed.id, facts=facts)
        return (*asked, *waiting)
    return (*asked, Send(_answer("Accept", follow, by=followed.id)))


def _waiting(
    follow: Activity, name: str, *, whose: str, facts: Facts
) -> tuple[Open | AddTo | RemoveFrom, ...]:
    """A Follow that waits for its answer stands, by the last time that it was sent, in
    ``pendingFollowing`` of who asks and in ``pendingFollowers`` of who is asked (FEP-4ccd)."""
    collection = collection_id(whose, name)
    before = facts.follow(follow.actor, str(follow.object_id))
    left = () if before is None else _answered_in(collection, follow.actor, before.activity_id)
    return (*left, Open(collection, whose, name), AddTo(collection, follow.key, follow.actor))


def _waits_no_more(follow: Activity, facts: Facts) -> tuple[RemoveFrom, ...]:
    followed = str(follow.object_id)
    known = facts.follow(follow.actor, followed)
    if known is None or known.state != "pending":
        return ()
    left: tuple[RemoveFrom, ...] = ()
    if _is_ours(follow.actor, facts):
        asking = collection_id(follow.actor, "pendingFollowing")
        left += _answered_in(asking, follow.actor, known.activity_id)
    if _is_ours(followed, facts):
        asked = collection_id(followed, "pendingFollowers")
        left += _answered_in(asked, follow.actor, known.activity_id)
    return left


def _answered_in(collection: str, follower: str, id_: str | None) -> tuple[RemoveFrom, ...]:
    return () if id_ is None else (RemoveFrom(collection, activity_key(follower, id_)),)


def accept(answer: Activity, follow: Activity, facts: Facts) -> Effects:
    """The followed actor says yes, here or elsewhere."""
    relation = _answered(answer, follow, facts)
    if relation is None or follow.object_id is None:
        return (Refuse("accept-without-follow"),)
    follower_ours = _is_ours(follow.actor, facts)
    effects: list[AddTo | RemoveFrom | Relate | Recall] = [
        *_waits_no_more(follow, facts),
        Relate(
            follow.actor,
            "follow",
            follow.object_id,
            "accepted",
            relation,
            subject_ours=follower_ours,
        ),
    ]
    if _is_ours(follow.object_id, facts):
        effects.append(AddTo(collection_id(follow.object_id, "followers"), follow.actor))
    if follower_ours:
        effects.append(AddTo(collection_id(follow.actor, "following"), follow.object_id))
        known = facts.follow(follow.actor, follow.object_id)
        is_new = known is not None and known.state == "pending"
        is_heard = _is_ours(follow.object_id, facts) or facts.reaches(_is_heard(follow))
        if is_new and not is_heard:
            effects.append(Recall(follow.object_id))
    return tuple(effects)


def _is_heard(follow: Activity) -> ReachNeed:
    """Whether somebody here follows the same already, so that we have what it did before."""
    return ReachNeed(follow.key, str(follow.object_id), (), to_followers=True)


def reject(answer: Activity, follow: Activity, facts: Facts) -> Effects:
    """The followed actor says no, or no longer (IO-36)."""
    if _answered(answer, follow, facts) is None:
        return (Refuse("reject-without-follow"),)
    return _ended(follow, facts)


def meant(undo: Activity, follow: Activity, facts: Facts) -> Activity:
    """Which of several follows of one thing an Undo by one of ours means.

    It gives the id of the Follow, or its flag; without a flag it means the one without a flag, with
    "*" one after the other (seed B8, X3).
    """
    if undo.type != "Undo" or follow.object_id is None or not _is_ours(follow.actor, facts):
        return follow
    rows = sorted(facts.follows(follow.actor, follow.object_id), key=lambda row: row.flag)
    if any(row.activity_id == follow.id is not None for row in rows):
        return follow
    flag = follow.document.get("followFlag", "")
    found = next((row for row in rows if row.flag == flag or flag == ALL), None)
    if found is None or found.activity_id is None:
        return follow
    document = {**follow.document, "id": found.activity_id}
    return Activity(document, found.activity_id, follow.type, follow.actor)


def narrow(undo: Activity, follow: Activity, facts: Facts) -> Activity:
    """While another follow of the same actor stands, the followed does not hear of the Undo: other
    servers would take it as the end of all. Of a mute that ends nobody hears."""
    if undo.type != "Undo" or follow.object_id is None or not _is_ours(follow.actor, facts):
        return undo
    found, left = _split(follow, facts)
    if found is not None and found.mutes:
        return addressed_to(undo, Audience())
    if found is not None and left:
        return addressed_to(undo, undo.audience.without(follow.object_id))
    return undo


def undo(undoing: Activity, follow: Activity, facts: Facts) -> Effects:
    """The follower takes it back. Only its own: checked before (AP-S2S-43)."""
    followed = follow.object_id
    relation = None if followed is None else facts.follow(follow.actor, followed)
    found, left = _split(follow, facts)
    if followed is None or (relation is None and found is None):
        return (*answers.undone_early(undoing, facts), Refuse("undo-without-follow"))
    if not _is_ours(follow.actor, facts):
        return _ended(follow, facts)
    if found is None:
        if left:
            return (Refuse("undo-without-follow"),)
        return _ended(follow, facts)
    effects: Effects = (DropFollow(follow.actor, followed, found.flag),)
    if relation is not None and not found.mutes and not left:
        effects = (*_ended(follow, facts), *effects)
    if follow.document.get("followFlag") == ALL and left:
        effects = (*effects, Send(_next_undo(undoing, follow)))
    return effects


def _split(follow: Activity, facts: Facts) -> tuple[FollowFact | None, tuple[FollowFact, ...]]:
    """The follow that is meant, and those that stay and keep the relation."""
    rows = facts.follows(follow.actor, follow.object_id or "")
    found = next((row for row in rows if row.activity_id == follow.id is not None), None)
    return found, tuple(row for row in rows if row is not found and not row.mutes)


def _next_undo(undoing: Activity, follow: Activity) -> dict[str, object]:
    named = {"type": "Follow", "actor": follow.actor, "object": follow.object_id, "followFlag": ALL}
    kept = {name: undoing.document[name] for name in ("to", "cc") if name in undoing.document}
    return {"type": "Undo", "actor": follow.actor, "object": named, **kept}


def _ended(follow: Activity, facts: Facts) -> Effects:
    followed = follow.object_id
    assert followed is not None
    effects: list[RemoveFrom | Unrelate] = [
        *_waits_no_more(follow, facts),
        Unrelate(follow.actor, "follow", followed),
    ]
    if _is_ours(followed, facts):
        effects.append(RemoveFrom(collection_id(followed, "followers"), follow.actor))
    if _is_ours(follow.actor, facts):
        effects.append(RemoveFrom(collection_id(follow.actor, "following"), followed))
    return tuple(effects)


def _answered(answer: Activity, follow: Activity, facts: Facts) -> str | None:
    """The id of the stored follow that is answered; None when there is none to answer.

    For things of a site the site answers, by whichever actor.
    """
    if facts.by_site and facts.registry.things.find(follow.object_id) is not None:
        relation = facts.follow(follow.actor, str(follow.object_id))
        return None if relation is None else relation.activity_id or follow.id
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
