"""What an activity is about, for the verbs that are done to something: found, readable, whose.

Whoever may not read a thing can do nothing with it, neither our own actors nor others: it is to
them as if it were not there (`core.audience.may_read`).
"""

from __future__ import annotations

from collections.abc import Iterable

from apserver.core import limits
from apserver.core.audience import Viewer, Visibility, audience_of, may_read, visibility_of
from apserver.core.document import as_list, id_of, ids_of
from apserver.core.facts import (
    ActivityFact,
    ActivityNeed,
    ActorNeed,
    Facts,
    Need,
    ObjectFact,
    ObjectNeed,
    RelationNeed,
)
from apserver.core.model import Activity, VerifiedActivity
from apserver.core.names import collection_id
from apserver.core.origin import key_of, same_origin
from apserver.errors import BadInput, Gone, Missing

#: Why something is to an actor as if it was not there.
UNSEEN = ("object-not-readable", "actor-blocked")


def objects_of(activity: Activity) -> tuple[str, ...]:
    """The ids of all its objects, each once."""
    found = (id_of(one) for one in as_list(activity.document.get("object")))
    ids = [one for one in found if one is not None]
    return tuple(dict.fromkeys(ids))[: limits.PARTICIPANTS]


def needs(activity: Activity, facts: Facts) -> Iterable[Need]:
    """Each object as it is stored; of one of ours that is no object, what it is; and how the actor
    stands to the authors."""
    yield ActorNeed(activity.actor)
    for id_ in objects_of(activity):
        yield ObjectNeed(id_)
        yield from needs_of_author(id_, activity, facts)
        is_sent = not isinstance(activity, VerifiedActivity)
        if is_sent and ObjectNeed(id_) in facts.found and facts.object(id_) is None:
            yield ActorNeed(id_)
            yield ActivityNeed(id_)
            yield from needs_of_doer(facts.activity(id_), activity)


def needs_of_doer(done: ActivityFact | None, activity: Activity) -> Iterable[Need]:
    """How the actor stands to who did something, once that is known."""
    if done is not None:
        yield RelationNeed(activity.actor, "follow", done.actor)


def needs_of_author(id_: str, activity: Activity, facts: Facts) -> Iterable[Need]:
    """How the actor stands to the author of an object, once that is known."""
    stored = facts.object(id_)
    author = None if stored is None else author_of(stored)
    if author is not None:
        yield RelationNeed(activity.actor, "follow", author)
        yield RelationNeed(author, "block", activity.actor)


def author_of(stored: ObjectFact) -> str | None:
    """The id of the author of an object."""
    named = ids_of(stored.document.get("attributedTo"))
    return next((one for one in named if key_of(one) == stored.author), None)


def authors(activity: Activity, facts: Facts) -> tuple[str, ...]:
    """Whose the objects are, but for the actor who does it."""
    found = authors_of(objects_of(activity), activity, facts)
    return tuple(one for one in found if one != activity.actor)


def authors_of(ids: Iterable[str], activity: Activity, facts: Facts) -> tuple[str, ...]:
    """Whose these things are, as far as it is known here to the actor; an actor is its own."""
    found: list[str] = []
    for id_ in ids:
        if not is_seen(id_, activity, facts):
            continue
        stored, done = facts.object(id_), facts.activity(id_)
        if stored is not None:
            found += ids_of(stored.document.get("attributedTo"))
        elif done is not None:
            found.append(done.actor)
        elif facts.actor(id_) is not None:
            found.append(id_)
    return tuple(dict.fromkeys(found))


def concerned(activity: Activity, facts: Facts) -> tuple[str, ...]:
    """The authors here, who hear of it whether or not they are addressed."""
    found = []
    for id_ in objects_of(activity):
        stored = facts.object(id_)
        author = author_of(stored) if stored is not None and stored.ours else None
        if author is not None and not facts.blocks(author, activity.actor):
            found.append(author)
    return tuple(found)


