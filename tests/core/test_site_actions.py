"""What a site posts is read, or refused with the member at fault."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apserver.core.site_actions import read_action, resolved, with_actors
from apserver.core.things import Things, ThingType
from apserver.errors import BadInput

USER = ThingType(
    kind="user", iri="https://shop.example/users/{name}", type="Person", user=True, handle="{name}"
)
ISSUE = ThingType(
    kind="issue",
    iri="https://shop.example/issues/{id}",
    type="Document",
    facade="Group",
    handle="issue_{id}",
    members=("name",),
)
THINGS = Things((USER, ISSUE), "https://social.example")
ANN, BOB = "https://shop.example/users/ann", "https://shop.example/users/bob"
ONE = "https://shop.example/issues/1"
ACTORS = {
    ANN: "https://social.example/actors/ann",
    BOB: "https://social.example/actors/bob",
    ONE: "https://social.example/actors/issue_1",
}

_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(0, 9)
    | st.text(max_size=5)
    | st.sampled_from([ANN, BOB, ONE, "https://shop.example/widgets/1", "https://x.example/"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "@id", "type", "actor", "object", "to", "name", "href"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200, deadline=None)
@given(
    st.dictionaries(
        st.sampled_from(["type", "actor", "object", "target", "to", "cc", "result", "verbPhrase"]),
        _values,
    )
)
def test_whatever_is_posted_is_read_or_refused(members: dict[str, Any]) -> None:
    """No other error escapes, and what is read names no user of the site but by its actor."""
    document = {"type": "Like", "actor": ANN, **members}
    try:
        action = read_action(document, THINGS)
    except BadInput:
        return
    told = with_actors(action, ACTORS, THINGS)
    assert told["actor"] != ANN
    for name in ("actor", "object", "target", "to", "cc", "result"):
        assert f'"id": "{ANN}"' not in json.dumps(told.get(name))


def test_users_give_way_to_their_actors_and_things_to_their_ids() -> None:
    posted = {
        "type": "Create",
        "actor": {"id": ANN, "type": "Person", "email": "a@shop.example"},
        "object": {
            "type": "Note",
            "attributedTo": ANN,
            "content": ANN,
            "inReplyTo": {"id": ONE, "type": "Document", "secret": "x"},
            "tag": [{"type": "Mention", "href": BOB, "name": "@bob"}],
        },
        "to": [BOB, ONE],
        "actionData": {"actor": ANN},
    }
    action = read_action(posted, THINGS)
    assert (action.actor, set(action.users), action.facades) == (ANN, {ANN, BOB}, (ONE,))
    told = with_actors(action, ACTORS, THINGS)
    assert told["actor"] == ACTORS[ANN]
    assert told["to"] == [ACTORS[BOB], ACTORS[ONE]]
    assert told["actionData"] == {"actor": ANN}
    note = told["object"]
    assert (note["attributedTo"], note["inReplyTo"]) == (ACTORS[ANN], ONE)
    assert note["tag"][0]["href"] == ACTORS[BOB]
    assert ANN in note["content"]


def test_what_is_not_known_yet_stays() -> None:
    assert resolved({"object": ANN, "cc": [BOB]}, {BOB: ACTORS[BOB]}, THINGS) == {
        "object": ANN,
        "cc": [ACTORS[BOB]],
    }


@pytest.mark.parametrize("actor", [None, [], [ANN, BOB], 5, {"type": "Person"}])
def test_there_is_one_actor(actor: Any) -> None:
    with pytest.raises(BadInput) as refused:
        read_action({"type": "Like", "actor": actor, "object": ONE}, THINGS)
    assert refused.value.pointer == "/actor"


def test_so_many_may_be_named() -> None:
    many = [f"https://shop.example/issues/{number}" for number in range(101)]
    with pytest.raises(BadInput):
        read_action({"type": "Like", "actor": ANN, "object": many}, THINGS)
