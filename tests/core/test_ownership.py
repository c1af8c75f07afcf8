"""What an actor may put into its documents: FEP-fe34; security.md, rules 2 and 6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core.ownership import is_by, objection, own_words

CAROL = "https://far.example/users/carol"
CHANNEL = "https://far.example/channels/1"
NOTE = "https://far.example/notes/1"
DAVE = "https://other.example/users/dave"
ORIGIN, AUTHOR = "object-of-another-origin", "object-of-another-author"


@pytest.mark.parametrize(
    ("thing", "reason"),
    [
        ({}, None),
        ({"id": None, "attributedTo": []}, None),
        ({"id": NOTE}, None),
        ({"id": NOTE, "attributedTo": CAROL}, None),
        ({"id": NOTE, "attributedTo": {"type": "Person", "id": CAROL}}, None),
        ({"id": NOTE, "attributedTo": [{"type": "Person", "id": CAROL}, CHANNEL]}, None),
        ({"id": CAROL, "type": "Person"}, None),
        ({"id": "https://other.example/notes/1"}, ORIGIN),
        ({"id": "http://far.example/notes/1"}, ORIGIN),
        ({"id": "https://far.example:8443/notes/1"}, ORIGIN),
        ({"id": "https://far.example@other.example/notes/1"}, ORIGIN),
        ({"id": NOTE, "@id": "https://other.example/notes/1"}, ORIGIN),
        ({"id": "notes/1"}, ORIGIN),
        ({"id": 7}, ORIGIN),
        ({"id": NOTE, "attributedTo": CHANNEL}, AUTHOR),
        ({"id": NOTE, "attributedTo": DAVE}, AUTHOR),
        ({"id": NOTE, "attributedTo": [CAROL, DAVE]}, AUTHOR),
        ({"attributedTo": DAVE}, AUTHOR),
        ({"attributedTo": {"type": "Person", "name": "Dave"}}, AUTHOR),
        ({"attributedTo": {"type": "Link", "href": CAROL, "id": DAVE}}, AUTHOR),
        ({"attributedTo": {"id": CAROL, "@id": DAVE}}, AUTHOR),
        ({"attributedTo": [CAROL, 7]}, AUTHOR),
        ({"attributedTo": CAROL, "actor": DAVE}, AUTHOR),
        ({"actor": DAVE}, AUTHOR),
        ({"id": CHANNEL, "type": "Group"}, AUTHOR),
        ({"id": NOTE, "type": ["Note", "Person"]}, AUTHOR),
    ],
)
def test_security_md_rule_2_whose_a_thing_can_be(
    thing: Mapping[str, Any], reason: str | None
) -> None:
    """security.md: rule 2, IO-40, IO-75, CVE-2025-32946: ids of one origin, authors of one origin,
    and the actor among them; every id that a reader might choose."""
    assert objection(thing, CAROL) == reason
    assert is_by(thing, CAROL) or reason is not None


def inside(value: Any) -> Any:
    """What is left of a value inside of carol's activity."""
    return own_words({"type": "Announce", "x": [value]}, CAROL)["x"][0]


