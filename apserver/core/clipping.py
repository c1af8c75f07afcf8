"""How much of a thing is handled: what others send beyond that is cut off, what our own clients
post beyond it is refused (CVE-2026-23962).

One object with ten thousand tags is a small request, and work for every server and client that
shows it. The numbers are far above what people write. Of a list the first members are kept, so
that who is cut off is the same everywhere; less is seen by fewer, never more by more. Of texts by
language those are kept that are texts and have a language: other readers give up at any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from apserver.core import limits
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
    "oneOf": limits.OPTIONS,
    "anyOf": limits.OPTIONS,
}
_TEXTS = frozenset(NATURAL_LANGUAGE_PROPERTIES)
_VERBATIM = JSON_LITERALS | {"@context"}


def clip(document: Mapping[str, Any]) -> dict[str, Any]:
    """A document of another server with no more of each member than we handle, at any depth."""
    return {name: _clipped(name, value) for name, value in document.items()}


def _clipped(name: str, value: Any) -> Any:
    if name in _VERBATIM:
        return value
    if isinstance(value, str):
        return _cut(value) if name in _TEXTS and len(value) > limits.TEXT else value
    if isinstance(value, Mapping):
        if name in LANGUAGE_MAPS:
            return {
                tag: _clipped("content", text)
                for tag, text in value.items()
                if isinstance(text, str) and is_language_tag(tag)
            }
        return clip(value)
    if isinstance(value, list):
        return [_clipped(name, item) for item in value[: _MOST.get(name)]]
    return value


def _cut(text: str) -> str:
    """The beginning of a text, without half a tag of HTML at its end."""
    kept = text[: limits.TEXT]
    opened = kept.rfind("<")
    return kept if opened <= kept.rfind(">") else kept[:opened]


def check_size(document: Mapping[str, Any], pointer: str = "") -> None:
    """Raise BadInput when a document of our own client has more of a member than is handled."""
    for name, value in document.items():
        if name not in _VERBATIM:
            _check(name, value, child_pointer(pointer, name))


def _check(name: str, value: Any, pointer: str) -> None:
    if isinstance(value, str):
        if name in _TEXTS and len(value) > limits.TEXT:
            raise BadInput(f"A text may have {limits.TEXT} characters.", pointer=pointer)
    elif isinstance(value, Mapping):
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
