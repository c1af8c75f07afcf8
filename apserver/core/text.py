"""What people type, made into HTML; and HTML walked through, text by text.

What is made here is not cleaned yet: `core.intake` does that with all that comes in (`core.html`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from html import escape, unescape
from typing import TYPE_CHECKING

from apserver.core import limits

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

HTML, MARKDOWN, PLAIN = "text/html", "text/markdown", "text/plain"

#: Elements whose text is left as it is: what is a link already, and what is code.
_VERBATIM = frozenset({"a", "code", "pre"})
#: Elements that begin on a line of their own.
_BLOCKS = frozenset("blockquote br h1 h2 h3 h4 h5 h6 li ol p pre ul".split())
#: A tag of HTML that was cleaned or made here; a value may hold ">".
_TAG = re.compile(r'<(/?)([a-z][a-z0-9]*)(?:[^">]|"[^"]*")*>')
#: An address in escaped text, without the punctuation that ends the sentence.
_URL = re.compile(r"(?<![\w/])https?://(?:&amp;|[^\s<>&\"'])*(?:&amp;|[^\s<>&\"'.,;:!?)\]])")


def html_of(text: str, media_type: str) -> str | None:
    """The HTML for a text of one of the three types; None for other types.

    HTML inside of Markdown is text. Addresses that stand in the text become links.
    """
    if media_type == HTML:
        return text
    if media_type == MARKDOWN:
        return change_text(_markdown().render(text).strip(), _linked)
    if media_type == PLAIN:
        paragraphs = (part.strip("\n") for part in re.split(r"\n\s*\n", _lines(text)))
        made = (f"<p>{_escaped(part)}</p>" for part in paragraphs if part.strip())
        return _linked("".join(made).replace("\n", "<br>"))
    return None


def change_text(html: str, change: Callable[[str], str]) -> str:
    """HTML with its texts changed, but for those of links and of code. Texts are escaped before
    and after."""
    changed: list[str] = []
    at, within = 0, 0
    for tag in _TAG.finditer(html):
        text = html[at : tag.start()]
        changed += (text if within else change(text), tag[0])
        at = tag.end()
        if tag[2] in _VERBATIM:
            within = max(within - 1, 0) if tag[1] else within + 1
    changed.append(html[at:] if within else change(html[at:]))
    return "".join(changed)


def excerpt(html: str) -> str:
    """The beginning of a text, as plain text of HTML: no tags, and at most `limits.EXCERPT`
    characters, whole words if possible."""
    spaced = _TAG.sub(lambda tag: " " if tag[2] in _BLOCKS else "", html)
    text = " ".join(unescape(spaced).split())
    if len(text) > limits.EXCERPT:
        kept = text[: limits.EXCERPT]
        text = (kept.rpartition(" ")[0] or kept) + "…"
    return _escaped(text)


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _escaped(text: str) -> str:
    return escape(text, quote=False)


def _linked(text: str) -> str:
    return _URL.sub(lambda url: f'<a href="{url[0]}">{url[0]}</a>', text)


@cache
def _markdown() -> MarkdownIt:
    """CommonMark with struck-out text. Nested deeper than readers take, what is inside is lost."""
    from markdown_it import MarkdownIt  # 50 ms, for those who post Markdown

    options = {"html": False, "maxNesting": limits.HTML_DEPTH // 2, "breaks": True}
    return MarkdownIt("commonmark", options).enable("strikethrough")