@pytest.mark.parametrize(
    "value",
    [
        NOTE,
        {"id": NOTE, "type": "Note", "attributedTo": CAROL, "content": "mine"},
        {"type": "Note", "content": "nobody's, so mine"},
        {"type": "Follow", "id": NOTE, "actor": CAROL, "object": DAVE},
        {"id": CAROL, "type": "Person", "summary": "myself", "icon": {"type": "Image", "url": "x"}},
        # As Mastodon, Misskey and Pleroma send them.
        {"type": "Mention", "href": DAVE, "name": "@dave@other.example"},
        {
            "id": "https://far.example/emojis/1",
            "type": "Emoji",
            "name": ":x:",
            "icon": {"url": "x"},
        },
        {"type": "PropertyValue", "name": "home", "value": "<a href='https://x.example'>x</a>"},
        {"id": f"{CAROL}#main-key", "owner": CAROL, "publicKeyPem": "x"},
        {
            "id": f"{NOTE}/replies",
            "type": "Collection",
            "first": {"type": "CollectionPage", "items": [f"{DAVE}/notes/1"], "next": "x"},
        },
        {"type": "Document", "mediaType": "image/png", "url": "x", "summary": None, "name": "alt"},
        # PeerTube and Mobilizon.
        {"type": "Link", "href": "https://far.example/videos/1.mp4", "height": 720},
        {"id": "https://far.example/address/1", "type": "Place", "name": "Town hall"},
    ],
)
def test_interop_guard_what_is_harmless_stays(value: Any) -> None:
    """Interop 2 to 4: all known servers send such things inside of their own."""
    assert inside(value) == value


@pytest.mark.parametrize(
    "thing",
    [
        {"type": "Note", "attributedTo": DAVE, "content": "x"},
        {"type": "Note", "content": "x", "attributedTo": [CAROL, DAVE]},
        {"type": "Create", "actor": DAVE, "object": {"type": "Note", "content": "x"}},
        {"type": "Note", "content": "x"},
        {"type": ["Note", "Person"], "content": "x"},
        {"type": "Emoji", "name": ":x:"},
        {},
    ],
)
def test_security_md_rule_2_what_is_of_others_is_cut_to_its_id(thing: dict[str, Any]) -> None:
    """security.md: rule 2, IO-81: at any depth."""
    id_ = "https://other.example/notes/1"
    assert inside({**thing, "id": id_}) == id_
    assert inside({"type": "Question", "oneOf": [{**thing, "id": id_}]})["oneOf"] == [id_]
    assert inside({"id": NOTE, "replies": {"items": [{**thing, "id": id_}]}})["replies"] == {
        "items": [id_]
    }


@pytest.mark.parametrize(
    "thing",
    [
        {"id": NOTE, "type": "Note", "content": "x"},
        {"id": NOTE, "type": "Note", "contentMap": {"en": "x"}},
        {"id": NOTE, "type": "Note", "summary": "x"},
        {"id": NOTE, "attributedTo": CHANNEL},
        {"id": NOTE, "attributedTo": [CAROL, CHANNEL]},
        {"id": NOTE, "type": "Create", "actor": CHANNEL},
        {"id": NOTE, "type": "Group", "name": "x"},
    ],
)
def test_security_md_rule_2_so_is_what_may_be_of_others_there(thing: dict[str, Any]) -> None:
    """security.md: rule 2: another actor of the same server counts as somebody else."""
    assert inside(thing) == NOTE


def test_what_has_no_id_and_is_of_others_goes() -> None:
    assert inside({"type": "Note", "attributedTo": DAVE, "content": "x"}) is None
    assert inside({"actor": DAVE, "type": "Like"}) is None


def test_texts_by_language_are_no_things() -> None:
    """ "id" is Indonesian (ISO 639-1); what is no text there is nothing."""
    document = {"contentMap": {"id": "Halo", "en": {"id": NOTE, "content": "x"}}}
    assert own_words(document, CAROL) == {"contentMap": {"id": "Halo"}}


def test_contexts_and_literals_are_left_alone() -> None:
    document = {"@context": {"id": DAVE}, "actionData": {"id": DAVE, "content": "x"}}
    assert own_words(document, CAROL) == document


_JSON = st.recursive(
    st.sampled_from([None, 7, "x", NOTE, DAVE, CAROL]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "@id", "type", "attributedTo", "actor", "object", "content"]),
            inner,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["object", "tag", "replies"]), _JSON))
def test_cutting_twice_cuts_no_more(document: dict[str, Any]) -> None:
    """Nothing breaks it, and what is left is what would be left of it."""
    once = own_words(document, CAROL)
    assert own_words(once, CAROL) == once
