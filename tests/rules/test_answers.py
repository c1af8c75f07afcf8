"""Accept, Reject and Undo of a Follow, on both sides (ActivityPub 7.6, 7.7, 7.12)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from apserver.core import rules
from apserver.core.effects import AddTo, Recall, Refuse, Relate, RemoveFrom, Unrelate
from apserver.core.facts import ActivityFact, ActivityNeed, ReachNeed, RelationNeed
from apserver.errors import BadInput, Forbidden, Missing
from tests.rules.facts import (
    ANN,
    BOB,
    CAROL,
    FOLLOW_ID,
    MALLORY,
    OUR_FOLLOW_ID,
    Found,
    facts,
    follow_of,
    follows,
    held,
    reaches,
    receive,
    received,
    send,
    sent,
)

OURS = follow_of(CAROL, by=ANN, id_=OUR_FOLLOW_ID)
THEIRS = follow_of(ANN, by=CAROL)
PENDING = follows(ANN, CAROL, "pending", OUR_FOLLOW_ID)
FOLLOWING = (
    Relate(ANN, "follow", CAROL, "accepted", OUR_FOLLOW_ID, subject_ours=True),
    AddTo(f"{ANN}/following", CAROL),
)
NO_LONGER_FOLLOWING = (Unrelate(ANN, "follow", CAROL), RemoveFrom(f"{ANN}/following", CAROL))
NO_LONGER_FOLLOWED = (Unrelate(CAROL, "follow", ANN), RemoveFrom(f"{ANN}/followers", CAROL))


def answer(type_: str, object_: object, *, by: str = CAROL) -> dict[str, Any]:
    """An answer with an id of its own."""
    host = by.partition("://")[2].partition("/")[0]
    return {"id": f"https://{host}/answers/9", "type": type_, "actor": by, "object": object_}


#: How an Accept or Reject of our Follow may name it (IO-35).
FORMS: dict[str, object] = {
    "id": OUR_FOLLOW_ID,
    "full": OURS,
    "stub": {"id": OUR_FOLLOW_ID, "type": "Follow"},
    "other id": {**OURS, "id": "https://far.example/unknown"},
    "no id": {key: value for key, value in OURS.items() if key != "id"},
    "list": [OUR_FOLLOW_ID],
}


@pytest.mark.parametrize("form", FORMS)
def test_IO_35_accept_in_every_form(form: str) -> None:
    """IO-35, AP-S2S-37: ours becomes accepted under the id that we gave it."""
    effects = receive(answer("Accept", FORMS[form]), facts(PENDING, held(OURS)))
    assert effects == (*FOLLOWING, Recall(CAROL))


def test_R7_what_was_before_is_read_for_the_first_follower() -> None:
    """Seed R7: when somebody here follows already, all of it is here; a thousand followers who
    move together (IO-82) read nobody's outbox a thousand times."""
    accept = answer("Accept", FORMS["full"])
    [heard] = [
        need
        for need in rules.needs(received(accept), facts(PENDING, held(OURS)))
        if isinstance(need, ReachNeed) and need.actor == CAROL and need.to_followers
    ]
    assert receive(accept, facts(PENDING, held(OURS), {heard: True})) == FOLLOWING


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("state", ["pending", "accepted"])
def test_IO_36_reject_in_every_form(form: str, state: str) -> None:
    """IO-36, AP-S2S-38: before the Accept and after it."""
    known = facts(follows(ANN, CAROL, state, OUR_FOLLOW_ID), held(OURS))
    assert receive(answer("Reject", FORMS[form]), known) == NO_LONGER_FOLLOWING


@pytest.mark.parametrize("type_", ["Accept", "Reject"])
@pytest.mark.parametrize("form", FORMS)
def test_AP_S2S_37_answers_by_another(type_: str, form: str) -> None:
    """AP-S2S-37: mallory was not asked."""
    known = facts(PENDING, held(OURS))
    refused = Refuse(f"{type_.lower()}-without-follow")
    assert receive(answer(type_, FORMS[form], by=MALLORY), known) == (refused,)


