"""Activities that a group announces (FEP-1b12): found out at their origin, and applied once."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import StartPeer
from tests.doubles.peer import PUBLIC
from tests.doubles.server import Server
from tests.flows.announced_steps import Community
from tests.flows.test_proofs import multikey, proved
from tests.flows.verb_steps import arrive, collected, public_note, total_of


async def test_IO_81_a_post_its_edit_and_its_end(server: Server, start_peer: StartPeer) -> None:
    """IO-81: Create, Update, Delete of somebody whom nobody here follows. The inbox shows what the
    group said, the streams of the author what the author did."""
    there = await (await Community.start(server, start_peer)).followed()
    create = there.post()
    page = create["object"]
    announced = [await there.announce(create)]
    [stored] = await there.objects()
    assert (stored["id"], json.loads(stored["document"])["content"]) == (page["id"], "tea")
    stream = "SELECT a.id FROM role r JOIN activity a ON a.key = r.activity WHERE a.id = $1"
    assert await server.rows(stream, create["id"]) != []

    edited = {**page, "content": "more tea", "updated": "2030-01-01T00:00:00Z"}
    members: dict[str, Any] = {"object": edited, "to": [PUBLIC, there.group.id("tea")]}
    update = there.published(there.members.activity("Update", "dave", **members))
    announced.append(await there.announce(update))
    [stored] = await there.objects()
    assert json.loads(stored["document"])["content"] == "more tea"

    del there.members.documents[page["id"].removeprefix(there.members.origin)]
    delete = there.members.activity("Delete", "dave", object=page["id"], to=[PUBLIC])
    announced.append(await there.announce(delete))
    [stored] = await there.objects()
    assert stored["gone"]
    inbox = await server.items("ann", "inbox", as_="ann")
    assert [one["id"] for one in inbox if one["type"] == "Announce"] == [
        one["id"] for one in reversed(announced)
    ]
    assert create["id"] not in {one["id"] for one in inbox}


async def test_IO_81_lemmy_sends_twice(server: Server, start_peer: StartPeer) -> None:
    """IO-81: Announce{Create{Page}} and Announce{Page}, in either order, and both again: one post,
    one activity of its author, each asked for once."""
    there = await (await Community.start(server, start_peer)).followed()
    for turn in range(2):
        create = there.post(f"tea {turn}")
        page = create["object"]["id"]
        there.asked()
        told: list[Any] = [create, page]
        for inner in (told if turn else told[::-1]) * 2:
            await there.announce(inner)
        asked = there.asked()
        assert asked.count(f"GET {create['id'].removeprefix(there.members.origin)}") == 1
        assert len(asked) <= 2
        assert [one["id"] for one in await there.objects()].count(page) == 1
    rows = await server.rows("SELECT id FROM activity WHERE type = 'Create' AND local_key IS NULL")
    assert len(rows) == 2


async def test_IO_81_a_proof_is_enough(server: Server, start_peer: StartPeer) -> None:
    """IO-81, FEP-8b32: what its actor has proved to have said needs no request; what was changed
    since is asked for, and there is nothing."""
    there = await (await Community.start(server, start_peer)).followed()
    there.members.add_actor("dave", assertionMethod=[multikey(there.members, "dave", "bob")])
    created = [
        proved(there.members, there.members.create("dave", text, PUBLIC), by="dave", key="bob")
        for text in ("as it was said", "as it was said too")
    ]
    created[1]["object"]["content"] = "as it was not"
    for one in created:
        await there.announce(one)
    assert there.asked() == [f"GET {created[1]['id'].removeprefix(there.members.origin)}"]
    assert [one["id"] for one in await there.objects()] == [created[0]["object"]["id"]]


async def test_IO_81_likes_and_answers_to_ours(server: Server, start_peer: StartPeer) -> None:
    """IO-81: a member's Like and reply reach us by way of the group alone, and count once; the Undo
    of the Like too. That it comes from its actor as well changes nothing."""
    there = await (await Community.start(server, start_peer)).followed()
    note = await public_note(server, "ann")
    like = there.published(there.members.activity("Like", "dave", object=note))
    answer = there.post("yes", inReplyTo=note)
    for inner in (like, like, answer):
        await there.announce(inner)
    await arrive(server, there.members, like, at="ann", by="dave")
    assert await total_of(server, f"{note}/likes") == 1
    [reply] = await collected(server, f"{note}/replies")
    assert answer["object"]["id"] == reply
    undo = there.published(there.members.activity("Undo", "dave", object=like))
    await there.announce(undo)
    assert await total_of(server, f"{note}/likes") == 0
    for again in (like, undo):
        await there.announce(again)
    assert await total_of(server, f"{note}/likes") == 0


async def test_IO_81_what_does_not_count(server: Server, start_peer: StartPeer) -> None:
    """IO-81: Dislike, Lock, what AS2 has no type for, an Announce of an Announce: the group's word
    is listed, and nobody is asked. So it is for votes and edits of what is not here."""
    there = await (await Community.start(server, start_peer)).followed()
    note = await public_note(server, "ann")
    elsewhere = f"{there.members.origin}/notes/99"
    create = there.post()
    there.asked()
    inner = [
        *(there.members.activity(one, "dave", object=note) for one in ("Dislike", "Lock", "Tea")),
        there.members.activity("Announce", "dave", object=create),
        there.members.activity("Like", "dave", object=elsewhere),
        there.members.activity("Update", "dave", object={"id": elsewhere, "type": "Note"}),
        there.members.activity("Delete", "dave", object=elsewhere),
        there.members.activity("Follow", "dave", object=server.id("ann")),
    ]
    announced = [await there.announce(there.published(one)) for one in inner]
    assert there.asked() == []
    assert await there.objects() == []
    assert await total_of(server, f"{note}/likes") == 0
    assert await total_of(server, f"{note}/dislikes") == 0
    inbox = await server.items("ann", "inbox", as_="ann")
    assert [one["id"] for one in inbox[: len(announced)]] == [
        one["id"] for one in reversed(announced)
    ]


async def test_IO_81_of_groups_that_nobody_follows(server: Server, start_peer: StartPeer) -> None:
    """IO-81: nothing counts, addressed to ann or not, and nobody is asked."""
    there = await Community.start(server, start_peer)
    create = there.post()
    there.asked()
    for cc in ("", server.id("ann")):
        await there.announce(create, cc=cc)
    assert there.asked() == []
    assert await there.objects() == []
