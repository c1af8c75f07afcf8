"""What of a post leads to others (interop 3.2, FEP-f228, CVE-2022-46405)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from apserver.core import limits
from apserver.core.threads import connected, context_of, replies_of, to_fetch

NOW = datetime(2026, 11, 24, tzinfo=UTC)
OLD, NEW = "2026-11-23T00:00:00Z", "2026-11-23T23:58:00Z"
POST = "https://far.example/1"
AT = f"{POST}/replies"


@pytest.mark.parametrize(
    ("replies", "old", "new"),
    [
        (None, None, None),
        (AT, AT, None),
        ("https://other.example/replies", None, None),
        ({"type": "Collection", "id": AT, "totalItems": 2}, AT, None),
        ({"id": AT, "first": f"{AT}/1"}, {"id": AT, "first": f"{AT}/1"}, None),
        ({"items": [POST]}, {"items": [POST]}, {"items": [POST]}),
        (
            {"first": {"items": [POST], "next": f"{AT}/2"}},
            {"first": {"items": [POST], "next": f"{AT}/2"}},
            {"items": [POST]},
        ),
        (7, None, None),
    ],
)
def test_interop_3_2_replies_worth_reading(replies: Any, old: Any, new: Any) -> None:
    """interop 3.2: of a new post what comes with it; of another one its own server's collection."""
    assert replies_of({"replies": replies, "published": OLD}, POST, now=NOW) == old
    assert replies_of({"replies": replies, "published": NEW}, POST, now=NOW) == new
    assert replies_of({"replies": replies}, POST, now=NOW) == old


def test_FEP_f228_conversations_worth_reading() -> None:
    """FEP-f228: at the origin of the post; of a new one only when what it answers is unknown."""
    context = f"{POST}/context"
    post = {"context": context, "published": NEW}
    assert context_of(post, POST, now=NOW, lacks_parent=False) is None
    assert context_of(post, POST, now=NOW, lacks_parent=True) == context
    assert context_of({**post, "published": OLD}, POST, now=NOW, lacks_parent=False) == context
    for other in ("https://other.example/c", "tag:far.example,2026:1", POST, 7):
        elsewhere = {"context": other, "published": OLD}
        assert context_of(elsewhere, POST, now=NOW, lacks_parent=True) is None


def test_CVE_2022_46405_who_lists_ids_makes_us_ask_few() -> None:
    """CVE-2022-46405: each once, so many; of every other host two; what is no address never."""
    own = [f"https://far.example/{n}" for n in range(5)]
    victim = [f"https://victim.example/{n}" for n in range(50)]
    listed = [*victim, None, 7, "tag:x", {"type": "Note"}, own[0], *own, {"id": own[4]}]
    assert to_fetch(listed, [own[1]], at=AT, most=20) == [*victim[:2], own[0], *own[2:]]
    assert to_fetch(listed, [], at=AT, most=1) == victim[:1]
    assert to_fetch(["x:y"] * limits.THREAD_ITEMS + own, [], at=AT, most=5) == []


def test_FEP_7888_only_what_is_shown_to_belong() -> None:
    """FEP-7888: what answers something of it, or names it itself; each after what it answers; a
    circle of strangers is none of it."""
    posts: dict[str, dict[str, Any]] = {
        "c": {"inReplyTo": "b"},
        "b": {"inReplyTo": ["a"]},
        "d": {"context": AT},
        "e": {"inReplyTo": "f"},
        "f": {"inReplyTo": "e"},
        "g": {},
    }
    assert connected(posts, ["a"], context=AT) == ["b", "c", "d"]
    assert connected(posts, [], context=AT) == ["d"]
    assert connected({}, ["a"], context=AT) == []
