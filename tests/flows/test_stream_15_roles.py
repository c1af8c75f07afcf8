"""Which actions are in which stream (seed-features C1 to C5, R1; scenarios 15 and 34)."""

from __future__ import annotations

import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.steps import check_problem
from tests.flows.stream_steps import FLASK, act, ids, of

X, Y, Z = "https://shop.example/x", "https://shop.example/y", "https://shop.example/z"


async def test_scenario_15_each_role_has_its_stream(server: Server) -> None:
    """C1 to C4: in the streams of its participants by their roles, and in `any` of each."""
    done = await act(server, "ann", "Add", object=Y, target=Z)
    who = {server.id("ann"): "actor", Y: "object", Z: "target"}
    for thing, own in who.items():
        for role in ("actor", "object", "target"):
            found = await ids(server, of(role, thing))
            assert found == ([done] if role == own else []), (thing, role)
        assert await ids(server, of("any", thing)) == [done]
    assert await ids(server, of("any", X)) == []


async def test_scenario_15_each_type_has_its_stream(server: Server) -> None:
    """C5: what takes part is of this type, in whatever role."""
    club = await server.create_actor("club", type_="Group")
    note = await server.note("ann", "hello", PUBLIC)
    joined = await act(server, "ann", "Join", object=club)
    assert await ids(server, "/streams/type/Group") == [joined]
    assert await ids(server, "/streams/type/Note") == [note["id"]]
    assert await ids(server, "/streams/type/Person") == [joined, note["id"]]
    assert await ids(server, "/streams/type/Place") == []


async def test_scenario_15_an_unknown_type_is_404(server: Server) -> None:
    """C5, D-2."""
    check_problem(await server.get("/streams/type/Nonsense"), 404)
    check_problem(await server.get("/streams/type/https%3A%2F%2Fforge.example%2FTicket"), 404)


async def test_scenario_15_what_takes_part_twice_is_there_once(server: Server) -> None:
    """C4: "an action matching twice appears once"."""
    done = await act(server, "ann", "Add", object=X, target=X)
    assert await ids(server, of("any", X)) == [done]
    assert await ids(server, of("object", X)) == [done]
    assert await ids(server, of("target", X)) == [done]


async def test_scenario_15_several_objects_of_one_action(server: Server) -> None:
    """C2: each of the objects has it."""
    done = await act(server, "ann", "View", object=[X, {"id": Y, "type": "Image"}])
    assert await ids(server, of("object", X)) == await ids(server, of("object", Y)) == [done]


@pytest.mark.parametrize("type_", ["Join", "Leave", "Like", "Dislike"])
async def test_R1_the_target_of_some_verbs_is_in_object(server: Server, type_: str) -> None:
    """R1: who joins a group names it in `object`, and acts on it as the target."""
    done = await act(server, "ann", type_, object=FLASK["id"])
    assert await ids(server, of("target", FLASK["id"])) == [done]
    assert await ids(server, of("object", FLASK["id"])) == []


async def test_scenario_34_a_remote_join_is_in_the_streams_of_the_group(
    server: Server, peer: Peer
) -> None:
    """R1 inbound, D-1: in the group's target stream and the type stream, once."""
    club = await server.create_actor("club", type_="Group")
    join = peer.activity("Join", "carol", object=club, to=[PUBLIC])
    for _ in range(2):
        sent = await peer.send(f"{club}/inbox", join, by="carol")
        assert sent.status == 202, sent.text
        await server.drained()
    assert await ids(server, of("target", club)) == [join["id"]]
    assert await ids(server, of("actor", peer.id("carol"))) == [join["id"]]
    assert await ids(server, "/streams/type/Group") == [join["id"]]
    assert await ids(server, "/streams/public") == [join["id"]]


async def test_R1_what_only_keeps_servers_in_step_is_in_no_stream(
    server: Server, peer: Peer
) -> None:
    """docs/decisions/0013: Update, Delete and Block are none; an Accept is not for everybody."""
    note = await server.note("ann", "hello", PUBLIC)
    object_ = {"id": note["object"]["id"], "type": "Note", "content": "mended"}
    await act(server, "ann", "Update", object=object_)
    follow = peer.follow("carol", server.id("ann"))
    assert (await peer.send(f"{server.id('ann')}/inbox", follow, by="carol")).status == 202
    await peer.wait("Accept")
    assert (await server.post("ann", {"type": "Block", "object": peer.id("carol")})).status == 201
    other = await server.note("ann", "hello again", PUBLIC)
    await act(server, "ann", "Delete", object=other["object"]["id"])
    assert await ids(server, "/streams/public") == [note["id"]]
    found = await ids(server, of("actor", server.id("ann")), as_="ann")
    assert found == [note["id"]]


async def test_R1_what_was_refused_is_in_no_stream(server: Server, peer: Peer) -> None:
    """An activity without effect has no place: here a Create of what somebody else made."""
    other = peer.add_actor("dave")["id"]
    await peer.send(f"{server.id('ann')}/inbox", peer.create("dave", "mine", PUBLIC), by="dave")
    await server.drained()
    [mine] = await ids(server, of("actor", other))
    taken = (await server.get(f"{of('actor', other)}&page=first")).json["orderedItems"][0]
    note = {**taken["object"], "attributedTo": peer.id("carol")}
    create = peer.activity("Create", "carol", object=note, to=[PUBLIC])
    await peer.send(f"{server.id('ann')}/inbox", create, by="carol")
    await server.drained()
    assert await ids(server, "/streams/public") == [mine]
    [row] = await server.rows("SELECT verdict, sort_at FROM activity WHERE id = $1", create["id"])
    assert row["verdict"] is not None
    assert row["sort_at"] is None


async def test_streams_are_listed_at_the_actor(server: Server) -> None:
    """R8, ActivityPub 4.1: `streams` leads to home and to what the actor does."""
    document = (await server.get("/actors/ann")).json
    listed = [one["id"] for one in document["streams"]["items"]]
    assert f"{server.id('ann')}/streams/home" in listed
    alone = await server.get(document["streams"]["id"])
    assert alone.json == {"@context": CONTEXT, **document["streams"]}
    assert (await server.get("/actors/nobody/streams")).status == 404
    done = await act(server, "ann", "Join", object=FLASK["id"])
    for url in listed:
        page = await server.get(url, as_="ann")
        assert (page.status, page.json["id"]) == (200, url)
    [own] = [url for url in listed if "/streams/actor?" in url]
    assert await ids(server, own) == [done]
