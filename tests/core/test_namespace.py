"""The terms of our own namespace: one table, and all that is made from it."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from pyld import jsonld

from apserver.core.namespace import TERMS, context_document, with_definitions
from apserver.core.namespace_page import namespace_page
from apserver.core.vocabulary import AS2_CONTEXT, JSON_LITERALS, NAMESPACE
from apserver.resources import load_contexts
from tests.doubles.server import Server

CONTEXTS = load_contexts()


def loader(url: str, _options: Any) -> dict[str, Any]:
    return {"contextUrl": None, "documentUrl": url, "document": CONTEXTS[url]}


class _Page(HTMLParser):
    """Ids, links, and tags that are open, of a page."""

    def __init__(self, text: str):
        super().__init__()
        self.ids: set[str] = set()
        self.links: set[str] = set()
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if "id" in given:
            self.ids.add(str(given["id"]))
        if tag == "a":
            self.links.add(str(given["href"]))
        if tag not in ("meta", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_context_that_is_shipped_is_that_of_the_table() -> None:
    assert CONTEXTS[NAMESPACE.removesuffix("#")] == context_document()


def test_what_is_data_is_known_to_be() -> None:
    data = {term.name for term in TERMS if term.range == "JSON object"}
    assert data == JSON_LITERALS


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.name)
def test_a_term_means_its_iri_with_what_we_add_to_a_document(term: Any) -> None:
    """JSON-LD: the definition stands in the document itself, for this term and for no other."""
    document = {"@context": AS2_CONTEXT, "type": "Activity", "object": {term.name: term.example}}
    whole = with_definitions(document)
    assert whole["@context"] == [AS2_CONTEXT, {term.name: term.definition}]
    assert with_definitions(whole) == whole
    [expanded] = jsonld.expand(whole, {"documentLoader": loader})
    [inner] = expanded[f"{AS2_CONTEXT}#object"]
    assert list(inner) == [NAMESPACE + term.name]


def test_nothing_is_added_where_no_term_is_used() -> None:
    for used in ({}, {"source": {"actorOnly": True}}, {"contentMap": {"actorOnly": "x"}}):
        document = {"@context": AS2_CONTEXT, "type": "Note", **used}
        assert with_definitions(document) == document


def test_the_page_has_a_place_for_every_term() -> None:
    page = _Page(namespace_page())
    assert page.open == []
    assert {f"#{term.name}" for term in TERMS} <= page.links
    assert {term.name for term in TERMS} <= page.ids


@pytest.mark.parametrize(
    ("accept", "type_"),
    [
        ("text/html,application/xhtml+xml,*/*;q=0.8", "text/html"),
        ("application/ld+json", "application/ld+json"),
        ("application/activity+json", "application/ld+json"),
        ("*/*", "application/ld+json"),
    ],
)
async def test_the_namespace_is_served(server: Server, accept: str, type_: str) -> None:
    reply = await server.get("/ns", Accept=accept)
    assert reply.status == 200
    assert reply.headers["Content-Type"].partition(";")[0] == type_
    assert "Accept" in reply.headers["Vary"]
    if type_ == "text/html":
        assert reply.text == namespace_page()
    else:
        assert json.loads(reply.text) == context_document()
