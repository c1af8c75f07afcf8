"""Things of a site: who may say what of them, and what their façades announce."""

from __future__ import annotations

from typing import Any

import pytest

from apserver.core import rules
from apserver.core.effects import Bury, EndThing, Refuse, Send
from apserver.core.facts import (
    ActivityFact,
    ActivityNeed,
    FacadeNeed,
    Facts,
    ObjectFact,
    ObjectNeed,
)
from apserver.core.model import Activity, parse_activity
from apserver.core.names import announce_id, companion_id
from apserver.core.origin import key_of
from apserver.core.registry import Registry
from apserver.core.things import Things, ThingType
from apserver.core.verbs import Verb, Verbs
from apserver.errors import Forbidden, Gone
from tests.rules.facts import ANN, CAROL, NOW, PUBLIC, Found, actor, received

ISSUE = "https://shop.example/issues/1"
OTHER = "https://shop.example/issues/2"
FACADE = "https://here.example/actors/issue_1"
ID = "https://here.example/activities/01890000-0000-7000-8000-000000000001"
KIND = ThingType(
    kind="issue",
    iri="https://shop.example/issues/{id}",
    type="Document",
    facade="Group",
    handle="issue_{id}",
)
REGISTRY = Registry(
    verbs=Verbs((Verb(phrase="closed", companion=True),)),
    things=Things((KIND,), "https://here.example"),
)


def activity(type_: str = "Activity", *, by: str = ANN, **members: Any) -> Activity:
    document = {"id": ID, "type": type_, "actor": by, "to": [PUBLIC], **members}
    return parse_activity({**document, "published": "2026-01-15T12:00:00Z"})


def facts(*found: Found, by_site: bool = False) -> Facts:
    known: Found = {FacadeNeed(ISSUE): FACADE}
    for one in (actor(ANN), actor(CAROL), actor(FACADE), *found):
        known |= one
    return Facts(NOW, known, REGISTRY, by_site)


def stored(*, deleted: bool = False) -> Found:
    fact = ObjectFact(key_of(ISSUE), False, "Document", {"id": ISSUE}, NOW, None, deleted)
    return {ObjectNeed(ISSUE): fact}


def announces(sent: Activity, known: Facts) -> list[dict[str, Any]]:
    effects = rules.send(rules.complete(sent, known), known)
    found = [dict(one.document) for one in effects if isinstance(one, Send)]
    return [one for one in found if one["type"] == "Announce"]


@pytest.mark.parametrize("type_", ["Create", "Update", "Delete"])
def test_only_the_site_says_what_its_things_are(type_: str) -> None:
    sent = activity(type_, object=ISSUE)
    with pytest.raises(Forbidden):
        rules.complete(sent, facts(stored()))
    with pytest.raises(Forbidden):
        rules.send(sent, facts(stored()))


@pytest.mark.parametrize("type_", ["Create", "Update", "Delete"])
@pytest.mark.parametrize("object_", [ISSUE, {"id": ISSUE, "type": "Document"}])
def test_what_others_say_of_them_is_refused(type_: str, object_: Any) -> None:
    document = {"id": f"{CAROL}/1", "type": type_, "actor": CAROL, "object": object_}
    told = received({**document, "to": [ANN]})
    assert rules.receive(told, facts(stored())) == (Refuse("thing-of-a-site"),)


def test_a_deleted_thing_leaves_a_tombstone_and_ends() -> None:
    """H3, B15; a second Delete is 410."""
    known = facts(stored(), by_site=True)
    whole = rules.complete(activity("Delete", object=ISSUE), known)
    assert whole.embedded is not None
    assert (whole.embedded["type"], whole.embedded["formerType"]) == ("Tombstone", "Document")
    effects = rules.send(whole, known)
    assert Bury(ISSUE, "site", ISSUE, "Document", NOW) in effects
    assert EndThing(ISSUE) in effects
    with pytest.raises(Gone):
        rules.send(whole, facts(stored(deleted=True), by_site=True))


def test_a_facade_announces_what_is_public() -> None:
    """R5: the thing for its object or target, once; by its id, or the note in its place (R4)."""
    [one] = announces(activity(verbPhrase="saw", object=ISSUE, target=ISSUE), facts())
    assert (one["actor"], one["object"], one["companionOf"]) == (FACADE, ID, ID)
    [one] = announces(activity(verbPhrase="put", object=OTHER, target=ISSUE), facts())
    assert one["object"] == ID
    [one] = announces(activity(verbPhrase="closed", object=ISSUE), facts())
    assert one["object"] == companion_id(ID)


@pytest.mark.parametrize(
    "sent",
    [
        activity(verbPhrase="saw", object=ISSUE, to=[CAROL]),
        activity(verbPhrase="saw", object=OTHER),
        activity(verbPhrase="saw", object=ISSUE, by=FACADE),
        activity("Announce", object=ISSUE, companionOf=ID),
        activity("Flag", object=ISSUE),
    ],
    ids=["not public", "without a facade", "by itself", "an announce", "a report"],
)
def test_a_facade_announces_nothing_else(sent: Activity) -> None:
    """No loops, and no news that are not for everybody."""
    assert announces(sent, facts()) == []


def test_an_announce_ends_with_what_it_announced() -> None:
    told = activity(verbPhrase="saw", object=ISSUE)
    id_ = announce_id(ID, FACADE)
    announce = {"id": id_, "type": "Announce", "actor": FACADE, "object": ID}
    known = facts(
        {
            ActivityNeed(ID, ANN): ActivityFact(ID, "Activity", ANN, told.document),
            ActivityNeed(id_): ActivityFact(id_, "Announce", FACADE, announce),
        }
    )
    delete = activity("Delete", object=ID)
    effects = rules.send(rules.complete(delete, known), known)
    assert Send({"type": "Undo", "actor": FACADE, "object": id_}) in effects