@pytest.mark.parametrize("type_", ["Accept", "Reject"])
def test_AP_S2S_37_answers_to_what_was_never_asked(type_: str) -> None:
    unasked = follow_of(MALLORY, by=ANN, id_="https://far.example/made-up")
    refused = Refuse(f"{type_.lower()}-without-follow")
    assert receive(answer(type_, unasked, by=MALLORY), facts(PENDING)) == (refused,)
    unknown = Refuse(f"{type_.lower()}-of-unknown")
    assert receive(answer(type_, "https://here.example/x"), facts()) == (unknown,)


@pytest.mark.parametrize("object_", [FOLLOW_ID, THEIRS, {"id": FOLLOW_ID, "type": "Follow"}])
def test_AP_S2S_43_undo_by_the_follower(object_: object) -> None:
    """AP-S2S-43, IO-34: by id, in full, as a stub."""
    known = facts(follows(CAROL, ANN), held(THEIRS, by=CAROL))
    assert receive(answer("Undo", object_), known) == NO_LONGER_FOLLOWED


def test_IO_34_undo_by_the_pair_when_the_id_is_another() -> None:
    undo = answer("Undo", {**THEIRS, "id": "https://far.example/other"})
    assert receive(undo, facts(follows(CAROL, ANN))) == NO_LONGER_FOLLOWED


@pytest.mark.parametrize(
    "object_",
    [FOLLOW_ID, THEIRS, {**THEIRS, "actor": MALLORY}, {"id": FOLLOW_ID, "type": "Follow"}],
)
def test_AP_S2S_43_undo_by_another(object_: object) -> None:
    """AP-S2S-43, security.md: undo-of-anothers: whatever mallory embeds, carol's follow stands."""
    known = facts(follows(CAROL, ANN), held(THEIRS, by=CAROL))
    effects = receive(answer("Undo", object_, by=MALLORY), known)
    assert isinstance(effects[-1], Refuse)
    assert all(one.subject == MALLORY for one in effects if isinstance(one, Relate))


@pytest.mark.parametrize("object_", [FOLLOW_ID, THEIRS])
def test_fault_16_undo_before_its_follow_is_remembered(object_: object) -> None:
    undo = answer("Undo", object_)
    effects = receive(undo, facts())
    early = Relate(CAROL, "undone", FOLLOW_ID, "accepted", undo["id"], subject_ours=False)
    assert effects[0] == early
    assert isinstance(effects[1], Refuse)


def test_fault_16_not_for_what_is_over_and_not_for_others() -> None:
    """A second Undo, and one that names what another server's actor did, leave nothing behind."""
    over = receive(answer("Undo", THEIRS), facts(held(THEIRS, by=CAROL)))
    assert over == (Refuse("undo-without-follow"),)
    foreign = receive(answer("Undo", "https://other.example/follows/1"), facts())
    assert foreign == (Refuse("undo-of-unknown"),)


def test_AP_S2S_34_our_accept_of_their_follow() -> None:
    """AP-S2S-34, AP-COL-10: by its id alone, found by whom it asked."""
    asked: Found = {
        ActivityNeed(FOLLOW_ID, asked=ANN): ActivityFact(FOLLOW_ID, "Follow", CAROL, THEIRS)
    }
    accept = sent(answer("Accept", FOLLOW_ID, by=ANN))
    known = facts(follows(CAROL, ANN, "pending"), asked)
    assert ActivityNeed(FOLLOW_ID, asked=ANN) in rules.needs(accept, facts())
    assert RelationNeed(CAROL, "follow", ANN) in rules.needs(accept, facts(asked))
    assert send(accept, known) == (
        Relate(CAROL, "follow", ANN, "accepted", FOLLOW_ID, subject_ours=False),
        AddTo(f"{ANN}/followers", CAROL),
    )


