"""Which language a reader wants, of those that there are (RFC 9110 12.5.4, RFC 4647 3.4)."""

from __future__ import annotations

import re
from collections.abc import Collection

_RANGE = re.compile(r"\s*([A-Za-z0-9-]{1,35}|\*)\s*(?:;\s*q\s*=\s*([01](?:\.[0-9]{0,3})?)\s*)?")


def choose_language(accept_language: str, offers: Collection[str]) -> str | None:
    """The offered tag that is wanted most, looked up by ever shorter ranges; None when none is.

    ``pt-BR`` is answered by ``pt`` when there is no ``pt-BR``; ``pt`` is not answered by ``pt-BR``.
    """
    tags = {tag.lower(): tag for tag in offers}
    for wanted in _wanted(accept_language):
        parts = wanted.lower().split("-")
        for length in range(len(parts), 0, -1):
            found = tags.get("-".join(parts[:length]))
            if found is not None:
                return found
    return None


def _wanted(header: str) -> list[str]:
    """The ranges of the header, best first; what is none, or is not wanted, is left out."""
    found = [_RANGE.fullmatch(entry) for entry in header.split(",")[:50]]
    rated = [(float(one[2] or 1), one[1]) for one in found if one is not None]
    return [tag for quality, tag in sorted(rated, key=lambda pair: -pair[0]) if quality > 0]
