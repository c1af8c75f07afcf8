"""Follows with flags, of actors and of things (seed-features: rows B1 to B14, faults X1 to X3)."""

from __future__ import annotations

from typing import Any

import pytest

from apserver.core import limits
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until


async def follow(server: Server, name: str, object_: str, **members: Any) -> str:
    """Post a Follow; its id."""
    reply = await server.post(name, {"type": "Follow", "object": object_, **members})
    assert reply.status == 201, reply.text
    await server.drained()
    return reply.headers["Location"]


async def following(server: Server, name: str, **query: str) -> list[Any]:
    """The page of follows that the owner asks for."""
    asked = "&".join(f"{key}={value}" for key, value in query.items())
    page = await server.get(f"/actors/{name}/following?{asked}", as_=name)
    assert page.status == 200, page.text
    return list(page.json["orderedItems"])


async def flags_of(server: Server, name: str, object_: str) -> list[str]:
    items = await following(server, name, object=object_)
    return items[0]["followFlag"] if items else []


async def test_B4_one_thing_under_several_flags(server: Server) -> None:
    """B4, B12, scenario 12: each flag is a follow; what is followed is listed once, with both."""
    bob = server.id("bob")
    first = await follow(server, "ann", bob, followFlag="liking")
    second = await follow(server, "ann", bob, followFlag="watching", actorOnly=False)
    assert first != second
    [item] = await following(server, "ann", view="flags")
    assert item["id"] == bob
    assert item["followFlag"] == ["liking", "watching"]
    assert item["actorOnly"] is False
    assert await server.items("ann", "following", as_="ann") == [bob]
    assert await server.items("bob", "followers", as_="bob") == [server.id("ann")]


async def test_scenario_12_by_type_flag_and_relation(server: Server) -> None:
    """B10 to B13, G6: by type and flag; the Follow activities themselves; the membership query."""
    ann, bob = server.id("ann"), server.id("bob")
    club = await server.create_actor("club", type_="Group")
    await follow(server, "ann", club, followFlag="liking")
    await follow(server, "ann", bob, followFlag="liking")
    await follow(server, "ann", bob, followFlag="watching")
    groups = await following(server, "ann", type="Group", flag="liking", view="ids")
    assert groups == [club]
    assert await following(server, "ann", flag="watching", view="ids") == [bob]
    relations = await following(server, "ann", view="relation")
    assert {(one["type"], one["object"], one["followFlag"]) for one in relations} == {
        ("Follow", club, "liking"),
        ("Follow", bob, "liking"),
        ("Follow", bob, "watching"),
    }
    assert all(one["published"] for one in relations)
    watchers = await server.get("/actors/bob/followers?flag=watching&view=ids", as_="bob")
    assert watchers.json["orderedItems"] == [ann]
    yes = await server.get(f"/actors/ann/following?object={bob}&flag=watching", as_="ann")
    no = await server.get(f"/actors/ann/following?object={bob}&flag=other", as_="ann")
    assert (yes.json["totalItems"], no.json["totalItems"]) == (1, 0)


async def test_F6_X6_follows_are_the_owners_to_know(server: Server) -> None:
    """F6, G4, X6: nobody lists the follows of another."""
    await follow(server, "ann", server.id("bob"))
    assert (await server.get("/actors/ann/following?view=ids")).status == 401
    assert (await server.get("/actors/ann/following?view=ids", as_="bob")).status == 403
    unknown = await server.get("/actors/ann/following?object=x&nonsense=1", as_="ann")
    assert unknown.status == 400
    assert "nonsense" in unknown.json["detail"]


async def test_B5_to_follow_again_says_nothing_new(server: Server) -> None:
    """B5, scenario 10: the same follow again gives the one that stands, with 200."""
    bob = server.id("bob")
    first = await follow(server, "ann", bob, to=[bob, PUBLIC])
    again = await server.post("ann", {"type": "Follow", "object": bob})
    assert again.status == 200, again.text
    assert again.headers["Location"] == first
    assert again.json["id"] == first
    outbox = await server.items("ann", "outbox", as_="ann")
    assert [one["type"] for one in outbox] == ["Follow"]