def test_AP_S2S_35_our_reject_of_their_follow() -> None:
    for state in ("pending", "accepted"):
        reject = sent(answer("Reject", THEIRS, by=ANN))
        assert send(reject, facts(follows(CAROL, ANN, state))) == NO_LONGER_FOLLOWED


def test_AP_C2S_36_our_undo() -> None:
    undo = sent(answer("Undo", OUR_FOLLOW_ID, by=ANN))
    assert send(undo, facts(PENDING, held(OURS, by=ANN))) == NO_LONGER_FOLLOWING


def test_AP_S2S_19_both_sides_when_both_live_here() -> None:
    follow = follow_of(ANN, by=BOB, id_=OUR_FOLLOW_ID)
    known = facts(follows(BOB, ANN, "pending", OUR_FOLLOW_ID), held(follow))
    accept = answer("Accept", follow, by=ANN)
    assert send(sent(accept), known) == (
        Relate(BOB, "follow", ANN, "accepted", OUR_FOLLOW_ID, subject_ours=True),
        AddTo(f"{ANN}/followers", BOB),
        AddTo(f"{BOB}/following", ANN),
    )
    assert receive(accept, known, ours=True) == ()
    assert send(sent(answer("Undo", follow, by=BOB)), known) == (
        Unrelate(BOB, "follow", ANN),
        RemoveFrom(f"{ANN}/followers", BOB),
        RemoveFrom(f"{BOB}/following", ANN),
    )


@pytest.mark.parametrize(
    ("document", "error"),
    [
        pytest.param(answer("Accept", THEIRS, by=BOB), Forbidden, id="not asked"),
        pytest.param(answer("Accept", "https://x.example/1", by=ANN), Missing, id="unknown"),
        pytest.param(answer("Accept", follow_of(ANN, by=MALLORY), by=ANN), BadInput, id="unasked"),
        pytest.param(answer("Undo", THEIRS, by=ANN), Forbidden, id="not one's own"),
    ],
)
def test_what_a_client_cannot_answer(document: Mapping[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        send(sent(document), facts(follows(CAROL, ANN, "pending")))


def test_IO_53_ours_embed_the_whole_follow_and_go_to_whom_it_concerns() -> None:
    """IO-53: many servers look at nothing else."""
    accept = rules.complete(sent(answer("Accept", FOLLOW_ID, by=ANN)), facts(held(THEIRS)))
    assert accept.document["object"] == THEIRS
    assert accept.document["to"] == [CAROL]
    follow = {**OURS, "to": [CAROL]}
    undo = rules.complete(sent(answer("Undo", OUR_FOLLOW_ID, by=ANN)), facts(held(follow, by=ANN)))
    assert undo.document["object"] == follow
    assert undo.document["to"] == [CAROL]


def test_whom_the_follow_inside_is_about_counts_as_addressed() -> None:
    """Interop 2.1: an Accept and an Undo that address nobody concern ann, and nobody twice."""
    for document, known in (
        (answer("Accept", OUR_FOLLOW_ID), facts(PENDING, held(OURS))),
        (answer("Undo", FOLLOW_ID), facts(follows(CAROL, ANN), held(THEIRS, by=CAROL))),
    ):
        assert rules.reach_of(received(document), known).addressed == (ANN,)
        assert receive(document, known, in_person=False) == (Refuse("no-local-relation"),)
        assert receive(document, reaches(document, known), in_person=False) != (
            Refuse("no-local-relation"),
        )


def test_answers_to_types_without_a_rule_do_nothing() -> None:
    offer = {"id": "https://here.example/offers/1", "type": "Offer", "actor": ANN, "object": "x"}
    assert receive(answer("Accept", offer), facts(held(offer))) == ()
    assert send(sent(answer("Undo", offer, by=ANN)), facts(held(offer, by=ANN))) == ()
