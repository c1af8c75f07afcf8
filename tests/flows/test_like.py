"""Like and Dislike: sent, received, undone, over HTTP (ActivityPub 5.5, 5.7, 6.8, 7.10)."""

from __future__ import annotations

import asyncio

import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.steps import check_problem
from tests.flows.verb_steps import arrive, collected, public_note, total_of


async def test_AP_S2S_41_like_of_ours_is_counted_once(server: Server, peer: Peer) -> None:
    """AP-S2S-41, AP-COL-19, IO-49, IO-99: in `likes`, the author told; the same again counts not
    twice, nor does another Like by the same actor."""
    note = await public_note(server, "ann")
    like = peer.activity("Like", "carol", object=note)
    await arrive(server, peer, like, at="ann", by="carol")
    await arrive(server, peer, like, at="ann", by="carol")
    again = peer.activity("Like", "carol", object=note)
    await arrive(server, peer, again, at="ann", by="carol")
    assert await total_of(server, f"{note}/likes") == 1
    assert (await server.get(note)).json["likes"] == {
        "id": f"{note}/likes",
        "type": "OrderedCollection",
        "totalItems": 1,
    }
    listed = await collected(server, f"{note}/likes", as_="ann")
    assert [one["id"] for one in listed] == [again["id"]]
    inbox = await server.items("ann", "inbox", as_="ann")
    assert [one["id"] for one in inbox] == [again["id"], like["id"]]


async def test_AP_COL_19_likes_show_each_viewer_what_it_may_read(
    server: Server, peer: Peer
) -> None:
    """AP-COL-19: the number is for everybody, a Like for those to whom it was sent."""
    note = await public_note(server, "ann")
    await arrive(server, peer, peer.activity("Like", "carol", object=note), at="ann", by="carol")
    told = peer.activity("Like", "dave", object=note, to=[PUBLIC], cc=[server.id("ann")])
    peer.add_actor("dave")
    await arrive(server, peer, told, at="ann", by="dave")
    assert await total_of(server, f"{note}/likes") == 2
    assert [one["id"] for one in await collected(server, f"{note}/likes")] == [told["id"]]
    assert len(await collected(server, f"{note}/likes", as_="bob")) == 1
    assert len(await collected(server, f"{note}/likes", as_="ann")) == 2


async def test_AP_S2S_43_undo_takes_a_like_back(server: Server, peer: Peer) -> None:
    """AP-S2S-43, IO-49: the Like embedded or by its id; by another actor it does nothing."""
    note = await public_note(server, "ann")
    peer.add_actor("mallory")
    for whole in (True, False):
        like = peer.activity("Like", "carol", object=note)
        await arrive(server, peer, like, at="ann", by="carol")
        forged = peer.activity("Undo", "mallory", object=like)
        await peer.send(f"{server.id('ann')}/inbox", forged, by="mallory")
        await server.drained()
        assert await total_of(server, f"{note}/likes") == 1
        undo = peer.activity("Undo", "carol", object=like if whole else like["id"])
        await arrive(server, peer, undo, at="ann", by="carol")
        assert await total_of(server, f"{note}/likes") == 0
        assert await collected(server, f"{note}/likes", as_="ann") == []


async def test_AP_S2S_43_undo_that_overtakes_its_like_counts(server: Server, peer: Peer) -> None:
    """AP-S2S-43: the Like comes after its Undo, and is none."""
    note = await public_note(server, "ann")
    like = peer.activity("Like", "carol", object=note)
    undo = peer.activity("Undo", "carol", object=like, to=[server.id("ann")])
    await arrive(server, peer, undo, at="ann", by="carol")
    await arrive(server, peer, like, at="ann", by="carol")
    assert await total_of(server, f"{note}/likes") == 0


@pytest.mark.parametrize(
    "members",
    [{"type": "Like", "content": "🍵"}, {"type": "EmojiReact", "content": "🍵"}],
    ids=["content", "EmojiReact"],
)
async def test_IO_49_a_reaction_counts_as_a_like(
    server: Server, peer: Peer, members: dict[str, str]
) -> None:
    """IO-49, FEP-c0e0: kept as it came."""
    note = await public_note(server, "ann")
    reaction = {**peer.activity("Like", "carol", object=note), **members}
    await arrive(server, peer, reaction, at="ann", by="carol")
    [listed] = await collected(server, f"{note}/likes", as_="ann")
    assert {name: listed[name] for name in members} == members
    await arrive(
        server, peer, peer.activity("Undo", "carol", object=reaction), at="ann", by="carol"
    )
    assert await total_of(server, f"{note}/likes") == 0


async def test_IO_49_like_of_the_unknown_or_unreadable_does_nothing(
    server: Server, peer: Peer
) -> None:
    """IO-49: 202, and it is nowhere; the same for what its actor may not read."""
    note = (await server.note("ann", "for bob", server.id("bob")))["object"]["id"]
    gone = f"{server.origin}/objects/00000000-0000-4000-8000-000000000000"
    for about in (note, gone):
        like = peer.activity("Like", "carol", object=about)
        await arrive(server, peer, like, at="ann", by="carol")
    assert await total_of(server, f"{note}/likes", as_="ann") == 0
    assert (await server.get(f"{note}/likes")).status == 404
    assert (await server.get(f"{gone}/likes")).status == 404


