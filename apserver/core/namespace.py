"""The terms of this project's own namespace: what they mean, and how they stand in documents.

`TERMS` is the only list of them. The page at ``/ns``, the JSON-LD context beside it and the inline
contexts of what we send are made from it. A term is read without any context. What we send defines
each term that it uses, and no other, so that JSON-LD readers need not fetch anything
(docs/decisions/0013).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from apserver.core import limits
from apserver.core.document import as_list
from apserver.core.lexical import is_absolute_iri
from apserver.core.strict_json import child_pointer
from apserver.core.verbs import check_phrase
from apserver.core.vocabulary import JSON_LITERALS, LANGUAGE_MAPS, NAMESPACE
from apserver.errors import BadInput

Range: TypeAlias = Literal["text", "boolean", "JSON object", "IRI"]
_TYPES: Mapping[Range, str | None] = {
    "text": None,
    "boolean": "http://www.w3.org/2001/XMLSchema#boolean",
    "JSON object": "@json",
    "IRI": "@id",
}
#: Members without embedded objects.
_CLOSED = JSON_LITERALS | LANGUAGE_MAPS | {"@context", "source"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One term: a property of ``domain`` with values of ``range``; ``example`` is a value."""

    name: str
    label: str
    meaning: str
    domain: str
    range: Range
    example: Any

    @property
    def definition(self) -> str | dict[str, str]:
        """The term definition of JSON-LD (1.1, 9.15.1)."""
        type_ = _TYPES[self.range]
        iri = NAMESPACE + self.name
        return iri if type_ is None else {"@id": iri, "@type": type_}


TERMS = (
    Term(
        name="verbPhrase",
        label="verb phrase",
        meaning="What the activity is called, in words, whatever its type is: the same phrase for "
        "the same kind of action, not translated. An activity whose phrase no ActivityStreams "
        "type stands for is an Activity or, without an object, an IntransitiveActivity.",
        domain="Activity",
        range="text",
        example="reached level",
    ),
    Term(
        name="actionData",
        label="action data",
        meaning="Whatever the application that recorded the action wants to keep with it. It is "
        "data and no ActivityStreams: it is kept and passed on unchanged.",
        domain="Activity",
        range="JSON object",
        example={"level": 60, "badges": ["gold"]},
    ),
    Term(
        name="followFlag",
        label="follow flag",
        meaning="What the follow is for. One actor can follow one thing once under each flag. "
        "Servers that do not know flags see the same Follow repeated.",
        domain="Follow",
        range="text",
        example="watching",
    ),
    Term(
        name="actorOnly",
        label="actor only",
        meaning="Whether the follower wants only what the followed does, which is so without this "
        "property, or with false also what happens to it and with it.",
        domain="Follow",
        range="boolean",
        example=False,
    ),
    Term(
        name="companionOf",
        label="companion of",
        meaning="The activity that this tells of for readers who do not understand it. Whoever "
        "shows that activity need not show this.",
        domain="Object",
        range="IRI",
        example="https://social.example/activities/0192d1c6-7c1e-7a1e-8f0e-2b1f3c4d5e6f",
    ),
    Term(
        name="quoteState",
        label="quote state",
        meaning="How the quote of a post from another server stands, as this server sees it: "
        "approved by the author of what is quoted, pending, denied when the authorization that is "
        "shown is none for it, legacy when it was made in a way that asks nobody, or deleted.",
        domain="Object",
        range="text",
        example="pending",
    ),
)
BY_NAME: Mapping[str, Term] = {term.name: term for term in TERMS}


def context_document() -> dict[str, Any]:
    """The JSON-LD context with all terms, as ``/ns`` serves it."""
    return {"@context": {term.name: term.definition for term in TERMS}}


def with_definitions(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with a context that defines our terms as far as they are used in it."""
    used = {name for thing, _ in _things(document, "") for name in thing if name in BY_NAME}
    entries = as_list(document.get("@context"))
    needed = {term.name: term.definition for term in TERMS if term.name in used}
    if not needed or needed in entries:
        return dict(document)
    return {**document, "@context": [*entries, needed]}


def check_terms(document: Mapping[str, Any]) -> None:
    """Raise BadInput for a term of ours with a value of another kind (fault X10)."""
    for thing, pointer in _things(document, ""):
        for name in BY_NAME.keys() & thing.keys():
            _check(BY_NAME[name], thing[name], child_pointer(pointer, name))


def _check(term: Term, value: object, pointer: str) -> None:
    if term.name == "verbPhrase":
        check_phrase(value, pointer=pointer)
    elif term.range == "boolean" and not isinstance(value, bool):
        raise BadInput(f"{term.name} is true or false, without quotes.", pointer=pointer)
    elif term.range == "JSON object":
        _check_data(term, value, pointer)
    elif term.range == "IRI" and not (isinstance(value, str) and is_absolute_iri(value)):
        raise BadInput(f"{term.name} is an absolute IRI.", pointer=pointer)
    elif term.range == "text" and not isinstance(value, str):
        raise BadInput(f"{term.name} is a text.", pointer=pointer)


def _check_data(term: Term, value: object, pointer: str) -> None:
    if not isinstance(value, dict):
        raise BadInput(f"{term.name} is a JSON object.", pointer=pointer)
    if len(json.dumps(value, ensure_ascii=False).encode()) > limits.ACTION_DATA:
        raise BadInput(f"{term.name} may have {limits.ACTION_DATA} bytes.", pointer=pointer)


def _things(value: Any, pointer: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """All objects of a document with their pointers, but for what is data."""
    if isinstance(value, dict):
        yield value, pointer
        for name, member in value.items():
            if name not in _CLOSED and isinstance(member, (dict, list)):
                yield from _things(member, child_pointer(pointer, name))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _things(item, f"{pointer}/{index}")
