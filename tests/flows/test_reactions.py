"""Reactions by an emoji: received, sent, undone, counted (FEP-c0e0, IO-80, IO-60)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from apserver.core import limits
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.emoji_steps import add_emoji
from tests.flows.steps import check_problem
from tests.flows.verb_steps import arrive, collected, public_note, total_of

BLOB = {
    "type": "Emoji",
    "id": "https://third.example/e/blob",
    "name": ":blob:",
    "icon": {"type": "Image", "mediaType": "image/png", "url": "https://third.example/blob.png"},
}


async def counted(server: Server, note: str) -> tuple[int, int]:
    """How many like it, and how many reactions there are."""
    return await total_of(server, f"{note}/likes"), await total_of(server, f"{note}/emojiReactions")


async def reacted(server: Server, peer: Peer, note: str, type_: str, **members: Any) -> Any:
    """A reaction of carol's that has come; as it was sent."""
    sent = peer.activity(type_, "carol", object=note, **members)
    await arrive(server, peer, sent, at="ann", by="carol")
    return sent


async def test_IO_80_one_for_each_emoji_and_counted_as_one_like(server: Server, peer: Peer) -> None:
    """IO-80: Like with content, EmojiReact, EmojiReaction, `_misskey_reaction`, an emoji of a
    third host; the same again, in another spelling, takes the place of the first. Each is undone
    by itself, and the like ends with the last."""
    note = await public_note(server, "ann")
    assert "emojiReactions" not in (await server.get(note)).json
    sent = [
        await reacted(server, peer, note, "Like", content="❤\ufe0f"),
        await reacted(server, peer, note, "EmojiReact", content="🔥"),
        await reacted(server, peer, note, "EmojiReaction", content=":blob:", tag=[BLOB]),
        await reacted(server, peer, note, "Like", _misskey_reaction="👍", content="👍"),
    ]
    assert await counted(server, note) == (1, 4)
    again = await reacted(server, peer, note, "EmojiReact", content="❤")
    assert await counted(server, note) == (1, 4)
    sent = [*sent[1:], again]
    shown = (await server.get(note)).json
    assert shown["emojiReactions"] == f"{note}/emojiReactions"
    term = {"@id": "http://fedibird.com/ns#emojiReactions", "@type": "@id"}
    assert {"emojiReactions": term} in shown["@context"]
    listed = await collected(server, f"{note}/emojiReactions", as_="ann")
    assert [one["id"] for one in listed] == [one["id"] for one in reversed(sent)]
    assert listed[1]["content"] == "👍"
    assert [one["id"] for one in await collected(server, f"{note}/likes", as_="ann")] == [
        again["id"]
    ]
    for left, one in zip((3, 2, 1, 0), reversed(sent), strict=True):
        undo = peer.activity("Undo", "carol", object=one)
        await arrive(server, peer, undo, at="ann", by="carol")
        assert await counted(server, note) == (min(left, 1), left)


async def test_IO_80_a_plain_like_beside_reactions(server: Server, peer: Peer) -> None:
    """IO-80, IO-49: it is the one that counts; without it the reaction does again."""
    note = await public_note(server, "ann")
    fire = await reacted(server, peer, note, "EmojiReact", content="🔥")
    plain = await reacted(server, peer, note, "Like")
    nice = await reacted(server, peer, note, "Like", content="what a nice picture")
    assert await counted(server, note) == (1, 1)
    undo = peer.activity("Undo", "carol", object=plain)
    await arrive(server, peer, undo, at="ann", by="carol")  # a later one counts
    assert await counted(server, note) == (1, 1)
    await arrive(
        server, peer, peer.activity("Undo", "carol", object=nice["id"]), at="ann", by="carol"
    )
    assert await counted(server, note) == (1, 1)
    [listed] = await collected(server, f"{note}/likes", as_="ann")
    assert listed["id"] == fire["id"]


