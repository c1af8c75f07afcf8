"""An activity or object for people: a page that links all of it.

An action is told by its sentence, in the language of the reader when there is one for it. Texts in
documents are HTML; names and ids are text.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list, id_of, types_of
from apserver.core.hypertext import NOTHING, Html, cleaned, fill, joined, named
from apserver.core.languages import choose_language
from apserver.core.lexical import is_web_iri
from apserver.core.page import Reader, alternate, page
from apserver.core.summaries import LANGUAGE, plain

_MAIN = """\
<article class="h-entry">
<h1 class="p-name">{heading}</h1>
{content}{options}<dl>
{facts}</dl>
</article>
{below}"""
_CONTENT = '<div class="e-content" dir="auto">{content}</div>\n'
_OPTIONS = "<ul>\n{options}</ul>\n"
_OPTION = "<li>{name}{votes}</li>\n"
_FACT = "<dt>{word}</dt><dd>{value}</dd>\n"
_TIME = '<time class="dt-published" datetime="{time}">{time}</time>'
#: What is linked, by the word for it. Who and what take part, then where it belongs.
_LINKS = (
    ("actor", "Actor"),
    ("attributedTo", "By"),
    ("object", "Object"),
    ("target", "Target"),
    ("inReplyTo", "In reply to"),
    ("context", "Context"),
    ("url", "Page"),
    ("id", "This"),
)


def document_page(
    document: Mapping[str, Any],
    accept_language: str,
    *,
    reader: Reader | None = None,
    below: Html = NOTHING,
    here: str = "",
) -> str:
    """The page of a document. ``accept_language`` is the header of that name, or empty; ``below``
    is what can be done with it, ``here`` the path of the page."""
    lang, summary = _text(document, "summary", accept_language)
    heading = cleaned(summary)
    if not heading:
        lang, name = _text(document, "name", accept_language)
        heading = named(name or next(iter(types_of(document)), "Object"))
    told = document.get("object")
    thing = told if isinstance(told, Mapping) and "content" not in document else document
    _, content = _text(thing, "content", accept_language)
    main = fill(
        _MAIN,
        heading=heading,
        content=fill(_CONTENT, content=cleaned(content)) if content else NOTHING,
        options=_options(thing),
        facts=joined(_facts(document)),
        below=below,
    )
    return page(
        plain(heading),
        main,
        reader=reader,
        lang=lang or LANGUAGE,
        head=alternate(str(document.get("id", ""))),
        here=here,
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


def _options(thing: Mapping[str, Any]) -> Html:
    """What can be chosen in a poll, and how many chose each, as far as that is told."""
    options = [*as_list(thing.get("oneOf")), *as_list(thing.get("anyOf"))][: limits.OPTIONS]
    shown = joined(_option(one) for one in options if isinstance(one, Mapping))
    return fill(_OPTIONS, options=shown) if shown else NOTHING


def _option(option: Mapping[str, Any]) -> Html:
    name, replies = option.get("name"), option.get("replies")
    votes = replies.get("totalItems") if isinstance(replies, Mapping) else None
    told = f": {votes}" if isinstance(votes, int) else ""
    return fill(_OPTION, name=named(name if isinstance(name, str) else ""), votes=told)


def _facts(document: Mapping[str, Any]) -> Iterator[Html]:
    """What is linked from a document, and when it was published, as items of a list."""
    for name, word in _LINKS:
        for value in as_list(document.get(name))[:20]:
            iri = id_of(value)
            if iri is not None and (name == "id" or iri != document.get("id")):
                yield fill(_FACT, word=word, value=_link(iri, value))
    published = document.get("published")
    if isinstance(published, str):
        yield fill(_FACT, word="Published", value=fill(_TIME, time=published))


def _link(iri: str, value: Any) -> Html:
    """A link by name, or by id; what is no web address is no link."""
    name = value.get("name") if isinstance(value, Mapping) else None
    text = plain(name) if isinstance(name, str) and plain(name) else iri
    if not is_web_iri(iri):
        return named(text)
    return fill('<a href="{iri}">{text}</a>', iri=iri, text=named(text))
