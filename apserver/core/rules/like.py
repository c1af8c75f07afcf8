"""Like and Dislike, whole: sent, received, undone; reactions are likes with something to show.

Who likes an object of ours stands in its ``likes`` once (ActivityPub 7.10, IO-49), by the last Like
that it sent; an actor of ours has what it likes in ``liked`` (6.8). The stored relation tells that
it is so, wherever the object lives, and is what an Undo ends. A Dislike is the same in
``dislikes``, and is listed nowhere else.

A reaction is a Like that shows an emoji (`core.reactions`, FEP-c0e0, IO-80). Somebody can react to
one thing by several, with each of them once; they are in its ``emojiReactions``. All of them
together, and a plain Like beside them, count as one like: by the plain one if there is one, and
else by the first reaction. When the one that counts is undone, the next that still stands does.

A reaction by a client of ours is sent as a Like with ``content``, whatever it calls it: servers
without reactions take that for a plain Like, and all others for what it is (IO-60).
"""

from __future__ import annotations

from collections.abc import Iterable

from apserver.core import limits
from apserver.core.audience import Audience
from apserver.core.effects import (
    AddTo,
    Effect,
    Effects,
    Instead,
    Open,
    React,
    Refuse,
    Relate,
    RemoveFrom,
    Unreact,
    Unrelate,
)
from apserver.core.emoji import shortcodes_of, with_emoji
from apserver.core.facts import (
    EmojiNeed,
    Facts,
    Need,
    ReactionsNeed,
    RelationFact,
    RelationKind,
    RelationNeed,
)
from apserver.core.model import Activity, VerifiedActivity, addressed_to
from apserver.core.names import Names, collection_id
from apserver.core.notes import with_terms
from apserver.core.origin import activity_key, origin_of
from apserver.core.reactions import TYPES as REACTIONS
from apserver.core.reactions import check_reaction, emoji_of
from apserver.core.rules import answers, concerning
from apserver.errors import BadInput

#: Types that say so, besides Dislike.
TYPES = ("Like", *REACTIONS)


def needs(like: Activity, facts: Facts) -> Iterable[Need]:
    """The objects, whose they are, and whether they are liked already."""
    yield from concerning.needs(like, facts)
    for id_ in concerning.objects_of(like):
        yield RelationNeed(like.actor, _kind(like), id_)
        yield ReactionsNeed(like.actor, id_)
    if like.id is not None:
        yield RelationNeed(like.actor, "undone", like.id)
    if not isinstance(like, VerifiedActivity):
        yield from map(EmojiNeed, shortcodes_of(like.document))


def complete(like: Activity, facts: Facts) -> Activity:
    """A Like that addresses nobody goes to whose the objects are; a reaction is a Like."""
    asked = like.type
    if asked in REACTIONS:
        document = {**like.document, "type": "Like"}
        like = Activity(document, like.id, "Like", like.actor, like.addressed)
    like = _with_emoji(like, facts)
    if asked in REACTIONS:
        check_reaction({**like.document, "type": asked})
    if like.audience.everyone:
        return like
    return addressed_to(like, Audience(to=concerning.authors(like, facts)))


def _with_emoji(like: Activity, facts: Facts) -> Activity:
    """The Like with the tag of an emoji of ours that it shows, and what defines such tags."""
    if like.type != "Like" or "content" not in like.document:
        return like
    names = Names(str(origin_of(like.actor)))
    document = with_emoji(like.document, facts.emoji, names=names)
    document["@context"] = with_terms(document.get("@context"), document)
    return Activity(document, like.id, like.type, like.actor, like.addressed)


def about(like: Activity, facts: Facts) -> tuple[str, ...]:
    """The authors here, addressed or not: Mastodon addresses nobody (interop 2.4)."""
    return concerning.concerned(like, facts)


def send(like: Activity, facts: Facts) -> Effects:
    """An actor of ours likes something, here or elsewhere (AP-C2S-32). To repeat it says nothing
    new."""
    concerning.check(like, facts)
    if like.type == "Like":
        check_reaction(like.document)
    ids = concerning.objects_of(like)
    before = {_standing(like, id_, facts) for id_ in ids}
    if len(before) == 1 and None not in before:
        return (Instead(str(before.pop())),)
    if any(_is_too_much(like, id_, facts) for id_ in ids):
        raise BadInput(f"At most {limits.REACTIONS} reactions to one thing.", pointer="/content")
    return tuple(effect for id_ in ids for effect in _done(like, id_, facts, ours=True))


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
        if reason is None and _is_too_much(like, id_, facts):
            reason = "too-many-reactions"
        if reason is not None:
            return (Refuse(reason),)
        effects += _done(like, id_, facts, ours=False)
    return tuple(effects)


def undo(undoing: Activity, like: Activity, facts: Facts) -> Effects:
    """Whoever liked it does so no more. An older Like than the one that counts ends nothing but
    its own reaction."""
    effects: list[Effect] = []
    stands = False
    for id_ in concerning.objects_of(like):
        relation = facts.relation(like.actor, _kind(like), id_)
        emoji = _undone(like, id_, facts)
        stands = stands or relation is not None or emoji is not None
        if emoji is not None:
            effects += _unreacted(like, id_, emoji, facts)
        if relation is not None and like.id in (None, relation.activity_id):
            effects += _ended(like, id_, relation, emoji, facts)
    if not stands and concerning.is_of_here(like, facts):
        return (*answers.undone_early(undoing, facts), Refuse("undo-without-like"))
    return tuple(effects)


