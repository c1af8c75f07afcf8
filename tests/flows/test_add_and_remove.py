"""Add and Remove: collections of our actors, and those that they made (ActivityPub 6.6, 6.7)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.steps import check_problem, follow_from
from tests.flows.verb_steps import arrive, collected, public_note, total_of


async def _make(server: Server, name: str, *to: str, **members: Any) -> str:
    """A collection of one's own; its id."""
    document = {"@context": CONTEXT, "type": "OrderedCollection", "name": "teas", "to": list(to)}
    reply = await server.post(name, {**document, **members})
    assert reply.status == 201, reply.text
    return str(reply.json["object"]["id"])


async def _change(server: Server, name: str, type_: str, object_: Any, target: str) -> Any:
    return await server.post(
        name, {"@context": CONTEXT, "type": type_, "object": object_, "target": target}
    )


async def test_AP_C2S_30_add_pins_and_remove_unpins(server: Server, peer: Peer) -> None:
    """AP-C2S-30, AP-C2S-31, IO-84: `featured`, named by the actor document, and the followers
    told; what is there already counts once."""
    await follow_from(peer, "carol", server, "ann")
    notes = [await public_note(server, "ann") for _ in range(2)]
    featured = (await server.get(server.id("ann"))).json["featured"]
    assert featured == f"{server.id('ann')}/featured"
    assert await collected(server, featured) == []
    for note in (*notes, notes[0]):
        reply = await _change(server, "ann", "Add", note, featured)
        assert reply.status == 201, reply.text
        assert reply.json["to"] == [f"{server.id('ann')}/followers"]
    assert await collected(server, featured) == [notes[1], notes[0]]
    assert await total_of(server, featured) == 2
    added = await peer.wait("Add", times=3)
    assert {one.json["target"] for one in added} == {featured}
    reply = await _change(server, "ann", "Remove", notes[0], featured)
    assert reply.status == 201, reply.text
    await peer.wait("Remove", object=notes[0])
    assert await collected(server, featured) == [notes[1]]


async def test_BP_04_a_collection_is_made_filled_read_and_deleted(server: Server) -> None:
    """BP-04, BP-05, AP-C2S-30, AP-COL-01: its items newest first, paged; what it says of itself is
    an object that can be updated; gone with 410."""
    first = await public_note(server, "ann")
    teas = await _make(server, "ann", PUBLIC, orderedItems=[server.id("bob"), first])
    assert await collected(server, teas) == [server.id("bob"), first]
    others = [await public_note(server, "bob") for _ in range(3)]
    reply = await _change(server, "ann", "Add", others, teas)
    assert reply.status == 201, reply.text
    assert reply.json["to"] == [PUBLIC]
    items = [*reversed(others), server.id("bob"), first]
    assert await collected(server, teas) == items
    head = (await server.get(teas)).json
    assert (head["type"], head["name"], head["totalItems"]) == ("OrderedCollection", "teas", 5)
    page = (await server.get(f"{teas}?page=first&limit=2")).json
    assert (page["partOf"], page["orderedItems"]) == (teas, items[:2])
    patch = {"id": teas, "name": "more teas"}
    assert (await server.post("ann", {"type": "Update", "object": patch})).status == 201
    head = (await server.get(teas)).json
    assert (head["name"], head["totalItems"]) == ("more teas", 5)
    await _change(server, "ann", "Remove", others[:2], teas)
    assert await collected(server, teas) == [others[2], server.id("bob"), first]
    assert (await server.post("ann", {"type": "Delete", "object": teas})).status == 201
    for url in (teas, f"{teas}?page=first"):
        gone = await server.get(url)
        assert (gone.status, gone.json["formerType"]) == (410, "OrderedCollection")
    check_problem(await _change(server, "ann", "Add", first, teas), 410, "/target")


async def test_BP_04_a_collection_without_order_has_items(server: Server) -> None:
    """BP-04: as its maker says (AS2 Vocabulary, "Collection" and "CollectionPage")."""
    note = await public_note(server, "ann")
    teas = await _make(server, "ann", PUBLIC, type="Collection", items=[note])
    head = (await server.get(teas)).json
    assert (head["type"], head["totalItems"]) == ("Collection", 1)
    page = (await server.get(head["first"])).json
    assert (page["type"], page["items"]) == ("CollectionPage", [note])
    assert "orderedItems" not in page


