"""Quotes: which post a post quotes, and whether who wrote that one has agreed.

Four members and a kind of tag name what is quoted, and who writes one seldom reads all of them
(interop 3.5). `quote` is that of FEP-044f, where the author of the quoted post agrees by a stamp (a
QuoteAuthorization) that `quoteAuthorization` names; the others know of no consent. What we send has
all four, and a line of text that leads to the quoted post for readers who know none. Mastodon and
others hide that line by its class when they show the quote itself.

What is received is read in one order, and told to our clients in one way: `quote` is the id, and
``quoteState`` of our namespace says how it stands (`State`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Literal, TypeAlias
from uuid import UUID

from apserver.core import limits
from apserver.core.document import as_list, first, id_of, types_of
from apserver.core.html import Markup
from apserver.core.lexical import is_absolute_iri
from apserver.core.notes import with_texts
from apserver.core.origin import key_of, same_origin

#: approved: the author of what is quoted agreed, or is the same. pending: it is not known whether.
#: denied: the stamp that is shown is none for this quote. legacy: it is quoted in a way that asks
#: nobody. deleted: what was quoted is gone.
State: TypeAlias = Literal["approved", "pending", "denied", "legacy", "deleted"]

_TYPE = "QuoteAuthorization"
QUOTE, STATE, STAMP = "quote", "quoteState", "quoteAuthorization"
#: In the order in which they are read.
_LEGACY = ("_misskey_quote", "quoteUrl", "quoteUri")
_LINK = "_misskey_quote"  #: the end of the `rel` of a Link in `tag` (FEP-e232)
#: The line, as it is once it is cleaned.
_LINE = re.compile(r'^<p class="quote-inline">RE: <a [^<>]*>[^<>]*</a></p>')


def quoted(document: Mapping[str, Any]) -> str | None:
    """The id of what a document quotes, whichever way it says so; None when it quotes nothing."""
    return next(_named(document), None)


def _named(document: Mapping[str, Any]) -> Iterator[str]:
    values = [first(document.get(name)) for name in (QUOTE, *_LEGACY)]
    for tag in as_list(document.get("tag")):
        if isinstance(tag, dict) and "Link" in types_of(tag) and _is_quote(tag):
            values.append(tag.get("href"))
    for iri in map(id_of, values):
        if iri is not None and len(iri) <= limits.IRI and is_absolute_iri(iri):
            yield iri


def _is_quote(link: Mapping[str, Any]) -> bool:
    return any(str(rel).endswith(_LINK) for rel in as_list(link.get("rel")))


def as_told(
    document: Mapping[str, Any], *, is_own: bool, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What somebody else sent, with its quote as our clients read it. ``is_own``: who wrote it
    wrote what is quoted too. ``before``, until an edit: the same quote by the same stamp stands as
    it did, and nobody is asked again."""
    told = {name: value for name, value in document.items() if name != STATE}
    quote = first(document.get(QUOTE))
    if isinstance(quote, dict) and "Tombstone" in types_of(quote):
        return {**told, STATE: "deleted"}
    iri = quoted(document)
    if iri is None:
        return told
    state: State = "pending" if id_of(quote) == iri else "legacy"
    told = {**told, QUOTE: iri, STATE: "approved" if is_own else state}
    if before and stamp_to_check(told) and all(before.get(x) == told[x] for x in (QUOTE, STAMP)):
        return {**told, STATE: before.get(STATE, state)}
    if state == "pending" and STAMP in told and not is_own and stamp_to_check(told) is None:
        return {**told, STATE: "denied"}
    return told


def stamp_to_check(told: Mapping[str, Any]) -> str | None:
    """The id of the stamp that says whether a quote that is pending is approved: one of the server
    of what is quoted; None when there is nothing to be asked."""
    stamp, quote = id_of(first(told.get(STAMP))), told.get(QUOTE)
    if told.get(STATE) != "pending" or stamp is None or len(stamp) > limits.IRI:
        return None
    is_there = isinstance(quote, str) and same_origin(stamp, quote)
    return stamp if is_there else None


def approves(stamp: Mapping[str, Any], id_: str, *, post: str, quoted: str) -> UUID | None:
    """By whom a stamp, fetched by its id, lets this post quote that one: the key of the actor,
    which must be the author of what is quoted. None when it is for something else."""
    author = id_of(first(stamp.get("attributedTo")))
    is_for_it = (
        stamp.get("id") == id_
        and _TYPE in (one.rpartition("#")[2] for one in types_of(stamp))
        and id_of(first(stamp.get("interactingObject"))) == post
        and id_of(first(stamp.get("interactionTarget"))) == quoted
    )
    return key_of(author) if is_for_it and author and same_origin(author, id_) else None


def quoted_by_client(document: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
    """The same of what our client posts; ``before`` is what it was until an edit. Whoever takes
    `quote` out quotes no more, though the other members are there still."""
    is_removed = QUOTE in before and QUOTE not in document
    return None if is_removed else quoted(document)


def plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """A post of ours without what `as_sent` adds to its texts."""
    return with_texts(document, lambda text: _LINE.sub("", text))


def as_sent(document: Mapping[str, Any], iri: str | None, *, url: str = "") -> dict[str, Any]:
    """A post of ours that quotes ``iri``, or nothing; its page is at ``url``."""
    apart = {QUOTE, *_LEGACY, STATE, *(() if iri else (STAMP,))}
    whole = {name: value for name, value in document.items() if name not in apart}
    if iri is None:
        return whole
    place = escape(url or iri)
    line = f'<p class="quote-inline">RE: <a href="{place}">{place}</a></p>'
    line = Markup(strict=True).html(line)
    if not (whole.get("content") or whole.get("contentMap")):
        whole["content"] = ""
    whole = with_texts(whole, lambda text: line + text)
    return {**whole, **dict.fromkeys((QUOTE, *_LEGACY), iri)}
