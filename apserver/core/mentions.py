"""Who and what a text names: ``@user@host``, ``@user`` and ``#tag``, found in HTML and linked.

The links have the shape that Mastodon gives them and looks for (interop 3.1, 3.3): readers tell a
mention from other links by its class. Nothing is looked for inside of links and of code, and
nothing in the middle of a word, so that mail addresses and fragments of URLs stay what they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from html import escape

from apserver.core.hashtags import MARKS, WORD, read_tag
from apserver.core.html import Markup
from apserver.core.origin import Handle, parse_handle
from apserver.core.text import change_text
from apserver.errors import BadInput

_NAME = r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?"
_HOST = r"[\w-]+(?:\.[\w-]+)*(?::[0-9]{1,5})?"
_NAMED = re.compile(
    rf"(?<![\w/.=&#@-])(?:@(?P<name>{_NAME})(?:@(?P<host>{_HOST}))?(?!\w)"
    rf"|#(?P<tag>{WORD})(?![\w{MARKS}]))"
)


@dataclass(frozen=True, slots=True)
class Named:
    """What texts name. Mentions as they are written, without the first ``@``, in lower case;
    hashtags as they are compared (`core.hashtags`)."""

    mentions: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Links:
    """Where mentions and hashtags lead, keyed as in `Named`; what is not in it is left alone."""

    mentions: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)


def named_in(texts: Iterable[str]) -> Named:
    """What these texts, HTML that is clean, name."""
    mentions: dict[str, None] = {}
    tags: dict[str, None] = {}

    def note(match: re.Match[str]) -> str:
        if match["name"]:
            mentions[_written(match)] = None
        elif (tag := read_tag(match["tag"])) is not None:
            tags[tag] = None
        return match[0]

    for text in texts:
        if "@" in text or "#" in text:
            change_text(text, _for_each(note))
    return Named(tuple(mentions), tuple(tags))


def linked(text: str, links: Links, *, markup: Markup) -> str:
    """The text with links for what it names, clean. BadInput from a strict ``markup`` when a text
    names so much that others would no longer take it for HTML."""

    def link(match: re.Match[str]) -> str:
        if match["name"]:
            href = links.mentions.get(_written(match))
            return match[0] if href is None else _mention(href, match["name"])
        href = links.tags.get(read_tag(match["tag"]) or "")
        return match[0] if href is None else _hashtag(href, match["tag"])

    if not links.mentions and not links.tags:
        return text
    return markup.html(change_text(text, _for_each(link)))


def _mention(href: str, name: str) -> str:
    anchor = f'<a href="{escape(href)}" class="u-url mention">@<span>{escape(name)}</span></a>'
    return f'<span class="h-card" translate="no">{anchor}</span>'


def _hashtag(href: str, tag: str) -> str:
    return f'<a href="{escape(href)}" class="mention hashtag">#<span>{escape(tag)}</span></a>'


def handle_of(written: str, *, host: str) -> Handle | None:
    """The handle that is written; without a host it is one of ``host``. None if it is no handle."""
    try:
        return parse_handle(written if "@" in written else f"{written}@{host}")
    except BadInput:
        return None


def _for_each(change: Callable[[re.Match[str]], str]) -> Callable[[str], str]:
    return lambda text: _NAMED.sub(change, text)


def _written(match: re.Match[str]) -> str:
    written = f"{match['name']}@{match['host']}" if match["host"] else match["name"]
    return str(written).lower()
