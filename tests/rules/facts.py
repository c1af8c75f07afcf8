"""Facts and activities for tests of rules: values, made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apserver.core import rules
from apserver.core.audience import Audience
from apserver.core.effects import AddTo, Effects, Index, Open, RemoveFrom, Show
from apserver.core.facts import (
    ActivityFact,
    ActivityNeed,
    ActorFact,
    ActorNeed,
    Fact,
    Facts,
    Need,
    ReachNeed,
    RelationFact,
    RelationNeed,
)
from apserver.core.model import Activity, VerifiedActivity, parse_activity

PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
NOW = datetime(2026, 1, 15, 12, 0, tzinfo=UTC)
ANN = "https://here.example/actors/ann"
BOB = "https://here.example/actors/bob"
CAROL = "https://far.example/users/carol"
MALLORY = "https://far.example/users/mallory"
FOLLOW_ID = "https://far.example/follows/1"
OUR_FOLLOW_ID = "https://here.example/activities/1"

Found = dict[Need, Fact | None]


def actor(id_: str, *, locked: bool = False) -> Found:
    """An actor that is known here."""
    fact = ActorFact(
        id=id_,
        ours=id_.startswith("https://here.example/"),
        type="Person",
        followers=f"{id_}/followers",
        manual_approval=locked,
        document=b"{}",
    )
    return {ActorNeed(id_): fact}


def follows(follower: str, followed: str, state: Any = "accepted", id_: str = FOLLOW_ID) -> Found:
    """A follow that is stored, pending or accepted."""
    return {RelationNeed(follower, "follow", followed): RelationFact(state, id_)}


def held(document: Mapping[str, Any], *, by: str | None = None) -> Found:
    """An activity that is stored: one that ``by`` sent, or else one of ours."""
    id_ = document["id"]
    return {ActivityNeed(id_, by): ActivityFact(id_, document["type"], document["actor"], document)}


def facts(*found: Found) -> Facts:
    """What was found; everybody named above is known unless said otherwise."""
    known: Found = {}
    for one in (*map(actor, (ANN, BOB, CAROL, MALLORY)), *found):
        known |= one
    return Facts(NOW, known)


def follow_of(followed: str, *, by: str, id_: str = FOLLOW_ID) -> dict[str, Any]:
    """A Follow as it comes from elsewhere: addressed to nobody."""
    return {"id": id_, "type": "Follow", "actor": by, "object": followed}


def sent(document: Mapping[str, Any]) -> Activity:
    """An activity of ours, as the outbox passes it on."""
    activity = parse_activity(document)
    return Activity(activity.document, activity.id, activity.type, activity.actor, Audience())


def received(
    document: Mapping[str, Any], *, in_person: bool = True, ours: bool = False
) -> VerifiedActivity:
    """An activity that was verified, by default at the inbox of one actor."""
    activity = parse_activity(document)
    return VerifiedActivity(
        activity.document,
        activity.id,
        activity.type,
        activity.actor,
        ours=ours,
        in_person=in_person,
    )


def receive(document: Mapping[str, Any], known: Facts, **how: bool) -> Effects:
    """What receiving it does, but for listing it, which all that is not refused is: in inboxes
    once, and in streams."""
    effects = rules.receive(received(document, **how), known)
    shown = [one for one in effects if isinstance(one, Show)]
    rest = tuple(one for one in effects if not isinstance(one, Show | Index))
    refused = any(type(one).__name__ == "Refuse" for one in rest)
    assert len(shown) == (0 if refused else 1)
    return lasting(rest)


def send(activity: Activity, known: Facts) -> Effects:
    """What sending an activity of ours does, but for what is listed of those who wait."""
    return lasting(rules.send(activity, known))


def lasting(effects: Effects) -> Effects:
    """Without the lists of who waits for an answer, which `tests/flows/test_own_lists.py` tests."""
    return tuple(
        one
        for one in effects
        if not (isinstance(one, Open | AddTo | RemoveFrom) and "/pendingFollow" in one.collection)
    )


def reaches(document: Mapping[str, Any], known: Facts) -> Facts:
    """The same facts, and that somebody here is concerned by this activity."""
    need = rules.reach_of(received(document), known)
    assert isinstance(need, ReachNeed)
    return Facts(known.now, {**known.found, need: True})