def _kind(like: Activity) -> RelationKind:
    return "dislike" if like.type == "Dislike" else "like"


def _emoji(like: Activity) -> str | None:
    """What it shows; None of a plain Like, and of what cannot be found again."""
    return emoji_of(like.document) if like.type in TYPES and like.id is not None else None


def _standing(like: Activity, id_: str, facts: Facts) -> str | None:
    """The id of an activity that says the same, if one stands."""
    reactions = facts.reactions(like.actor, id_)
    emoji = _emoji(like)
    if emoji is not None:
        return reactions.get(emoji)
    relation = facts.relation(like.actor, _kind(like), id_)
    if relation is None or relation.activity_id in reactions.values():
        return None
    return relation.activity_id


def _is_too_much(like: Activity, id_: str, facts: Facts) -> bool:
    emoji, reactions = _emoji(like), facts.reactions(like.actor, id_)
    return emoji is not None and emoji not in reactions and len(reactions) >= limits.REACTIONS


def _done(like: Activity, id_: str, facts: Facts, *, ours: bool) -> Iterable[Effect]:
    emoji = _emoji(like)
    if emoji is None:
        yield from _liked(like, id_, facts, ours=ours)
        return
    before = facts.reactions(like.actor, id_).get(emoji)
    if before is not None:
        yield from _unreacted(like, id_, emoji, facts)
    yield React(like.actor, id_, emoji, str(like.id))
    yield from _listed(like, id_, "emojiReactions", facts)
    relation = facts.relation(like.actor, "like", id_)
    if relation is None or relation.activity_id == before:
        yield from _liked(like, id_, facts, ours=ours)


def _liked(like: Activity, id_: str, facts: Facts, *, ours: bool) -> Iterable[Effect]:
    kind = _kind(like)
    before = facts.relation(like.actor, kind, id_)
    if before is not None:
        yield from _unlisted(like, id_, before, facts)
    yield Relate(like.actor, kind, id_, "accepted", like.id, subject_ours=ours)
    if ours and kind == "like":
        yield AddTo(collection_id(like.actor, "liked"), id_)
    yield from _listed(like, id_, f"{kind}s", facts)


def _listed(like: Activity, id_: str, name: str, facts: Facts) -> Iterable[Effect]:
    """It is in this collection of the object, when that is ours."""
    stored = facts.object(id_)
    author = concerning.author_of(stored) if stored is not None and stored.ours else None
    if author is not None:
        there = collection_id(id_, name)
        yield Open(there, author, name)
        yield AddTo(there, like.key, like.actor, concerning.visibility(like, facts))


def _undone(like: Activity, id_: str, facts: Facts) -> str | None:
    """The emoji of the reaction that is undone; without an id, what it shows tells."""
    reactions = facts.reactions(like.actor, id_)
    if like.id is None:
        shown = emoji_of(like.document)
        return shown if shown in reactions else None
    return next((emoji for emoji, one in reactions.items() if one == like.id), None)


def _unreacted(like: Activity, id_: str, emoji: str, facts: Facts) -> Iterable[Effect]:
    shown = activity_key(like.actor, facts.reactions(like.actor, id_)[emoji])
    yield Unreact(like.actor, id_, emoji)
    yield RemoveFrom(collection_id(id_, "emojiReactions"), shown)


def _ended(
    like: Activity, id_: str, relation: RelationFact, emoji: str | None, facts: Facts
) -> Iterable[Effect]:
    """What counts is undone: the oldest reaction that still stands counts from now on."""
    kind, reactions = _kind(like), facts.reactions(like.actor, id_)
    others = [one for shown, one in reactions.items() if shown != emoji]
    if kind == "dislike" or not others:
        yield Unrelate(like.actor, kind, id_)
        yield from _unlisted(like, id_, relation, facts)
        return
    actor, stored = facts.actor(like.actor), facts.object(id_)
    ours = actor is not None and actor.ours
    yield Relate(like.actor, kind, id_, "accepted", others[0], subject_ours=ours)
    yield _no_longer(like, id_, relation)
    if stored is not None and stored.ours:
        yield AddTo(collection_id(id_, "likes"), activity_key(like.actor, others[0]), like.actor)


def _unlisted(like: Activity, id_: str, relation: RelationFact, facts: Facts) -> Iterable[Effect]:
    if relation.activity_id is not None:
        yield _no_longer(like, id_, relation)
    actor = facts.actor(like.actor)
    if _kind(like) == "like" and actor is not None and actor.ours:
        yield RemoveFrom(collection_id(like.actor, "liked"), id_)


def _no_longer(like: Activity, id_: str, relation: RelationFact) -> RemoveFrom:
    before = activity_key(like.actor, relation.activity_id or "")
    return RemoveFrom(collection_id(id_, f"{_kind(like)}s"), before)
