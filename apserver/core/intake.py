"""What of a document is taken in: so much of each member, and of HTML what is harmless.

One object with ten thousand tags is a small request, and work for every server and client that
shows it (CVE-2026-23962). What others send beyond the numbers is cut off, what our own clients post
beyond them is refused. The numbers are far above what people write. Of a list the first members are
kept, so that who is cut off is the same everywhere; less is seen by fewer, never more by more. Of
texts by language those are kept that are texts and have a language: other readers give up at any
other.

Texts are cleaned (`core.html`), those of others and those of our own clients alike, so that nobody
who reads here need do it. What `source` holds is what somebody typed, for an editor: it stays as it
is (ActivityPub 3.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from apserver.core import limits
from apserver.core.html import Markup, plain_name, plain_text
from apserver.core.lexical import is_language_tag
from apserver.core.strict_json import child_pointer
from apserver.core.vocabulary import (
    AUDIENCE_PROPERTIES,
    JSON_LITERALS,
    LANGUAGE_MAPS,
    NATURAL_LANGUAGE_PROPERTIES,
)
from apserver.errors import BadInput

_MOST: Mapping[str, int] = {
    **dict.fromkeys(AUDIENCE_PROPERTIES, limits.RECIPIENTS),
    "tag": limits.TAGS,
    "attachment": limits.ATTACHMENTS,
    "url": limits.LINKS,
    "oneOf": limits.OPTIONS,
    "anyOf": limits.OPTIONS,
}
#: `value` is what a field of a profile holds (FEP-fb2a).
_TEXTS = frozenset({*NATURAL_LANGUAGE_PROPERTIES, *LANGUAGE_MAPS, "value"})
_VERBATIM = JSON_LITERALS | {"@context"}

_Clean: TypeAlias = Callable[[str], str]
#: For each member that is a text, by its name: how it is cleaned.
_Cleaning: TypeAlias = Mapping[str, _Clean]


def take_in(document: Mapping[str, Any], *, strict: bool = False) -> dict[str, Any]:
    """A document with no more of each member than we handle, and clean texts, at any depth.

    ``strict``, for our own clients: BadInput when the HTML is beyond what is handled.
    """
    html = Markup(strict=strict).html
    return _taken(document, {**dict.fromkeys(_TEXTS, html), "name": plain_name})


def _taken(document: Mapping[str, Any], cleaning: _Cleaning) -> dict[str, Any]:
    if document.get("mediaType", "text/html") != "text/html" and cleaning is not _AS_IT_IS:
        cleaning = {**cleaning, "content": plain_text}  # the type is that of the content
    return {
        name: _member(name, value, cleaning)
        if name in _TEXTS or not isinstance(value, str)  # most members are ids and dates
        else value
        for name, value in document.items()
    }


def _member(name: str, value: Any, cleaning: _Cleaning) -> Any:
    if name in _TEXTS:
        return _text(value, cleaning[name.removesuffix("Map")], by_language=name in LANGUAGE_MAPS)
    if name in _VERBATIM:
        return value
    if isinstance(value, dict):
        return _taken(value, _AS_IT_IS if name == "source" else cleaning)
    if isinstance(value, list):
        return [
            item if isinstance(item, str) else _member(name, item, cleaning)
            for item in value[: _MOST.get(name)]
        ]
    return value


def _text(value: Any, clean: _Clean, *, by_language: bool = False) -> Any:
    """A text, in any of the shapes that JSON-LD gives it."""
    if isinstance(value, str):
        return clean(_cut(value) if len(value) > limits.TEXT else value)
    if isinstance(value, list):
        return [_text(item, clean, by_language=by_language) for item in value]
    if isinstance(value, dict):
        return {
            tag: _text(text, clean)
            for tag, text in value.items()
            if not by_language or (isinstance(text, str) and is_language_tag(tag))
        }
    return value


def _cut(text: str) -> str:
    """The beginning of a text, without half a tag of HTML at its end."""
    kept = text[: limits.TEXT]
    opened = kept.rfind("<")
    return kept if opened <= kept.rfind(">") else kept[:opened]


def _same(text: str) -> str:
    return text


_AS_IT_IS: _Cleaning = dict.fromkeys(_TEXTS, _same)


def check_size(document: Mapping[str, Any], pointer: str = "") -> None:
    """Raise BadInput when a document of our own client has more of a member than is handled."""
    for name, value in document.items():
        if name not in _VERBATIM:
            _check(name, value, child_pointer(pointer, name))


def _check(name: str, value: Any, pointer: str) -> None:
    if isinstance(value, str):
        if name in _TEXTS and len(value) > limits.TEXT:
            raise BadInput(f"A text may have {limits.TEXT} characters.", pointer=pointer)
    elif isinstance(value, dict):
        if name in LANGUAGE_MAPS:
            for tag, text in value.items():
                _check("content", text, child_pointer(pointer, tag))
        else:
            check_size(value, pointer)
    elif isinstance(value, list):
        most = _MOST.get(name)
        if most is not None and len(value) > most:
            raise BadInput(f"{name} may have {most} members.", pointer=pointer)
        for index, item in enumerate(value):
            _check(name, item, f"{pointer}/{index}")
