"""Which activities are in streams, in which roles, and at which place (docs/decisions/0013, R1)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apserver.core import limits
from apserver.core.model import Activity, parse_activity
from apserver.core.roles import Role
from apserver.core.streams import index_of, is_streamed, place_of
from apserver.core.times import stamp
from apserver.core.verbs import Verb, Verbs
from apserver.core.vocabulary import PUBLIC

ANN, X, Y, Z = (f"https://here.example/{name}" for name in ("ann", "x", "y", "z"))
NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def activity(type_: str, **members: Any) -> Activity:
    document = {"id": "https://here.example/1", "type": type_, "actor": ANN, "to": PUBLIC}
    return parse_activity({**document, **members})


def parts(type_: str, verbs: Verbs | None = None, **members: Any) -> set[tuple[int, str]]:
    found = index_of(activity(type_, **members), verbs or Verbs())
    return {part for entry in found for part in entry.participants}


@pytest.mark.parametrize(
    ("type_", "members", "found"),
    [
        ("Add", {"object": X, "target": Y}, {(1, X), (2, Y)}),
        ("Create", {"object": {"id": X, "type": "Note"}}, {(1, X)}),
        ("Join", {"object": X}, {(2, X)}),
        ("Follow", {"object": X}, {(2, X)}),
        ("View", {"object": [X, {"id": Y}, {"type": "Link", "href": Z}]}, {(1, X), (1, Y), (1, Z)}),
        ("Offer", {"object": X, "target": X}, {(1, X), (2, X)}),
        ("Arrive", {}, set()),
        ("View", {"object": {"type": "Note"}}, set()),
        ("Undo", {"object": {"type": "Follow", "actor": ANN, "object": X}}, {(2, X)}),
    ],
)
def test_R1_roles_are_the_verbs_matter(
    type_: str, members: dict[str, Any], found: set[tuple[int, str]]
) -> None:
    """R1: what holds which role, by type; several objects each."""
    assert parts(type_, **members) == {(Role.ACTOR, ANN), *found}


def test_R1_a_registered_verb_says_where_its_target_is() -> None:
    """R1: by the phrase, before the type."""
    verbs = Verbs((Verb(phrase="commented on", type="Activity", roles={"target": "object"}),))
    found = parts("Activity", verbs, verbPhrase="commented on", object=X)
    assert found == {(Role.ACTOR, ANN), (Role.TARGET, X)}
    assert parts("Activity", verbs, verbPhrase="closed", object=X) == {(0, ANN), (1, X)}


def test_R1_of_very_many_objects_the_first_count() -> None:
    """No activity makes more rows than the limit."""
    many = [f"https://x.example/{n}" for n in range(limits.PARTICIPANTS + 5)]
    assert len(parts("View", object=many, target=many)) == 1 + 2 * limits.PARTICIPANTS


@pytest.mark.parametrize("type_", ["Update", "Delete", "Block", "Flag", "Ignore"])
def test_what_keeps_servers_in_step_is_in_none(type_: str) -> None:
    """Decision 0013: for everybody or not."""
    asked = activity(type_, object=X)
    assert not is_streamed(asked)
    assert index_of(asked, Verbs()) == ()
    assert place_of(asked, now=NOW).sort_at is None


@pytest.mark.parametrize("type_", ["Accept", "Reject", "Undo"])
def test_answers_are_there_when_they_are_for_everybody(type_: str) -> None:
    """Decision 0013."""
    assert is_streamed(activity(type_, object=X, to=[], cc=PUBLIC))
    assert not is_streamed(activity(type_, object=X, to=Y))


@pytest.mark.parametrize(
    "members",
    [
        {"companionOf": Y, "object": X},
        {"object": {"id": X, "type": "Note", "companionOf": Y}},
    ],
)
def test_a_companion_is_in_none(members: dict[str, Any]) -> None:
    """Decision 0013, R4: the action that it tells of is there already."""
    assert not is_streamed(activity("Create", **members))


@pytest.mark.parametrize(
    ("published", "at"),
    [
        (None, NOW),
        ("nonsense", NOW),
        ("2099-01-01T00:00:00Z", NOW),
        (stamp(NOW), NOW),
        ("1999-01-01T00:00:00Z", datetime(1999, 1, 1, tzinfo=UTC)),
        ("2026-01-02T03:04:04.5Z", NOW.replace(second=4, microsecond=500_000)),
    ],
)
def test_A6_its_place_is_when_it_was_published_and_not_later_than_now(
    published: str | None, at: datetime
) -> None:
    """A6: nothing is pinned to the top; within the second now, the order is kept."""
    assert place_of(activity("View", object=X, published=published), now=NOW).sort_at == at


def test_A6_what_is_made_later_stands_higher() -> None:
    """A6: dates have whole seconds, places do not."""
    moments = [NOW.replace(microsecond=0) + timedelta(microseconds=n) for n in range(5)]
    places = [
        place_of(activity("View", object=X, published=stamp(now)), now=now).sort_at
        for now in moments
    ]
    assert places == moments


def test_A2_A8_what_it_is_called_and_carries() -> None:
    """A2, A8: kept for filters; a phrase that is none is not."""
    place = place_of(
        activity("View", object=X, verbPhrase="closed", actionData={"a": [1]}), now=NOW
    )
    assert (place.verb, place.data) == ("closed", '{"a": [1]}')
    odd = place_of(activity("View", object=X, verbPhrase="x" * (limits.PHRASE + 1)), now=NOW)
    assert (odd.verb, odd.data) == (None, None)
