"""Which emoji a Like shows (FEP-c0e0, IO-80; emoji sequences of UTS 51)."""

from __future__ import annotations

from typing import Any

import pytest

from apserver.core.reactions import check_reaction, emoji_of
from apserver.errors import BadInput

ENGLAND = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"


def like(content: str, **members: Any) -> dict[str, Any]:
    return {"type": "Like", "content": content, **members}


def tag(name: str, **members: Any) -> dict[str, Any]:
    icon = {"type": "Image", "url": "https://pictures.example/e.png"}
    return {"type": "Emoji", "name": name, "icon": icon, **members}


@pytest.mark.parametrize(
    "emoji",
    ["🔥", "👍🏽", "🇦🇹", "1\u20e3", FAMILY, ENGLAND, "🏳\u200d🌈", "©", "☎", "\U0001fae8"],
)
def test_IO_80_one_emoji_is_a_reaction(emoji: str) -> None:
    """FEP-c0e0: a single grapheme; with the selector for pictures or without, it is the same."""
    assert emoji_of(like(emoji)) == emoji
    assert emoji_of({"type": "EmojiReact", "content": f"{emoji} "}) == emoji
    assert emoji_of({"type": "Like", "_misskey_reaction": emoji}) == emoji


def test_IO_80_the_selector_makes_no_other_reaction() -> None:
    """Misskey sends U+2764 with U+FE0F, Pleroma without."""
    assert emoji_of(like("❤\ufe0f")) == emoji_of(like("❤")) == "❤"
    assert emoji_of(like("🏳\ufe0f\u200d🌈")) == "🏳\u200d🌈"


@pytest.mark.parametrize(
    "text",
    ["", "a", "1", "🔥🔥", "👍 nice", "🇦", "x" * 5_000, "\u200d", "🔥\u200d", "<b>🔥</b>", "::"],
)
def test_IO_80_anything_else_is_none(text: str) -> None:
    """FEP-c0e0: what is no emoji shows none, however long it is."""
    assert emoji_of(like(text)) is None


@pytest.mark.parametrize(
    ("content", "tags", "emoji"),
    [
        (":blob:", tag(":blob:", id="https://far.example/e/blob"), ":blob@far.example:"),
        (":blob:", [tag("blob")], ":blob@pictures.example:"),
        (":blob:", tag(":blob:", id=None), ":blob@pictures.example:"),
        (":blob@.:", tag(":blob@.:", id="https://far.example/e/blob"), ":blob@far.example:"),
        (":blob@third.example:", tag(":blob@third.example:", icon="https://third.example/1"),
         ":blob@third.example:"),
        (":blob:", tag(":other:"), None),
        (":blob:", None, None),
        (":blob:", tag(":blob:", icon={"type": "Image"}), None),
        (":blob:", tag(":blob:", icon={"url": {"href": "https://third.example/1"}}),
         ":blob@third.example:"),
        (":blob:", ["x", {"type": "Emoji"}, {"type": "Emoji", "name": 7}], None),
    ],
)  # fmt: skip
def test_IO_80_an_emoji_of_somebodys_own_is_known_by_its_host(
    content: str, tags: object, emoji: str | None
) -> None:
    """IO-80, IO-72: that of its id or of its picture, which may be a third server's."""
    assert emoji_of(like(content, tag=tags)) == emoji


def test_FEP_c0e0_a_client_must_show_one() -> None:
    """FEP-c0e0: content MUST be one grapheme or a shortcode with its Emoji; a plain Like need not
    show any."""
    check_reaction({"type": "Like", "object": "https://far.example/1"})
    check_reaction(like("🔥"))
    check_reaction(like(""))
    for wrong in (like("nice"), like(":blob:"), {"type": "EmojiReact"}):
        with pytest.raises(BadInput) as caught:
            check_reaction(wrong)
        assert caught.value.pointer == "/content"