def is_seen(id_: str, activity: Activity, facts: Facts) -> bool:
    """Whether the actor may know of what stands here under this id, if anything does."""
    done = facts.activity(id_)
    if done is not None and not may_see(done, activity.actor, facts):
        return False
    return _objection(id_, activity, facts) not in UNSEEN


def may_see(done: ActivityFact, actor: str, facts: Facts) -> bool:
    """Whether an actor may read what was done: it did it, or it is for it (`core.audience`)."""
    audience = audience_of(done.document)
    if audience.is_public or actor in (done.actor, *audience.everyone, *done.recipients):
        return True
    relation = facts.follow(actor, done.actor)
    is_follower = relation is not None and relation.state == "accepted"
    doer = facts.actor(done.actor)
    followers = collection_id(done.actor, "followers") if doer is None else doer.followers
    return is_follower and followers in (*audience.everyone, *done.recipients)


def is_of_here(activity: Activity, facts: Facts) -> bool:
    """Whether one of ours does it, or it is done to an object of ours."""
    actor = facts.actor(activity.actor)
    found = (facts.object(id_) for id_ in objects_of(activity))
    return (actor is not None and actor.ours) or any(one and one.ours for one in found)


def check(activity: Activity, facts: Facts, *, though_blocked: bool = False) -> None:
    """Refuse what one of ours cannot do since there is nothing to do it with: BadInput, Missing or
    Gone, with a pointer to the object.

    ``though_blocked``: what everybody may read is there for those too whom its author blocks.
    """
    values = as_list(activity.document.get("object"))
    for at, value in enumerate(values):
        pointer = f"/object/{at}" if len(values) > 1 else "/object"
        id_ = id_of(value)
        if id_ is None:
            continue  # what has no id is nowhere but in this activity
        if at >= limits.PARTICIPANTS:
            raise BadInput(f"At most {limits.PARTICIPANTS} objects.", pointer=pointer)
        reason = _objection(id_, activity, facts)
        if reason == "actor-blocked" and though_blocked and _is_open(id_, facts):
            continue
        if reason == "object-deleted":
            raise Gone("It was deleted.", pointer=pointer)
        if reason is not None or _is_nowhere(id_, activity, facts):
            raise Missing(f"There is nothing at {id_}", pointer=pointer)


def refused(id_: str, activity: Activity, facts: Facts) -> str | None:
    """Why an activity from elsewhere does nothing to this object of ours; None when it may."""
    return _objection(id_, activity, facts)


def _objection(id_: str, activity: Activity, facts: Facts) -> str | None:
    stored = facts.object(id_)
    if stored is None or facts.registry.things.find(id_) is not None:
        return None
    author = author_of(stored)
    if author is not None and facts.blocks(author, activity.actor):
        return "actor-blocked"
    relation = None if author is None else facts.follow(activity.actor, author)
    follows = relation is not None and relation.state == "accepted"
    viewer = Viewer(key_of(activity.actor), frozenset({stored.author} if follows else ()))
    if not may_read(viewer, stored):
        return "object-not-readable"
    return "object-deleted" if stored.deleted else None


def _is_open(id_: str, facts: Facts) -> bool:
    stored = facts.object(id_)
    is_there = stored is not None and not stored.deleted
    return is_there and stored is not None and stored.visibility <= Visibility.UNLISTED


def _is_nowhere(id_: str, activity: Activity, facts: Facts) -> bool:
    """Whether it would have to be here, and is not."""
    done = facts.activity(id_)
    if done is not None and not may_see(done, activity.actor, facts):
        done = None
    is_known = facts.object(id_) or done or facts.actor(id_)
    if is_known or facts.registry.things.find(id_) is not None:
        return False
    return same_origin(id_, activity.actor)


def visibility(activity: Activity, facts: Facts) -> Visibility:
    """How widely the activity may be seen."""
    actor = facts.actor(activity.actor)
    return visibility_of(activity.audience, actor.followers if actor else None)
