"""Create: an object comes into being, here or elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal

from apserver.core.audience import audience_of, visibility_of
from apserver.core.document import ids_of, types_of
from apserver.core.effects import ActorNeed, DocumentNeed, Effects, Facts, Fetch, Need, Put, Refuse
from apserver.core.model import Activity, VerifiedActivity, spliced_object
from apserver.core.origin import same_origin
from apserver.core.times import published_at
from apserver.errors import BadInput


def needs(create: Activity, facts: Facts) -> Iterable[Need]:
    """The author, whose followers collection tells followers-only from direct; a fetched object."""
    yield ActorNeed(create.actor)
    if create.embedded is None and create.object_id is not None:
        yield DocumentNeed(create.object_id)


def send(create: Activity, facts: Facts) -> Effects:
    """An actor of ours makes an object; ids and dates are in it already (AP-C2S-16 to 22)."""
    if create.embedded is None:
        raise BadInput("Create needs the whole object, not only its id.", pointer="/object")
    return (_put(create, create.embedded, facts, kind="ours"),)


def receive(create: VerifiedActivity, facts: Facts) -> Effects:
    """Somebody made an object. It is kept when it is the actor's own and of its origin.

    An embedded object of another origin or author is not believed (AP-OBJ-03, IO-40).
    """
    if create.ours:
        return ()
    if create.embedded is None:
        return _receive_by_id(create, facts)
    embedded = spliced_object(create)
    return () if embedded is None else _receive(create, embedded, facts)


def _receive(create: Activity, embedded: Mapping[str, Any], facts: Facts) -> Effects:
    if not same_origin(str(embedded["id"]), create.actor):
        return (Refuse("object-of-another-origin"),)
    authors = ids_of(embedded.get("attributedTo"))
    if authors and create.actor not in authors:
        return (Refuse("object-of-another-author"),)
    return (_put(create, embedded, facts, kind="remote"),)


def _receive_by_id(create: Activity, facts: Facts) -> Effects:
    """The object is only named: get it from its own host, never from another (IO-39)."""
    object_id = create.object_id
    if object_id is None or not same_origin(object_id, create.actor):
        return (Refuse("object-of-another-origin"),)
    fetched = facts.document(object_id)
    if fetched is None:
        return (Fetch(object_id),)
    if fetched.document is None:
        return (Refuse(fetched.reason),)
    return _receive(create, fetched.document, facts)


def _put(
    create: Activity,
    embedded: Mapping[str, Any],
    facts: Facts,
    *,
    kind: Literal["ours", "remote"],
) -> Put:
    author = facts.actor(create.actor)
    audience = create.audience | audience_of(embedded)
    return Put(
        id=str(embedded["id"]),
        kind=kind,
        type=next(iter(types_of(embedded)), "Object"),
        author=create.actor,
        visibility=visibility_of(create.audience, author.followers if author else None),
        audience=audience,
        document=embedded,
        context=create.document.get("@context"),
        published_at=published_at(
            embedded.get("published") or create.document.get("published"), facts.now
        ),
    )
