"""Bytes to documents and back: the shapes of JSON-LD, and the form that we emit.

A *document* is a parsed JSON object in compacted AS2 form. It is read as plain JSON; whether
that is allowed is for `core.contexts` to say. Three things are kept apart here.

**Reading** (`parse`) is strict about the bytes (`core.strict_json`) and mild about the shape;
only keywords that move members to another place in the tree are refused.

**Shapes** (`as_list`, `id_of` and the others) answer for all the forms that JSON-LD gives one
value: missing or null, single or list, IRI or object. Members are not read without them. An
object is asked for as `dict`: for an abstract `Mapping` Python would look much longer.

**Writing** (`render`) gives the one form that every known server reads: arrays for addressing,
tags and attachments, Public spelt in full, nothing null or empty. `check_as2` is the strict
reading of the Recommendation; it is for what our own clients post, not for other servers.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from apserver.core import lexical, limits
from apserver.core.as1 import has_as1_names, with_as2_names
from apserver.core.strict_json import DOCUMENT, Bounds, child_pointer, read_json
from apserver.core.vocabulary import (
    ARRAY_PROPERTIES,
    AS2_CONTEXT,
    AS2_CONTEXT_FORMS,
    AUDIENCE_PROPERTIES,
    DATE_PROPERTIES,
    FUNCTIONAL_PROPERTIES,
    JSON_LITERALS,
    KNOWN_TYPES,
    LANGUAGE_MAPS,
    LINK_TYPES,
    NATURAL_LANGUAGE_PROPERTIES,
    PAGE_PROPERTIES,
    PUBLIC,
    PUBLIC_FORMS,
    THING_PROPERTIES,
)
from apserver.errors import BadInput

# --- Reading ---------------------------------------------------------------------------------

#: Keywords that give a tree another meaning than the one it shows (GHSA-9rfg-v8g9-9367).
RESHAPING_KEYWORDS = frozenset({"@graph", "@included", "@nest", "@reverse"})

# Both start with one plain byte, which the search finds by memchr.
_KEYWORD = re.compile(rb"@(?:graph|included|nest|reverse)")
_LETTER_ESCAPE = re.compile(rb"\\u00[4-7]")  # may hide a letter of a keyword


def parse(body: bytes, *, bounds: Bounds = DOCUMENT) -> dict[str, Any]:
    """The document in ``body``: one JSON object (AS-04) that reads the same to everybody, with the
    names of Activity Streams 2.0 (AS-14).

    Raises BadInput for what `strict_json.read_json` refuses, for another root than an object,
    and for ``@graph`` and its like outside ``@context``; TooLarge beyond the bounds.
    """
    document = read_json(body, bounds=bounds)
    if not isinstance(document, dict):
        raise BadInput("The body must be one JSON object.")
    if _KEYWORD.search(body) or _LETTER_ESCAPE.search(body):
        _check_keywords(document, "")
    return with_as2_names(document) if has_as1_names(body) else document


def _check_keywords(value: Any, pointer: str) -> None:
    if isinstance(value, list):
        for index, item in enumerate(value):
            _check_keywords(item, f"{pointer}/{index}")
    elif isinstance(value, dict):
        for name, member in value.items():
            here = child_pointer(pointer, name)
            if name in RESHAPING_KEYWORDS:
                raise BadInput(f"The keyword {name} is not taken here.", pointer=here)
            if name != "@context":
                _check_keywords(member, here)


# --- Shapes ----------------------------------------------------------------------------------

_AS2_PREFIXES = ("as:", AS2_CONTEXT + "#")


def as_list(value: Any) -> list[Any]:
    """Any value as a list: nothing for null, one item for a single value, no nulls inside."""
    if value is None:
        return []
    if isinstance(value, (list, tuple)):
        return [item for item in value if item is not None]
    return [value]


def first(value: Any) -> Any:
    """The only or the first value; None when there is none."""
    values = as_list(value)
    return values[0] if values else None


def id_of(value: Any) -> str | None:
    """The IRI that a value stands for: itself, an object's ``id``, a Link's ``href``."""
    if isinstance(value, dict):
        is_link = not LINK_TYPES.isdisjoint(types_of(value))
        value = value.get("href") if is_link else value.get("id", value.get("@id"))
    return value if isinstance(value, str) and value else None


def ids_of(value: Any) -> tuple[str, ...]:
    """The IRIs of all values, in order, without those that have none."""
    return tuple(iri for iri in map(id_of, as_list(value)) if iri)


def types_of(document: Mapping[str, Any]) -> tuple[str, ...]:
    """The types of an object, AS2 types by their short names; at most `limits.TYPES` are read."""
    value = document.get("type", document.get("@type"))
    if isinstance(value, str):  # nearly always
        return (_short(value),)
    names = as_list(value)[: limits.TYPES]
    return tuple(_short(name) for name in names if isinstance(name, str))


def _short(type_: str) -> str:
    for prefix in _AS2_PREFIXES:
        if type_.startswith(prefix):
            return type_[len(prefix) :]
    return type_


def is_public(iri: Any) -> bool:
    """Whether this addresses everybody, in any of the three spellings (ActivityPub 5.6)."""
    return isinstance(iri, str) and iri in PUBLIC_FORMS


def without_nulls(document: Mapping[str, Any]) -> dict[str, Any]:
    """A copy without null members and items, at every depth: null says "absent" (AS-01).

    A context and a JSON literal stay as they are, because null means something there.
    """
    return {
        name: value if name in _VERBATIM else _without_nulls(value)
        for name, value in document.items()
        if value is not None
    }


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return without_nulls(value)
    if isinstance(value, (list, tuple)):
        return [_without_nulls(item) for item in value if item is not None]
    return value


# --- Writing ---------------------------------------------------------------------------------

_ARRAYS = frozenset(ARRAY_PROPERTIES).union(AUDIENCE_PROPERTIES)
_VERBATIM = JSON_LITERALS | {"@context"}
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def render(document: Mapping[str, Any]) -> bytes:
    """The bytes to send or to serve: UTF-8, no spaces, members in the order given.

    At every depth ``to``, ``cc``, ``audience``, ``tag`` and ``attachment`` become arrays, Public
    is spelt in full, null members and empty arrays are left out (AS-02, IO-52). Rendering what
    was rendered changes nothing.
    """
    return encoded(_shaped(document))


def encoded(document: Mapping[str, Any]) -> bytes:
    """The bytes of what was rendered before and read again."""
    return _ENCODER.encode(document).encode()


def _shaped(document: Mapping[str, Any]) -> dict[str, Any]:
    shaped = {}
    for name, value in document.items():
        if value is None:
            continue
        if name in _VERBATIM:
            shaped[name] = value
        elif name in LANGUAGE_MAPS:
            shaped[name] = _without_nulls(value)  # `to` and `tag` are languages in there
        elif (member := _shaped_member(name, value)) != []:
            shaped[name] = member
    return shaped


def _shaped_member(name: str, value: Any) -> Any:
    if name not in _ARRAYS:
        return _shaped_value(value)
    items = [_shaped_value(item) for item in as_list(value)]
    if name in AUDIENCE_PROPERTIES:
        return [PUBLIC if is_public(id_of(item)) else item for item in items]
    return items


def _shaped_value(value: Any) -> Any:
    if isinstance(value, dict):
        return _shaped(value)
    if isinstance(value, (list, tuple)):
        return [_shaped_value(item) for item in value if item is not None]
    return value


# --- Checking what clients post --------------------------------------------------------------

Check = Callable[[Any, str], None]

_ORDERED_TYPES = frozenset({"OrderedCollection", "OrderedCollectionPage"})
_UNORDERED_TYPES = frozenset({"Collection", "CollectionPage"})
_PAGE_TYPES = frozenset({"CollectionPage", "OrderedCollectionPage"})


def check_as2(document: Mapping[str, Any]) -> None:
    """Raise BadInput, with the pointer to the member at fault, unless this is sound AS2.

    Judges the members that the Vocabulary defines, at every depth; unknown types and members
    are passed over (AS-28). Stricter than federation can afford to be.
    """
    present = without_nulls(document)
    _check_context(present.get("@context"))
    _check_object(present, "")


def _check_context(value: Any) -> None:
    entries = as_list(value)
    if not all(isinstance(entry, str | dict) for entry in entries):
        _refuse("/@context", "made of URLs and objects")
    if entries and not any(isinstance(one, str) and one in AS2_CONTEXT_FORMS for one in entries):
        _refuse("/@context", f"or contain {AS2_CONTEXT}")


def _check_object(document: Mapping[str, Any], pointer: str) -> None:
    for name, value in document.items():
        if name in _CHECKS:
            _CHECKS[name](value, f"{pointer}/{name}")
    for keyword, alias in (("@id", "id"), ("@type", "type")):
        if keyword in document and alias in document:
            raise BadInput(f"{alias} and {keyword} are one.", pointer=f"{pointer}/{keyword}")
    types = KNOWN_TYPES.intersection(types_of(document))
    if types & LINK_TYPES:
        _check_link(document, types, pointer)
    if types & _ORDERED_TYPES and not types & _UNORDERED_TYPES and "items" in document:
        raise BadInput("An ordered collection has orderedItems.", pointer=f"{pointer}/items")
    if types & _UNORDERED_TYPES and not types & _ORDERED_TYPES and "orderedItems" in document:
        raise BadInput("An unordered collection has items.", pointer=f"{pointer}/orderedItems")
    if "oneOf" in document and "anyOf" in document:
        raise BadInput("A Question has oneOf or anyOf, not both.", pointer=f"{pointer}/anyOf")


def _check_link(document: Mapping[str, Any], types: frozenset[str], pointer: str) -> None:
    if types - LINK_TYPES:
        raise BadInput("Nothing is both a Link and an object.", pointer=f"{pointer}/type")
    if id_of(document) is None:
        raise BadInput("A Link needs an href.", pointer=f"{pointer}/href")


def _refuse(pointer: str, wanted: str) -> NoReturn:
    raise BadInput(f"{pointer} must be {wanted}.", pointer=pointer)


def _matching(is_wanted: Callable[[str], bool], wanted: str) -> Check:
    def check(value: Any, pointer: str) -> None:
        if not isinstance(value, str) or not is_wanted(value):
            _refuse(pointer, wanted)

    return check


def _number(low: float, high: float, wanted: str) -> Check:
    def check(value: Any, pointer: str) -> None:
        # A typed literal may be written as a string (Vocabulary, example 183).
        number = float(value) if isinstance(value, str) and lexical.is_float(value) else value
        is_number = isinstance(number, int | float) and not isinstance(number, bool)
        if not is_number or not low <= number <= high:
            _refuse(pointer, wanted)

    return check


def _check_count(value: Any, pointer: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        _refuse(pointer, "a whole number that is not negative")


def _any_text(_: str) -> bool:
    return True


_check_iri = _matching(lexical.is_absolute_iri, "an absolute IRI")


def _check_thing(value: Any, pointer: str) -> None:
    if isinstance(value, dict):
        _check_object(value, pointer)
    elif not isinstance(value, str) or not lexical.is_absolute_iri(value):
        _refuse(pointer, "an absolute IRI or an object")


def _check_addressee(value: Any, pointer: str) -> None:
    if isinstance(value, str) and not is_public(value) and not lexical.is_absolute_iri(value):
        _refuse(pointer, f"an absolute IRI or an object; everybody is {PUBLIC}")
    elif not is_public(value):
        _check_thing(value, pointer)


def _check_page(value: Any, pointer: str) -> None:
    _check_thing(value, pointer)
    if isinstance(value, dict):
        types = KNOWN_TYPES.intersection(types_of(value))
        if types and not types & (_PAGE_TYPES | LINK_TYPES):
            _refuse(pointer, "a page of the collection, a Link or an IRI")


def _check_closed(value: Any, pointer: str) -> None:
    is_date = isinstance(value, str) and lexical.is_date_time(value)
    if not is_date and not isinstance(value, bool):
        _check_thing(value, pointer)


def _check_term(value: Any, pointer: str) -> None:
    # `relationship` and `formerType` name terms of the context too, such as IsContact.
    if not isinstance(value, str) or not value:
        _check_thing(value, pointer)


def _check_language_map(value: Any, pointer: str) -> None:
    if not isinstance(value, dict):
        _refuse(pointer, "an object with a text for each language")
    for tag, text in value.items():
        here = child_pointer(pointer, tag)
        if not lexical.is_language_tag(tag):
            raise BadInput(f"{tag[:40]!a} is no language tag (BCP 47).", pointer=here)
        if not isinstance(text, str):
            raise BadInput(f"The text for {tag} must be a string.", pointer=here)


def _check_types(value: Any, pointer: str) -> None:
    if isinstance(value, list) and len(value) > limits.TYPES:
        _refuse(pointer, f"a list of at most {limits.TYPES} types")
    _many(_matching(bool, "a type name or a list of them"))(value, pointer)


def _one(check: Check) -> Check:
    def check_one(value: Any, pointer: str) -> None:
        if isinstance(value, list):
            if len(value) != 1:
                _refuse(pointer, "a single value")
            value = value[0]
        check(value, pointer)

    return check_one


def _many(check: Check) -> Check:
    def check_many(value: Any, pointer: str) -> None:
        if isinstance(value, list):
            for index, item in enumerate(value):
                check(item, f"{pointer}/{index}")
        else:
            check(value, pointer)

    return check_many


#: What a single value of each property must look like.
_VALUES: dict[str, Check] = {
    **dict.fromkeys(THING_PROPERTIES, _check_thing),
    **dict.fromkeys(AUDIENCE_PROPERTIES, _check_addressee),
    **dict.fromkeys(PAGE_PROPERTIES, _check_page),
    **dict.fromkeys(
        NATURAL_LANGUAGE_PROPERTIES,
        _matching(_any_text, "a string; texts by language go into nameMap, summaryMap, contentMap"),
    ),
    **dict.fromkeys(("preferredUsername", "units"), _matching(_any_text, "a string")),
    **dict.fromkeys(("height", "width", "startIndex", "totalItems"), _check_count),
    **dict.fromkeys(("relationship", "formerType"), _check_term),
    **dict.fromkeys(
        DATE_PROPERTIES,
        _matching(lexical.is_date_time, "a date and time such as 2015-01-01T06:00:00Z"),
    ),
    **dict.fromkeys(
        ("altitude", "latitude", "longitude"),
        _number(-sys.float_info.max, sys.float_info.max, "a number"),
    ),
    "accuracy": _number(0, 100, "a number from 0 to 100"),
    "radius": _number(0, sys.float_info.max, "a number that is not negative"),
    "closed": _check_closed,
    "duration": _matching(lexical.is_duration, "a duration such as PT2H30M"),
    "href": _check_iri,
    "hreflang": _matching(lexical.is_language_tag, "a language tag (BCP 47)"),
    "mediaType": _matching(lexical.is_media_type, "a media type such as text/html"),
    "rel": _matching(lexical.is_link_relation, "a link relation without spaces and commas"),
}
_CHECKS: dict[str, Check] = {
    **{name: _many(check) for name, check in _VALUES.items() if name not in FUNCTIONAL_PROPERTIES},
    **{name: _one(check) for name, check in _VALUES.items() if name in FUNCTIONAL_PROPERTIES},
    **dict.fromkeys(LANGUAGE_MAPS, _check_language_map),
    **dict.fromkeys(("id", "@id"), _check_iri),
    **dict.fromkeys(("type", "@type"), _check_types),
}
