"""Like and Dislike, whole: sent, received, undone; reactions are likes with something to show.

Who likes an object of ours stands in its ``likes`` once (ActivityPub 7.10, IO-49), by the last Like
that it sent; an actor of ours has what it likes in ``liked`` (6.8). The stored relation tells that
it is so, wherever the object lives, and is what an Undo ends. A Dislike is the same in
``dislikes``, and is listed nowhere else.

``EmojiReact`` and its kin are taken as a Like with ``content`` (FEP-c0e0): kept as they came and
counted as likes.
"""

from __future__ import annotations

from collections.abc import Iterable

from apserver.core.audience import Audience
from apserver.core.effects import (
    AddTo,
    Effect,
    Effects,
    Instead,
    Open,
    Refuse,
    Relate,
    RemoveFrom,
    Unrelate,
)
from apserver.core.facts import Facts, Need, RelationFact, RelationKind, RelationNeed
from apserver.core.model import Activity, VerifiedActivity, addressed_to
from apserver.core.names import collection_id
from apserver.core.origin import activity_key
from apserver.core.rules import answers, concerning

#: Types that say so, besides Dislike.
TYPES = ("Like", "EmojiReact", "EmojiReaction")


def needs(like: Activity, facts: Facts) -> Iterable[Need]:
    """The objects, whose they are, and whether they are liked already."""
    yield from concerning.needs(like, facts)
    for id_ in concerning.objects_of(like):
        yield RelationNeed(like.actor, _kind(like), id_)
    if like.id is not None:
        yield RelationNeed(like.actor, "undone", like.id)


def complete(like: Activity, facts: Facts) -> Activity:
    """A Like that addresses nobody goes to whose the objects are."""
    if like.audience.everyone:
        return like
    return addressed_to(like, Audience(to=concerning.authors(like, facts)))


def about(like: Activity, facts: Facts) -> tuple[str, ...]:
    """The authors here, addressed or not: Mastodon addresses nobody (interop 2.4)."""
    return concerning.concerned(like, facts)


def send(like: Activity, facts: Facts) -> Effects:
    """An actor of ours likes something, here or elsewhere (AP-C2S-32). To repeat it says nothing
    new."""
    concerning.check(like, facts)
    ids = concerning.objects_of(like)
    before = {_standing(like, id_, facts) for id_ in ids}
    if len(before) == 1 and None not in before:
        return (Instead(str(before.pop())),)
    return tuple(effect for id_ in ids for effect in _liked(like, id_, facts, ours=True))


def receive(like: VerifiedActivity, facts: Facts) -> Effects:
    """Somebody likes something; what is not of ours is nothing to us but news."""
    if like.ours:
        return ()
    if facts.was_undone(like.actor, like.id):
        return (Unrelate(like.actor, "undone", str(like.id)), Refuse("like-undone"))
    effects: list[Effect] = []
    for id_ in concerning.objects_of(like):
        stored = facts.object(id_)
        if stored is None or not stored.ours:
            continue
        reason = concerning.refused(id_, like, facts)
        if reason is not None:
            return (Refuse(reason),)
        effects += _liked(like, id_, facts, ours=False)
    return tuple(effects)


def undo(undoing: Activity, like: Activity, facts: Facts) -> Effects:
    """Whoever liked it does so no more. An older Like than the one that counts ends nothing."""
    effects: list[Effect] = []
    stands = False
    for id_ in concerning.objects_of(like):
        relation = facts.relation(like.actor, _kind(like), id_)
        stands = stands or relation is not None
        if relation is None or like.id not in (None, relation.activity_id):
            continue
        effects.append(Unrelate(like.actor, _kind(like), id_))
        effects += _unlisted(like, id_, relation, facts)
    if not stands and concerning.is_of_here(like, facts):
        return (*answers.undone_early(undoing, facts), Refuse("undo-without-like"))
    return tuple(effects)


def _kind(like: Activity) -> RelationKind:
    return "dislike" if like.type == "Dislike" else "like"


def _standing(like: Activity, id_: str, facts: Facts) -> str | None:
    relation = facts.relation(like.actor, _kind(like), id_)
    return None if relation is None else relation.activity_id


def _liked(like: Activity, id_: str, facts: Facts, *, ours: bool) -> Iterable[Effect]:
    kind = _kind(like)
    before = facts.relation(like.actor, kind, id_)
    if before is not None:
        yield from _unlisted(like, id_, before, facts)
    yield Relate(like.actor, kind, id_, "accepted", like.id, subject_ours=ours)
    if ours and kind == "like":
        yield AddTo(collection_id(like.actor, "liked"), id_)
    stored = facts.object(id_)
    author = concerning.author_of(stored) if stored is not None and stored.ours else None
    if author is not None:
        likes = collection_id(id_, f"{kind}s")
        yield Open(likes, author, f"{kind}s")
        yield AddTo(likes, like.key, like.actor, concerning.visibility(like, facts))


def _unlisted(like: Activity, id_: str, relation: RelationFact, facts: Facts) -> Iterable[Effect]:
    kind = _kind(like)
    if relation.activity_id is not None:
        before = activity_key(like.actor, relation.activity_id)
        yield RemoveFrom(collection_id(id_, f"{kind}s"), before)
    actor = facts.actor(like.actor)
    if kind == "like" and actor is not None and actor.ours:
        yield RemoveFrom(collection_id(like.actor, "liked"), id_)
