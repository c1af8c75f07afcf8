"""Follow: facts and an activity in, effects out (ActivityPub 7.5)."""

from __future__ import annotations

import pytest

from apserver.core import rules
from apserver.core.audience import Visibility
from apserver.core.effects import PutFollow, Refuse, Relate, Send, Show, Unrelate
from apserver.core.facts import (
    ActorNeed,
    FollowFact,
    FollowsNeed,
    RelationFact,
    RelationNeed,
)
from apserver.errors import BadInput
from tests.rules.facts import (
    ANN,
    BOB,
    CAROL,
    FOLLOW_ID,
    NOW,
    OUR_FOLLOW_ID,
    Found,
    actor,
    facts,
    follow_of,
    follows,
    reaches,
    receive,
    received,
    sent,
)

ASKED = (
    Relate(CAROL, "follow", ANN, "pending", FOLLOW_ID, subject_ours=False),
    PutFollow(CAROL, ANN, "", True, False, FOLLOW_ID, NOW),
)
ACCEPT = Send(
    {
        "type": "Accept",
        "actor": ANN,
        "object": {"id": FOLLOW_ID, "type": "Follow", "actor": CAROL, "object": ANN},
        "to": [CAROL],
    }
)
REJECT = Send({**ACCEPT.document, "type": "Reject"})


def test_it_asks_for_both_actors_and_how_they_stand() -> None:
    needs = rules.needs(received(follow_of(ANN, by=CAROL)), facts())
    wanted = {RelationNeed(CAROL, "follow", ANN), RelationNeed(CAROL, "undone", FOLLOW_ID)}
    assert wanted <= set(needs)
    unknown = rules.needs(received(follow_of("https://x.example/u", by=CAROL)), facts())
    assert ActorNeed("https://x.example/u") in unknown


def test_IO_31_an_open_account_accepts() -> None:
    assert receive(follow_of(ANN, by=CAROL), facts()) == (*ASKED, ACCEPT)


def test_IO_33_a_locked_account_waits() -> None:
    known = facts(actor(ANN, locked=True))
    assert receive(follow_of(ANN, by=CAROL), known) == ASKED
    waiting = facts(
        actor(ANN, locked=True), follows(CAROL, ANN, "pending", "https://far.example/0")
    )
    assert receive(follow_of(ANN, by=CAROL), waiting) == ASKED


def test_IO_32_a_repeated_follow_is_accepted_again() -> None:
    """IO-32: also by a locked account, which has decided already."""
    for locked in (False, True):
        known = facts(actor(ANN, locked=locked), follows(CAROL, ANN, id_="https://far.example/0"))
        assert receive(follow_of(ANN, by=CAROL), known) == (*ASKED, ACCEPT)


def test_AP_COL_08_the_same_follow_again_does_nothing() -> None:
    for state in ("pending", "accepted"):
        assert receive(follow_of(ANN, by=CAROL), facts(follows(CAROL, ANN, state))) == ()


def test_fault_16_a_follow_that_was_undone_before_it_came() -> None:
    early: Found = {RelationNeed(CAROL, "undone", FOLLOW_ID): RelationFact("accepted", "x")}
    assert receive(follow_of(ANN, by=CAROL), facts(early)) == (
        Unrelate(CAROL, "undone", FOLLOW_ID),
        Refuse("follow-undone"),
    )


@pytest.mark.parametrize("whom", [CAROL, "https://here.example/actors/nobody", f"{ANN}/followers"])
def test_a_follow_of_no_actor_of_ours_is_refused(whom: str) -> None:
    assert receive(follow_of(whom, by=CAROL), facts()) == (Refuse("follow-not-ours"),)


def test_the_instance_actor_rejects() -> None:
    instance = "https://here.example/actors/instance"
    effects = receive(follow_of(instance, by=CAROL), facts(actor(instance)))
    [answer] = [one for one in effects if isinstance(one, Send)]
    assert (answer.document["type"], answer.document["actor"]) == ("Reject", instance)


def test_a_follow_that_reaches_nobody_is_dropped_at_the_shared_inbox() -> None:
    follow = follow_of(ANN, by=CAROL)
    assert receive(follow, facts(), in_person=False) == (Refuse("no-local-relation"),)
    assert receive(follow, reaches(follow, facts()), in_person=False) == (*ASKED, ACCEPT)


def test_whom_it_is_about_counts_as_addressed() -> None:
    """Interop 2.1: many servers address a Follow to nobody."""
    reach = rules.reach_of(received(follow_of(ANN, by=CAROL)), facts())
    assert (reach.addressed, reach.to_followers) == ((ANN,), False)
    effects = rules.receive(received(follow_of(ANN, by=CAROL)), facts())
    [shown] = [one for one in effects if isinstance(one, Show)]
    assert shown == Show(reach.activity, CAROL, (ANN,), False, Visibility.DIRECT)


def test_AP_C2S_29_ours_waits_for_the_accept() -> None:
    follow = sent(follow_of(CAROL, by=ANN, id_=OUR_FOLLOW_ID))
    effects = rules.send(follow, facts())
    assert effects[:2] == (
        Relate(ANN, "follow", CAROL, "pending", OUR_FOLLOW_ID, subject_ours=True),
        PutFollow(ANN, CAROL, "", True, False, OUR_FOLLOW_ID, NOW),
    )


def test_ours_goes_to_whom_it_asks() -> None:
    completed = rules.complete(sent(follow_of(CAROL, by=ANN)), facts())
    assert completed.document["to"] == [CAROL]


def test_nobody_follows_oneself() -> None:
    with pytest.raises(BadInput):
        rules.send(sent(follow_of(ANN, by=ANN)), facts())


def test_AP_S2S_19_between_two_of_ours() -> None:
    """AP-S2S-19: the follower's side came with sending; the followed one accepts as for any."""
    asked: Found = {FollowsNeed(BOB, ANN): (FollowFact("", True, False, OUR_FOLLOW_ID),)}
    known = facts(follows(BOB, ANN, "pending", OUR_FOLLOW_ID), asked)
    effects = receive(follow_of(ANN, by=BOB, id_=OUR_FOLLOW_ID), known, ours=True)
    assert effects[0] == Relate(BOB, "follow", ANN, "pending", OUR_FOLLOW_ID, subject_ours=True)
    assert isinstance(effects[1], Send)
    assert effects[1].document["to"] == [BOB]
