"""Actions as a site posts them (seed-features scenarios 1 to 4, rows A1 to A9)."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pyld import jsonld

from apserver import app
from apserver.core import limits
from apserver.resources import load_contexts
from tests.conftest import StartServer
from tests.doubles.server import CONTEXT, PUBLIC, Server

NAMESPACE = "https://w3id.org/apserver/ns#"
ISSUE = {"id": "https://shop.example/issues/70", "type": "Document", "name": "issue 70"}
FLASK = {"id": "https://shop.example/groups/flask", "type": "Group", "name": "flask"}


def action(phrase: str, **members: Any) -> dict[str, Any]:
    return {"@context": CONTEXT, "verbPhrase": phrase, "to": PUBLIC, **members}


async def posted(server: Server, document: Any, *, by: str = "ann") -> dict[str, Any]:
    """An action as everybody sees it afterwards."""
    reply = await server.post(by, document)
    assert reply.status == 201, reply.text
    shown = await server.get(reply.headers["Location"])
    assert shown.status == 200
    # What is made grows collections of its own, which only a GET shows.
    assert {**shown.json, "object": None} == {**reply.json, "object": None}
    activity: dict[str, Any] = shown.json
    return activity


async def test_scenario_01_an_action_with_object_and_target(server: Server) -> None:
    """A1 to A5, A9 to A11, E1, E2."""
    shown = await posted(
        server, action("closed", object=ISSUE, target=FLASK, content="<p>Fixed.</p>")
    )
    assert shown["type"] == "Activity"
    assert shown["verbPhrase"] == "closed"
    assert shown["actor"] == server.id("ann")
    assert (shown["object"], shown["target"]) == (ISSUE, FLASK)
    assert shown["content"] == "<p>Fixed.</p>"
    assert shown["summary"] == "ann closed issue 70 on flask"
    assert shown["@context"] == [CONTEXT, {"verbPhrase": NAMESPACE + "verbPhrase"}]


@pytest.mark.parametrize(
    ("members", "summary"),
    [
        ({}, "ann reached level 60"),
        ({"target": FLASK}, "ann reached level 60 on flask"),
        ({"object": ISSUE}, "ann reached level 60 issue 70"),
        ({"object": ISSUE, "target": FLASK}, "ann reached level 60 issue 70 on flask"),
    ],
)
async def test_scenario_02_all_shapes_of_an_action(
    server: Server, members: dict[str, Any], summary: str
) -> None:
    """A9, R2: without an object an IntransitiveActivity, which has none (AS2 Vocabulary)."""
    shown = await posted(server, action("reached level 60", **members))
    assert shown["type"] == ("Activity" if "object" in members else "IntransitiveActivity")
    assert ("object" in shown) == ("object" in members)
    assert shown["summary"] == summary
    [listed] = await server.items("ann", "outbox")
    assert listed["id"] == shown["id"]


DATA: dict[str, Any] = {
    "favorite_color": "Blue",
    "nested": {"to": ["x"], "bto": "y", "none": None, "list": [1, [2.5, {}], True], "@id": "z"},
    "name": "<b>not</b> cleaned",
}


async def test_scenario_03_data_is_kept_and_can_be_edited(server: Server) -> None:
    """A8, H9: as it was, through JSON-LD as well; an edit is shown with `updated`."""
    shown = await posted(server, action("was saved", actionData=DATA))
    assert shown["actionData"] == DATA
    contexts = load_contexts()

    def loader(url: str, _options: Any) -> dict[str, Any]:
        return {"contextUrl": None, "documentUrl": url, "document": contexts[url]}

    [expanded] = jsonld.expand(shown, {"documentLoader": loader})
    assert expanded[NAMESPACE + "actionData"] == [{"@type": "@json", "@value": DATA}]
    assert expanded[NAMESPACE + "verbPhrase"] == [{"@value": "was saved"}]

    patch = {"id": shown["id"], "actionData": {"favorite_color": "Red"}}
    update = await server.post("ann", {"type": "Update", "object": patch})
    assert update.status == 201, update.text
    edited = (await server.get(shown["id"])).json
    assert edited["actionData"] == {"favorite_color": "Red"}
    assert edited["updated"] >= shown["published"]
    assert {**edited, "actionData": DATA, "updated": None} == {**shown, "updated": None}
    assert update.json["object"] == {
        name: value for name, value in edited.items() if name != "@context"
    }
    assert update.json["to"] == [PUBLIC]


async def test_scenario_03_data_is_found(server: Server) -> None:
    """C10: by its members, in the stream."""
    found = await posted(server, action("was saved", actionData=DATA))
    await posted(server, action("was saved", actionData={"favorite_color": "Red"}))
    page = await server.get("/streams/public?page=first&data.favorite_color=Blue")
    assert page.status == 200, page.text
    assert [one["id"] for one in page.json["orderedItems"]] == [found["id"]]


async def test_scenario_04_the_server_says_when(server: Server) -> None:
    """A6: a client says when something was only with a token of scope import."""
    asked = datetime.now(UTC).replace(microsecond=0)
    past = "1999-12-31T23:59:59Z"
    shown = await posted(server, action("was saved", published=past))
    assert asked <= datetime.fromisoformat(shown["published"]) <= datetime.now(UTC)
    note = await posted(server, {"type": "Note", "published": past, "to": PUBLIC, "content": "x"})
    assert note["published"] != past
    assert note["object"]["published"] == note["published"]

    made = await app.create_token(
        server.dsn, server.settings, name="ann", scopes=("read", "write", "import")
    )
    server.tokens["ann"] = made.token
    old = await posted(server, action("was saved", published=past))
    assert old["published"] == past
    older = "1998-12-31T23:59:59Z"
    old_note = await posted(server, {"type": "Note", "published": older, "to": PUBLIC})
    assert (old_note["published"], old_note["object"]["published"]) == (older, older)
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    refused = await server.post("ann", action("was saved", published=tomorrow))
    assert (refused.status, refused.json["pointer"]) == (400, "/published")

    stream = (await server.get("/streams/public?page=first")).json["orderedItems"]
    made_ids = [note["id"], shown["id"], old["id"], old_note["id"]]
    assert [one["id"] for one in stream] == made_ids


@pytest.mark.parametrize(
    ("posted_as", "type_", "placed"),
    [
        ({"target": FLASK}, "Join", "object"),
        ({"object": FLASK}, "Join", "object"),
        ({"target": FLASK, "type": "Activity"}, "Join", "object"),
        ({"target": FLASK, "type": "Offer", "object": ISSUE}, "Offer", "target"),
    ],
)
async def test_a_registered_phrase_has_its_type_and_roles(
    server: Server, posted_as: dict[str, Any], type_: str, placed: str
) -> None:
    """R1, R2, R3: the seed's target is the object of a Join; a type that is named stays."""
    shown = await posted(server, action("joined", **posted_as))
    assert shown["type"] == type_
    assert shown[placed] == FLASK
    assert shown["verbPhrase"] == "joined"