async def test_AP_C2S_30_a_collection_shows_each_what_it_may_read(server: Server) -> None:
    """AP-C2S-30, AP-COL-19: a public collection tells nothing of private items; a private one is
    not there for others."""
    shown, secret = await public_note(server, "ann"), ""
    teas = await _make(server, "ann", PUBLIC)
    secret = (await server.note("ann", "for bob", server.id("bob")))["object"]["id"]
    for note in (shown, secret):
        await _change(server, "ann", "Add", note, teas)
    assert await collected(server, teas) == [shown]
    assert await total_of(server, teas) == 1
    assert await collected(server, teas, as_="bob") == [secret, shown]
    hidden = await _make(server, "ann", server.id("ann"))
    assert (await server.get(hidden, as_="bob")).status == 404
    assert (await server.get(f"{hidden}?page=first")).status == 404
    check_problem(await _change(server, "bob", "Add", shown, hidden), 404, "/target")


@pytest.mark.parametrize("type_", ["Add", "Remove"])
async def test_AP_C2S_31_only_the_owner_changes_a_collection(server: Server, type_: str) -> None:
    """AP-C2S-30, AP-C2S-31: 403 for those of others and those that the server keeps, 404 for what
    is not there; nothing changes."""
    note = await public_note(server, "bob")
    teas = await _make(server, "ann", PUBLIC, orderedItems=[note])
    kept = ("inbox", "outbox", "followers", "following", "liked", "blocked", "pendingFollowers")
    targets = {f"{server.id('ann')}/featured": 403, teas: 403, f"{note}/likes": 403}
    targets |= {f"{server.id('bob')}/{name}": 403 for name in kept}
    targets |= {f"{server.origin}/objects/00000000-0000-4000-8000-000000000000": 404}
    for target, status in targets.items():
        check_problem(await _change(server, "bob", type_, note, target), status, "/target")
    assert await collected(server, teas) == [note]
    assert await server.items("bob", "followers", as_="bob") == []


async def test_AP_C2S_30_only_what_one_may_read_is_added(server: Server) -> None:
    """AP-C2S-30: 404 for what is secret or not there."""
    secret = (await server.note("bob", "mine", server.id("bob")))["object"]["id"]
    reply = await _change(server, "ann", "Add", secret, f"{server.id('ann')}/featured")
    check_problem(reply, 404, "/object")


async def test_AP_C2S_37_undo_of_an_add_removes(server: Server) -> None:
    """AP-C2S-37: and Undo of a Create is refused: it is deleted."""
    note = await public_note(server, "ann")
    featured = f"{server.id('ann')}/featured"
    add = await _change(server, "ann", "Add", note, featured)
    assert (await server.post("ann", {"type": "Undo", "object": add.json["id"]})).status == 201
    assert await collected(server, featured) == []
    created = (await server.items("ann", "outbox", as_="ann"))[-1]
    assert created["type"] == "Create"
    reply = await server.post("ann", {"type": "Undo", "object": created["id"]})
    check_problem(reply, 400, "/object")
    assert (await server.get(note)).status == 200


@pytest.mark.parametrize("type_", ["Add", "Remove"])
async def test_AP_S2S_39_nobody_elsewhere_changes_a_collection_here(
    server: Server, peer: Peer, type_: str
) -> None:
    """AP-S2S-39, AP-S2S-40: it has no effect, and is not listed; one of the sender's own is."""
    note, other = await public_note(server, "ann"), await public_note(server, "ann")
    teas = await _make(server, "ann", PUBLIC, orderedItems=[note])
    object_ = other if type_ == "Add" else note
    for target in (teas, f"{server.id('ann')}/featured", f"{note}/replies"):
        forged = peer.activity(type_, "carol", object=object_, target=target)
        await arrive(server, peer, forged, at="ann", by="carol")
    own = peer.activity(type_, "carol", object=other, target=f"{peer.id('carol')}/featured")
    await arrive(server, peer, own, at="ann", by="carol")
    assert await collected(server, teas) == [note]
    assert [one["id"] for one in await server.items("ann", "inbox", as_="ann")] == [own["id"]]
