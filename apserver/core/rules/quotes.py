"""Quotes of posts: what is known here of what is quoted, and what follows (`core.quotes`).

Who is quoted by one of ours is told, if what is quoted is known here and may be read. Nobody asks
another server for it while a client waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from apserver.core import quotes
from apserver.core.document import as_list, id_of, types_of
from apserver.core.effects import CheckQuote, Effects, Put
from apserver.core.facts import Facts, Need, ObjectFact, ObjectNeed
from apserver.core.model import Activity
from apserver.core.origin import key_of
from apserver.core.rules import concerning


def needs(activity: Activity, said: Mapping[str, Any], facts: Facts) -> Iterable[Need]:
    """What a post quotes, as it is stored here, and how who posts stands to its author."""
    iri = quotes.quoted(said)
    if iri is not None:
        yield ObjectNeed(iri)
        yield from concerning.needs_of_author(iri, activity, facts)


def complete(
    post: Mapping[str, Any], activity: Activity, facts: Facts, *, before: Mapping[str, Any]
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """A post of ours with its quote as others read it, and who is to be told of it."""
    iri = quotes.quoted_by_client(post, before)
    if iri is None:
        return quotes.as_sent(post, None), ()
    stored = facts.object(iri)
    if stored is None or concerning.refused(iri, activity, facts) is not None:
        return quotes.as_sent(post, iri), ()
    author = concerning.author_of(stored)
    told = () if author is None or author == activity.actor else (author,)
    return quotes.as_sent(post, iri, url=_page_of(stored)), told


def quotes_itself(document: Mapping[str, Any], activity: Activity, facts: Facts) -> bool:
    """Whether what is quoted is by who says it, as far as it is known here."""
    stored = facts.object(quotes.quoted(document))
    return stored is not None and stored.author == key_of(activity.actor)


def check(put: Put) -> Effects:
    """The stamp of a quote that is stored is looked at later, if there is one."""
    return (CheckQuote(put.id),) if quotes.stamp_to_check(put.document) else ()


def _page_of(stored: ObjectFact) -> str:
    """Where people see it: the first web address that its author gives; empty without one."""
    for url in as_list(stored.document.get("url")):
        place = id_of(url) if isinstance(url, str) or "Link" in types_of(url) else None
        if place is not None and place.startswith(("https://", "http://")):
            return place
    return ""
