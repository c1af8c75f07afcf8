"""Which things must be known before an activity of ours that addresses nobody can be addressed."""

from __future__ import annotations

from typing import Any

import pytest

from apserver.core.audience import Audience
from apserver.core.model import Activity
from apserver.core.rules.unaddressed import named

ANN = "https://here.example/actors/ann"
NOTE = "https://other.example/notes/1"
EVE = "https://other.example/users/eve"


def activity(type_: str, audience: Audience | None = None, **members: Any) -> Activity:
    document = {"type": type_, "actor": ANN, **members}
    return Activity(document, f"{ANN}/1", type_, ANN, audience or Audience())


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (activity("Like", object=[NOTE, {"id": NOTE}]), (NOTE,)),
        (activity("Announce", object=NOTE), (NOTE,)),
        (activity("EmojiReact", object=NOTE, content="x"), (NOTE,)),
        (activity("Offer", object=NOTE, target=EVE), (NOTE, EVE)),
        (activity("Create", object={"type": "Note", "name": "a", "inReplyTo": NOTE}), (NOTE,)),
        (activity("Create", object={"type": "Note", "content": "a", "inReplyTo": NOTE}), ()),
        (activity("Like", Audience(hidden=(EVE,)), object=NOTE), ()),
        (activity("View", object=NOTE), ()),
        (activity("Flag", object=NOTE), ()),
        (activity("Block", object=EVE), ()),
    ],
)
def test_AP_C2S_38_whose_owner_is_told(said: Activity, expected: tuple[str, ...]) -> None:
    """AP-C2S-38: those alone whose owner is told; nothing is looked up for what is addressed (bto
    too), for what tells nobody, and for what nobody may hear of, such as a report or a block."""
    assert named(said) == expected