async def test_B14_X2_to_want_more_is_no_second_follow(server: Server) -> None:
    """B14, X2: another actorOnly changes the follow that there is; 200, and one relation still."""
    bob = server.id("bob")
    first = await follow(server, "ann", bob, actorOnly=True)
    more = await server.post("ann", {"type": "Follow", "object": bob, "actorOnly": False})
    assert more.status == 200, more.text
    assert more.headers["Location"] == first
    [relation] = await following(server, "ann", view="relation")
    assert (relation["id"], relation["actorOnly"]) == (first, False)
    shown = (await server.get(first, as_="ann")).json
    assert (shown["actorOnly"], shown["type"]) == (False, "Follow")
    outbox = await server.items("ann", "outbox", as_="ann")
    assert [one["type"] for one in outbox] == ["Update", "Follow"]


async def test_X3_unfollow_by_flag_or_all(server: Server) -> None:
    """B8, X3, scenario 11: one flag goes and the other stays; "*" ends all, each by an Undo."""
    bob = server.id("bob")
    await follow(server, "ann", bob, followFlag="liking")
    await follow(server, "ann", bob, followFlag="watching")
    undo: dict[str, Any] = {"type": "Undo", "object": {"type": "Follow", "object": bob}}
    undo["object"]["actor"] = server.id("ann")
    plain = await server.post("ann", undo)
    assert plain.status == 400, "there is no follow without a flag"
    undo["object"]["followFlag"] = "liking"
    assert (await server.post("ann", undo)).status == 201
    await server.drained()
    assert await flags_of(server, "ann", bob) == ["watching"]
    assert await server.items("bob", "followers", as_="bob") == [server.id("ann")]
    await follow(server, "ann", bob, followFlag="liking")
    await follow(server, "ann", bob)
    undo["object"]["followFlag"] = "*"
    assert (await server.post("ann", undo)).status == 201
    await server.drained()
    assert await following(server, "ann", view="ids") == []
    assert await server.items("bob", "followers", as_="bob") == []
    assert await server.items("ann", "following", as_="ann") == []
    outbox = await server.items("ann", "outbox", as_="ann")
    assert [one["type"] for one in outbox].count("Undo") == 4
    again = await server.post("ann", undo)
    assert again.status == 400, "nothing is followed, so nothing is undone"


async def test_B4_other_servers_see_one_follow(server: Server, peer: Peer) -> None:
    """B4: each Follow is sent, the Undo only when the last of them goes."""
    carol = peer.id("carol")
    first = await follow(server, "ann", carol, followFlag="liking")
    [asked] = await peer.wait("Follow")
    accept = peer.activity("Accept", "carol", object=asked.json)
    assert (await peer.send(f"{server.id('ann')}/inbox", accept, by="carol")).status == 202
    await server.drained()
    second = await follow(server, "ann", carol, followFlag="watching")
    assert (await server.post("ann", {"type": "Undo", "object": first})).status == 201
    await server.drained()
    assert [one.json["type"] for one in peer.received] == ["Follow", "Follow"]
    assert await server.items("ann", "following", as_="ann") == [carol]
    assert (await server.post("ann", {"type": "Undo", "object": second})).status == 201
    [undo] = await peer.wait("Undo")
    assert undo.json["object"]["id"] == second
    assert await server.items("ann", "following", as_="ann") == []


async def test_B8_a_block_ends_all_flags(server: Server) -> None:
    """B8, AP-C2S-33: whom one blocks one follows under no flag."""
    bob = server.id("bob")
    for flag in ("liking", "watching"):
        await follow(server, "ann", bob, followFlag=flag)
    assert (await server.post("ann", {"type": "Block", "object": bob})).status == 201
    await server.drained()
    assert await following(server, "ann", view="ids") == []
    assert await server.items("ann", "following", as_="ann") == []
    assert await server.items("bob", "followers", as_="bob") == []
    assert await server.rows("SELECT flag FROM follow") == []


async def test_B4_flags_have_an_end(server: Server, peer: Peer) -> None:
    """B4: one actor cannot fill the database with follows of one thing."""
    note = (await server.note("bob", "look here", PUBLIC))["object"]["id"]
    for n in range(limits.FLAGS):
        follow_ = {"type": "Follow", "object": note, "followFlag": f"flag {n}"}
        assert (await server.post("ann", follow_)).status == 201
    more = await server.post("ann", {"type": "Follow", "object": note, "followFlag": "more"})
    assert more.status == 409, more.text
    for n in range(limits.FLAGS + 3):
        asked = peer.follow("carol", server.id("bob")) | {"followFlag": f"flag {n}"}
        assert (await peer.send(f"{server.id('bob')}/inbox", asked, by="carol")).status == 202
    await server.drained()
    page = await server.get("/actors/bob/followers?view=relation&limit=1", as_="bob")
    assert 1 <= len(page.json["orderedItems"]) <= limits.FLAGS + 1


