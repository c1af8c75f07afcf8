"""Which page of another server a visitor is led to."""

from __future__ import annotations

from typing import Any

import pytest

from apserver.core.origin import parse_handle
from apserver.core.subscribe import SUBSCRIBE, subscribe_url
from apserver.errors import BadInput

URI = "https://here.example/actors/ann?x=1&y=ü"
ACTOR = "https://social.there.example/users/carol"


def led(template: Any, *, actor: str = ACTOR, allow_http: bool = False) -> str:
    jrd = {"links": [{"rel": "self", "href": actor}, {"rel": SUBSCRIBE, "template": template}]}
    handle = parse_handle("carol@there.example")
    return subscribe_url(jrd, URI, handle=handle, actor=actor, allow_http=allow_http)


@pytest.mark.parametrize("host", ["there.example", "social.there.example"])
def test_the_uri_is_filled_in_percent_encoded(host: str) -> None:
    """At the host of the handle, or at that of the actor which it names (Mastodon's WEB_DOMAIN)."""
    filled = "https%3A%2F%2Fhere.example%2Factors%2Fann%3Fx%3D1%26y%3D%C3%BC"
    at = f"https://{host}/authorize_interaction?uri="
    assert led(f"{at}{{uri}}&then=1") == f"{at}{filled}&then=1"


@pytest.mark.parametrize(
    "template",
    [
        None,
        5,
        "",
        "https://there.example/follow",
        "https://there.example/?{uri}&{uri}",
        "https://there.example/?{uri}{other}",
        "https://{uri}/",
        "{uri}",
        "javascript:alert('{uri}')",
        "data:text/html,{uri}",
        "//there.example/?{uri}",
        "/?{uri}",
        "http://there.example/?{uri}",
        "https://evil.example/?{uri}",
        "https://there.example.evil.example/?{uri}",
        "https://there.example:8443/?{uri}",
        "https://there.example@evil.example/?{uri}",
        "https://evil.example\\@there.example/?{uri}",
        "https://THERE.example/?{uri}",
        "https://there.example/\r\nSet-Cookie: x=1?{uri}",
        "https://there.example/\u2028?{uri}",
        "https://there.example/ü?{uri}",
        "https://there.example/" + "a" * 2_048 + "?{uri}",
    ],
)
def test_no_redirect_leads_elsewhere(template: Any) -> None:
    """security.md: CVE-2026-33868: the word of another server leads no browser to a third one."""
    with pytest.raises(BadInput):
        led(template)


def test_http_only_where_it_is_allowed() -> None:
    at = "http://there.example/?u={uri}"
    assert led(at, allow_http=True).startswith("http://there.example/?u=https%3A")


@pytest.mark.parametrize("jrd", [{}, {"links": None}, {"links": ["x", {"rel": "self"}]}])
def test_a_server_without_such_a_page(jrd: dict[str, Any]) -> None:
    handle = parse_handle("carol@there.example")
    with pytest.raises(BadInput):
        subscribe_url(jrd, URI, handle=handle, actor=ACTOR, allow_http=False)