async def test_a_phrase_of_the_configuration(start_server: StartServer) -> None:
    """A2, R1: type, roles and sentences of a phrase of the site's own."""
    verbs = {
        "entered": {
            "type": "Join",
            "roles": {"target": "object"},
            "sentences": {"en": "{actor} came into {target}", "sv": "{actor} gick in i {target}"},
        },
        "closed": {"type": "https://shop.example/ns#Close"},
    }
    server = await start_server("ann", verbs=json.dumps(verbs))
    shown = await posted(server, action("entered", target=FLASK))
    assert (shown["type"], shown["object"]) == ("Join", FLASK)
    assert shown["summary"] == "ann came into flask"
    assert shown["summaryMap"] == {"en": "ann came into flask", "sv": "ann gick in i flask"}
    own = await posted(server, action("closed"))
    assert own["type"] == "https://shop.example/ns#Close"
    refused = await server.post("ann", action("entered", target=FLASK, object=ISSUE))
    assert (refused.status, refused.json["pointer"]) == (400, "/object")


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"verbPhrase": ""}, "/verbPhrase"),
        ({"verbPhrase": "x" * 256}, "/verbPhrase"),
        ({"verbPhrase": "two\nlines"}, "/verbPhrase"),
        ({"verbPhrase": "two\u2028lines"}, "/verbPhrase"),
        ({"verbPhrase": " around "}, "/verbPhrase"),
        ({"verbPhrase": 7}, "/verbPhrase"),
        ({"actionData": "text"}, "/actionData"),
        ({"actionData": [1]}, "/actionData"),
        ({"actionData": {"x": "y" * limits.ACTION_DATA}}, "/actionData"),
        ({"companionOf": "no IRI"}, "/companionOf"),
        ({"type": "Follow", "object": "https://a.example/b", "actorOnly": "false"}, "/actorOnly"),
        ({"type": "Follow", "object": "https://a.example/b", "actorOnly": 0}, "/actorOnly"),
        ({"type": "Follow", "object": "https://a.example/b", "followFlag": 1}, "/followFlag"),
        ({"type": "Undo", "object": {"type": "Follow", "actorOnly": "no"}}, "/object/actorOnly"),
    ],
)
async def test_X10_values_of_another_kind_are_refused(
    server: Server, members: dict[str, Any], pointer: str
) -> None:
    """X10: "false" is no boolean; nothing is stored."""
    before = await server.contents()
    reply = await server.post("ann", action("closed") | members)
    assert (reply.status, reply.json["pointer"]) == (400, pointer)
    assert await server.contents() == before