async def test_B1_things_are_followed_at_once(server: Server) -> None:
    """B1, B3, R5: what cannot answer is followed without an answer."""
    note = (await server.note("bob", "look here", PUBLIC))["object"]["id"]
    await follow(server, "ann", note, followFlag="watching", actorOnly=False)
    [item] = await following(server, "ann", view="flags")
    assert (item["id"], item["type"], item["followFlag"]) == (note, "Note", ["watching"])
    assert await server.items("ann", "following", as_="ann") == [note]
    [listed] = await server.items("ann", "outbox", as_="ann")
    assert (await server.post("ann", {"type": "Undo", "object": listed["id"]})).status == 201
    assert await server.items("ann", "following", as_="ann") == []
    nothing = await server.post("ann", {"type": "Follow", "object": f"{note[:-2]}00"})
    assert nothing.status == 404


@pytest.mark.parametrize("members", [{"actorOnly": "false"}, {"followFlag": ["a", "b"]}])
async def test_X10_members_of_another_kind_are_refused(
    server: Server, members: dict[str, Any]
) -> None:
    """X10, G5: "false" is no boolean."""
    reply = await server.post("ann", {"type": "Follow", "object": server.id("bob"), **members})
    assert reply.status == 400
    assert next(iter(members)) in reply.json["pointer"]


async def test_scenario_31_who_wants_more_hears_what_happens_to_an_actor(
    server: Server, peer: Peer
) -> None:
    """B3 federated: an actor here is joined; only a follower with actorOnly false hears of it."""
    peer.add_actor("dave")
    for name, members in (("carol", {"actorOnly": False}), ("dave", {})):
        asked = peer.follow(name, server.id("bob")) | members
        assert (await peer.send(f"{server.id('bob')}/inbox", asked, by=name)).status == 202
        await peer.wait("Accept", times=1 if name == "carol" else 2)
    join = {"type": "Join", "object": server.id("bob"), "to": [PUBLIC]}
    assert (await server.post("ann", join)).status == 201
    [joined] = await peer.wait("Join")
    assert joined.json["object"] == server.id("bob")
    await server.drained()
    assert len([one for one in peer.received if one.json["type"] == "Join"]) == 1


async def test_B14_other_servers_hear_that_more_is_wanted(server: Server, peer: Peer) -> None:
    """B14: an Update of the Follow, sent and received."""
    carol, bob = peer.id("carol"), server.id("bob")
    first = await follow(server, "ann", carol)
    [asked] = await peer.wait("Follow")
    accept = peer.activity("Accept", "carol", object=asked.json)
    assert (await peer.send(f"{server.id('ann')}/inbox", accept, by="carol")).status == 202
    await server.drained()
    more = await server.post("ann", {"type": "Follow", "object": carol, "actorOnly": False})
    assert more.status == 200
    [update] = await peer.wait("Update")
    assert (update.json["object"]["id"], update.json["object"]["actorOnly"]) == (first, False)
    theirs = peer.follow("carol", bob)
    assert (await peer.send(f"{bob}/inbox", theirs, by="carol")).status == 202
    await peer.wait("Accept")
    changed = peer.activity("Update", "carol", object={**theirs, "actorOnly": False}, to=[bob])
    assert (await peer.send(f"{bob}/inbox", changed, by="carol")).status == 202
    await server.drained()
    page = await server.get("/actors/bob/followers?view=relation", as_="bob")
    assert [one["actorOnly"] for one in page.json["orderedItems"]] == [False]


async def test_scenario_31_what_happens_to_it_reaches_who_wants_it(
    server: Server, peer: Peer
) -> None:
    """The other side: what others do to an actor elsewhere comes in for its followers here."""
    carol = peer.id("carol")
    await follow(server, "ann", carol, actorOnly=False)
    [asked] = await peer.wait("Follow")
    assert asked.json["actorOnly"] is False
    accept = peer.activity("Accept", "carol", object=asked.json)
    assert (await peer.send(f"{server.id('ann')}/inbox", accept, by="carol")).status == 202
    await server.drained()
    peer.add_actor("dave")
    join = peer.activity("Join", "dave", object=carol, to=[PUBLIC])
    assert (await peer.send(f"{server.origin}/inbox", join, by="dave")).status == 202

    async def stored() -> bool:
        rows = await server.rows("SELECT id FROM activity WHERE type = 'Join'")
        return [row["id"] for row in rows] == [join["id"]]

    await until(stored)
    await server.drained()
    assert await stored()
