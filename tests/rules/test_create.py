"""Create: whose object it is, where it was fetched from, and who may see it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from apserver.core import rules
from apserver.core.audience import Audience, Visibility
from apserver.core.effects import Fetch, Put, Refuse, Show
from apserver.core.facts import ActorNeed, DocumentFact, DocumentNeed, ObjectFact, ObjectNeed
from apserver.core.origin import key_of
from apserver.errors import BadInput
from tests.rules.facts import (
    ANN,
    CAROL,
    MALLORY,
    NOW,
    PUBLIC,
    Found,
    facts,
    reaches,
    receive,
    received,
    sent,
)

NOTE_ID = "https://far.example/notes/1"
CONTEXT = ["https://www.w3.org/ns/activitystreams", {"toot": "http://joinmastodon.org/ns#"}]


def note(**members: Any) -> dict[str, Any]:
    """Carol's note to everybody."""
    basic = {
        "id": NOTE_ID,
        "type": "Note",
        "attributedTo": CAROL,
        "content": "hello",
        "published": "2026-01-02T03:04:05Z",
        "to": [PUBLIC],
    }
    return {**basic, **members}


def create(object_: object, **members: Any) -> dict[str, Any]:
    """Carol's Create of it, to everybody."""
    basic = {
        "@context": CONTEXT,
        "id": "https://far.example/activities/1",
        "type": "Create",
        "actor": CAROL,
        "object": object_,
        "to": [PUBLIC],
    }
    return {**basic, **members}


