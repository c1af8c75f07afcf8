"""Add and Remove, whole: what is in the collections of their owners.

An actor of ours puts things into collections of its own: ``featured``, and those that it made by a
Create of a Collection (AP-C2S-30, 31). Nobody else does, and the collections that come about by
what others do (``followers``, ``likes`` ...) are the server's to keep. A target that is no
collection here is a place in the world: such an activity is told, and changes nothing here.

From elsewhere an Add says something of the sender's own collections, which its own server keeps:
it is listed, and one that is about a collection here has no effect (AP-S2S-39, AP-S2S-40). Of what
those have pinned whom somebody here follows there is a copy, which this keeps up to date (IO-84,
`flow.profiles`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apserver.core import limits
from apserver.core.audience import Audience, Visibility, audience_of
from apserver.core.collections import CUSTOM, OF_ACTORS, OF_OBJECTS
from apserver.core.document import as_list, first, id_of, parse, types_of
from apserver.core.effects import AddTo, Effects, Open, Put, Refuse, RemoveFrom, Revisit
from apserver.core.facts import ActorNeed, Facts, Need, ObjectNeed, TotalNeed
from apserver.core.model import Activity, VerifiedActivity, addressed_to
from apserver.core.names import pinned_of
from apserver.core.origin import key_of, same_origin
from apserver.core.rules import concerning
from apserver.core.vocabulary import COLLECTION_TYPES
from apserver.errors import BadInput, Forbidden, Gone, Missing

#: Collections of an actor that it fills itself.
_OWN = frozenset({"featured"})
#: What tells of the items, and so is not part of what is said of a collection.
OF_ITEMS = frozenset("items orderedItems totalItems first last current next prev".split())


def needs(add: Activity, facts: Facts) -> Iterable[Need]:
    """The objects; the target, and whose collection it may be."""
    yield from concerning.needs(add, facts)
    target = _target(add)
    if target is not None:
        yield ObjectNeed(target)
        yield ActorNeed(target)
        yield from concerning.needs_of_author(target, add, facts)
        yield ActorNeed(_owner(target))
        yield ObjectNeed(_owner(target))
    if isinstance(add, VerifiedActivity) and not add.ours:
        yield TotalNeed(pinned_of(add.actor))


def complete(add: Activity, facts: Facts) -> Activity:
    """One that addresses nobody goes to those for whom the collection is."""
    target = _target(add)
    if add.audience.everyone or target is None:
        return add
    stored, actor = facts.object(target), facts.actor(add.actor)
    if stored is not None and stored.ours:
        return addressed_to(add, audience_of(stored.document))
    if _name(target, add, facts) in _OWN and actor is not None and actor.followers is not None:
        return addressed_to(add, Audience(to=(actor.followers,)))
    return add


def send_add(add: Activity, facts: Facts) -> Effects:
    """An actor of ours puts something into a collection of its own."""
    target, name = _open_target(add, facts)
    if name is None:
        return ()
    concerning.check(add, facts)
    added = (_added(target, id_, facts) for id_ in _items(add))
    return (Open(target, add.actor, name), *added)


def send_remove(remove: Activity, facts: Facts) -> Effects:
    """An actor of ours takes something out of a collection of its own."""
    target, name = _open_target(remove, facts)
    if name is None:
        return ()
    return tuple(RemoveFrom(target, id_) for id_ in _items(remove))


def undo_add(undoing: Activity, add: Activity, facts: Facts) -> Effects:
    """Undo of an Add is a Remove (AP-C2S-37)."""
    actor = facts.actor(add.actor)
    return send_remove(add, facts) if actor is not None and actor.ours else ()


def receive(activity: VerifiedActivity, facts: Facts) -> Effects:
    """Somebody changes a collection: one of ours cannot be meant."""
    target = _target(activity)
    if activity.ours or target is None:
        return ()
    stored = facts.object(target)
    is_kept_here = stored is not None and stored.ours and stored.type in COLLECTION_TYPES
    if is_kept_here or _name(target, activity, facts) is not None:
        return (Refuse("target-of-another"),)
    return _pinned(activity, facts) if is_of_pinned(activity, facts) else ()


def is_of_pinned(activity: VerifiedActivity, facts: Facts) -> bool:
    """Whether somebody elsewhere pins or unpins, of whom we keep what it has pinned. Mastodon
    addresses that to nobody (interop 2.4)."""
    actor = facts.actor(activity.actor)
    if activity.type not in ("Add", "Remove") or actor is None or actor.ours:
        return False
    if facts.total(pinned_of(activity.actor)) is None:
        return False
    return _target(activity) == featured_of(parse(actor.document), activity.actor)


def featured_of(document: Mapping[str, Any], actor: str) -> str | None:
    """The id of the collection of what an actor elsewhere has pinned, by its document: one of its
    own origin."""
    featured = id_of(document.get("featured"))
    is_own = featured is not None and same_origin(featured, actor)
    return featured if is_own else None


def _pinned(activity: VerifiedActivity, facts: Facts) -> Effects:
    """Its own posts alone, no more than a few; what is not known here is looked for."""
    pinned, room = pinned_of(activity.actor), limits.PINNED
    room -= facts.total(pinned) or 0
    effects: list[AddTo | RemoveFrom | Revisit] = []
    for id_ in concerning.objects_of(activity):
        stored = facts.object(id_)
        if activity.type == "Remove":
            effects.append(RemoveFrom(pinned, id_))
        elif stored is None and same_origin(id_, activity.actor):
            effects.append(Revisit(activity.actor))
        elif stored is not None and stored.author == key_of(activity.actor) and room > 0:
            room -= 1
            effects.append(
                AddTo(pinned, id_, activity.actor, visibility=Visibility(stored.visibility))
            )
    return tuple(effects)


def made(create: Activity, put: Put, facts: Facts) -> Effects:
    """A client makes a collection: what it says of it is the object, and what is in it are
    members. Its own items first come last: so the first one is the newest."""
    document = {name: one for name, one in put.document.items() if name not in OF_ITEMS}
    items = [*as_list(put.document.get("items")), *as_list(put.document.get("orderedItems"))]
    ids = tuple(dict.fromkeys(id_ for id_ in map(id_of, items) if id_ is not None))
    added = (_added(put.id, id_, facts) for id_ in reversed(ids))
    kept = Put(
        id=put.id,
        kind=put.kind,
        type=put.type,
        author=put.author,
        visibility=put.visibility,
        audience=put.audience,
        document=document,
        context=put.context,
        published_at=put.published_at,
    )
    return (kept, Open(put.id, create.actor, CUSTOM), *added)


def is_collection(document: Mapping[str, Any]) -> bool:
    """Whether an object is a collection."""
    return not COLLECTION_TYPES.isdisjoint(types_of(document))


def _target(activity: Activity) -> str | None:
    return id_of(first(activity.document.get("target")))


def _owner(target: str) -> str:
    return target.rpartition("/")[0]


def _items(activity: Activity) -> tuple[str, ...]:
    ids = concerning.objects_of(activity)
    if not ids:
        raise BadInput(f"{activity.type} needs the id of its object.", pointer="/object")
    return ids


def _name(target: str, activity: Activity, facts: Facts) -> str | None:
    """The name of a collection of an actor or an object of ours that exists by itself."""
    owner, _, name = target.rpartition("/")
    actor, thing = facts.actor(owner), facts.object(owner)
    if actor is not None and actor.ours and name in OF_ACTORS:
        return name
    return name if thing is not None and thing.ours and name in OF_OBJECTS else None


def _open_target(activity: Activity, facts: Facts) -> tuple[str, str | None]:
    """The collection and its kind; no kind when it is no collection here. Forbidden, Missing or
    Gone when the actor cannot change it."""
    target = _target(activity)
    if target is None:
        return "", None
    name = _name(target, activity, facts)
    if name is not None:
        if name not in _OWN:
            raise Forbidden(f"{name} is kept by the server.", pointer="/target")
        if _owner(target) != activity.actor:
            raise Forbidden("It is a collection of somebody else.", pointer="/target")
        return target, name
    stored = facts.object(target)
    if stored is None or not stored.ours:
        _check_somewhere(target, activity, facts)
        return target, None
    if stored.author != key_of(activity.actor):
        if concerning.refused(target, activity, facts) is not None:
            raise Missing(f"There is nothing at {target}", pointer="/target")
        if stored.type in COLLECTION_TYPES:
            raise Forbidden("It is a collection of somebody else.", pointer="/target")
        return target, None
    if stored.deleted:
        raise Gone("It was deleted.", pointer="/target")
    return target, CUSTOM if stored.type in COLLECTION_TYPES else None


def _check_somewhere(target: str, activity: Activity, facts: Facts) -> None:
    known = facts.object(target) or facts.actor(target) or facts.registry.things.find(target)
    if known is None and same_origin(target, activity.actor):
        raise Missing(f"There is nothing at {target}", pointer="/target")


def _added(target: str, id_: str, facts: Facts) -> AddTo:
    stored = facts.object(id_)
    if stored is None:
        return AddTo(target, id_)
    return AddTo(target, id_, concerning.author_of(stored), Visibility(stored.visibility))
