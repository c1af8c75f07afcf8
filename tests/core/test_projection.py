"""What is kept of a thing: the members that are listed, and no credential (G10, fault X8)."""

from __future__ import annotations

from typing import Any

import pytest

from apserver.core.projection import is_never_shown, projection

THING: dict[str, Any] = {
    "name": "It",
    "body": "Private",
    "attributedTo": {
        "id": "https://shop.example/users/1",
        "type": "Person",
        "name": "Jo",
        "e_mail": "jo@shop.example",
        "auth": {"Password-Hash": "x", "refresh_token": "y", "kind": "local"},
    },
    "tags": [{"name": "a", "apiKey": "z"}, "b"],
}


def test_only_what_is_listed_is_kept() -> None:
    assert projection(THING, ("name", "url")) == {"name": "It"}
    assert projection(THING, ()) == {}


def test_credentials_are_left_out_at_any_depth() -> None:
    assert projection(THING, ("attributedTo", "tags")) == {
        "attributedTo": {
            "id": "https://shop.example/users/1",
            "type": "Person",
            "name": "Jo",
            "auth": {"kind": "local"},
        },
        "tags": [{"name": "a"}, "b"],
    }


@pytest.mark.parametrize(
    "name",
    "email EMail e-mail emailAddress userEmail password password_hash passwd pwd secret "
    "clientSecret token authToken accessToken apiKey credentials mbox_sha1sum privateKey "
    "publicKey sessionid cookie phone id type inbox outbox followers to bto".split(),
)
def test_these_are_never_shown(name: str) -> None:
    assert is_never_shown(name)
    assert projection({name: "x"}, (name,)) == {}


@pytest.mark.parametrize(
    "name",
    "name url content summary published attributedTo icon passengers tokyo compassion".split(),
)
def test_ordinary_members_may_be(name: str) -> None:
    assert projection({name: "x"}, (name,)) == {name: "x"}
