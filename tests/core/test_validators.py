"""Entity tags (RFC 9110 8.8.3, 13.1.2)."""

from __future__ import annotations

import re

import pytest

from apserver.core.validators import entity_tag, is_held

AS2 = "application/activity+json"


def test_a_tag_is_weak_and_names_content_and_type() -> None:
    tag = entity_tag(b"{}", AS2)
    assert re.fullmatch(r'W/"[0-9a-f]{24}"', tag)
    assert tag == entity_tag(b"{}", AS2)
    assert tag != entity_tag(b"{ }", AS2)
    assert tag != entity_tag(b"{}", "application/ld+json")


@pytest.mark.parametrize(
    ("header", "held"),
    [
        ('W/"a"', True),
        ('"a"', True),  # compared weakly
        ('"b", W/"a"', True),
        ('"x,y" ,W/"a"', True),
        ("*", True),
        (" * ", True),
        ('"b"', False),
        ('W/"b", "c"', False),
        ("a", False),
        ('"b*"', False),
        ("", False),
        ('"', False),
    ],
)
def test_what_is_held(header: str, held: bool) -> None:
    assert is_held(header, 'W/"a"') is held
