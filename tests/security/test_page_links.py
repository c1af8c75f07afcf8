"""Pages link to the web, and to nothing that would run in them (security.md: HTML)."""

from __future__ import annotations

import pytest

from apserver.core.document_page import document_page
from apserver.core.profile_page import profile_page
from apserver.core.tag_page import tag_page

HERE = "https://here.example/x"
HOSTILE = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "data:text/html,x",
    "vbscript:x",
    "//evil.example",
    " https://evil.example",
    'https://evil.example/"onclick=x',
]


@pytest.mark.parametrize("iri", HOSTILE)
def test_pages_link_to_the_web_alone(iri: str) -> None:
    """Wherever others say where something is: of an actor, of a post with a hashtag, of what an
    action is about. The same page with an address of the web has the link."""
    for page in (profile, tagged, told):
        assert 'href="https://far.example/y"' in page("https://far.example/y")
        shown = page(iri)
        assert f'href="{iri}' not in shown
        assert "evil.example" not in "".join(
            part.partition(">")[0] for part in shown.split("href=")
        )


def profile(iri: str) -> str:
    actor = {"id": HERE, "type": "Person", "movedTo": iri, "url": iri}
    return profile_page(actor, handle="@a@b", reader=None)


def tagged(iri: str) -> str:
    post = {"id": iri, "type": "Note", "attributedTo": iri, "content": "x"}
    return tag_page("#x", HERE, {"orderedItems": [post]}, reader=None, here="/x")


def told(iri: str) -> str:
    action = {"id": HERE, "type": "Like", "actor": HERE, "object": iri, "summary": "x"}
    return document_page(action, "")
