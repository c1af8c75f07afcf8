"""Actions as sites record them: an actor, a phrase, perhaps an object and a target.

A client may name the phrase alone. Here it gets the type that the phrase stands for, and what it
names as object and target goes into the members where ActivityStreams wants them (`core.verbs`).
A client that names a type of ActivityStreams is taken at its word: what it posts stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apserver.core.document import types_of
from apserver.core.verbs import OPEN_TYPES, Verb, Verbs
from apserver.errors import BadInput


def with_type(document: Mapping[str, Any], verbs: Verbs) -> dict[str, Any]:
    """What was posted with the type of its phrase, and its participants in their members.

    ``type`` stays one word: other servers compare it as such (rule R3 of the seed's features).
    """
    phrase = document.get("verbPhrase")
    types = types_of(document)
    if not isinstance(phrase, str) or not set(types) <= set(OPEN_TYPES):
        return dict(document)
    verb = verbs.by_phrase(phrase) or Verb(phrase=phrase)
    placed = _placed(document, verb)
    type_ = verb.type
    if type_ in OPEN_TYPES:
        type_ = "Activity" if "object" in placed else "IntransitiveActivity"
    return {"type": type_, **{name: value for name, value in placed.items() if name != "type"}}


def _placed(document: Mapping[str, Any], verb: Verb) -> dict[str, Any]:
    """The members of a document, named by role, under the names that the verb has for them.

    With a target in ``object``, a document that has only ``object`` has it there already.
    """
    moves = {
        role: member for role, member in verb.roles.items() if role != member and role in document
    }
    for role, member in moves.items():
        if member in document and member not in moves:
            raise BadInput(
                f"In {verb.phrase!r} the {role} stands in {member}, so there can be no other "
                f"{member}. Leave one of them out.",
                pointer=f"/{member}",
            )
    kept = {name: value for name, value in document.items() if name not in moves}
    return {**kept, **{member: document[role] for role, member in moves.items()}}
