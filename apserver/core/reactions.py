"""Which emoji a Like shows, if it shows one (FEP-c0e0): one that everybody has, or somebody's own.

``Like`` with ``content``, ``EmojiReact``, ``EmojiReaction`` and ``_misskey_reaction`` all say the
same. What is shown is one grapheme that is an emoji, or the ``:shortcode:`` of an emoji that stands
in ``tag``. Two spellings of one emoji are one reaction, so each has a name here:

* An emoji of Unicode is its characters without the selector that only says how it is drawn
  (U+FE0F): some servers send it and some do not.
* One of somebody's own is ``:name@host:``. The host is that of the tag's id, or of its picture: the
  same name means another picture elsewhere, and who reacts may use one of a third server.

Python does not know which characters are emoji. The ranges below are those of Unicode 16 (UTS 51,
emoji-data) with room for what will be added in the same blocks; a few symbols that are none are
let through, which does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list, first, types_of
from apserver.core.origin import host_of
from apserver.errors import BadInput

#: Types that are a Like with something to show.
TYPES = ("EmojiReact", "EmojiReaction")

_DRAWN = "\ufe0f"
#: One picture, of which several may be joined to one.
_ONE = re.compile(
    "[\u00a9\u00ae\u203c\u2049\u2122\u2139\u2194-\u21aa\u231a-\u23ff\u24c2\u25aa-\u25fe"
    "\u2600-\u27bf\u2934\u2935\u2b05-\u2b55\u3030\u303d\u3297\u3299"
    "\U0001f004-\U0001f1e5\U0001f200-\U0001faff]"
    "[\U0001f3fb-\U0001f3ff]?[\U000e0020-\U000e007f]*"
)
_JOINER = "\u200d"
#: A key of a telephone, or the flag of a country.
_KEY_OR_FLAG = re.compile("[0-9#*]\u20e3|[\U0001f1e6-\U0001f1ff]{2}")
_SHORTCODE = re.compile(r":([A-Za-z0-9_+-]{1,64})(?:@[A-Za-z0-9.:-]{1,255})?:")


def emoji_of(like: Mapping[str, Any]) -> str | None:
    """The emoji of a Like in its one spelling; None when it shows none, or none that can be."""
    for text in _shown(like):
        if len(text) > limits.REACTION:
            continue
        plain = text.strip().replace(_DRAWN, "")
        if _is_emoji(plain):
            return plain
        if (code := _SHORTCODE.fullmatch(plain)) is not None:
            host = _host_of(code[1], like)
            if host is not None:
                return f":{code[1]}@{host}:"
    return None


def check_reaction(like: Mapping[str, Any]) -> None:
    """Raise BadInput when a client of ours reacts with what is no emoji."""
    is_reaction = any(_shown(like)) or not frozenset(TYPES).isdisjoint(types_of(like))
    if is_reaction and emoji_of(like) is None:
        raise BadInput(
            "A reaction is one emoji, or the :shortcode: of an Emoji in tag that has an icon.",
            pointer="/content",
        )


def _is_emoji(text: str) -> bool:
    """Whether it is one grapheme that is an emoji."""
    if _KEY_OR_FLAG.fullmatch(text) is not None:
        return True
    return all(_ONE.fullmatch(part) is not None for part in text.split(_JOINER))


def _shown(like: Mapping[str, Any]) -> Iterator[str]:
    for name in ("content", "_misskey_reaction"):
        if isinstance(like.get(name), str):
            yield like[name]


def _host_of(name: str, like: Mapping[str, Any]) -> str | None:
    """Whose emoji this is, by the tag that shows it."""
    for tag in as_list(like.get("tag")):
        if not isinstance(tag, dict) or "Emoji" not in types_of(tag):
            continue
        named = tag.get("name")
        if not isinstance(named, str) or named.strip(":").partition("@")[0] != name:
            continue
        picture = first(tag.get("icon"))
        url = first(picture.get("url")) if isinstance(picture, dict) else picture
        for iri in (tag.get("id"), url.get("href") if isinstance(url, dict) else url):
            if isinstance(iri, str) and (host := _safe_host(iri)) is not None:
                return host
    return None


def _safe_host(iri: str) -> str | None:
    try:
        return host_of(iri)
    except BadInput:
        return None
