"""Which of our media types a client wants: reading `Accept` (RFC 9110 12.5.1).

Other servers and their caches are used to one answer, so Activity Streams go out as
`application/activity+json` to everybody who takes it by name, and to everybody who does not say.
Only who asks for `application/ld+json` and not for the other gets that, with the profile of AS2.
Activities and objects are pages too, for whoever prefers HTML. Nobody is told 406: a client that
lists only what we do not have (`application/json`) is still better served with the document than
without (AP-GET-05).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from apserver.core.vocabulary import ACTIVITY_JSON, HTML, LD_JSON_AS2

#: What stands between separators; a separator inside a quoted string is none.
_BETWEEN_COMMAS = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*")+')
_BETWEEN_SEMICOLONS = re.compile(r'(?:[^;"]|"(?:[^"\\]|\\.)*")+')
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class MediaRange:
    """One entry of `Accept`, such as ``text/*;q=0.5``; also a media type that we have."""

    name: str  #: lower case; ``*/*`` and ``text/*`` stand for many
    parameters: Mapping[str, str]  #: without ``q`` and ``charset``
    quality: float = 1.0  #: 0, not acceptable, to 1

    def covers(self, offer: MediaRange) -> bool:
        """Whether the offer is one of those meant. Of several profiles one is enough (AS-36)."""
        type_, _, subtype = self.name.partition("/")
        if self.name != offer.name and not (
            subtype == "*" and type_ in ("*", offer.name.partition("/")[0])
        ):
            return False
        return all(
            offer.parameters.get(name) in (value.split() if name == "profile" else [value])
            for name, value in self.parameters.items()
        )

    @property
    def precision(self) -> tuple[bool, bool, int]:
        """The most precise range that covers an offer decides about it."""
        return self.name != "*/*", not self.name.endswith("/*"), len(self.parameters)


def parse_accept(header: str) -> tuple[MediaRange, ...]:
    """The entries of the header in their order; what is none is passed over."""
    found = (_media_range(entry) for entry in _BETWEEN_COMMAS.findall(header))
    return tuple(one for one in found if one is not None)


def _media_range(text: str) -> MediaRange | None:
    name, *rest = _BETWEEN_SEMICOLONS.findall(text) or [""]
    name = name.strip().lower()
    if not all(name.partition("/")):
        return None
    parameters = {}
    for parameter in rest:
        key, _, value = parameter.partition("=")
        parameters[key.strip().lower()] = value.strip().strip('"')
    quality = parameters.pop("q", "1")
    parameters.pop("charset", None)  # all that we have is UTF-8
    return MediaRange(name, parameters, float(quality) if _QUALITY.fullmatch(quality) else 1.0)


def quality_of(offer: str, ranges: Sequence[MediaRange]) -> float:
    """How much a media type that we have is wanted: 0, not at all, to 1."""
    type_ = _media_range(offer)
    covering = [(one.precision, one.quality) for one in ranges if type_ and one.covers(type_)]
    return max(covering)[1] if covering else 0.0


def choose(accept: str, offers: Sequence[str]) -> str | None:
    """The offer that is wanted most, of equals the first; None when none is acceptable.

    ``accept`` is the header, empty when there is none.
    """
    ranges = parse_accept(accept)
    if not ranges:
        return offers[0]
    best = max(offers, key=lambda offer: quality_of(offer, ranges))
    return best if quality_of(best, ranges) > 0 else None


@lru_cache(maxsize=256)
def prefers_html(accept: str) -> bool:
    """Whether a page is wanted more than the document, as browsers want it. Who does not say, or
    takes anything, gets the document."""
    return choose(accept, (ACTIVITY_JSON, LD_JSON_AS2, "application/json", HTML)) == HTML


@lru_cache(maxsize=256)
def as2_media_type(accept: str) -> str:
    """The Content-Type of an Activity Streams document for this `Accept` (IO-05, AP-GET-01)."""
    named = [one for one in parse_accept(accept) if one.name == ACTIVITY_JSON]
    if quality_of(ACTIVITY_JSON, named) > 0:
        return ACTIVITY_JSON
    return choose(accept, (ACTIVITY_JSON, LD_JSON_AS2)) or ACTIVITY_JSON
