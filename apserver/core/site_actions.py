"""What a web site posts: an activity of one of its users, with things of the site in it.

The site names its users and things by its own IRIs (`core.things`). Here it is read which of them
there are, and whether they are registered; then the users give way to their actors here, and what
was embedded of things to their ids. What was embedded is kept apart, and shown as it is now
wherever the id stands.

An actor that is a thing with a façade means the façade: so the site answers who wants to follow it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list, check_as2, first, id_of, ids_of, types_of, without_nulls
from apserver.core.intake import check_size, take_in
from apserver.core.model import Activity
from apserver.core.things import Things, ThingType
from apserver.core.vocabulary import (
    AUDIENCE_PROPERTIES,
    JSON_LITERALS,
    LANGUAGE_MAPS,
    PARTICIPANTS,
    THING_PROPERTIES,
)
from apserver.errors import BadInput, Unprocessable

_IRIS = frozenset({*THING_PROPERTIES, *AUDIENCE_PROPERTIES, "id", "href"})
#: What other servers look for an id in.
_BY_ID = frozenset("Accept Block Delete Flag Follow Reject Undo".split())
_CLOSED = JSON_LITERALS | LANGUAGE_MAPS | {"@context", "source"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteAction:
    """What was posted. ``users`` are those of the site that it names anywhere, ``facades`` the
    things that act or are addressed, ``things`` those that take part; each by IRI with what was
    embedded of it, None when only the id was given."""

    document: Mapping[str, Any]
    actor: str
    users: Mapping[str, Mapping[str, Any] | None]
    facades: tuple[str, ...]
    things: Mapping[str, Mapping[str, Any] | None]


def read_action(posted: Mapping[str, Any], things: Things) -> SiteAction:
    """What the site means. BadInput when it is malformed; Unprocessable, with the type at fault,
    for a participant of the site that is not registered (seed rows A12, H1; fault X9)."""
    document = without_nulls(posted)
    check_as2(document)
    check_size(document)
    document = take_in(document)
    actor = id_of(first(document.get("actor")))
    if actor is None or len(as_list(document.get("actor"))) != 1:
        raise BadInput("Name one actor: who of the site does it.", pointer="/actor")
    _check_actor(actor, things)
    taking_part: dict[str, Mapping[str, Any] | None] = {}
    for name in PARTICIPANTS:
        for value in as_list(document.get(name)):
            _take(value, taking_part, things, pointer=f"/{name}")
    addressed = [iri for name in AUDIENCE_PROPERTIES for iri in _addressed(document, name, things)]
    users = dict.fromkeys(iri for iri, kind in named_in(document, things) if kind.user)
    if len(users) + len(taking_part) > limits.RECIPIENTS:
        raise BadInput(f"At most {limits.RECIPIENTS} users and things of the site may be named.")
    return SiteAction(
        document=document,
        actor=actor,
        users={iri: taking_part.get(iri) for iri in users},
        facades=tuple(dict.fromkeys(one for one in (actor, *addressed) if one not in users)),
        things={iri: one for iri, one in taking_part.items() if iri not in users},
    )


def with_actors(action: SiteAction, actors: Mapping[str, str], things: Things) -> dict[str, Any]:
    """What is published: the document as `resolved`.

    An Update of a user changes what the actor shows of itself, of the members that are shown.
    """
    document = resolved(action.document, actors, things)
    changed = first(action.document.get("object"))
    iri = id_of(changed)
    kind = things.find(iri)
    is_profile = "Update" in types_of(action.document) and isinstance(changed, Mapping)
    if is_profile and iri is not None and kind is not None and kind.user:
        shown = {**kind.shown(iri, changed), "id": actors.get(iri, iri)}
        document["object"] = {name: one for name, one in shown.items() if name != "type"}
    return document


def leaving_user(action: SiteAction) -> str | None:
    """The user whom the site deletes, if it does."""
    iri = id_of(first(action.document.get("object")))
    return iri if "Delete" in types_of(action.document) and iri in action.users else None


def told_of(
    action: SiteAction, iri: str, actors: Mapping[str, str], things: Things
) -> dict[str, Any]:
    """What is kept of a thing: of what was embedded, what its type shows."""
    kind = things.find(iri)
    assert kind is not None, "read_action found its type"
    shown = kind.shown(iri, action.things[iri])
    return {
        name: value if name == "id" else _resolved(name, value, actors, things)
        for name, value in shown.items()
    }


def _check_actor(actor: str, things: Things) -> None:
    kind = things.find(actor)
    if kind is None and (things.is_of_site(actor) or not actor.startswith(f"{things.own}/")):
        raise Unprocessable(
            f"The actor {actor} is of no registered type. Register the IRIs of users under "
            "[things] with user = true, or name an actor of this server.",
            pointer="/actor",
        )
    if kind is not None and not kind.user and not kind.facade:
        raise Unprocessable(
            f"{actor} is of the type {kind.kind}, which does not act. Name a user of the site.",
            pointer="/actor",
        )


def _take(
    value: Any,
    found: dict[str, Mapping[str, Any] | None],
    things: Things,
    *,
    pointer: str,
) -> None:
    iri = id_of(value)
    if iri is None:
        return
    kind = things.find(iri)
    embedded = value if isinstance(value, Mapping) else None
    types = types_of(embedded) if embedded is not None else ()
    if kind is None:
        if things.is_of_site(iri):
            what = f"The type {types[0]} of {iri}" if types else f"The type of {iri}"
            raise Unprocessable(
                f"{what} is not registered. Register its IRIs under [things].", pointer=pointer
            )
        return
    if types and kind.type not in types:
        raise Unprocessable(
            f"{iri} is of the type {types[0]} in what was sent, and of the type {kind.type} by "
            f"[things.{kind.kind}].",
            pointer=f"{pointer}/type",
        )
    found[iri] = embedded or found.get(iri)


def _addressed(document: Mapping[str, Any], name: str, things: Things) -> Iterator[str]:
    """The things that are addressed: those that have a façade can be."""
    for iri in map(id_of, as_list(document.get(name))):
        kind = None if iri is None else things.find(iri)
        if iri is None or (kind is not None and kind.user):
            continue
        if kind is None and not things.is_of_site(iri):
            continue
        if kind is None or not kind.facade:
            raise Unprocessable(
                f"{iri} cannot be addressed: it is no user of the site, and has no façade.",
                pointer=f"/{name}",
            )
        yield iri


def named_in(value: Any, things: Things, name: str = "") -> Iterator[tuple[str, ThingType]]:
    """The users and things of the site that are named in a document, at any depth."""
    if isinstance(value, Mapping):
        for member, inner in value.items():
            if member not in _CLOSED:
                yield from named_in(inner, things, member)
    elif isinstance(value, list):
        for item in value:
            yield from named_in(item, things, name)
    elif isinstance(value, str) and name in _IRIS:
        kind = things.find(value)
        if kind is not None:
            yield value, kind


def resolved(
    document: Mapping[str, Any], actors: Mapping[str, str], things: Things
) -> dict[str, Any]:
    """The document with users, and things that act or are addressed, under the ids of their actors,
    as far as ``actors`` has them; other things by their ids alone."""
    return {name: _resolved(name, value, actors, things) for name, value in document.items()}


def _resolved(name: str, value: Any, actors: Mapping[str, str], things: Things) -> Any:
    if name in _CLOSED:
        return value
    if isinstance(value, list):
        return [_resolved(name, item, actors, things) for item in value]
    if isinstance(value, Mapping):
        iri = value.get("id", value.get("@id"))  # of a Link the href, and not the Link
        if isinstance(iri, str) and things.find(iri) is not None:
            return _resolved(name, iri, actors, things)
        return {member: _resolved(member, inner, actors, things) for member, inner in value.items()}
    if not isinstance(value, str) or name not in _IRIS:
        return value
    kind = things.find(value)
    acts = kind is not None and (kind.user or _acts(name, kind))
    return actors.get(value, value) if acts else value


def _acts(name: str, kind: ThingType) -> bool:
    return bool(kind.facade) and (name == "actor" or name in AUDIENCE_PROPERTIES)


def things_in(activity: Activity, things: Things) -> list[str]:
    """The things of a site that are shown in full in an activity of ours."""
    if not things.configured or activity.type in _BY_ID:
        return []
    members = (ids_of(activity.document.get(name)) for name in PARTICIPANTS[1:])
    named = [iri for ids in members for iri in ids[: limits.PARTICIPANTS]]
    found = ((iri, things.find(iri)) for iri in dict.fromkeys(named))
    return [iri for iri, kind in found if kind is not None and not kind.user]