async def test_X9_nobody_acts_for_another(server: Server) -> None:
    """X9: the actor is whose outbox it is."""
    reply = await server.post("ann", action("closed", actor="https://shop.example/users/eve"))
    assert reply.status == 403
    assert await server.items("ann", "outbox") == []


async def test_scenario_06_the_same_key_is_one_action(server: Server) -> None:
    """A14: twice is two actions, unless both have the same Idempotency-Key."""
    for headers in ({}, {}, {"Idempotency_Key": "k"}, {"Idempotency_Key": "k"}):
        assert (await server.post("ann", action("closed"), **headers)).status == 201
    page = await server.get(f"/streams/actor?id={server.id('ann')}&page=first")
    assert len({one["id"] for one in page.json["orderedItems"]}) == 3
    assert len(await server.items("ann", "outbox")) == 3


async def test_scenario_23_a_sentence_for_each_language(start_server: StartServer) -> None:
    """A2, E1, E3: all languages in `summaryMap`, the phrase as it is, what users write is inert."""
    sentences = {
        "en": "{actor} closed {object}[ on {target}]",
        "sv": "{actor} stängde {object}[ i {target}]",
        "pt-BR": "{actor} fechou {object}[ em {target}]",
        "ru": "{actor} закрыл {object}[ в {target}]",
    }
    server = await start_server("ann", verbs=json.dumps({"closed": {"sentences": sentences}}))
    evil = {**ISSUE, "name": "<script>alert(1)</script>70"}
    shown = await posted(server, action("closed", object=evil, target=FLASK))
    assert shown["verbPhrase"] == "closed"
    assert shown["summaryMap"].keys() == sentences.keys()
    assert shown["summary"] == shown["summaryMap"]["en"]
    for language, text in shown["summaryMap"].items():
        assert text.endswith(
            {"en": " on", "sv": " i", "pt-BR": " em", "ru": " в"}[language] + " flask"
        )
        assert "<" not in text
        assert "ago" not in text


async def test_A11_names_are_those_that_the_actor_may_know(server: Server) -> None:
    """E1, X4: a sentence tells no name of what its actor may not read."""
    named = {"type": "Note", "name": "plan", "content": "x"}
    public = (await server.post("bob", {**named, "to": PUBLIC})).json["object"]["id"]
    secret = (await server.post("bob", named)).json["object"]["id"]
    for_ann = (await server.post("bob", {**named, "to": server.id("ann")})).json["object"]["id"]
    for id_, told in ((public, "plan"), (for_ann, "plan"), (secret, secret)):
        shown = await posted(server, action("read about", object=id_))
        assert shown["summary"] == f"ann read about {told}"
    about_bob = await posted(server, action("waved at", object=server.id("bob")))
    assert about_bob["summary"] == "ann waved at bob"
    elsewhere = await posted(server, action("saw", object="https://shop.example/a&b"))
    assert elsewhere["summary"] == "ann saw https://shop.example/a&amp;b"


@pytest.mark.parametrize("type_", ["Like", "Announce", "Follow"])
async def test_what_everybody_knows_has_no_sentence_but_with_a_phrase(
    server: Server, type_: str
) -> None:
    """R4: a Like is understood as it is; with a phrase of its own it is told."""
    document = {"type": type_, "object": "https://shop.example/photos/1", "to": PUBLIC}
    assert "summary" not in await posted(server, document)
    other = {**document, "object": "https://shop.example/photos/2", "verbPhrase": "adored"}
    told = await posted(server, other)
    assert told["type"] == type_
    assert told["summary"] == "ann adored https://shop.example/photos/2"


@pytest.mark.parametrize("phrase", ["می\u200cخواند", "<3 loved", "x" * 255, "a répondu à"])
async def test_A2_any_line_of_text_is_a_phrase(server: Server, phrase: str) -> None:
    """A2: free text, at most 255 characters, kept as it was written."""
    shown = await posted(server, action(phrase, object=ISSUE))
    assert shown["verbPhrase"] == phrase
    assert shown["summary"] == f"ann {phrase} issue 70".replace("<", "&lt;")


async def test_a_sentence_of_the_client_stays(server: Server) -> None:
    """R4: what the client wrote is not written over."""
    shown = await posted(server, action("closed", summary="Done <b>at last</b>"))
    assert shown["summary"] == "Done <b>at last</b>"
    assert "summaryMap" not in shown
