"""Things of a site in activities are shown as they are now (docs/things.md; issue 5, item 2)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apserver.core.document import render
from apserver.core.splicing import with_things

A, B, C = (f"https://shop.example/issues/{n}" for n in "abc")
NAMES = ("object", "target", "instrument")
NOW = {iri: {"id": iri, "type": "Document", "name": f'"{iri}", "object":'} for iri in (A, B)}
DOCUMENTS = {iri: render(document) for iri, document in NOW.items()}
#: What a text may look like that is mistaken for a member.
TRAPS = ["", A, f'"{A}"', f',"object":"{A}"', f'\\",\\"target\\":\\"{B}\\"', "{", "ä"]

one = st.sampled_from([A, B, C, "https://elsewhere.example/1"])
told = one | st.builds(lambda iri: {"id": iri, "type": "Note", "object": A}, one)
values = told | st.lists(told, max_size=3)
envelopes = st.fixed_dictionaries(
    {"id": st.just("https://here.example/activities/1"), "type": st.just("Offer")},
    optional={
        **dict.fromkeys(NAMES, values),
        "summary": st.sampled_from(TRAPS),
        f'x,"object":"{A}"': st.sampled_from(TRAPS),
        "to": st.lists(one, min_size=1, max_size=2),
    },
)


def _shown(value: Any, left: set[str]) -> Any:
    """What the page of things says, on values: a thing in place of its id, once in a member."""
    if isinstance(value, list):
        return [_shown(item, left) for item in value]
    iri = value["id"] if isinstance(value, dict) else value
    if iri not in (A, B, C):
        return value
    if iri not in left:
        return iri
    left.discard(iri)
    return NOW.get(iri, iri)


@given(envelopes)
def test_things_stand_in_the_place_of_their_ids(envelope: dict[str, Any]) -> None:
    """In members for participants, and nowhere else, whatever texts and other members hold."""
    got = json.loads(with_things(render(envelope), [A, B, C], DOCUMENTS))
    wanted = {
        name: _shown(value, {A, B, C}) if name in NAMES else value
        for name, value in envelope.items()
    }
    assert got == json.loads(render(wanted))


@pytest.mark.parametrize("trap", TRAPS)
def test_a_text_is_no_member(trap: str) -> None:
    """As they are nearly always: each thing once, after whatever the author wrote."""
    envelope = {"id": "x", "summary": trap, "object": A, "target": C}
    got = json.loads(with_things(render(envelope), [A, C], DOCUMENTS))
    assert got == {**envelope, "object": NOW[A]}