def put(**members: Any) -> Put:
    """What storing the note is."""
    basic: dict[str, Any] = {
        "id": NOTE_ID,
        "kind": "remote",
        "type": "Note",
        "author": CAROL,
        "visibility": Visibility.PUBLIC,
        "audience": Audience(to=(PUBLIC,)),
        "document": note(),
        "context": CONTEXT,
        "published_at": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    return Put(**{**basic, **members})


def test_AP_S2S_28_an_object_of_ones_own_is_stored() -> None:
    assert receive(create(note()), facts()) == (put(),)


@pytest.mark.parametrize(
    ("object_", "reason"),
    [
        pytest.param(note(id="https://x.example/1"), "object-of-another-origin", id="other origin"),
        pytest.param(note(id=f"{ANN}/notes/1"), "object-of-another-origin", id="ours"),
        pytest.param(
            note(id="http://far.example/1"), "object-of-another-origin", id="other scheme"
        ),
        pytest.param(note(id="https://far.example:8443/1"), "object-of-another-origin", id="port"),
        pytest.param(note(attributedTo=MALLORY), "object-of-another-author", id="other author"),
        pytest.param(note(attributedTo=[MALLORY, ANN]), "object-of-another-author", id="authors"),
        pytest.param("https://x.example/1", "object-of-another-origin", id="other origin by id"),
    ],
)
def test_IO_40_what_is_not_the_actors_is_refused(object_: object, reason: str) -> None:
    """IO-40, AP-OBJ-03, IO-39: nothing is stored, and nothing is fetched from there."""
    assert receive(create(object_), facts()) == (Refuse(reason),)


def test_IO_75_one_of_several_authors_is_enough() -> None:
    """IO-75: PeerTube's account and channel; an author left out is the actor."""
    several = note(attributedTo=[{"type": "Person", "id": CAROL}, MALLORY])
    assert receive(create(several), facts()) == (put(document=several),)
    nobody = {key: value for key, value in note().items() if key != "attributedTo"}
    assert receive(create(nobody), facts()) == (put(document=nobody),)


def stored(author: str, *, deleted: bool = False) -> Found:
    """The note as it is stored already."""
    fact = ObjectFact(key_of(author), False, "Note", note(), NOW, None, deleted)
    return {ObjectNeed(NOTE_ID): fact}


def test_an_id_never_changes_hands() -> None:
    """CVE-2024-23832: what mallory made stays mallory's."""
    refused = (Refuse("object-of-another-author"),)
    assert receive(create(note()), facts(stored(MALLORY))) == refused


def test_fault_16_what_was_deleted_does_not_come_back() -> None:
    """Fault 16, IO-46."""
    deleted = facts(stored(CAROL, deleted=True))
    assert receive(create(note()), deleted) == (Refuse("object-deleted"),)


def test_IO_39_an_object_by_id_is_fetched_first() -> None:
    """IO-39: asked for, suspended until it is there, then judged like an embedded one."""
    document = create(NOTE_ID)
    needs = rules.needs(received(document), facts())
    assert DocumentNeed(NOTE_ID) in needs
    effects = rules.receive(received(document), facts())
    assert effects[0] == Fetch(NOTE_ID)
    got: Found = {DocumentNeed(NOTE_ID): DocumentFact(note())}
    assert receive(document, facts(got)) == (put(),)
    foreign: Found = {DocumentNeed(NOTE_ID): DocumentFact(note(attributedTo=MALLORY))}
    assert receive(document, facts(foreign)) == (Refuse("object-of-another-author"),)
    gone: Found = {DocumentNeed(NOTE_ID): DocumentFact(None, "object-gone")}
    assert receive(document, facts(gone)) == (Refuse("object-gone"),)


def test_an_embedded_object_is_not_fetched() -> None:
    assert not [
        one
        for one in rules.needs(received(create(note())), facts())
        if isinstance(one, DocumentNeed)
    ]


@pytest.mark.parametrize(
    ("addressing", "visibility"),
    [
        ({"to": [PUBLIC], "cc": [f"{CAROL}/followers"]}, Visibility.PUBLIC),
        ({"to": "as:Public"}, Visibility.PUBLIC),
        ({"to": "Public"}, Visibility.PUBLIC),
        ({"to": [f"{CAROL}/followers"], "cc": PUBLIC}, Visibility.UNLISTED),
        ({"to": f"{CAROL}/followers"}, Visibility.FOLLOWERS),
        ({"to": [], "cc": [f"{CAROL}/followers", ANN]}, Visibility.FOLLOWERS),
        ({"to": [f"{MALLORY}/followers"]}, Visibility.DIRECT),
        ({"to": [ANN]}, Visibility.DIRECT),
        ({"to": [], "bto": ANN}, Visibility.DIRECT),
        ({"to": []}, Visibility.DIRECT),
    ],
)
def test_IO_37_visibility(addressing: dict[str, Any], visibility: Visibility) -> None:
    """IO-37, IO-38: of the activity, and of what it lists."""
    document = create({**note(), "to": [], **addressing}, **addressing)
    [stored_, shown, *_] = rules.receive(received(document), facts())
    assert isinstance(stored_, Put)
    assert isinstance(shown, Show)
    assert (stored_.visibility, shown.visibility) == (visibility, visibility)


def test_IO_37_the_object_speaks_for_an_activity_that_addresses_nobody() -> None:
    [stored_, shown, *_] = rules.receive(received(create(note(), to=None)), facts())
    assert isinstance(stored_, Put)
    assert isinstance(shown, Show)
    assert (stored_.visibility, shown.visibility) == (Visibility.PUBLIC, Visibility.PUBLIC)
    assert shown.to_followers


def test_decision_4_a_stranger_at_the_shared_inbox() -> None:
    """IO-42: dropped there, listed at a personal inbox, kept when somebody here is concerned."""
    document = create(note())
    dropped = (Refuse("no-local-relation"),)
    assert receive(document, facts(), in_person=False) == dropped
    assert receive(document, facts()) == (put(),)
    assert receive(document, reaches(document, facts()), in_person=False) == (put(),)


def test_who_is_concerned() -> None:
    """Those addressed, and followers when it is for them or for everybody."""
    public = rules.reach_of(received(create(note(), cc=[ANN])), facts())
    assert (public.actor, public.addressed, public.to_followers) == (CAROL, (ANN,), True)
    followers = rules.reach_of(received(create(note(), to=[f"{CAROL}/followers"])), facts())
    assert followers.to_followers
    direct = rules.reach_of(received(create(note(), to=[ANN])), facts())
    assert not direct.to_followers
    unknown = rules.reach_of(
        received(create(note(), actor="https://x.example/u", to=[ANN])), facts()
    )
    assert (unknown.addressed, unknown.to_followers) == ((ANN,), False)
    assert ActorNeed("https://x.example/u") in rules.needs(
        received(create(note(), actor="https://x.example/u")), facts()
    )


def test_ours_is_stored_as_ours() -> None:
    made = note(id="https://here.example/objects/1", attributedTo=ANN)
    activity = sent(create(made, actor=ANN, id="https://here.example/activities/1"))
    [stored_, *_] = rules.send(activity, facts())
    assert isinstance(stored_, Put)
    assert (stored_.kind, stored_.author, stored_.document) == ("ours", ANN, made)


def test_ours_must_be_given_in_full() -> None:
    with pytest.raises(BadInput):
        rules.send(sent(create(NOTE_ID, actor=ANN)), facts())


def test_AP_S2S_19_what_comes_from_here_is_stored_already() -> None:
    document = create(note(attributedTo=ANN), actor=ANN)
    assert receive(document, facts(), ours=True) == ()
