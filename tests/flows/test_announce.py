"""Announce: sent, received, undone, over HTTP (ActivityPub 5.8, 7.11)."""

from __future__ import annotations

from typing import Any

from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.steps import check_problem, follow_from, follow_here
from tests.flows.verb_steps import arrive, collected, public_note, total_of


async def test_AP_S2S_42_announce_of_ours_is_counted_once(server: Server, peer: Peer) -> None:
    """AP-S2S-42, AP-COL-20, IO-48, IO-99: in `shares`, the author told, and gone by its Undo."""
    note = await public_note(server, "ann")
    announce = peer.activity("Announce", "carol", object=note, to=[PUBLIC])
    for activity in (announce, announce, peer.activity("Announce", "carol", object=note)):
        await arrive(server, peer, activity, at="ann", by="carol")
    assert await total_of(server, f"{note}/shares") == 1
    assert (await server.get(note)).json["shares"]["totalItems"] == 1
    inbox = await server.items("ann", "inbox", as_="ann")
    assert [one["type"] for one in inbox] == ["Announce", "Announce"]
    undo = peer.activity("Undo", "carol", object=activity["id"])
    await arrive(server, peer, undo, at="ann", by="carol")
    assert await total_of(server, f"{note}/shares") == 0


async def test_IO_48_what_is_not_for_everybody_is_not_shared(server: Server, peer: Peer) -> None:
    """IO-48: of ours, whether or not the sharer may read it; it appears nowhere."""
    await follow_from(peer, "carol", server, "ann")
    followers = f"{server.id('ann')}/followers"
    note = (await server.note("ann", "for followers", followers))["object"]["id"]
    announce = peer.activity("Announce", "carol", object=note, to=[PUBLIC, server.id("ann")])
    await arrive(server, peer, announce, at="ann", by="carol")
    assert await total_of(server, f"{note}/shares", as_="ann") == 0
    assert announce["id"] not in [
        one["id"] for one in await server.items("ann", "inbox", as_="ann")
    ]


def _put_up(peer: Peer, path: str, **members: Any) -> str:
    note = {
        "@context": CONTEXT,
        "id": f"{peer.origin}{path}",
        "type": "Note",
        "attributedTo": peer.id("dave"),
        "content": "cake",
        "to": [PUBLIC],
        **members,
    }
    peer.documents[path] = note
    return f"{peer.origin}{path}"


async def test_IO_48_what_is_shared_from_elsewhere_is_fetched_once(
    server: Server, peer: Peer
) -> None:
    """IO-48: by its id, from its own server, for a sharer who is followed; not again for the next
    one, and what it leads to is not followed."""
    peer.add_actor("dave")
    note = _put_up(peer, "/cake", inReplyTo=f"{peer.origin}/other")
    for by in ("carol", "dave"):
        announce = peer.activity("Announce", by, object=note, to=[PUBLIC], cc=[server.id("ann")])
        await arrive(server, peer, announce, at="ann", by=by)
    assert peer.asked.count("GET /cake") == 1
    assert "GET /other" not in peer.asked
    inbox = await server.items("ann", "inbox", as_="ann")
    assert [one["object"] for one in inbox] == [note, note]
    like = await server.post("ann", {"type": "Like", "object": note})
    assert like.json["to"] == [peer.id("dave")]


async def test_IO_48_an_announce_of_what_cannot_be_had_is_dropped(
    server: Server, peer: Peer
) -> None:
    """IO-48: private, gone, under another id, by somebody of another server."""
    elsewhere = "https://elsewhere.example/users/eve"
    objects = [
        _put_up(peer, "/private", to=[peer.id("dave")]),
        f"{peer.origin}/gone",
        _put_up(peer, "/alias", id=f"{peer.origin}/other"),
        _put_up(peer, "/foreign", attributedTo=elsewhere),
    ]
    objects[2] = f"{peer.origin}/alias"
    for object_ in objects:
        announce = peer.activity(
            "Announce", "carol", object=object_, to=[PUBLIC], cc=[server.id("ann")]
        )
        await arrive(server, peer, announce, at="ann", by="carol")
    assert await server.items("ann", "inbox", as_="ann") == []
    assert await server.rows("SELECT id FROM object") == []


async def test_IO_48_announces_that_announce_each_other_end(server: Server, peer: Peer) -> None:
    """IO-48: an Announce of an Announce is listed, and led no further."""
    for one, other in (("/a", "/b"), ("/b", "/a")):
        peer.documents[one] = {
            **peer.activity("Announce", "carol", object=f"{peer.origin}{other}"),
            "id": f"{peer.origin}{one}",
        }
    sent = {**peer.documents["/a"], "to": [PUBLIC], "cc": [server.id("ann")]}
    await arrive(server, peer, sent, at="ann", by="carol")
    assert peer.asked.count("GET /b") == 1
    assert peer.asked.count("GET /a") == 0


async def test_AP_C2S_38_announce_goes_to_followers_and_author(server: Server, peer: Peer) -> None:
    """AP-C2S-38, BP-03: without addressing; `shares` of a note here counts it at once."""
    await follow_from(peer, "carol", server, "bob")
    note = await public_note(server, "ann")
    reply = await server.post("bob", {"@context": CONTEXT, "type": "Announce", "object": note})
    assert reply.status == 201, reply.text
    assert reply.json["to"] == [f"{server.id('bob')}/followers"]
    assert reply.json["cc"] == [server.id("ann")]
    [announce] = await peer.wait("Announce")
    assert announce.json["object"] == note
    assert await total_of(server, f"{note}/shares") == 1
    again = await server.post("bob", {"type": "Announce", "object": note})
    assert (again.status, again.json["id"]) == (200, reply.json["id"])
    await server.drained()
    assert (await server.items("ann", "inbox", as_="ann"))[0]["id"] == reply.json["id"]
    undone = await server.post("bob", {"type": "Undo", "object": reply.json["id"]})
    assert undone.status == 201, undone.text
    [undo] = await peer.wait("Undo")
    assert undo.json["object"]["id"] == reply.json["id"]
    assert await total_of(server, f"{note}/shares") == 0


async def test_BP_03_private_things_cannot_be_announced(server: Server) -> None:
    """BP-03: 403, also for their own author; 404 for who may not read them."""
    await follow_here(server, "bob", "ann")
    followers = f"{server.id('ann')}/followers"
    note = (await server.note("ann", "for followers", followers))["object"]["id"]
    for name in ("bob", "ann"):
        reply = await server.post(name, {"type": "Announce", "object": note})
        check_problem(reply, 403, "/object")
    secret = (await server.note("ann", "for me", server.id("ann")))["object"]["id"]
    check_problem(await server.post("bob", {"type": "Announce", "object": secret}), 404, "/object")


async def test_AP_COL_20_shares_show_public_announces(server: Server, peer: Peer) -> None:
    """AP-COL-20: everybody sees those that are for everybody; the number counts all."""
    note = await public_note(server, "ann")
    peer.add_actor("dave")
    shown = peer.activity("Announce", "carol", object=note, to=[PUBLIC], cc=[server.id("ann")])
    await arrive(server, peer, shown, at="ann", by="carol")
    quiet = peer.activity("Announce", "dave", object=note, to=[server.id("ann")])
    await arrive(server, peer, quiet, at="ann", by="dave")
    assert [one["id"] for one in await collected(server, f"{note}/shares")] == [shown["id"]]
    assert await total_of(server, f"{note}/shares") == 2
    assert (await server.get(f"{note}/shares")).json["sharesOf"] == note
