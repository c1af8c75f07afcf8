"""What other servers answer to WebFinger."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apserver.core.origin import Handle, parse_handle
from apserver.core.webfinger import claimed_handle, parse_jrd, same_handle, webfinger_url
from apserver.errors import BadInput

ACTOR = "https://there.example/users/carol"
LD = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


def jrd(*links: dict[str, Any], **members: Any) -> bytes:
    return json.dumps({"subject": "acct:carol@there.example", "links": links, **members}).encode()


def self_link(href: str = ACTOR, type_: str = "application/activity+json") -> dict[str, Any]:
    return {"rel": "self", "type": type_, "href": href}


def test_the_url_asks_for_the_handle_at_its_host() -> None:
    url = webfinger_url(parse_handle("@Carol@there.example"), scheme="https")
    assert url == ("https://there.example/.well-known/webfinger?resource=acct:Carol@there.example")


@pytest.mark.parametrize(
    "type_",
    [
        "application/activity+json",
        "Application/Activity+JSON",
        LD,
        LD.replace("; ", ";"),
    ],
)
def test_WF_12_the_self_link_leads_to_the_actor(type_: str) -> None:
    found = parse_jrd(jrd(self_link(type_=type_)), allow_http=False)
    assert (found.actor, found.subject) == (ACTOR, Handle("carol", "there.example"))


def test_WF_12_the_first_that_fits_counts() -> None:
    page = self_link("https://there.example/@carol", "text/html")
    plain = self_link("https://there.example/json", "application/ld+json")
    other = {"rel": "http://webfinger.net/rel/profile-page", "href": "https://there.example/x"}
    second = self_link("https://there.example/users/mallory")
    found = parse_jrd(jrd(page, plain, other, self_link(), second), allow_http=False)
    assert found.actor == ACTOR


def test_WF_11_unknown_members_are_ignored() -> None:
    link = {**self_link(), "template": 5, "titles": {"und": "Carol"}, "x": [{}]}
    found = parse_jrd(
        jrd(link, properties={"http://a.example": None}, aliases="odd", expires=7),
        allow_http=False,
    )
    assert found.actor == ACTOR


@pytest.mark.parametrize("subject", [None, 5, ACTOR, ""])
def test_WF_07_a_subject_that_is_no_handle_is_none(subject: object) -> None:
    found = parse_jrd(jrd(self_link(), subject=subject), allow_http=False)
    assert found.subject is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"<html>",
        b"{}",
        b'{"links": 5}',
        jrd(),
        jrd(self_link(type_="text/html")),
        jrd({"rel": "self", "href": ACTOR}),
        jrd({"rel": "self", "type": "application/activity+json"}),
        jrd(self_link("http://there.example/users/carol")),
        jrd(self_link("javascript:alert(1)")),
        jrd(self_link(), subject="acct:carol"),
        b'{"links": [], "links": [{"rel": "self"}]}',
    ],
)
def test_what_leads_to_no_actor_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        parse_jrd(body, allow_http=False)


def test_WF_15_the_case_of_a_name_does_not_tell_handles_apart() -> None:
    one = Handle("Carol", "there.example")
    assert same_handle(one, Handle("carol", "there.example"))
    assert not same_handle(one, Handle("carol", "here.example"))
    assert not same_handle(one, Handle("carola", "there.example"))


def test_an_actor_claims_its_handle_in_one_of_two_ways() -> None:
    """`webfinger` (FEP-2c59) before preferredUsername at the host of the id."""
    actor = {"id": ACTOR, "preferredUsername": "carol"}
    assert claimed_handle(actor) == Handle("carol", "there.example")
    claimed = claimed_handle({**actor, "webfinger": "carol@example.org"})
    assert claimed == Handle("carol", "example.org")
    for silent in ({"id": ACTOR}, {"preferredUsername": "carol"}, {**actor, "webfinger": "x"}):
        with pytest.raises(BadInput):
            claimed_handle(silent)
