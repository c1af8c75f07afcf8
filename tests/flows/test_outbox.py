"""POST to the outbox: what becomes of an activity, or of an object (ActivityPub 6)."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID

import pytest

from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Server
from tests.flows.steps import follow_from
from tests.flows.verb_steps import as_made

LD_JSON_AS2 = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


async def test_AP_C2S_01_both_media_types_are_taken(server: Server) -> None:
    """AP-C2S-01, AP-C2S-02."""
    note = {"@context": CONTEXT, "type": "Note", "content": "hello"}
    for media_type in (
        LD_JSON_AS2,
        "application/ld+json",
        AS2,
        f"{AS2}; charset=utf-8",
        "Application/Activity+JSON",
    ):
        reply = await server.post("ann", note, Content_Type=media_type)
        assert reply.status == 201, reply.text
        assert reply.headers["Content-Type"] == AS2
        assert reply.json["object"]["content"] == "hello"


async def test_AP_C2S_06_created_is_answered_with_its_new_id(server: Server) -> None:
    """AP-C2S-06, AP-C2S-07, AP-OBJ-04, AP-OBJ-05, AP-OBJ-08: ids of ours that can be fetched."""
    note = {"@context": CONTEXT, "type": "Note", "content": "hello", "to": [PUBLIC]}
    first = await server.post("ann", {"type": "Create", "object": note})
    second = await server.post("ann", {"type": "Create", "object": note})
    ids = []
    for reply in (first, second):
        assert reply.status == 201
        assert reply.headers["Location"] == reply.json["id"]
        ids += [reply.json["id"], reply.json["object"]["id"]]
    assert len(set(ids)) == 4
    for id_, kind in zip(ids, ("activities", "objects") * 2, strict=True):
        folder, _, unique = id_.rpartition("/")
        assert folder == f"{server.origin}/{kind}"
        assert UUID(unique).version == 7
        assert (await server.get(id_)).json["id"] == id_
    assert (await server.get(first.headers["Location"])).json == first.json


async def test_AP_C2S_10_it_stands_in_the_outbox(server: Server) -> None:
    """AP-C2S-10: at once, and the newest first."""
    made = [await server.note("ann", f"note {n}", PUBLIC) for n in range(3)]
    listed = await server.items("ann", "outbox", as_="ann")
    assert [one["id"] for one in listed] == [one["id"] for one in reversed(made)]
    assert as_made(listed[0]["object"]) == made[2]["object"]


BARE: tuple[dict[str, Any], ...] = (
    {"type": "Note", "content": "a note"},
    {"type": "Article", "name": "an article"},
    {"type": ["Place", "https://example.org/ns#Location"], "name": "two types"},
    {"type": "https://example.org/ns#Recipe", "name": "an extension"},
    # An object type with an `object` of its own (AS2 Vocabulary, example 22 and others).
    {
        "type": "Relationship",
        "subject": "https://example.org/sally",
        "relationship": "http://purl.org/vocab/relationship/friendOf",
        "object": "https://example.org/john",
    },
)


async def test_AP_C2S_18_a_bare_object_is_wrapped_in_a_create(server: Server) -> None:
    """AP-C2S-18, AP-C2S-19, AP-C2S-20, AP-C2S-21: both get ids, Location names the Create."""
    for bare in BARE:
        reply = await server.post("ann", {"@context": CONTEXT, **bare})
        assert reply.status == 201, reply.text
        assert reply.json["type"] == "Create"
        assert reply.json["actor"] == server.id("ann")
        assert reply.headers["Location"] == reply.json["id"]
        made = await server.get(reply.json["object"]["id"], as_="ann")
        assert made.status == 200
        assert made.json["attributedTo"] == server.id("ann")
        assert {name: made.json[name] for name in bare} == bare
        assert reply.json["id"] != made.json["id"]


async def test_AP_C2S_22_the_recipients_of_a_bare_object_are_those_of_its_create(
    server: Server, start_peer: StartPeer
) -> None:
    """AP-C2S-22: to, cc and audience are copied; bto and bcc too, which shows by delivery."""
    peer = await start_peer("to", "cc", "audience", "bto", "bcc")
    note = {
        "type": "Note",
        "content": "for five",
        **{name: peer.id(name) for name in ("to", "cc", "audience", "bto", "bcc")},
    }
    reply = await server.post("ann", note)
    assert reply.status == 201, reply.text
    for name in ("to", "cc", "audience"):
        assert reply.json[name] == reply.json["object"][name] == [peer.id(name)]
    await server.drained()
    [inbox] = {one.inbox for one in await peer.wait("Create")}
    assert inbox == "/inbox"
    audiences = await server.rows("SELECT cardinality(recipients) AS n FROM activity")
    assert audiences == [{"n": 5}]


async def test_AP_C2S_16_the_author_of_the_object_is_the_actor(server: Server) -> None:
    """AP-C2S-16: named or not, by the client, in both places."""
    for named in ({}, {"attributedTo": server.id("ann")}, {"attributedTo": [server.id("ann")]}):
        note = {"type": "Note", "content": "mine", **named}
        reply = await server.post("ann", {"type": "Create", "object": note})
        assert reply.json["actor"] == server.id("ann")
        assert reply.json["object"]["attributedTo"] == server.id("ann")


async def test_AP_C2S_17_recipients_are_copied_both_ways(server: Server) -> None:
    """AP-C2S-17, AP-COL-18: and each list holds each recipient once."""
    create = {
        "type": "Create",
        "to": [PUBLIC],
        "cc": server.id("bob"),
        "object": {
            "type": "Note",
            "content": "hi",
            "to": ["as:Public", "https://a.example/u"],
            "audience": "https://b.example/g",
        },
    }
    made = (await server.post("ann", create)).json
    for document in (made, made["object"]):
        assert document["to"] == [PUBLIC, "https://a.example/u"]
        assert document["cc"] == [server.id("bob")]
        assert document["audience"] == ["https://b.example/g"]


async def test_AP_C2S_08_blind_recipients_are_never_shown(
    server: Server, start_peer: StartPeer
) -> None:
    """AP-C2S-08, AP-C2S-09, AV-06: bto and bcc are delivered to and shown to nobody."""
    one, other = await start_peer("carol", "dave"), await start_peer("erin", "frank")
    note = {
        "type": "Note",
        "content": "psst",
        "to": [PUBLIC, one.id("carol")],
        "bcc": [other.id("erin")],
        "replies": {"type": "Collection", "items": [{"type": "Note", "bto": other.id("frank")}]},
    }
    create = {"type": "Create", "bto": other.id("frank"), "bcc": [server.id("bob")], "object": note}
    made = await server.post("ann", create)
    assert made.status == 201, made.text
    [seen] = await one.wait("Create")
    blind = await other.wait("Create")
    shown = [made.text, *(one.body.decode() for one in (seen, *blind))]
    outbox = f"{server.id('ann')}/outbox?page=first"
    for url in (made.json["id"], made.json["object"]["id"], outbox):
        for viewer in (None, "ann", "bob"):
            shown.append((await server.get(url, as_=viewer)).text)
    for text in shown:
        assert not re.search(r'"b(to|cc)"', text)
        assert "erin" not in text
        assert "frank" not in text
        assert server.id("bob") not in text


async def test_AP_C2S_09_blind_recipients_here_receive_it(server: Server) -> None:
    """AP-C2S-09, AP-S2S-19: an actor of the same server is no exception."""
    note = {"type": "Note", "content": "psst", "bcc": server.id("bob")}
    made = await server.post("ann", note)
    await server.drained()
    inbox = await server.items("bob", "inbox", as_="bob")
    assert [one["id"] for one in inbox] == [made.json["id"]]
    assert "bcc" not in inbox[0]


async def test_AP_C2S_08_blind_recipients_of_what_is_not_a_create(
    server: Server, peer: Peer
) -> None:
    """AP-C2S-08: the same for any activity and at any depth."""
    inner = {"type": "Note", "bcc": "https://x.example/u", "tag": [{"bto": "https://x.example/v"}]}
    # A language with the code bcc (Southern Balochi) is no recipient.
    greeting = {"contentMap": {"bcc": "salaam"}}
    like = {"type": "Like", "object": inner, "bto": peer.id("carol"), **greeting}
    made = await server.post("ann", like)
    assert made.status == 201, made.text
    [sent] = await peer.wait("Like")
    shown = await server.get(made.json["id"], as_="ann")
    for text in (made.text, sent.body.decode(), shown.text):
        assert "x.example" not in text
        assert peer.id("carol") not in text
        assert '"contentMap":{"bcc":"salaam"}' in text


async def test_AP_C2S_05_ids_of_the_client_are_not_taken(server: Server) -> None:
    """AP-C2S-05: for the activity nor the object, in either spelling; nothing is overwritten."""
    victim = await server.note("bob", "bob's", PUBLIC)
    for name in ("id", "@id"):
        note = {name: victim["object"]["id"], "type": "Note", "content": "ann's", "to": [PUBLIC]}
        for posted in ({name: victim["id"], "type": "Create", "object": note}, note):
            made = await server.post("ann", posted)
            assert made.status == 201, made.text
            assert made.json["id"] not in (victim["id"], victim["object"]["id"])
            assert victim["id"] not in made.text
            assert victim["object"]["id"] not in made.text
            assert made.json["object"]["id"].startswith(f"{server.origin}/objects/")
    assert (await server.get(victim["id"])).json == victim
    assert (await server.get(victim["object"]["id"])).json["content"] == "bob's"


async def test_AP_C2S_38_every_activity_is_delivered_whatever_its_type(
    server: Server, peer: Peer
) -> None:
    """AP-C2S-38, AP-OBJ-07, AP-S2S-01, BP-07: stored, listed, delivered, with an id of ours."""
    sent: list[dict[str, Any]] = [
        {"type": "Like", "object": "https://a.example/notes/1"},
        {"type": "Announce", "object": "https://a.example/notes/1"},
        {"type": "Arrive", "location": {"type": "Place", "name": "Work"}},
        {"type": "https://example.org/ns#Dance", "object": "https://a.example/notes/1", "steps": 3},
        {"type": ["https://example.org/ns#Wave", "Activity"], "summary": "waves"},
    ]
    made = []
    for activity in sent:
        reply = await server.post("ann", {"@context": CONTEXT, **activity, "to": peer.id("carol")})
        assert reply.status == 201, reply.text
        assert {name: reply.json[name] for name in activity} == activity
        made.append(reply.json)
    received = await peer.wait(times=len(sent))
    arrived = {one.json["id"]: one.json for one in received}
    assert arrived == {one["id"]: one for one in made}
    assert len(received) == len(made)
    assert {one.signer for one in received} == {f"{server.id('ann')}#main-key"}
    for one in made:
        assert one["id"].startswith(f"{server.origin}/activities/")
        assert (await server.get(one["id"], as_="ann")).json == one
    outbox = await server.items("ann", "outbox", as_="ann")
    assert [one["id"] for one in outbox] == [one["id"] for one in reversed(made)]


async def test_AP_S2S_14_without_recipients_it_stays_private(server: Server, peer: Peer) -> None:
    """AP-S2S-14: nothing is delivered, and nobody but the owner sees it."""
    await follow_from(peer, "carol", server, "ann")
    made = await server.note("ann", "a diary")
    await server.drained()
    assert [one.json["type"] for one in peer.received] == ["Accept"]
    for url in (made["id"], made["object"]["id"]):
        assert (await server.get(url, as_="ann")).status == 200
        for reply in (await server.get(url), await server.get(url, as_="bob")):
            assert reply.status == 404
        assert (await peer.get(url, by="carol")).status == 404
    assert await server.items("bob", "inbox", as_="bob") == []


@pytest.mark.parametrize("public", [PUBLIC, "as:Public", "Public"])
async def test_AP_COL_17_nothing_is_delivered_to_public(
    server: Server, peer: Peer, public: str
) -> None:
    """AP-COL-16, AP-COL-17, AP-COL-18, AP-S2S-14: everybody can read it, nobody gets it."""
    await follow_from(peer, "carol", server, "ann")
    made = await server.note("ann", "to whom it may concern", public)
    await server.drained()
    assert [one.json["type"] for one in peer.received] == ["Accept"]
    waiting = await server.rows("SELECT h::text FROM host h UNION ALL SELECT j::text FROM job j")
    assert "w3.org" not in str(waiting)
    assert made["to"] == made["object"]["to"] == [PUBLIC]
    assert (await server.get(made["id"])).json == made
    outbox = await server.items("ann", "outbox")
    assert [one["id"] for one in outbox] == [made["id"]]


async def test_IO_57_recipients_on_one_host_get_one_copy(
    server: Server, start_peer: StartPeer
) -> None:
    """IO-57, AP-S2S-12, AP-S2S-13, AP-S2S-25: one POST to the shared inbox, none to the sender."""
    peer = await start_peer("carol", "dave", "erin")
    lone = await start_peer("frank")
    del lone.documents["/users/frank"]["endpoints"]
    await follow_from(peer, "carol", server, "ann")
    await _meet(server, peer.id("dave"), peer.id("erin"), lone.id("frank"))
    note = {
        "type": "Note",
        "content": "hello all",
        "to": [f"{server.id('ann')}/followers", peer.id("carol"), peer.id("dave"), PUBLIC],
        "cc": [peer.id("dave"), server.id("ann"), lone.id("frank")],
        "bcc": peer.id("erin"),
    }
    made = await server.post("ann", note)
    assert made.status == 201
    await server.drained()
    assert [one.inbox for one in await peer.wait(id=made.json["id"])] == ["/inbox"]
    assert [one.inbox for one in await lone.wait(id=made.json["id"])] == ["/users/frank/inbox"]
    listed = await server.items("ann", "inbox", as_="ann")
    assert [one["type"] for one in listed] == ["Follow"]


async def test_AP_S2S_25_strangers_on_one_host_get_one_copy(
    server: Server, start_peer: StartPeer
) -> None:
    """AP-S2S-25, IO-57: also when their host is met for the first time."""
    peer = await start_peer("carol", "dave")
    await server.note("ann", "nice to meet you", peer.id("carol"), peer.id("dave"))
    await server.drained()
    assert [one.inbox for one in await peer.wait("Create")] == ["/inbox"]


async def _meet(server: Server, *ids: str) -> None:
    """Let the server learn of these actors."""
    await server.note("ann", "nice to meet you", *ids)
    await server.drained()
