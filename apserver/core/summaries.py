"""The sentence that tells an action, for readers that do not know its verb (AS2 Core 4.8.3).

A pattern is plain text with ``{actor}``, ``{verb}``, ``{object}`` and ``{target}``, and pieces in
square brackets that are left out when a placeholder in them has nothing to show:
``{actor} closed {object}[ on {target}]``. So the preposition is a matter of the pattern, in each
language, and of one place (fault X13). No pattern says how long ago something was: a sentence is
kept, and would be wrong tomorrow.

A ``summary`` is HTML (AS2 Vocabulary): what names are made of is escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape, unescape

from apserver.core.verbs import RoleName

#: Of a verb without a pattern, and of a pattern that needs what an action does not have.
DEFAULT = "{actor} {verb}[ {object}][ on {target}]"
#: The language of DEFAULT, and of the phrases that are built in.
LANGUAGE = "en"

_PLACEHOLDER = re.compile(r"\{([a-z]*)\}")
_OPTIONAL = re.compile(r"\[([^\[\]]*)\]")
_NAMES = frozenset({"actor", "verb", "object", "target"})
_TAG = re.compile(r"<[^>]*>?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """What a sentence is made of: the phrase, and the names of who takes part, as plain text."""

    verb: str
    actor: str
    object: str | None = None
    target: str | None = None

    def value(self, placeholder: str) -> str | None:
        """What stands for a placeholder; None or "" when there is nothing to show."""
        found: str | None = getattr(self, placeholder)
        return found


def default_pattern(roles: Mapping[RoleName, str]) -> str:
    """The pattern of a verb without one. What is done to its target alone has no "on"."""
    return DEFAULT if "object" in roles else "{actor} {verb}[ {target}]"


def check_pattern(pattern: str) -> None:
    """Raise ValueError for an unknown placeholder, and for braces or brackets of any other use."""
    bare = _PLACEHOLDER.sub("", _OPTIONAL.sub(r"\1", pattern))
    if not set(_PLACEHOLDER.findall(pattern)) <= _NAMES or set("{}[]").intersection(bare):
        raise ValueError(pattern)


def sentence(pattern: str, said: Sentence, *, default: str = DEFAULT) -> str:
    """The sentence as plain text; by the default when the pattern needs what is not there."""

    def piece(found: re.Match[str]) -> str:
        return found[1] if _is_complete(found[1], said) else ""

    chosen = _OPTIONAL.sub(piece, pattern)
    if not _is_complete(chosen, said):
        chosen = _OPTIONAL.sub(piece, default)
    return _PLACEHOLDER.sub(lambda found: said.value(found[1]) or "", chosen)


def _is_complete(text: str, said: Sentence) -> bool:
    return all(said.value(name) for name in _PLACEHOLDER.findall(text))


def summaries(
    patterns: Mapping[str, str], said: Sentence, *, default: str = DEFAULT
) -> tuple[str, dict[str, str]]:
    """``summary`` and ``summaryMap``, as HTML. The map has the languages of the patterns; the
    summary is that in English, or by the default without one."""
    by_language = {
        tag: _as_html(sentence(one, said, default=default)) for tag, one in patterns.items()
    }
    return by_language.get(LANGUAGE) or _as_html(sentence(default, said)), by_language


def _as_html(text: str) -> str:
    return escape(text, quote=False)


def plain(html: str) -> str:
    """A name as plain text on one line: others put tags and references into it."""
    return " ".join(unescape(_TAG.sub("", html)).split())
