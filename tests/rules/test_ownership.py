"""Update and Delete: whose they are, as the rules see it (security.md, rules 2 and 6)."""

from __future__ import annotations

from typing import Any

import pytest

from apserver.core import rules
from apserver.core.effects import Bury, Fetch, Put, PutActor, Refuse, RemoveFrom, Revisit
from apserver.core.facts import DocumentFact, DocumentNeed, ObjectFact, ObjectNeed
from apserver.core.model import parse_activity
from apserver.core.origin import key_of
from tests.rules.facts import (
    ANN,
    CAROL,
    MALLORY,
    NOW,
    PUBLIC,
    Found,
    facts,
    receive,
    received,
)

NOTE = "https://far.example/notes/1"
OTHERS = (Refuse("object-of-another-author"),)


def activity(type_: str, object_: object, *, by: str = CAROL) -> dict[str, Any]:
    """An activity to everybody."""
    id_ = "https://far.example/activities/1"
    return {"id": id_, "type": type_, "actor": by, "object": object_, "to": [PUBLIC]}


def note(**members: Any) -> dict[str, Any]:
    """Carol's note, of now."""
    basic = {"id": NOTE, "type": "Note", "attributedTo": CAROL, "content": "hello"}
    return {**basic, "published": "2026-01-15T11:59:00Z", **members}


def profile(**members: Any) -> dict[str, Any]:
    """Carol's document."""
    return {"id": CAROL, "type": "Person", "inbox": f"{CAROL}/inbox", **members}


def stored(author: str, *, deleted: bool = False, **members: Any) -> Found:
    """The note as it is stored."""
    fact = ObjectFact(key_of(author), False, "Note", note(**members), NOW, None, deleted)
    return {ObjectNeed(NOTE): fact}


@pytest.mark.parametrize(
    ("object_", "id_"),
    [
        (NOTE, NOTE),
        ({"id": NOTE}, NOTE),
        ([{"id": NOTE}, ANN], NOTE),
        ({"type": "Link", "href": NOTE}, NOTE),
        ({"type": ["Note", "Link"], "href": CAROL, "id": NOTE}, NOTE),
        ({"@id": NOTE}, NOTE),
        ({"id": NOTE, "@id": CAROL}, NOTE),
        ({"id": ""}, None),
        ({"id": 7}, None),
    ],
)
def test_CVE_2026_46713_what_is_checked_is_what_is_written(
    object_: object, id_: str | None
) -> None:
    """CVE-2026-46713, security.md: rule 3: one id is asked about, and it is the one that counts."""
    update = parse_activity(activity("Update", object_))
    assert update.object_id == id_
    if id_ is not None:
        assert ObjectNeed(id_) in rules.needs(update, facts())


@pytest.mark.parametrize("verb", ["Create", "Update"])
def test_fault_16_what_was_deleted_early_does_not_come(verb: str) -> None:
    """Fault 16: by its author; what mallory deleted early says nothing about carol's."""
    tombstone = ObjectFact(key_of(CAROL), False, "Object", {}, NOW, None, True)
    early: Found = {ObjectNeed(NOTE, CAROL): tombstone}
    assert ObjectNeed(NOTE, CAROL) in rules.needs(received(activity(verb, note())), facts())
    assert receive(activity(verb, note()), facts(early)) == (Refuse("object-deleted"),)
    others: Found = {ObjectNeed(NOTE, MALLORY): tombstone}
    [made] = receive(activity(verb, note()), facts(others))
    assert isinstance(made, Put)


@pytest.mark.parametrize("verb", ["Create", "Update", "Delete"])
@pytest.mark.parametrize("deleted", [False, True])
def test_CVE_2026_73090_only_the_stored_author(verb: str, deleted: bool) -> None:
    """CVE-2026-73090, AP-S2S-30: whatever is said inside, alive or deleted."""
    known = facts(stored(MALLORY, deleted=deleted))
    assert receive(activity(verb, note()), known) == OTHERS


def test_AP_S2S_29_the_author_stays_who_it_was() -> None:
    """security.md: rule 6: with whom it was made was said when it was made."""
    update = activity("Update", note(attributedTo=[CAROL, MALLORY], content="new"))
    [changed] = receive(update, facts(stored(CAROL)))
    assert isinstance(changed, Put)
    assert changed.replace
    assert changed.document["attributedTo"] == CAROL
    assert changed.document["content"] == "new"


def test_security_md_rule_2_things_of_others_are_stored_by_their_ids() -> None:
    """security.md: rule 2."""
    said = note(inReplyTo={"id": "https://x.example/1", "attributedTo": MALLORY, "content": "no"})
    [made] = receive(activity("Create", said), facts())
    assert isinstance(made, Put)
    assert made.document == note(inReplyTo="https://x.example/1")


def test_what_has_no_id_is_shown_and_not_stored() -> None:
    """ActivityPub 3: transient objects; not in another's name, and not when it is an actor."""
    said = {"type": "Note", "content": "hello"}
    assert receive(activity("Create", said), facts()) == ()
    assert receive(activity("Create", {**said, "attributedTo": MALLORY}), facts()) == OTHERS
    assert receive(activity("Create", profile()), facts()) == ()
    assert receive(activity("Create", profile(id=MALLORY)), facts()) == OTHERS
    assert receive(activity("Update", profile(id=MALLORY)), facts()) == OTHERS


def test_IO_51_an_actor_updates_itself_alone() -> None:
    """IO-51, CVE-2024-23832: the document that is stored is its own, embedded or fetched."""
    update = activity("Update", profile())
    changed, revisit = receive(update, facts())
    assert isinstance(changed, PutActor)
    assert (changed.profile.id, revisit) == (CAROL, Revisit(CAROL))
    by_id = activity("Update", CAROL)
    assert rules.receive(received(by_id), facts())[0] == Fetch(CAROL)
    fetched: Found = {DocumentNeed(CAROL): DocumentFact(profile())}
    changed, _ = receive(by_id, facts(fetched))
    assert isinstance(changed, PutActor)
    for other in (MALLORY, "https://x.example/users/dave"):
        posing = {"type": "Link", "href": CAROL, "@id": CAROL, "inbox": f"{other}/inbox"}
        assert receive(activity("Update", posing), facts()) == OTHERS
        elsewhere: Found = {DocumentNeed(CAROL): DocumentFact(profile(id=other))}
        assert receive(by_id, facts(elsewhere)) == (Refuse("object-of-another-id"),)


def test_IO_46_only_the_author_buries() -> None:
    """IO-46, AP-S2S-31: what is not here is buried for the one who says so, and nobody else."""
    delete = activity("Delete", NOTE)
    buried, unpinned = receive(delete, facts(stored(CAROL)))
    assert buried == Bury(NOTE, "remote", CAROL, "Note", NOW)
    assert unpinned == RemoveFrom(f"{CAROL}/pinned", NOTE)
    [early] = receive(delete, facts())
    assert early == Bury(NOTE, "remote", CAROL, "Object", NOW)
    foreign = activity("Delete", "https://x.example/1")
    assert receive(foreign, facts()) == (Refuse("object-of-another-origin"),)