async def test_IO_80_reactions_are_bounded_and_go_with_what_they_are_to(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IO-80: only so many by one actor to one thing; of what its actor may not read there are
    none; when the note is deleted, or the actor, they are gone."""
    monkeypatch.setattr(limits, "REACTIONS", 2)
    note, secret = await public_note(server, "ann"), await server.note("ann", "secret")
    for emoji in "🔥👍🍵":
        await reacted(server, peer, note, "EmojiReact", content=emoji)
    await reacted(server, peer, secret["object"]["id"], "EmojiReact", content="🔥")
    assert await counted(server, note) == (1, 2)
    rows = await server.rows("SELECT emoji FROM reaction ORDER BY reacted_at")
    assert [row["emoji"] for row in rows] == ["🔥", "👍"]
    other = await public_note(server, "ann")
    await reacted(server, peer, other, "EmojiReact", content="🔥")
    await server.post("ann", {"type": "Delete", "object": note})
    assert (await server.get(f"{note}/emojiReactions")).status == 410
    assert len(await server.rows("SELECT FROM reaction")) == 1
    peer.documents["/users/carol"] = 410
    gone = peer.activity("Delete", "carol", object=peer.id("carol"))
    await peer.send(f"{server.origin}/inbox", gone, by="carol")
    await server.drained()
    assert await server.rows("SELECT FROM reaction") == []


async def test_FEP_c0e0_a_reaction_of_ours_is_sent_as_a_like(server: Server, peer: Peer) -> None:
    """FEP-c0e0, IO-60, IO-80: to whose it is, for servers without reactions a plain Like; the same
    again is nothing new; each is undone with its id."""
    create = peer.create("carol", "cake", PUBLIC, server.id("ann"))
    await arrive(server, peer, create, at="ann", by="carol")
    note = create["object"]["id"]
    react = {"@context": CONTEXT, "type": "EmojiReact", "object": note}
    fire = await server.post("ann", {**react, "content": "🔥"})
    blob = await server.post("ann", {**react, "type": "Like", "content": ":blob:", "tag": [BLOB]})
    assert (fire.status, blob.status) == (201, 201), blob.text
    same = await server.post("ann", {**react, "type": "Like", "content": "🔥"})
    assert (same.status, same.json["id"]) == (200, fire.json["id"])
    first, second = await peer.wait("Like", times=2)
    assert (first.json["content"], first.json["to"]) == ("🔥", [peer.id("carol")])
    assert second.json["tag"] == [BLOB]
    assert await server.items("ann", "liked", as_="ann") == [note]
    for one in (fire, blob):
        assert await server.items("ann", "liked", as_="ann") == [note]
        undone = await server.post("ann", {"type": "Undo", "object": one.json["id"]})
        assert undone.status == 201, undone.text
    assert await server.items("ann", "liked", as_="ann") == []
    undone_ids = {one.json["object"]["id"] for one in await peer.wait("Undo", times=2)}
    assert undone_ids == {fire.json["id"], blob.json["id"]}


async def test_IO_80_what_happens_at_the_same_time_is_counted_right(server: Server) -> None:
    """IO-80: a client that takes one reaction back and sends another at once, and that twice: in
    whatever order they come, what stands counts as one like."""
    note = await public_note(server, "ann")
    react = {"type": "Like", "object": note}
    fire = await server.post("bob", {**react, "content": "🔥"})
    replies = await asyncio.gather(
        server.post("bob", {"type": "Undo", "object": fire.json["id"]}),
        *(server.post("bob", {**react, "content": "👍"}) for _ in range(3)),
    )
    assert sorted(one.status for one in replies) == [200, 200, 201, 201]
    assert await counted(server, note) == (1, 1)
    assert await server.items("bob", "liked", as_="bob") == [note]


async def test_FEP_c0e0_what_is_no_emoji_is_refused(server: Server) -> None:
    """FEP-c0e0: 400 with a pointer; a Dislike has no reaction; the collection is the server's to
    name."""
    elsewhere = {"emojiReactions": "https://far.example/reactions"}
    own = await server.post("ann", {"type": "Note", "content": "x", "to": [PUBLIC], **elsewhere})
    assert "emojiReactions" not in own.json["object"]
    edit = {"type": "Update", "object": {"id": own.json["object"]["id"], **elsewhere}}
    check_problem(await server.post("ann", edit), 400, "/object/emojiReactions")
    note = await public_note(server, "ann")
    for wrong in ({"content": "nice"}, {"content": ":blob:"}, {"type": "EmojiReact"}):
        reply = await server.post("bob", {"type": "Like", "object": note, **wrong})
        check_problem(reply, 400, "/content")
    disliked = await server.post("bob", {"type": "Dislike", "object": note, "content": "🔥"})
    assert disliked.status == 201, disliked.text
    assert await counted(server, note) == (0, 0)


@pytest.mark.parametrize("type_", ["Like", "EmojiReact"])
async def test_FEP_c0e0_an_emoji_of_ours_comes_with_its_tag(server: Server, type_: str) -> None:
    """FEP-c0e0, FEP-9098, IO-55: its client need not know the picture; the context defines the
    type of the tag."""
    await add_emoji(server, "blob_cat")
    note = await public_note(server, "ann")
    like = {"@context": CONTEXT, "type": type_, "object": note, "content": ":blob_cat:"}
    reply = await server.post("bob", like)
    assert reply.status == 201, reply.text
    [tag] = reply.json["tag"]
    assert (tag["type"], tag["name"]) == ("Emoji", ":blob_cat:")
    assert tag["icon"]["url"].startswith(f"{server.origin}/")
    assert {"Emoji": "http://joinmastodon.org/ns#Emoji"} in reply.json["@context"]
    assert await counted(server, note) == (1, 1)
