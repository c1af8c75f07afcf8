"""Whose words are these? What an actor may put into its documents, and what is said of others.

A signature shows who sent a document. It shows nothing about the other things that stand inside:
the object of the activity, what that answers, its tags, a page of replies. Each has an id and an
author of its own, and whoever sends them can write there what it likes. So (FEP-fe34):

* *What an actor makes, changes or deletes* must be its own: ids of the actor's origin, the actor
  among the authors, and all authors of that origin (PeerTube names an account and its channel).
* *What stands inside* is taken as it stands when it is the actor's alone, or nobody's: what has no
  id and no author, and what has an id there and says nothing, such as an emoji or a collection.
* *Everything else* is known by its id. It is cut down to that, so that nobody reads in one actor's
  message what another seems to have said; whoever wants it gets it from its own server.

Another actor of the same server counts as somebody else: on a server with an API for clients each
of them can send what it likes under the server's name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

from apserver.core.document import as_list, id_of, types_of
from apserver.core.origin import same_origin
from apserver.core.vocabulary import ACTOR_TYPES, JSON_LITERALS, LANGUAGE_MAPS

#: Why something is not the sender's: reason codes.
Objection: TypeAlias = Literal["object-of-another-origin", "object-of-another-author"]

_VERBATIM = JSON_LITERALS | {"@context"}
_WORDS = ("content", "contentMap", "summary", "summaryMap", "source")


def objection(thing: Mapping[str, Any], actor: str) -> Objection | None:
    """Why this cannot be for ``actor`` to make, change or delete; None when it can."""
    ids = _own_ids(thing)
    if not all(isinstance(id_, str) and same_origin(id_, actor) for id_ in ids):
        return "object-of-another-origin"
    if not (is_by(thing, actor) and _is_no_other_actor(thing, ids, actor)):
        return "object-of-another-author"
    return None


def is_by(document: Mapping[str, Any], actor: str, *, alone: bool = False) -> bool:
    """Whether a document names the actor as its author, alone or with others of its origin, or
    names none."""
    for authors in _authors(document):
        others = [ids for ids in authors if ids != {actor}]
        if others and (alone or others == authors):
            return False
        if not all(ids and all(same_origin(id_, actor) for id_ in ids) for ids in others):
            return False
    return True


def own_words(document: Mapping[str, Any], actor: str) -> dict[str, Any]:
    """A copy of a document that ``actor`` sent in which the things of others stand by their ids."""
    return {name: _own_member(name, value, actor) for name, value in document.items()}


def _own_member(name: str, value: Any, actor: str) -> Any:
    if name in LANGUAGE_MAPS and isinstance(value, dict):
        # "id" is Indonesian there (ISO 639-1); what is no text is nothing.
        return {language: text for language, text in value.items() if isinstance(text, str)}
    return value if name in _VERBATIM else _own(value, actor)


def _own(value: Any, actor: str) -> Any:
    if isinstance(value, list):
        return [_own(item, actor) for item in value]
    if not isinstance(value, dict):
        return value
    return own_words(value, actor) if _is_own(value, actor) else id_of(value)


def _is_own(thing: Mapping[str, Any], actor: str) -> bool:
    """Whether something inside of what ``actor`` sent is the actor's alone, or nobody's."""
    if objection(thing, actor) is not None or not is_by(thing, actor, alone=True):
        return False
    known_by = [id_ for id_ in _own_ids(thing) if id_ != actor]
    return any(_authors(thing)) or not known_by or not any(word in thing for word in _WORDS)


def _own_ids(thing: Mapping[str, Any]) -> list[Any]:
    return [thing[name] for name in ("id", "@id") if thing.get(name) is not None]


def _authors(thing: Mapping[str, Any]) -> list[list[set[str]]]:
    """For each of the two members that name authors: all that could be taken for their ids."""
    return [[_ids(one) for one in as_list(thing.get(name))] for name in ("attributedTo", "actor")]


def _is_no_other_actor(thing: Mapping[str, Any], ids: Iterable[object], actor: str) -> bool:
    """An actor speaks for itself alone."""
    return ACTOR_TYPES.isdisjoint(types_of(thing)) or all(id_ == actor for id_ in ids)


def _ids(author: object) -> set[str]:
    if not isinstance(author, dict):
        return {author} if isinstance(author, str) else set()
    named = (author.get(name) for name in ("id", "@id", "href"))
    return {one for one in named if isinstance(one, str)}
