"""An activity or object for people: a plain page, without style and script, that links all of it.

An action is told by its sentence, in the language of the reader when there is one for it. Texts in
documents are HTML that was cleaned when it came in (`core.html`); names and ids are escaped here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from apserver.core.document import as_list, id_of, types_of
from apserver.core.languages import choose_language
from apserver.core.lexical import is_absolute_iri
from apserver.core.summaries import LANGUAGE, plain

_PAGE = """\
<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<link rel="alternate" type="application/activity+json" href="{id}">
</head>
<body>
<main>
<article class="h-entry">
<h1 class="p-name">{heading}</h1>
{content}<dl>
{facts}</dl>
</article>
</main>
</body>
</html>
"""
#: What is linked, by the word for it. Who and what take part, then where it belongs.
_LINKS = (
    ("actor", "Actor"),
    ("attributedTo", "By"),
    ("object", "Object"),
    ("target", "Target"),
    ("inReplyTo", "In reply to"),
    ("context", "Context"),
    ("id", "This"),
)


def document_page(document: Mapping[str, Any], accept_language: str) -> str:
    """The page of a document. ``accept_language`` is the header of that name, or empty."""
    lang, heading = _text(document, "summary", accept_language)
    if not heading:
        lang, name = _text(document, "name", accept_language)
        heading = escape(name or next(iter(types_of(document)), "Object"))
    told = document.get("object")
    thing = told if isinstance(told, Mapping) and "content" not in document else document
    _, content = _text(thing, "content", accept_language)
    return _PAGE.format(
        lang=escape(lang or LANGUAGE),
        title=escape(plain(heading)),
        id=escape(str(document.get("id", ""))),
        heading=heading,
        content=f'<div class="e-content">{content}</div>\n' if content else "",
        facts="".join(_facts(document)),
    )


def _text(document: Mapping[str, Any], name: str, accept_language: str) -> tuple[str, str]:
    """A text and its language, the reader's if there is one; both empty when there is none."""
    by_language = document.get(f"{name}Map")
    if isinstance(by_language, Mapping):
        tag = choose_language(accept_language, [str(one) for one in by_language])
        if tag is not None and isinstance(by_language[tag], str):
            return tag, by_language[tag]
    value = document.get(name)
    return "", value if isinstance(value, str) else ""


def _facts(document: Mapping[str, Any]) -> Iterator[str]:
    for name, word in _LINKS:
        for value in as_list(document.get(name))[:20]:
            if (iri := id_of(value)) is not None:
                yield f"<dt>{word}</dt><dd>{_link(iri, value)}</dd>\n"
    published = document.get("published")
    if isinstance(published, str):
        time = escape(published)
        shown = f'<time class="dt-published" datetime="{time}">{time}</time>'
        yield f"<dt>Published</dt><dd>{shown}</dd>\n"


def _link(iri: str, value: Any) -> str:
    """A link by name, or by id; what is no web address is no link."""
    name = value.get("name") if isinstance(value, Mapping) else None
    text = escape(plain(name)) if isinstance(name, str) and plain(name) else escape(iri)
    if not iri.startswith(("https://", "http://")) or not is_absolute_iri(iri):
        return text
    return f'<a href="{escape(iri)}">{text}</a>'
