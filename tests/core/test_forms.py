"""What forms send, where they may lead, and text that becomes HTML."""

from __future__ import annotations

import pytest

from apserver.core import limits
from apserver.core.forms import form_token, is_foreign, is_token, local_path, parse_form
from apserver.core.hypertext import Html, fill
from apserver.errors import BadInput

OWN = "https://here.example"


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/actors/ann",
        "/things?id=https://shop.example/issues/2",
        "/things?id=https%3A%2F%2Fshop.example%2Fissues%2F2&x=%25",
        "/authorize_interaction?uri=acct%3Aann%40there.example",
        "/a/",
    ],
)
def test_a_path_of_ours_may_come_next(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "https:x",
        "https://evil.example",
        "HTTPS://evil.example",
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\/evil.example",
        "\\\\evil.example",
        "/%2Fevil.example",
        "/%2f%2fevil.example",
        "/%5Cevil.example",
        "/%252Fevil.example",
        "/%255Cevil.example",
        "/a/..//evil.example",
        "/.//evil.example",
        "/x%2F%2Fevil.example",
        "/\tevil.example",
        "/\n/evil.example",
        "/%09/evil.example",
        "/%0d%0aSet-Cookie:x=1",
        "/\r\nLocation: https://evil.example",
        "/\u2028evil",
        "/\uff0fevil.example",
        "/\u2215evil.example",
        "/ /evil.example",
        " //evil.example",
        "\t//evil.example",
        "javascript:alert(1)",
        "data:text/html,x",
        "@evil.example",
        ".evil.example",
        ":80",
        "?next=x",
        "#x",
        "/#//evil.example",
        "actors/ann",
        "/\x00",
        "/%00",
        "/<script>",
        '/"onclick="x',
        "/%3Cscript%3E",
        "/" + "a" * limits.IRI,
    ],
)
def test_CVE_2026_33868_nothing_else_comes_next(hostile: str) -> None:
    """CVE-2026-33868: what any reader could take for another host, as it stands or decoded."""
    with pytest.raises(BadInput):
        local_path(hostile)


@pytest.mark.parametrize(
    ("fetch_site", "origin", "foreign"),
    [
        ("same-origin", OWN, False),
        ("", OWN, False),
        ("same-origin", "", False),
        ("none", "", False),
        ("", "", False),  # no browser: the token alone tells
        ("cross-site", "https://evil.example", True),
        ("cross-site", "", True),
        ("same-site", "https://evil.here.example", True),
        ("same-origin", "null", True),
        ("", "null", True),
        ("", "https://here.example.evil.example", True),
        ("", "http://here.example", True),
        ("", "https://here.example:8443", True),
        ("bogus", OWN, True),
    ],
)
def test_what_a_browser_says_of_where_it_comes_from(
    fetch_site: str, origin: str, foreign: bool
) -> None:
    """security.md: consent-page: a post that another site began, or one beside us on our domain."""
    assert is_foreign(fetch_site=fetch_site, origin=origin, own=OWN) is foreign


def test_a_token_is_good_for_one_secret() -> None:
    assert is_token(form_token("one"), "one")
    for given in (form_token("other"), "", "é", form_token("one")[:-1], form_token("one").upper()):
        assert not is_token(given, "one")


@pytest.mark.parametrize(
    "body",
    [
        b"a=1&a=2",
        b"a=%00",
        b"a%00=1",
        b"a=%ff",
        b"a=\xc3\xa9",
        b"&".join(b"f%d=1" % number for number in range(limits.FORM_FIELDS + 1)),
    ],
)
def test_what_no_form_sends_is_refused(body: bytes) -> None:
    with pytest.raises(BadInput):
        parse_form(body)


def test_fields_of_a_form() -> None:
    assert parse_form(b"name=ann&empty=&text=a+b%C3%A9") == {
        "name": "ann",
        "empty": "",
        "text": "a bé",
    }


def test_text_is_escaped_and_html_is_not() -> None:
    """Whatever is put into a page is text unless it was made by us or cleaned."""
    hostile = "\"'><script>&{x}</script>"
    made = fill('<a title="{given}">{given}{html}</a>', given=hostile, html=fill("<b>{n}</b>", n=1))
    escaped = "&quot;&#x27;&gt;&lt;script&gt;&amp;{x}&lt;/script&gt;"
    assert made == f'<a title="{escaped}">{escaped}<b>1</b></a>'
    assert isinstance(made, Html)
