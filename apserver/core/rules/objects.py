"""Create, Update, Delete: the life of an object, here or elsewhere.

An object belongs to its author. Only the author changes or deletes it, from the author's own
origin, and an id never changes hands (FEP-fe34). What is embedded is believed when it is the
actor's own; what is only named is fetched from its own host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal
from uuid import UUID

from apserver.core.actors import parse_actor
from apserver.core.audience import Audience, audience_of, visibility_of, with_addressing
from apserver.core.contexts import joined
from apserver.core.document import types_of
from apserver.core.effects import (
    Bury,
    Effects,
    EndActor,
    Fetch,
    Put,
    PutActor,
    PutOwnActor,
    Refuse,
    RemoveFrom,
    Revisit,
)
from apserver.core.facts import (
    ActivityNeed,
    ActorNeed,
    DocumentNeed,
    Facts,
    Need,
    ObjectFact,
    ObjectNeed,
)
from apserver.core.model import Activity, VerifiedActivity, addressed_to, has_own_row
from apserver.core.names import pinned_of
from apserver.core.origin import key_of, same_origin
from apserver.core.ownership import is_by, objection
from apserver.core.polls import ballot_of, has_counts
from apserver.core.received import as_kept
from apserver.core.rules import activities, add, edits, posts, question, quotes, replies
from apserver.core.times import published_at, read_time, stamp
from apserver.core.tombstones import tombstone
from apserver.core.vocabulary import AS2_CONTEXT
from apserver.errors import BadInput, Forbidden, Gone, Missing, Unprocessable

#: What makes a document an actor, or a key. Others believe it of whatever we serve.
_NOT_IN_OBJECTS = ("inbox", "publicKey", "assertionMethod", "publicKeyPem", "publicKeyMultibase")
#: An edit of something that we never saw is taken as its making, while it is young (IO-45).
_STILL_NEWS = timedelta(days=1)
#: What an Update from elsewhere cannot change: nobody is made an author afterwards.
_AUTHOR_STAYS = ("attributedTo", "actor")

#: Why a vote of our client does not count.
_NO_VOTE = {
    "vote-too-late": "The vote has ended.",
    "vote-for-nothing": "There is no such option.",
    "vote-repeated": "Only one option can be chosen, once.",
    "object-not-readable": "There is no such Question.",
    "object-deleted": "There is no such Question.",
    "actor-blocked": "There is no such Question.",
}

Write = Callable[[Activity, Mapping[str, Any], Facts], Effects]


def needs(activity: Activity, facts: Facts) -> Iterable[Need]:
    """The author, whose followers collection tells followers-only from direct; the object, as it
    is stored, or as it was fetched. What one of ours makes has an id that nothing has yet."""
    yield ActorNeed(activity.actor)
    yield from _needs_of_replies(activity, facts)
    if ballot_of(activity.document):
        return  # votes are counted, and not kept
    yield from posts.needs(activity, facts)
    if isinstance(activity, VerifiedActivity):
        yield from quotes.needs(activity, _said(activity, facts), facts)
    is_new = activity.type == "Create" and not isinstance(activity, VerifiedActivity)
    if activity.object_id is not None and not is_new:
        yield ObjectNeed(activity.object_id)
        yield ObjectNeed(activity.object_id, activity.actor)
        if activity.type == "Delete":
            yield from replies.leave_needs(activity.object_id)
        if activity.type != "Create" and not activity.is_about_itself:
            yield ActivityNeed(activity.object_id, activity.actor)
            yield from _needs_of_activity(activity, facts)
        if activity.embedded is None:
            yield DocumentNeed(activity.object_id)


def _said(activity: Activity, facts: Facts) -> Mapping[str, Any]:
    """The object in full, as far as it is there."""
    fetched = facts.document(activity.object_id or "")
    whole = activity.embedded or (fetched.document if fetched else None)
    return {} if whole is None else whole


def _needs_of_replies(activity: Activity, facts: Facts) -> Iterable[Need]:
    if activity.type == "Create":
        one = () if activity.embedded is None else (activity.embedded,)
        for embedded in one or ballot_of(activity.document):
            yield from replies.needs(activity, embedded, facts)
            yield from question.needs(activity, embedded, facts)


def _needs_of_activity(activity: Activity, facts: Facts) -> Iterable[Need]:
    fact = activities.found(activity, facts)
    if fact is not None:
        yield from activities.companion_needs(fact)
        yield from activities.update_needs(fact, facts)


# Create -----------------------------------------------------------------------------------


def send_create(create: Activity, facts: Facts) -> Effects:
    """An actor of ours makes an object; ids and dates are in it already (AP-C2S-16 to 22)."""
    if create.embedded is None:
        raise BadInput("Create needs the whole object, not only its id.", pointer="/object")
    _check_no_pretence(create.embedded, create.actor)
    put = _put(create, create.embedded, facts, kind="ours")
    refused = [one for one in _answering(create, put, facts) if isinstance(one, Refuse)]
    if refused:
        raise Unprocessable(_NO_VOTE[refused[0].reason], pointer="/object")
    if add.is_collection(create.embedded):
        return add.made(create, put, facts)
    return (
        *_answering(create, put, facts),
        *question.asked(put.id, put.document, facts, before={}),
    )


def complete_create(create: Activity, facts: Facts) -> Activity:
    """A post as others expect it; a vote that addresses nobody goes to who asked (IO-58)."""
    asked_by = question.asked_by(create.embedded or {}, facts)
    if asked_by is None or create.audience.everyone:
        made = {**create.document, "object": question.as_edited(create.embedded or {}, {})}
        whole = create if create.embedded is None else replace(create, document=made)
        return posts.complete(whole, facts, before={})
    audience = Audience(to=(asked_by,))
    vote = with_addressing(create.embedded or {}, audience)
    return addressed_to(replace(create, document={**create.document, "object": vote}), audience)


def _answering(create: Activity, put: Put, facts: Facts) -> Effects:
    """An object that is made, as a vote or as a reply when it answers something of ours."""
    voted = question.vote(create, put.document, facts)
    if voted is not None:
        return voted if any(isinstance(one, Refuse) for one in voted) else (put, *voted)
    return (put, *replies.join(create, put.document, put.visibility, facts))


def receive_create(create: VerifiedActivity, facts: Facts) -> Effects:
    """Somebody made an object (AP-OBJ-03, IO-39, IO-40)."""
    if create.ours:
        return ()
    ballot = ballot_of(create.document)
    return question.cast(create, ballot, facts) if ballot else _receive(create, facts, _create)


def _create(create: Activity, embedded: Mapping[str, Any], facts: Facts) -> Effects:
    stored = facts.object(str(embedded["id"]))
    refusal = None if stored is None else _not_theirs(create, stored)
    if refusal is not None:
        return (refusal,)
    put = _put(create, embedded, facts, kind="remote")
    return (*_answering(create, put, facts), *quotes.check(put))


def _check_no_pretence(object_: Mapping[str, Any], actor: str) -> None:
    """Refuse what our origin would make others take for an actor, a key, or what somebody else did
    (GHSA-jhrq-qvrm-qr36, where it was an uploaded file)."""
    for name in _NOT_IN_OBJECTS:
        if object_.get(name) is not None:
            raise BadInput(f"An object has no {name}. Leave it out.")
    if not is_by(object_, actor, alone=True):
        raise Forbidden("The object names somebody else as its author or actor.")


# Update -----------------------------------------------------------------------------------


def complete_update(update: Activity, facts: Facts) -> Activity:
    """A client sends what changes; stored, shown and delivered is the whole (AP-C2S-24, 26).

    A member that is null is removed (AP-C2S-25). It goes to those whom the object is for and
    whoever else is named.
    """
    patch = update.embedded
    if update.is_about_itself and patch is not None:
        return edits.complete_profile(update, patch, facts)
    stored = facts.object(update.object_id)
    if patch is None:
        raise BadInput("Update needs the members that change, with the id.", pointer="/object")
    fact = activities.found(update, facts)
    if fact is not None and patch is not None:
        return activities.complete_update(update, fact, patch, facts)
    if stored is None or not stored.ours:
        raise Missing("You have no such object. Update it by its id.", pointer="/object/id")
    if stored.author != key_of(update.actor):
        raise Forbidden("Only its author can update it.", pointer="/object/id")
    if stored.deleted:
        raise Gone("It was deleted.", pointer="/object/id")
    kept = edits.SERVER_MANAGED | (add.OF_ITEMS if add.is_collection(stored.document) else set())
    whole = edits.merged(stored.document, patch, kept=kept)
    if not has_counts(patch):  # else it tells how a Question stands, and edits nothing
        whole = question.as_edited({**whole, "updated": stamp(facts.now)}, stored.document)
    _check_no_pretence(whole, update.actor)
    context = joined(stored.context, update.document.get("@context"))
    document = {**update.document, "@context": context, "object": whole}
    changed = Activity(document, update.id, update.type, update.actor, update.addressed)
    changed = addressed_to(changed, changed.audience | audience_of(whole))
    return posts.complete(changed, facts, before=stored.document)


def send_update(update: Activity, facts: Facts) -> Effects:
    """An actor of ours changes an object of its own."""
    embedded = update.embedded
    assert embedded is not None, "completed before"
    if activities.found(update, facts) is not None:
        return activities.send_update(update, facts)
    if update.is_about_itself:
        return (PutOwnActor(update.actor, {"@context": update.document["@context"], **embedded}),)
    put = _put(update, embedded, facts, kind="ours", replace=True)
    before = facts.object(put.id)
    asked = question.asked(put.id, embedded, facts, before=before.document if before else {})
    return (replace(put, also=_also(embedded, facts)), *asked)


def _also(whole: Mapping[str, Any], facts: Facts) -> frozenset[UUID]:
    """Who got an object without being shown as addressed, unless its new version is for fewer."""
    stored = facts.object(str(whole["id"]))
    if stored is None or not {*audience_of(stored.document).everyone} <= {
        *audience_of(whole).everyone
    }:
        return frozenset()
    return stored.audience - {*audience_of(whole).keys()}


def receive_update(update: VerifiedActivity, facts: Facts) -> Effects:
    """Somebody changed an object, or itself: the new document replaces the old (AP-S2S-29)."""
    if update.ours:
        return ()
    fact = activities.found(update, facts)
    if fact is not None:
        return activities.receive_update(update, fact, facts)
    if not update.is_about_itself:
        return _receive(update, facts, _update)
    found = _object_of(update, facts)
    return (found,) if isinstance(found, Fetch | Refuse) else _put_actor(update, found)


def _put_actor(update: Activity, document: Mapping[str, Any]) -> Effects:
    if document.get("id") != update.actor:
        return (Refuse("object-of-another-author"),)
    try:
        # http is taken for what it is by whoever connects: here it is only written down.
        profile = parse_actor(document, allow_http=True)
    except BadInput:
        return (Refuse("actor-unreadable"),)
    whole = {"@context": update.document.get("@context", AS2_CONTEXT), **document}
    return (PutActor(profile, whole), Revisit(update.actor))


def _update(update: Activity, embedded: Mapping[str, Any], facts: Facts) -> Effects:
    stored = facts.object(str(embedded["id"]))
    if stored is None:
        news = facts.now - published_at(embedded.get("published"), facts.now) < _STILL_NEWS
        return (_put(update, embedded, facts, kind="remote"),) if news else (Refuse("unknown"),)
    refusal = _not_theirs(update, stored)
    if refusal is not None:
        return (refusal,)
    changed = read_time(embedded.get("updated"))
    if changed is not None and changed < (stored.updated_at or stored.published_at):
        return (Refuse("update-older"),)
    embedded = question.as_told(stored, embedded, changed) or embedded
    kept = {name: stored.document.get(name) for name in _AUTHOR_STAYS}
    put = _put(update, {**embedded, **kept}, facts, kind="remote", replace=True)
    return (put, *quotes.check(put))


# Delete -----------------------------------------------------------------------------------


def complete_delete(delete: Activity, facts: Facts) -> Activity:
    """The Tombstone embedded (IO-53), for those who got the object and whoever else is named."""
    stored = facts.object(delete.object_id)
    fact = activities.found(delete, facts)
    if fact is not None:
        return activities.complete_delete(delete, fact, facts)
    if delete.object_id is None or stored is None or not stored.ours:
        raise Missing("You have no such object. Delete it by its id.", pointer="/object")
    if stored.author != key_of(delete.actor):
        raise Forbidden("Only its author can delete it.", pointer="/object")
    if stored.deleted:
        raise Gone("It was deleted before.", pointer="/object")
    stone = tombstone(delete.object_id, former_type=stored.type, deleted_at=facts.now)
    document = {**delete.document, "object": stone}
    changed = Activity(document, delete.id, delete.type, delete.actor, delete.addressed)
    return addressed_to(changed, changed.audience | audience_of(stored.document))


def send_delete(delete: Activity, facts: Facts) -> Effects:
    """An actor of ours deletes an object of its own."""
    fact = activities.found(delete, facts)
    if fact is not None:
        return activities.send_delete(delete, fact, facts)
    return _bury(delete, facts, kind="ours")


def receive_delete(delete: VerifiedActivity, facts: Facts) -> Effects:
    """Somebody deleted an object, or itself (AP-S2S-31, IO-46, IO-47)."""
    object_id = delete.object_id
    if delete.ours:
        return ()
    if delete.is_about_itself:
        return (EndActor(delete.actor),)
    if object_id is None or not same_origin(object_id, delete.actor):
        return (Refuse("object-of-another-origin"),)
    fact = activities.found(delete, facts)
    if fact is not None:
        return activities.receive_delete(fact, facts)
    stored = facts.object(object_id)
    refusal = None if stored is None else _not_theirs(delete, stored)
    return _bury(delete, facts, kind="remote") if refusal is None else (refusal,)


def gone(delete: Activity, facts: Facts) -> Effects:
    """What a Delete by its author does, of an object elsewhere whose own server says that it is
    gone."""
    stored = facts.object(delete.object_id)
    if stored is None or stored.ours or _not_theirs(delete, stored) is not None:
        return ()
    return _bury(delete, facts, kind="remote")


def _bury(delete: Activity, facts: Facts, *, kind: Literal["ours", "remote"]) -> Effects:
    id_, stored = str(delete.object_id), facts.object(delete.object_id)
    if stored is None:
        return (Bury(id_, kind, delete.actor, "Object", facts.now),)
    left = () if stored.deleted else replies.leave(id_, stored.document, facts)
    if kind == "remote":
        left += (RemoveFrom(pinned_of(delete.actor), id_),)
    elif not stored.deleted:
        left += question.ended(id_, stored.document)
    return (Bury(id_, kind, delete.actor, stored.type, facts.now), *left)


# All three --------------------------------------------------------------------------------


def _receive(activity: Activity, facts: Facts, write: Write) -> Effects:
    """Find the object, and write it when it is the actor's own."""
    found = _object_of(activity, facts)
    if isinstance(found, Fetch | Refuse):
        return (found,)
    reason = objection(found, activity.actor)
    if reason is not None:
        return (Refuse(reason),)
    if not has_own_row(found):
        return ()
    if facts.was_deleted(found["id"], activity.actor):
        return (Refuse("object-deleted"),)
    return write(activity, found, facts)


