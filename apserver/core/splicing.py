"""Activities with the things of a site that take part in them, as the things are now.

What is stored of an activity has the ids of things; they stand in any of its members for
participants. Nearly all activities say each of them once, as the whole value of a member, and then
documents take their places as bytes. For those nothing is parsed, which costs half as much.

Why bytes can be trusted there: what is stored was rendered by us, with no space between tokens. An
envelope with one brace has no members but its own. Within a text a quote has a backslash before it,
so no text can look like a member.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from json import loads
from typing import Any

from apserver.core.document import encoded
from apserver.core.vocabulary import PARTICIPANTS

_BEFORE = tuple(f',"{name}":'.encode() for name in PARTICIPANTS)


def with_things(envelope: bytes, iris: Sequence[str], things: Mapping[str, bytes]) -> bytes:
    """The envelope of an activity with these things of a site: the documents that ``things`` has of
    them, by id, or else their ids alone. What stands in one member twice is shown there once."""
    places = _places(envelope, iris)
    if places is None:
        return _parsed(envelope, iris, things)
    for start, end, iri in sorted(places, reverse=True):
        if iri in things:
            envelope = envelope[:start] + things[iri] + envelope[end:]
    return envelope


def _places(envelope: bytes, iris: Sequence[str]) -> list[tuple[int, int, str]] | None:
    """From where to where each of them stands, if it is that simple."""
    if envelope.count(b"{") != 1:
        return None
    places = []
    for iri in set(iris):
        quoted = b'"%b"' % iri.encode()
        start = envelope.find(quoted)
        if envelope.count(quoted) != 1 or not envelope.endswith(_BEFORE, 0, start):
            return None
        places.append((start, start + len(quoted), iri))
    return places


def _parsed(envelope: bytes, iris: Sequence[str], things: Mapping[str, bytes]) -> bytes:
    def shown(value: Any, left: set[str]) -> Any:
        if isinstance(value, list):
            return [shown(item, left) for item in value]
        iri = value.get("id") if isinstance(value, dict) else value
        if not isinstance(iri, str) or iri not in iris:
            return value
        if iri not in left:
            return iri
        left.remove(iri)
        return loads(things[iri]) if iri in things else iri

    return encoded(
        {
            name: shown(value, set(iris)) if name in PARTICIPANTS else value
            for name, value in loads(envelope).items()
        }
    )
