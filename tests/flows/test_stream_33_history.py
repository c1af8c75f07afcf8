"""What the followed did before they were followed (rule R7, scenario 33)."""

from __future__ import annotations

from typing import Any

from apserver.core import limits
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.stream_steps import home


def put_outbox(peer: Peer, name: str, activities: list[dict[str, Any]]) -> None:
    """Put up an outbox in two pages, newest first."""
    outbox = f"{peer.id(name)}/outbox"
    half = len(activities) // 2
    pages = [activities[:half], activities[half:]]
    path = outbox.removeprefix(peer.origin)
    common = {"@context": "https://www.w3.org/ns/activitystreams"}
    peer.documents[path] = {
        **common,
        "id": outbox,
        "type": "OrderedCollection",
        "first": f"{outbox}/1",
    }
    for number, items in enumerate(pages, start=1):
        page = {
            **common,
            "id": f"{outbox}/{number}",
            "type": "OrderedCollectionPage",
            "partOf": outbox,
            "orderedItems": [
                {key: value for key, value in one.items() if key != "@context"} for one in items
            ],
        }
        if number == 1:
            page["next"] = f"{outbox}/2"
        peer.documents[f"{path}/{number}"] = page


async def follow_carol(server: Server, peer: Peer) -> None:
    """Ann follows carol, who accepts."""
    reply = await server.post("ann", {"type": "Follow", "object": peer.id("carol")})
    assert reply.status == 201, reply.text
    [asked] = await peer.wait("Follow")
    accept = peer.activity("Accept", "carol", object=asked.json)
    assert (await peer.send(f"{server.id('ann')}/inbox", accept, by="carol")).status == 202
    await server.drained()


async def test_scenario_33_home_shows_what_was_before(server: Server, peer: Peer) -> None:
    """Scenario 33: history is in home and not in the inbox; what is deleted is gone from home."""
    notes = [peer.create("carol", f"note {n}", PUBLIC) for n in range(6)]
    for hour, note in enumerate(notes):
        note["published"] = note["object"]["published"] = f"2026-01-0{hour + 1}T12:00:00Z"
    put_outbox(peer, "carol", notes[::-1])
    await follow_carol(server, peer)
    assert await home(server, "ann") == [one["id"] for one in notes[::-1]]
    inbox = await server.items("ann", "inbox", as_="ann")
    assert [one["type"] for one in inbox] == ["Accept"]
    delete = peer.activity("Delete", "carol", object=notes[2]["object"]["id"], to=[PUBLIC])
    assert (await peer.send(f"{server.origin}/inbox", delete, by="carol")).status == 202
    await server.drained()
    assert notes[2]["id"] not in await home(server, "ann")
    assert len(await home(server, "ann")) == 5


async def test_R7_only_what_is_the_actors_and_for_everybody(server: Server, peer: Peer) -> None:
    """R7, security rule 2: an outbox speaks for its actor alone."""
    peer.add_actor("mallory")
    own = peer.create("carol", "mine", PUBLIC)
    private = peer.create("carol", "secret", peer.id("carol"))
    others = peer.create("mallory", "hers", PUBLIC)
    foreign = peer.create("carol", "elsewhere", PUBLIC)
    foreign["id"] = "https://elsewhere.example/1"
    stolen = peer.create("carol", "stolen", PUBLIC)
    stolen["object"]["id"] = server.id("bob")
    update = peer.activity("Update", "carol", object={"id": peer.id("carol")}, to=[PUBLIC])
    put_outbox(peer, "carol", [private, others, foreign, stolen, update, own])
    await follow_carol(server, peer)
    assert await home(server, "ann") == [own["id"]]


async def test_R7_within_a_budget(server: Server, peer: Peer) -> None:
    """R7: the newest of a long outbox."""
    notes = [peer.create("carol", f"note {n}", PUBLIC) for n in range(2 * limits.RECALLED + 20)]
    put_outbox(peer, "carol", notes)
    await follow_carol(server, peer)
    assert set(await home(server, "ann")) == {one["id"] for one in notes[: limits.RECALLED]}


async def test_R7_an_outbox_that_is_not_there(server: Server, peer: Peer) -> None:
    """R7: the follow stands, and nothing is tried for ever."""
    await follow_carol(server, peer)
    assert await server.items("ann", "following", as_="ann") == [peer.id("carol")]
    assert await home(server, "ann") == []


async def test_R7_what_is_delivered_after_it_was_found(server: Server, peer: Peer) -> None:
    """R7: a post may stand in the outbox before its delivery comes: then it is in the inbox too,
    and in home once."""
    early, late = (peer.create("carol", text, PUBLIC) for text in ("early", "late"))
    put_outbox(peer, "carol", [late, early])
    await follow_carol(server, peer)
    for _ in range(2):
        assert (await peer.send(f"{server.origin}/inbox", late, by="carol")).status == 202
    await server.drained()
    inbox = await server.items("ann", "inbox", as_="ann")
    assert [one["id"] for one in inbox if one["type"] == "Create"] == [late["id"]]
    assert sorted(await home(server, "ann")) == sorted([early["id"], late["id"]])