def _object_of(activity: Activity, facts: Facts) -> Mapping[str, Any] | Fetch | Refuse:
    """The object in full, embedded or fetched."""
    if activity.embedded is not None:
        return activity.embedded
    object_id = activity.object_id
    if object_id is None or not same_origin(object_id, activity.actor):
        return Refuse("object-of-another-origin")
    fetched = facts.document(object_id)
    if fetched is None:
        return Fetch(object_id)
    if fetched.document is None:
        return Refuse(fetched.reason)
    if fetched.document.get("id") != object_id:
        return Refuse("object-of-another-id")  # what is known here was looked up by this one
    return fetched.document


def _not_theirs(activity: Activity, stored: ObjectFact) -> Refuse | None:
    if stored.author != key_of(activity.actor):
        return Refuse("object-of-another-author")
    return Refuse("object-deleted") if stored.deleted else None


def _put(
    activity: Activity,
    object_: Mapping[str, Any],
    facts: Facts,
    *,
    kind: Literal["ours", "remote"],
    replace: bool = False,
) -> Put:
    author = facts.actor(activity.actor)
    followers = author.followers if author else None
    document, context = object_, activity.document.get("@context")
    if kind == "remote":
        stored = facts.object(str(object_["id"]))
        document, context = as_kept(
            object_,
            activity.actor,
            context,
            quotes_itself=quotes.quotes_itself(object_, activity, facts),
            before=stored.document if stored else None,
        )
    published = object_.get("published") or activity.document.get("published")
    return Put(
        id=str(object_["id"]),
        kind=kind,
        type=next(iter(types_of(object_)), "Object"),
        author=activity.actor,
        visibility=visibility_of(activity.audience, followers),
        audience=activity.audience | audience_of(object_),
        document=document,
        context=context,
        published_at=published_at(published, facts.now),
        updated_at=read_time(object_.get("updated")),
        replace=replace,
    )


def undo(undoing: Activity, mutation: Activity, facts: Facts) -> Effects:
    """What is made, changed or deleted is not undone: what was made is deleted (AP-C2S-37)."""
    return (Refuse("undo-of-mutation"),)
