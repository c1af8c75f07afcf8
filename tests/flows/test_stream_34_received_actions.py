"""Actions that other servers send: how their terms are read (seed-features scenarios 4 and 34)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.stream_steps import FLASK
from tests.flows.test_stream_01_actions import NAMESPACE

DATA = {"favorite_color": "Blue", "nested": {"to": ["x"], "list": [1, [2]]}}
VERB = {"verbPhrase": NAMESPACE + "verbPhrase"}
DATA_TERM = {"actionData": {"@id": NAMESPACE + "actionData", "@type": "@json"}}


async def read_as(server: Server, peer: Peer, **members: Any) -> list[tuple[str, Any]]:
    """Phrase and data by which streams know what the peer sends."""
    sent = peer.activity("Activity", "carol", object=FLASK["id"], to=[server.id("ann"), PUBLIC])
    reply = await peer.send(f"{server.id('ann')}/inbox", sent | members, by="carol")
    assert reply.status == 202, reply.text
    await server.drained()
    rows = await server.rows("SELECT verb, data::text FROM activity WHERE local_key IS NULL")
    return [(row["verb"], row["data"]) for row in rows]


@pytest.mark.parametrize(
    ("context", "members"),
    [
        (CONTEXT, {"verbPhrase": "closed", "actionData": DATA}),
        ([CONTEXT, VERB | DATA_TERM], {"verbPhrase": "closed", "actionData": DATA}),
        (
            [CONTEXT, "https://w3id.org/apserver/ns"],
            {"verbPhrase": "closed", "actionData": DATA},
        ),
        (
            [CONTEXT, {"act": NAMESPACE, "act:actionData": {"@type": "@json"}}],
            {"act:verbPhrase": "closed", "act:actionData": DATA},
        ),
        (
            [CONTEXT, {"phrase": NAMESPACE + "verbPhrase"} | DATA_TERM, {"@vocab": "_:"}],
            {"phrase": "closed", "actionData": DATA},
        ),
    ],
    ids=["bare", "defined", "by the URL of the context", "with a prefix", "by another name"],
)
async def test_our_terms_are_read_however_they_are_written(
    server: Server, peer: Peer, context: Any, members: dict[str, Any]
) -> None:
    """AS2 Core 5.1, JSON-LD 1.1: what counts is the IRI; without any context the bare name."""
    [(verb, data)] = await read_as(server, peer, **{"@context": context}, **members)
    assert verb == "closed"
    page = await server.get("/streams/public?page=first&data.favorite_color=Blue")
    assert page.status == 200, page.text
    assert len(page.json["orderedItems"]) == 1
    assert data is not None


@pytest.mark.parametrize(
    "definition",
    [{"verbPhrase": "https://x.example/ns#verbPhrase"}, {"verbPhrase": "@type"}],
)
async def test_a_term_of_another_meaning_is_not_ours(
    server: Server, peer: Peer, definition: dict[str, Any]
) -> None:
    """A context that gives our name to something else is obeyed (CVE-2024-32983)."""
    found = await read_as(server, peer, **{"@context": [CONTEXT, definition]}, verbPhrase="Delete")
    assert [verb for verb, _ in found] in ([None], [])


async def test_scenario_34_what_a_facade_elsewhere_announces(server: Server, peer: Peer) -> None:
    """R5, C6: it stands beside an action there; here it is all that there is, and is shown."""
    closed = f"{peer.origin}/closed"
    peer.documents["/closed"] = {
        "@context": CONTEXT,
        "id": closed,
        "type": "Note",
        "attributedTo": peer.id("carol"),
        "content": "closed",
        "to": [PUBLIC],
    }
    told = peer.activity("Announce", "carol", object=closed, to=[PUBLIC, server.id("ann")])
    reply = await peer.send(f"{server.id('ann')}/inbox", told | {"companionOf": closed}, by="carol")
    assert reply.status == 202, reply.text
    await server.drained()
    for url in (f"/streams/actor?id={told['actor']}&", "/streams/public?"):
        page = await server.get(f"{url}page=first&expand=none")
        assert page.json["orderedItems"] == [told["id"]], url


async def test_scenario_34_a_sentence_of_the_sender_is_kept(server: Server, peer: Peer) -> None:
    """R4: what others send keeps its own words, and gets none of ours."""
    with_words = peer.activity("Join", "carol", object=server.id("ann"), to=[PUBLIC])
    with_words["summary"] = "carol came along"
    without = peer.activity("Join", "carol", object=server.id("ann"), to=[PUBLIC])
    for one in (with_words, without):
        assert (await peer.send(f"{server.id('ann')}/inbox", one, by="carol")).status == 202
    await server.drained()
    inbox = await server.items("ann", "inbox", as_="ann")
    assert {one["id"]: one.get("summary") for one in inbox} == {
        with_words["id"]: "carol came along",
        without["id"]: None,
    }


async def test_scenario_04_a_future_date_of_others_is_no_place_at_the_top(
    server: Server, peer: Peer
) -> None:
    """A6: an action that says 2099 stands where it came in."""
    here = server.id("ann")
    future = peer.activity("Activity", "carol", object=FLASK["id"], to=[here, PUBLIC])
    future["published"] = "2099-01-01T00:00:00Z"
    assert (await peer.send(f"{here}/inbox", future, by="carol")).status == 202
    await server.drained()
    later = await server.post("ann", {"verbPhrase": "closed", "object": FLASK, "to": PUBLIC})
    page = await server.get("/streams/public?page=first")
    assert [one["id"] for one in page.json["orderedItems"]] == [later.json["id"], future["id"]]


@pytest.mark.parametrize(
    "value",
    ["a\0b", "\ud800", 1e308, 2**52, "x" * 300_000, {"": {"\0": 1}}, [[[[[]]]]]],
    ids=["NUL", "half a character", "1e308", "2**52", "long", "NUL in a name", "depth"],
)
async def test_no_data_of_others_stops_the_queue(server: Server, peer: Peer, value: Any) -> None:
    """Whatever JSON it is: taken, or refused at the door; what comes after it is applied."""
    here = server.id("ann")
    odd = peer.activity("Activity", "carol", object=FLASK["id"], to=[here, PUBLIC])
    odd["actionData"] = {"x": value}
    reply = await peer.send(f"{here}/inbox", odd, by="carol")
    assert reply.status in (202, 400)
    own = await server.post(
        "ann", json.dumps({"verbPhrase": "saved", "to": PUBLIC, "actionData": {"x": value}})
    )
    assert own.status in (201, 400)
    after = peer.activity("Activity", "carol", object=FLASK["id"], to=[here, PUBLIC])
    assert (await peer.send(f"{here}/inbox", after, by="carol")).status == 202
    await server.drained()
    inbox = [one["id"] for one in await server.items("ann", "inbox", as_="ann")]
    assert inbox[0] == after["id"]
    assert len(inbox) == (2 if reply.status == 202 else 1)
