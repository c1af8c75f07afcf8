"""HTML that we write: the one place where text becomes HTML.

`Html` is text that is HTML already: made by `fill` from a template of ours, or by `cleaned` from
what somebody wrote, which is cleaned when it comes in and once more here. Whatever else is put into
a template is escaped, so nothing is left to forget. In templates values stand in text or in
attributes with double quotes, and nowhere else: there is no script and no style in any page.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape

from apserver.core.html import Markup

#: Marks, embeddings, overrides and isolates of direction.
_MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Html(str):
    """Text that is HTML already."""

    __slots__ = ()


NOTHING = Html("")


def fill(template: str, **values: object) -> Html:
    """The template with ``{name}`` replaced by each value: as it is when it is Html, else escaped.

    ``{{`` and ``}}`` are braces.
    """
    return Html(template.format_map({name: _safe(value) for name, value in values.items()}))


def cleaned(text: str) -> Html:
    """HTML that others wrote, with what may stay (`core.html`)."""
    return Html(Markup().html(text))


def unturned(text: str) -> str:
    """A text without marks of direction, which could turn round what stands beside it (UAX 9)."""
    return _MARKS.sub("", text)


def named(text: str) -> Html:
    """A name in a text, whatever its direction."""
    return fill("<bdi>{text}</bdi>", text=unturned(text))


def joined(parts: Iterable[Html]) -> Html:
    """One after the other."""
    return Html("".join(parts))


def _safe(value: object) -> str:
    return str(value) if isinstance(value, Html) else escape(str(value))
