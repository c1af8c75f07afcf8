"""Verbs that change nothing here: told to the right ones, stored, listed, taken back (BP-07)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.steps import check_problem, follow_from
from tests.flows.verb_steps import arrive, public_note

PLACE = {"type": "Place", "name": "Work"}
#: Who is told when nobody is named, of what is done to carol or to a note of bob's.
TOLD: dict[str, tuple[str, str]] = {
    "TentativeAccept": ("offer", "carol"),
    "TentativeReject": ("offer", "carol"),
    "Join": ("carol", "carol"),
    "Leave": ("carol", "carol"),
    "Invite": ("carol", "carol"),
    "Offer": ("carol", "carol"),
    "Ignore": ("carol", ""),
    "Listen": ("note", ""),
    "Read": ("note", ""),
    "View": ("note", ""),
    "Arrive": ("", ""),
    "Travel": ("", ""),
    "Move": ("note", "followers"),
}


async def _offered(server: Server, peer: Peer) -> str:
    offer = peer.activity("Offer", "carol", object=PLACE, to=[server.id("ann")])
    await arrive(server, peer, offer, at="ann", by="carol")
    return str(offer["id"])


@pytest.mark.parametrize("type_", TOLD)
async def test_BP_03_default_recipients(server: Server, peer: Peer, type_: str) -> None:
    """BP-03, BP-07, AP-C2S-38: stored, in the outbox, delivered to whom it concerns; its Undo goes
    the same way."""
    await follow_from(peer, "carol", server, "ann")
    about, told = TOLD[type_]
    things = {
        "carol": peer.id("carol"),
        "note": await public_note(server, "bob"),
        "offer": {"id": await _offered(server, peer), "type": "Offer", "actor": peer.id("carol")},
    }
    whom = {
        "carol": [peer.id("carol")],
        "followers": [f"{server.id('ann')}/followers"],
        "": None,
    }
    activity: dict[str, Any] = {"@context": CONTEXT, "type": type_, "location": PLACE}
    if about:
        activity["object"] = things[about]
    reply = await server.post("ann", activity)
    assert reply.status == 201, reply.text
    assert reply.json.get("to") == whom[told]
    assert (await server.items("ann", "outbox", as_="ann"))[0]["id"] == reply.json["id"]
    undone = await server.post("ann", {"type": "Undo", "object": reply.json["id"]})
    assert undone.status == 201, undone.text
    assert undone.json.get("to") == whom[told]
    await server.drained()
    sent = [one.json["id"] for one in peer.received if one.json["type"] in (type_, "Undo")]
    assert sent == ([reply.json["id"], undone.json["id"]] if told else [])


async def test_AP_C2S_35_nobody_takes_back_what_another_did(server: Server) -> None:
    """AP-C2S-35: 403, whatever its type."""
    for type_ in ("Join", "Listen", "https://example.org/ns#Dance"):
        done = await server.post("bob", {"type": type_, "object": server.id("ann"), "to": [PUBLIC]})
        assert done.status == 201, done.text
        reply = await server.post("ann", {"type": "Undo", "object": done.json["id"]})
        check_problem(reply, 403, "/object")


async def test_BP_03_ignore_is_not_told_to_whom_it_ignores(server: Server, peer: Peer) -> None:
    """BP-03: though the client addresses it."""
    reply = await server.post(
        "ann", {"type": "Ignore", "object": peer.id("carol"), "to": [peer.id("carol"), PUBLIC]}
    )
    assert reply.json["to"] == [PUBLIC]
    await server.drained()
    assert peer.received == []


async def test_BP_03_a_report_is_not_shown_to_who_is_reported(server: Server, peer: Peer) -> None:
    """BP-03: neither one from elsewhere nor one of ours is in the inbox of who is reported."""
    note = await public_note(server, "ann")
    flag = peer.activity("Flag", "carol", object=[server.id("ann"), note], content="spam")
    await arrive(server, peer, flag, at="ann", by="carol")
    mine = await server.post("bob", {"type": "Flag", "object": note, "content": "spam"})
    assert mine.status == 201
    assert "to" not in mine.json
    await server.drained()
    assert await server.items("ann", "inbox", as_="ann") == []


async def test_BP_03_only_an_actor_itself_moves(server: Server, peer: Peer) -> None:
    """BP-03: 403 for the Move of another actor; one from elsewhere has no effect."""
    target = peer.id("carol")
    move = {"type": "Move", "object": server.id("bob"), "target": target}
    check_problem(await server.post("ann", move), 403, "/object")
    peer.documents["/users/carol"]["alsoKnownAs"] = [server.id("ann")]
    own = await server.post("ann", {**move, "object": server.id("ann")})
    assert own.status == 201, own.text
    assert own.json["to"] == [f"{server.id('ann')}/followers"]
    forged = peer.activity("Move", "carol", object=server.id("ann"), target=target)
    await arrive(server, peer, {**forged, "to": [server.id("bob")]}, at="bob", by="carol")
    assert await server.items("bob", "inbox", as_="bob") == []


async def test_BP_07_activities_of_any_type_are_received_and_listed(
    server: Server, peer: Peer
) -> None:
    """BP-07, AP-OBJ-07: of those of AS2 and of others, for whom they are addressed to."""
    types = [*(one for one in TOLD if one not in ("Flag", "Ignore")), "https://x.example/ns#Dance"]
    ids = []
    for type_ in types:
        activity = peer.activity(
            type_, "carol", object=f"{peer.origin}/things/1", to=[server.id("ann")]
        )
        ids.append(activity["id"])
        await arrive(server, peer, activity, at="ann", by="carol")
    listed = [one["id"] for one in await server.items("ann", "inbox", as_="ann")]
    assert listed == ids[::-1]
