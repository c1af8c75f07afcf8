"""Names of Activity Streams 1.0, read as those of 2.0 (AS2 Core 1.2 and its appendix on AS1).

`displayName` is `name`; `verb` and `objectType` are `type`, in lower case and maybe with the IRI of
their schema. "post" is Create, or Add when there is a target. They count only where the names of
2.0 are not there: beside a `type` a `verb` is somebody's extension. What AS1 alone has, such as
`title`, is one too.
"""

from __future__ import annotations

from typing import Any

from apserver.core.vocabulary import JSON_LITERALS, KNOWN_TYPES, LANGUAGE_MAPS

_NAMES = (b'"displayName"', b'"objectType"', b'"verb"')
_SCHEMA = "http://activitystrea.ms/schema/1.0/"
_TYPES = {type_.lower(): type_ for type_ in KNOWN_TYPES}
_VERBATIM = LANGUAGE_MAPS | JSON_LITERALS | {"@context"}


def has_as1_names(body: bytes) -> bool:
    """Whether any of these names may be in a document."""
    return any(name in body for name in _NAMES)


def with_as2_names(document: dict[str, Any]) -> dict[str, Any]:
    """The document, and all objects in it, with the names of 2.0."""
    read = {name: value if name in _VERBATIM else _read(value) for name, value in document.items()}
    if "displayName" in read and read.keys().isdisjoint(("name", "nameMap")):
        read["name"] = read.pop("displayName")
    old = read.get("verb", read.get("objectType"))
    if isinstance(old, str) and read.keys().isdisjoint(("type", "@type")):
        read.pop("verb", None)
        read.pop("objectType", None)
        read["type"] = _type_of(old.removeprefix(_SCHEMA), has_target="target" in read)
    return read


def _read(value: Any) -> Any:
    if isinstance(value, list):
        return [_read(item) for item in value]
    return with_as2_names(value) if isinstance(value, dict) else value


def _type_of(old: str, *, has_target: bool) -> str:
    if old == "post":
        return "Add" if has_target else "Create"
    return _TYPES.get(old, old)