async def test_AP_C2S_32_like_goes_to_the_author_and_into_liked(server: Server, peer: Peer) -> None:
    """AP-C2S-32, AP-COL-14, AP-COL-15: of something elsewhere; without addressing it goes to whose
    it is."""
    create = peer.create("carol", "cake", PUBLIC, server.id("ann"))
    await arrive(server, peer, create, at="ann", by="carol")
    note = create["object"]["id"]
    reply = await server.post("ann", {"@context": CONTEXT, "type": "Like", "object": note})
    assert reply.status == 201, reply.text
    assert reply.json["to"] == [peer.id("carol")]
    [like] = await peer.wait("Like")
    assert like.json["object"] == note
    assert await server.items("ann", "liked", as_="ann") == [note]
    undone = await server.post("ann", {"type": "Undo", "object": reply.json["id"]})
    assert undone.status == 201, undone.text
    [undo] = await peer.wait("Undo")
    assert undo.json["object"]["id"] == like.json["id"]
    assert await server.items("ann", "liked", as_="ann") == []


async def test_AP_C2S_36_like_on_one_server_and_its_undo(server: Server) -> None:
    """AP-C2S-36, BP-02: `liked` of the one, `likes` of the other's note, her inbox, and back."""
    note = await public_note(server, "ann")
    reply = await server.post("bob", {"type": "Like", "object": note})
    assert reply.status == 201, reply.text
    assert reply.json["to"] == [server.id("ann")]
    assert await total_of(server, f"{note}/likes") == 1
    assert await server.items("bob", "liked", as_="bob") == [note]
    await server.drained()
    assert (await server.items("ann", "inbox", as_="ann"))[0]["id"] == reply.json["id"]
    same = await server.post("bob", {"type": "Like", "object": note})
    assert (same.status, same.json["id"]) == (200, reply.json["id"])
    await server.post("bob", {"type": "Undo", "object": reply.json["id"]})
    assert await total_of(server, f"{note}/likes") == 0
    assert await server.items("bob", "liked", as_="bob") == []


async def test_AP_S2S_41_likes_at_the_same_time_count_once(server: Server) -> None:
    """AP-S2S-41, AP-C2S-32: a client that sends the same Like again before it was answered."""
    note = await public_note(server, "ann")
    posted = {"type": "Like", "object": note}
    replies = await asyncio.gather(*(server.post("bob", posted) for _ in range(5)))
    assert sorted(one.status for one in replies) == [200, 200, 200, 200, 201]
    assert len({one.json["id"] for one in replies}) == 1
    assert await total_of(server, f"{note}/likes") == 1


async def test_BP_03_dislike_has_a_collection_of_its_own(server: Server, peer: Peer) -> None:
    """BP-03: a Dislike is told to the author and counted apart from likes."""
    note = await public_note(server, "ann")
    dislike = peer.activity("Dislike", "carol", object=note)
    await arrive(server, peer, dislike, at="ann", by="carol")
    mine = await server.post("bob", {"type": "Dislike", "object": note})
    assert mine.json["to"] == [server.id("ann")]
    assert await total_of(server, f"{note}/dislikes") == 2
    assert await total_of(server, f"{note}/likes") == 0
    assert await server.items("bob", "liked", as_="bob") == []
    undo = peer.activity("Undo", "carol", object=dislike)
    await arrive(server, peer, undo, at="ann", by="carol")
    await server.post("bob", {"type": "Undo", "object": mine.json["id"]})
    assert await total_of(server, f"{note}/dislikes") == 0


async def test_AP_C2S_32_several_objects_in_one_like(server: Server) -> None:
    """AP-C2S-32: each is liked."""
    notes = [await public_note(server, name) for name in ("ann", "ann", "bob")]
    reply = await server.post("ann", {"type": "Like", "object": notes})
    assert reply.status == 201, reply.text
    assert reply.json["to"] == [server.id("bob")]
    assert [await total_of(server, f"{note}/likes") for note in notes] == [1, 1, 1]
    assert sorted(await server.items("ann", "liked", as_="ann")) == sorted(notes)
    await server.post("ann", {"type": "Undo", "object": reply.json["id"]})
    assert [await total_of(server, f"{note}/likes") for note in notes] == [0, 0, 0]


async def test_AP_C2S_32_nothing_there_to_like(server: Server) -> None:
    """AP-C2S-32: 404 for what is not there or not to be read, 410 for what was deleted."""
    secret = (await server.note("ann", "for me", server.id("ann")))["object"]["id"]
    deleted = await public_note(server, "ann")
    await server.post("ann", {"type": "Delete", "object": deleted})
    nowhere = f"{server.origin}/objects/00000000-0000-4000-8000-000000000000"
    for note, status in ((secret, 404), (nowhere, 404), (deleted, 410)):
        reply = await server.post("bob", {"type": "Like", "object": note})
        check_problem(reply, status, "/object")
    assert await server.items("bob", "liked", as_="bob") == []
    assert (await server.get(f"{deleted}/likes")).status == 410


async def test_AP_COL_19_likes_end_with_their_actor(server: Server, peer: Peer) -> None:
    """IO-47, AP-COL-19: who is gone likes nothing any more."""
    note = await public_note(server, "ann")
    await arrive(server, peer, peer.activity("Like", "carol", object=note), at="ann", by="carol")
    peer.documents.pop("/users/carol")
    gone = peer.activity("Delete", "carol", object=peer.id("carol"))
    await arrive(server, peer, gone, at="ann", by="carol")
    assert await total_of(server, f"{note}/likes") == 0
