"""Other ids of an account (``alsoKnownAs``), and where it went on (``movedTo``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list
from apserver.errors import BadInput

#: The context of AS2 defines the one and not the other.
_MOVED_TO = {"movedTo": {"@id": "as:movedTo", "@type": "@id"}}
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")


def with_aliases(patch: Mapping[str, Any], stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """What a client changes of its actor, with other ids as the list that all servers read. Those
    that stand for a thing of a site keep its id. BadInput when they are no ids, or too many."""
    if "alsoKnownAs" not in patch:
        return patch
    given = as_list(patch["alsoKnownAs"])
    url = stored.get("url")
    kept = [one for one in as_list(stored.get("alsoKnownAs")) if one == url]
    if not all(isinstance(one, str) and _is_uri(one) for one in given):
        raise BadInput("Other ids of an actor are URIs.", pointer="/object/alsoKnownAs")
    aliases = list(dict.fromkeys([*kept, *given]))
    if len(aliases) > limits.ALIASES:
        raise BadInput(
            f"An actor may have {limits.ALIASES} other ids.", pointer="/object/alsoKnownAs"
        )
    return {**patch, "alsoKnownAs": aliases or None}


def with_moved_to(document: Mapping[str, Any], target: str | None) -> dict[str, Any]:
    """The document of an actor that went on as ``target``; with None, of one that did not."""
    kept = {name: one for name, one in document.items() if name != "movedTo"}
    if target is None:
        return kept
    contexts = as_list(document.get("@context"))
    if not any("movedTo" in one for one in contexts if isinstance(one, Mapping)):
        contexts = [*contexts, _MOVED_TO]
    return {**kept, "@context": contexts, "movedTo": target}


def _is_uri(text: str) -> bool:
    return len(text) <= limits.IRI and _URI.fullmatch(text) is not None
