"""Collections that an actor alone may read: whom it blocks, who waits for its answer (FEP-c648,
FEP-4ccd), and what leads back from a collection (FEP-5711)."""

from __future__ import annotations

import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import Server, until
from tests.flows.steps import check_problem
from tests.flows.verb_steps import arrive, public_note, total_of


async def test_AP_C2S_33_blocked_has_the_blocks_that_stand(server: Server, peer: Peer) -> None:
    """AP-C2S-33, AP-C2S-36: Block activities, newest first, each once; without those undone."""
    assert await server.items("ann", "blocked", as_="ann") == []
    blocks = [
        (await server.post("ann", {"type": "Block", "object": one})).json["id"]
        for one in (server.id("bob"), peer.id("carol"))
    ]
    again = await server.post("ann", {"type": "Block", "object": peer.id("carol")})
    assert (again.status, again.json["id"]) == (200, blocks[1])
    listed = await server.items("ann", "blocked", as_="ann")
    assert [one["id"] for one in listed] == [blocks[1], blocks[0]]
    assert [one["type"] for one in listed] == ["Block", "Block"]
    await server.post("ann", {"type": "Undo", "object": blocks[1]})
    listed = await server.items("ann", "blocked", as_="ann")
    assert [one["id"] for one in listed] == [blocks[0]]


@pytest.mark.parametrize("answer", ["Accept", "Reject"])
async def test_AP_S2S_33_who_asks_waits_in_pendingFollowers(
    server: Server, peer: Peer, answer: str
) -> None:
    """AP-S2S-33, IO-33: the Follow, once, as it was sent last, until it is answered."""
    await server.create_actor("locked", manual_approval=True)
    for _ in range(2):
        follow = peer.follow("carol", server.id("locked"))
        await arrive(server, peer, follow, at="locked", by="carol")
    listed = await server.items("locked", "pendingFollowers", as_="locked")
    assert [one["id"] for one in listed] == [follow["id"]]
    reply = await server.post("locked", {"type": answer, "object": follow["id"]})
    assert reply.status == 201, reply.text
    assert await server.items("locked", "pendingFollowers", as_="locked") == []


async def test_AP_S2S_43_who_takes_the_follow_back_waits_no_more(
    server: Server, peer: Peer
) -> None:
    """AP-S2S-43: nor is there anything left to answer."""
    await server.create_actor("locked", manual_approval=True)
    follow = peer.follow("carol", server.id("locked"))
    await arrive(server, peer, follow, at="locked", by="carol")
    undo = peer.activity("Undo", "carol", object=follow)
    await arrive(server, peer, undo, at="locked", by="carol")
    assert await server.items("locked", "pendingFollowers", as_="locked") == []


async def test_AP_C2S_29_our_follow_waits_in_pendingFollowing(server: Server, peer: Peer) -> None:
    """AP-C2S-29: until the Accept; the same between two of ours."""
    await server.create_actor("locked", manual_approval=True)
    follows = [
        (await server.post("ann", {"type": "Follow", "object": one})).json
        for one in (peer.id("carol"), server.id("locked"))
    ]
    await server.drained()
    listed = await server.items("ann", "pendingFollowing", as_="ann")
    assert [one["id"] for one in listed] == [follows[1]["id"], follows[0]["id"]]
    [sent] = await peer.wait("Follow")
    accept = peer.activity("Accept", "carol", object=sent.json)
    await arrive(server, peer, accept, at="ann", by="carol")
    await server.post("locked", {"type": "Accept", "object": follows[1]["id"]})
    assert await server.items("locked", "pendingFollowers", as_="locked") == []

    async def answered() -> bool:
        return await server.items("ann", "pendingFollowing", as_="ann") == []

    await until(answered)


async def test_AP_COL_06_own_lists_are_for_their_owner(server: Server) -> None:
    """AP-COL-06: 401 for nobody, 403 for somebody else, head and page."""
    document = (await server.get(server.id("ann"))).json
    for name in ("blocked", "pendingFollowers", "pendingFollowing"):
        url = document[name]
        assert url == f"{server.id('ann')}/{name}"
        assert (await server.get(url, as_="ann")).json["totalItems"] == 0
        for page in (url, f"{url}?page=first"):
            check_problem(await server.get(page), 401)
            check_problem(await server.get(page, as_="bob"), 403)


async def test_AP_COL_01_a_collection_leads_back_to_whose_it_is(server: Server) -> None:
    """AP-COL-01, FEP-5711: `likesOf`, `inboxOf` and so on, defined where they are used."""
    note = await public_note(server, "ann")
    whose = {
        server.id("ann"): ("inbox", "outbox", "followers", "following", "liked"),
        note: ("likes", "shares", "replies"),
    }
    for id_, names in whose.items():
        for name in names:
            head = (await server.get(f"{id_}/{name}", as_="ann")).json
            assert head[f"{name}Of"] == id_
            defined = head["@context"][1][f"{name}Of"]
            assert defined == {"@id": f"https://w3id.org/fep/5711#{name}Of", "@type": "@id"}
    assert await total_of(server, f"{note}/likes") == 0
