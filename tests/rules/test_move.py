"""Move: facts and an activity in, effects out (interop 2.4, FEP-7628)."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from apserver.core import rules
from apserver.core.effects import Fetch, Moved, MoveFollowers, PutActor, Refuse
from apserver.core.facts import ActorFact, ActorNeed, DocumentFact, DocumentNeed
from apserver.core.model import parse_activity
from apserver.core.rules.move import check_may_post, objection
from apserver.errors import BadInput, Conflict, Forbidden
from tests.rules.facts import (
    ANN,
    BOB,
    CAROL,
    MALLORY,
    NOW,
    Found,
    actor,
    facts,
    follow_of,
    receive,
    sent,
)

NEW = "https://new.example/users/carol"
MOVE = {
    "id": "https://far.example/moves/1",
    "type": "Move",
    "actor": CAROL,
    "object": CAROL,
    "target": NEW,
}
OUR_MOVE = {**MOVE, "id": "https://here.example/activities/9", "actor": ANN, "object": ANN}
DAY = timedelta(days=1)


def profile(id_: str = NEW, **members: Any) -> dict[str, Any]:
    return {"id": id_, "type": "Person", "inbox": f"{id_}/inbox", **members}


def fetched(document: dict[str, Any] | None, reason: str = "") -> Found:
    return {DocumentNeed(NEW): DocumentFact(document, reason)}


def known(id_: str, **members: Any) -> Found:
    """An actor with these members of its fact."""
    fact = actor(id_)[ActorNeed(id_)]
    assert isinstance(fact, ActorFact)
    return {ActorNeed(id_): replace(fact, **members)}


AGREED = fetched(profile(alsoKnownAs=["https://x.example/other", CAROL]))


def moving(*found: Found, move: dict[str, Any] = MOVE, ours: bool = False) -> list[Any]:
    return [one for one in receive(move, facts(*found), ours=ours) if not isinstance(one, PutActor)]


def test_IO_82_the_new_account_is_asked_first() -> None:
    assert moving() == [Fetch(NEW)]
    assert DocumentNeed(NEW) in rules.needs(parse_activity(MOVE), facts())


def test_IO_82_valid() -> None:
    [moved, followers] = moving(AGREED)
    assert moved == Moved(CAROL, NEW, NOW)
    assert isinstance(followers, MoveFollowers)
    assert (followers.actor, followers.target) == (CAROL, NEW)
    assert any(isinstance(one, PutActor) for one in receive(MOVE, facts(AGREED)))


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (profile(), "move-without-alias"),
        (profile(alsoKnownAs=f"{CAROL}/"), "move-without-alias"),
        (profile(alsoKnownAs=[None, 5, {"href": CAROL}]), "move-without-alias"),
        (profile(alsoKnownAs=["x"] * 256 + [CAROL]), "move-without-alias"),
        (profile(alsoKnownAs=CAROL, movedTo=CAROL), "move-target-moved"),
        (profile(alsoKnownAs=CAROL, suspended=True), "move-target-suspended"),
        (profile(MALLORY, alsoKnownAs=CAROL), "move-target-differs"),
        ({"id": NEW, "type": "Note", "alsoKnownAs": CAROL}, "move-target-unreadable"),
        (profile(alsoKnownAs={"id": CAROL}), None),
        (profile(alsoKnownAs=CAROL, movedTo=NEW, suspended=False), None),
    ],
)
def test_IO_82_what_the_new_account_must_say(document: dict[str, Any], why: str | None) -> None:
    """IO-82; the quirk table's scalars for arrays; Mastodon's `suspended`."""
    assert objection(document, NEW, old=CAROL) == why
    found = moving(fetched(document))
    assert found == [Refuse(why)] if why else isinstance(found[0], Moved)


def test_IO_82_a_document_that_cannot_be_had() -> None:
    assert moving(fetched(None, "object-gone")) == [Refuse("move-object-gone")]


@pytest.mark.parametrize(("days", "is_free"), [(0, False), (6.9, False), (7, True), (400, True)])
def test_IO_82_not_twice_in_a_week(days: float, is_free: bool) -> None:
    found = moving(AGREED, known(CAROL, moved_at=NOW - days * DAY))
    assert isinstance(found[0], Moved) if is_free else found == [Refuse("move-too-soon")]


@pytest.mark.parametrize(
    ("members", "why"),
    [
        ({"object": MALLORY}, "move-of-another"),
        ({"object": [CAROL, MALLORY]}, "move-of-another"),
        ({"object": [CAROL, "https://x.example/unknown"]}, "move-of-several"),
        ({"target": CAROL}, "move-of-several"),
    ],
)
def test_IO_82_only_itself(members: dict[str, Any], why: str) -> None:
    assert moving(AGREED, move={**MOVE, **members}) == [Refuse(why)]


def test_IO_82_of_ours_nobody_is_asked_over_the_network() -> None:
    document = json.dumps(profile(BOB, alsoKnownAs=[CAROL])).encode()
    move = {**MOVE, "target": BOB}
    assert moving(known(BOB, document=document), move=move)[0] == Moved(CAROL, BOB, NOW)
    assert moving(move=move) == [Refuse("move-target-unreadable")]


def test_IO_82_ours_moves_its_followers_once_it_is_marked() -> None:
    assert moving(known(ANN, moved_to=NEW), move=OUR_MOVE, ours=True)[0].target == NEW
    assert moving(move=OUR_MOVE, ours=True) == []


def test_ux_10_ours() -> None:
    """ux.md 10: marked and told; refused without the alias, or in the week after, but for the same
    again."""
    agreed = fetched(profile(alsoKnownAs=ANN))
    effects = rules.send(sent(OUR_MOVE), facts(agreed))
    assert Moved(ANN, NEW, NOW) in effects
    for bad in (fetched(profile()), {}):
        with pytest.raises(BadInput):
            rules.send(sent(OUR_MOVE), facts(bad))
    lately = known(ANN, moved_to="https://x.example/there", moved_at=NOW - DAY)
    with pytest.raises(Conflict):
        rules.send(sent(OUR_MOVE), facts(agreed, lately))
    again = known(ANN, moved_to=NEW, moved_at=NOW - DAY)
    assert Moved(ANN, NEW, NOW) in rules.send(sent(OUR_MOVE), facts(agreed, again))
    with pytest.raises(Forbidden):
        rules.send(sent({**OUR_MOVE, "object": BOB}), facts(agreed))


@pytest.mark.parametrize(
    ("type_", "may"),
    [("Create", False), ("Like", False), ("Follow", False), ("Accept", False), ("Announce", False)]
    + [(one, True) for one in ("Move", "Undo", "Delete", "Update", "Block", "Reject", "Remove")],
)
def test_ux_10_what_a_moved_account_may_do(type_: str, may: bool) -> None:
    activity = sent({**OUR_MOVE, "type": type_})
    check_may_post(activity, None)
    if may:
        check_may_post(activity, NEW)
    else:
        with pytest.raises(Forbidden):
            check_may_post(activity, NEW)


def test_IO_31_moved_accounts_are_not_followed() -> None:
    """Interop 2.1: a moved target rejects; ours does not ask one that has moved."""
    follow = follow_of(ANN, by=CAROL)
    effects = receive(follow, facts(known(ANN, moved_to=NEW)))
    assert [one.document["type"] for one in effects if hasattr(one, "document")] == ["Reject"]
    with pytest.raises(BadInput, match=NEW):
        rules.send(sent(follow_of(CAROL, by=ANN)), facts(known(CAROL, moved_to=NEW)))
