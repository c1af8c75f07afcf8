"""Which activities are judged by the same facts: those that look at nothing that another changes
(seed scenario 39)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from apserver.core import rules
from apserver.core.effects import Effects, PutReport, Send, Unrelate
from apserver.core.facts import ActorNeed, Facts, FollowFact, FollowsNeed, Need, ReachNeed
from apserver.core.origin import key_of
from apserver.core.rounds import Noted, Round
from tests.rules.facts import ANN, BOB, CAROL, MALLORY, Found, facts, sent

HERE = "https://here.example"


def judged(document: dict[str, Any], known: Facts) -> tuple[set[Need], Effects]:
    """What its rule asks for and answers."""
    noted = Noted(known.found)
    own = replace(known, found=noted)
    activity = rules.complete(sent(document), own)
    return noted.asked, rules.send(activity, own)


def together(*documents: dict[str, Any], known: Facts | None = None) -> int:
    """How many of these one round takes, from the first."""
    round_ = Round()
    for taken, document in enumerate(documents):
        asked, effects = judged(document, known or facts())
        if round_.has_ended or not round_.admits(asked, effects):
            return taken
        round_.add(effects)
    return len(documents)


def done(type_: str, object_: Any, *, by: str = ANN, number: int = 1, **members: Any) -> Any:
    id_ = f"{HERE}/activities/{number}"
    return {"id": id_, "type": type_, "actor": by, "object": object_, **members}


def following(*whom: str) -> Found:
    row = FollowFact("", actor_only=True, mutes=False, activity_id=f"{HERE}/activities/9")
    return {FollowsNeed(ANN, one): (row,) for one in whom}


def test_scenario_39_many_follows_are_one_round() -> None:
    """Scenario 39: batch follow. They touch relations of their own, though of one actor."""
    assert together(*(done("Follow", one) for one in (BOB, CAROL, MALLORY))) == 3


def test_scenario_39_many_likes_are_one_round() -> None:
    assert together(*(done("Like", f"https://far.example/notes/{n}") for n in range(50))) == 50


def test_scenario_39_what_one_makes_another_ends() -> None:
    """Scenario 39: an Undo of what an earlier one does is judged by facts that are read anew."""
    follow = done("Follow", CAROL)
    undo = done("Undo", {"type": "Follow", "actor": ANN, "object": CAROL}, number=2)
    assert together(follow, undo, known=facts(following(CAROL))) == 1


def test_scenario_39_the_same_twice_is_two_rounds() -> None:
    like = done("Like", "https://far.example/notes/1")
    assert together(like, like) == 1
    other = done("Like", "https://far.example/notes/1", by=BOB)
    assert together(like, other, like) == 2


def test_scenario_39_a_block_ends_what_a_follow_begins() -> None:
    follow, block = done("Follow", CAROL), done("Block", CAROL, number=2)
    assert together(block, follow) == 1
    assert together(block, done("Follow", MALLORY)) == 2


def test_scenario_39_an_actor_changes_itself_in_turn() -> None:
    update = done("Update", {"id": ANN, "name": "Ann"})
    document = b'{"@context":"https://www.w3.org/ns/activitystreams","id":"%b"}' % ANN.encode()
    known = facts()
    named = {need: replace(fact, document=document) for need, fact in known.found.items()}  # type: ignore[type-var]
    assert together(update, update, known=replace(known, found=named)) == 1


def test_scenario_39_who_has_others_send_ends_the_round() -> None:
    """Scenario 39: but for what stands beside an action and has an id that nobody knows yet."""
    unknown = Round()
    unknown.add((Send({"type": "Reject", "actor": ANN, "object": CAROL}),))
    assert unknown.has_ended
    companion = Round()
    companion.add((Send({"type": "Create", "actor": ANN, "companionOf": "x", "object": {}}),))
    assert not companion.has_ended


def test_scenario_39_an_effect_that_is_not_known_ends_the_round() -> None:
    """Scenario 39: what a later version changes is not passed over."""
    report = PutReport(
        activity=key_of(ANN),
        activity_id=None,
        reporter=ANN,
        ours=True,
        subjects=(),
        posts=(),
        evidence=(),
        content="",
    )
    round_ = Round()
    round_.add((report,))
    assert round_.has_ended


def test_scenario_39_a_fact_that_is_not_known_begins_a_round() -> None:
    """Scenario 39: nor what a later version asks."""
    asked = ReachNeed(key_of(ANN), ANN, (), to_followers=False)
    round_ = Round()
    assert round_.admits([asked], ())
    round_.add((Unrelate(ANN, "like", CAROL),))
    assert round_.admits([ActorNeed(ANN)], ())
    assert not round_.admits([asked], ())
