"""What a group can make of other people's activities: nothing but let us find out what they say."""

from __future__ import annotations

from typing import Any

from tests.conftest import StartPeer
from tests.doubles.peer import CONTEXT, PUBLIC
from tests.doubles.server import Server
from tests.flows.announced_steps import Community
from tests.flows.verb_steps import arrive, public_note, total_of
from tests.security.steps import FORGED, known_of


async def test_IO_81_forwarding_what_a_group_makes_up(
    server: Server, start_peer: StartPeer
) -> None:
    """IO-81, security.md: forwarding: posts, edits and likes that their origin knows nothing of, or
    tells otherwise. Each makes us ask for one document at most."""
    there = await (await Community.start(server, start_peer)).followed()
    note = await public_note(server, "ann")
    create = there.post("as it was said")
    await there.announce(create)
    before = await known_of(server, there.members)
    page = {**create["object"], "content": FORGED}
    new = there.members.create("dave", FORGED, PUBLIC)
    eves = there.published({**there.members.create("eve", "eve's", PUBLIC)})
    lies: list[Any] = [
        new,
        there.members.activity("Update", "dave", object=page),
        there.members.activity("Like", "dave", object=note),
        {**new, "id": eves["id"]},  # eve's activity, told as dave's
        {**new, "id": f"{there.group.origin}/made/1"},  # served by the group itself
        {**new, "id": f"{server.origin}/activities/1"},
        {**new, "id": None},
        there.group.activity("Update", "tea", object=page),
        {**there.members.activity("Create", "dave", object=page), "actor": server.id("ann")},
    ]
    there.published(lies[4], there.group)
    there.published(lies[7], there.group)
    there.asked()
    for lie in lies:
        await there.announce(lie)
        assert len(there.asked()) <= 1
    assert await known_of(server, there.members) == before
    assert await total_of(server, f"{note}/likes") == 0
    assert FORGED not in str(await there.objects())


async def test_IO_81_what_the_origin_calls_something_else(
    server: Server, start_peer: StartPeer
) -> None:
    """IO-81, security.md: forwarding: told as a Create or a Like, served as a Follow, an Undo of a
    Follow, a Block or an Announce: nobody passes these on, by whatever name. Not by a forward
    either."""
    there = await (await Community.start(server, start_peer)).followed()
    ann, note = server.id("ann"), await public_note(server, "ann")
    follow = there.members.follow("dave", ann)
    await arrive(server, there.members, follow, at="ann", by="dave")
    served = [
        there.members.activity("Undo", "dave", object=follow),
        there.members.activity("Block", "dave", object=ann),
        there.members.follow("eve", ann),
        there.members.activity("Announce", "eve", object=there.post(), to=[PUBLIC]),
    ]
    for one in served:
        told = {**there.published(one), "type": "Like", "object": note, "to": [PUBLIC]}
        await there.announce(told)
        if one["type"] != "Announce":
            reply = await there.group.send(f"{ann}/inbox", told, by="tea")
            assert reply.status == 403, (one["type"], reply.text)
            await server.drained()
    assert await server.items("ann", "followers", as_="ann") == [there.members.id("dave")]
    assert await total_of(server, f"{note}/likes") == 0
    assert await there.objects() == []


async def test_IO_81_a_moderator_who_deletes(server: Server, start_peer: StartPeer) -> None:
    """IO-81, interop 4 (Lemmy): the Delete of somebody else counts when the post's own server says
    that it is gone, now: not on the group's word, nor since it was not there at first. Of what is
    for followers alone that server tells us nothing."""
    there = await (await Community.start(server, start_peer)).followed()
    followers = f"{there.members.id('dave')}/followers"
    private = there.members.create("dave", "for followers", server.id("ann"), followers)
    await arrive(server, there.members, private, at="ann", by="dave")
    create = there.members.create("dave", "tea", PUBLIC)
    page = create["object"]["id"]
    await there.announce(page)  # which is not there yet
    there.published({"@context": CONTEXT, **create["object"]})
    await there.announce(there.published(create))

    async def deleted(id_: str) -> dict[str, bool]:
        delete = there.group.activity("Delete", "mod", object=id_, to=[PUBLIC])
        await there.announce(there.published(delete, there.group))
        return {one["id"]: one["gone"] for one in await there.objects()}

    assert await deleted(page) == {page: False, private["object"]["id"]: False}
    assert await deleted(private["object"]["id"]) == {page: False, private["object"]["id"]: False}
    tombstone = {"@context": CONTEXT, "id": page, "type": "Tombstone"}
    there.published(tombstone)
    assert await deleted(page) == {page: True, private["object"]["id"]: False}
    await there.announce(create)
    assert [one["gone"] for one in await there.objects() if one["id"] == page] == [True]
