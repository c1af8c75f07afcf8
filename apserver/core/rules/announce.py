"""Announce, whole: something is shared, here or elsewhere, and no more.

Who shares an object of ours stands in its ``shares`` once (ActivityPub 7.11, IO-48). What is shared
from elsewhere and not known here is fetched, once and from its own server, so that whoever follows
the sharer can read it; what that leads to is not followed. Only what is for everybody can be
shared: an Announce of something else has no effect, and our own actors cannot send it.

Groups announce activities of others (FEP-1b12). These are listed as they come, and what they say is
found out before it counts (`core.rules.announced`). The Announces of our façades stand beside an
action that counts by itself, and are not counted.
"""

from __future__ import annotations

from collections.abc import Iterable

from apserver.core.audience import Audience, Visibility
from apserver.core.document import as_list, types_of
from apserver.core.effects import (
    AddTo,
    Effect,
    Effects,
    Fetch,
    Instead,
    Open,
    Put,
    Refuse,
    Relate,
    RemoveFrom,
    Unrelate,
)
from apserver.core.facts import ActivityNeed, ActorNeed, Facts, Need, RelationNeed
from apserver.core.model import Activity, VerifiedActivity, addressed_to
from apserver.core.names import collection_id
from apserver.core.origin import activity_key
from apserver.core.rules import announced, answers, concerning, quotes
from apserver.core.rules.fetched import kept
from apserver.core.vocabulary import ACTIVITY_TYPES
from apserver.errors import Forbidden


def needs(announce: Activity, facts: Facts) -> Iterable[Need]:
    """The objects, whose they are, and whether they are shared already."""
    yield from concerning.needs(announce, facts)
    for id_ in concerning.objects_of(announce):
        yield RelationNeed(announce.actor, "announce", id_)
        yield ActorNeed(id_)
        yield ActivityNeed(id_)
    if announce.id is not None:
        yield RelationNeed(announce.actor, "undone", announce.id)
    if isinstance(announce, VerifiedActivity):
        yield from announced.needs(announce)


def complete(announce: Activity, facts: Facts) -> Activity:
    """One that addresses nobody goes to the followers of who shares, and to whose it is."""
    actor = facts.actor(announce.actor)
    if announce.audience.everyone or actor is None or actor.followers is None:
        return announce
    authors = concerning.authors(announce, facts)
    return addressed_to(announce, Audience(to=(actor.followers,), cc=authors))


def about(announce: Activity, facts: Facts) -> tuple[str, ...]:
    """The authors here, addressed or not."""
    return concerning.concerned(announce, facts)


def send(announce: Activity, facts: Facts) -> Effects:
    """An actor of ours shares something. To repeat it says nothing new."""
    if announce.document.get("companionOf"):
        return ()
    concerning.check(announce, facts)
    ids = concerning.objects_of(announce)
    for id_ in ids:
        stored = facts.object(id_)
        if stored is not None and stored.visibility > Visibility.UNLISTED:
            raise Forbidden("It is not for everybody, and cannot be shared.", pointer="/object")
    before = {_standing(announce, id_, facts) for id_ in ids}
    if len(before) == 1 and None not in before:
        return (Instead(str(before.pop())),)
    return tuple(effect for id_ in ids for effect in _shared(announce, id_, facts, ours=True))


def receive(announce: VerifiedActivity, facts: Facts) -> Effects:
    """Somebody shares something of ours, or of somebody else."""
    if announce.ours:
        return ()
    if facts.was_undone(announce.actor, announce.id):
        return (Unrelate(announce.actor, "undone", str(announce.id)), Refuse("announce-undone"))
    if _is_of_activity(announce):
        return announced.hear(announce, facts)
    effects: list[Effect] = []
    for id_ in concerning.objects_of(announce):
        stored = facts.object(id_)
        if stored is not None:
            reason = concerning.refused(id_, announce, facts)
            if reason is None and stored.visibility > Visibility.UNLISTED:
                reason = "object-not-public"
            found = (Refuse(reason),) if reason else _shared_by_other(announce, id_, facts)
        else:
            found = _fetched(announce, id_, facts)
        effects += found
    refused = [one for one in effects if isinstance(one, Refuse)]
    return tuple(refused or effects)


def undo(undoing: Activity, announce: Activity, facts: Facts) -> Effects:
    """Whoever shared it does so no more. An older Announce ends nothing."""
    effects: list[Effect] = []
    for id_ in concerning.objects_of(announce):
        relation = facts.relation(announce.actor, "announce", id_)
        if relation is None or announce.id not in (None, relation.activity_id):
            continue
        effects.append(Unrelate(announce.actor, "announce", id_))
        effects += _unlisted(announce, id_, relation.activity_id)
    if effects or not concerning.is_of_here(announce, facts):
        return tuple(effects)
    if announce.document.get("companionOf"):
        return ()
    return (*answers.undone_early(undoing, facts), Refuse("undo-without-announce"))


def _standing(announce: Activity, id_: str, facts: Facts) -> str | None:
    relation = facts.relation(announce.actor, "announce", id_)
    return None if relation is None else relation.activity_id


def _shared(announce: Activity, id_: str, facts: Facts, *, ours: bool) -> tuple[Effect, ...]:
    """The relation is kept for all that may have to be undone: what one of ours shares, and what
    of ours is shared."""
    stored = facts.object(id_)
    author = concerning.author_of(stored) if stored is not None and stored.ours else None
    before = _standing(announce, id_, facts)
    gone = () if before is None else _unlisted(announce, id_, before)
    related = Relate(announce.actor, "announce", id_, "accepted", announce.id, subject_ours=ours)
    if author is None:
        return (*gone, related)
    shares = collection_id(id_, "shares")
    added = AddTo(shares, announce.key, announce.actor, concerning.visibility(announce, facts))
    return (*gone, related, Open(shares, author, "shares"), added)


def _shared_by_other(announce: Activity, id_: str, facts: Facts) -> tuple[Effect, ...]:
    """Who shares what is elsewhere is for its own server to keep."""
    stored = facts.object(id_)
    is_ours = stored is not None and stored.ours
    return _shared(announce, id_, facts, ours=False) if is_ours else ()


def _unlisted(announce: Activity, id_: str, before: str | None) -> tuple[Effect, ...]:
    if before is None:
        return ()
    return (RemoveFrom(collection_id(id_, "shares"), activity_key(announce.actor, before)),)


def _is_of_activity(announce: Activity) -> bool:
    """Whether an activity is announced in full, as groups do; one that AS2 has no type for, too."""
    whole = [one for one in as_list(announce.document.get("object")) if isinstance(one, dict)]
    types = {type_ for one in whole for type_ in types_of(one)}
    unnamed = any({"actor", "object"} <= one.keys() for one in whole)
    return unnamed or not types.isdisjoint(ACTIVITY_TYPES - {"Question"})


def _fetched(announce: Activity, id_: str, facts: Facts) -> tuple[Effect, ...]:
    """What is shared and not here: fetched, and kept when it is for everybody."""
    if facts.actor(id_) is not None or facts.activity(id_) is not None:
        return ()
    fetched = facts.document(id_)
    if fetched is None:
        return (Fetch(id_, is_needed=False),)
    if fetched.document is None:
        return (Refuse(fetched.reason),)
    found = kept(fetched.document, id_, now=facts.now)
    if not isinstance(found, Put):
        return () if found is None else (found,)
    return (found, *quotes.check(found))
