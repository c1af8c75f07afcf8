"""The shape of what we emit: contexts, ids, arrays, and nothing that readers stumble over."""

from __future__ import annotations

import re
from typing import Any

from tests.conftest import StartServer, free_port
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Server


async def test_IO_52_the_shape_of_what_we_emit(server: Server, peer: Peer) -> None:
    """IO-52, AS-02: arrays even for one, Public in full, ids as strings, nothing null or empty."""
    note: dict[str, Any] = {
        "type": "Note",
        "content": "hi",
        "summary": None,
        "to": "as:Public",
        "cc": {"id": peer.id("carol"), "type": "Person"},
        "tag": {"type": "Mention", "href": peer.id("carol"), "name": "@carol", "id": None},
        "attachment": {"type": "Image", "url": "https://a.example/1.png"},
        "audience": [],
        "inReplyTo": [None],
    }
    posted = {"actor": [server.id("ann")], "type": "Create", "object": note}
    made = (await server.post("ann", posted)).json
    [sent] = await peer.wait("Create")
    assert sent.json == made
    assert made["@context"] == CONTEXT
    assert made["actor"] == made["object"]["attributedTo"] == server.id("ann")
    for document in (made, made["object"]):
        assert document["to"] == [PUBLIC]
        assert document["cc"] == [peer.id("carol")]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", document["published"])
        assert "audience" not in document
    mention = {"type": "Mention", "href": peer.id("carol"), "name": "@carol"}
    assert made["object"]["tag"] == [mention]
    assert made["object"]["attachment"] == [note["attachment"]]
    assert "null" not in sent.body.decode()


async def test_AP_OBJ_01_the_context_is_the_one_that_others_look_for(server: Server) -> None:
    """AP-OBJ-01, AS-08, AS-09: exactly this string, whatever was sent and if nothing was."""
    note = {"type": "Note", "content": "hi", "to": PUBLIC}
    old = "http://www.w3.org/ns/activitystreams"
    for sent in ({}, *({"@context": one} for one in (None, CONTEXT, [CONTEXT], [], old, [old]))):
        made = await server.post("ann", note | sent)
        assert made.status == 201, made.text
        for url in (made.json["id"], made.json["object"]["id"]):
            assert (await server.get(url)).json["@context"] == CONTEXT


async def test_AP_OBJ_02_further_contexts_are_kept(server: Server) -> None:
    """AP-OBJ-02, AS-07, AS-32: with the members that they define, and members of no context."""
    context = [CONTEXT, {"toot": "http://joinmastodon.org/ns#", "blurhash": "toot:blurhash"}]
    note = {"type": "Note", "blurhash": "UBL", "mood": {"happy": [1, 2.5, True]}, "to": PUBLIC}
    made = await server.post("ann", {"@context": context, **note})
    assert made.status == 201, made.text
    for url, pick in ((made.json["id"], "object"), (made.json["object"]["id"], None)):
        document = (await server.get(url)).json
        assert document["@context"] == context
        inner = document[pick] if pick else document
        assert (inner["blurhash"], inner["mood"]) == (note["blurhash"], note["mood"])


async def test_AP_OBJ_06_ids_are_https_when_the_origin_is(start_server: StartServer) -> None:
    """AP-OBJ-06: ids are made of the origin, not of the address that we listen on."""
    port = free_port()
    server = await start_server("ann", port=port, origin="https://social.example")
    reply = await server.ask(
        "POST",
        f"http://127.0.0.1:{port}/actors/ann/outbox",
        as_="ann",
        data={"type": "Note", "content": "hi", "to": [PUBLIC]},
        Host="social.example",
        Content_Type=AS2,
    )
    assert reply.status == 201, reply.text
    for id_ in (reply.json["id"], reply.json["actor"], reply.json["object"]["id"]):
        assert id_.startswith("https://social.example/")
        path = id_.removeprefix("https://social.example")
        found = await server.get(f"http://127.0.0.1:{port}{path}", Host="social.example")
        assert found.json["id"] == id_
