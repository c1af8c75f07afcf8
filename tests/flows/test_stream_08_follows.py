"""Home and follows: scenarios 8 to 11, 13 and 14 of the seed's features, over HTTP."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import StartServer
from tests.doubles.server import PUBLIC, Server

ISSUE = "https://tracker.example/issues/2"


async def home(server: Server, name: str, query: str = "") -> list[Any]:
    """The first page of home, newest first, without the Follows that made it."""
    page = await server.get(f"/actors/{name}/streams/home?page=first{query}", as_=name)
    assert page.status == 200, page.text
    return [one for one in page.json["orderedItems"] if one["type"] != "Follow"]


async def act(server: Server, name: str, verb: str, **members: Any) -> str:
    """Record an action that everybody may see; its id."""
    made = await server.post(name, {"verbPhrase": verb, "to": [PUBLIC], **members})
    assert made.status == 201, made.text
    return str(made.headers["Location"])


async def follow(server: Server, name: str, object_: str, **members: Any) -> str:
    """Follow something, and wait for the answer of an actor."""
    made = await server.post(name, {"type": "Follow", "object": object_, **members})
    assert made.status in (200, 201), made.text
    await server.drained()
    return made.headers["Location"]


async def thing(server: Server, name: str = "bob") -> str:
    """Something here that can be followed; its id."""
    return str((await server.note(name, "an issue", PUBLIC))["object"]["id"])


async def test_scenario_08_a_thing_is_watched(server: Server) -> None:
    """Scenario 8: B1 to B5, C6: what happens to what is watched is in home, once."""
    issue = await thing(server)
    closed = await act(server, "bob", "closed", object=issue, target=issue)
    await follow(server, "ann", issue, followFlag="watching", actorOnly=False)
    shown = [one["id"] for one in await home(server, "ann")]
    assert shown.count(closed) == 1
    assert await home(server, "ann", "&flag=liking") == []
    assert closed in [one["id"] for one in await home(server, "ann", "&flag=watching")]


async def test_scenario_09_from_actor_only_to_more(server: Server) -> None:
    """Scenario 9: B2, B3, B14: 200, one relation, and no error."""
    await server.create_actor("club", type_="Group")
    await follow(server, "ann", server.id("club"), actorOnly=True)
    joined = await server.post("bob", {"type": "Join", "object": server.id("club"), "to": [PUBLIC]})
    assert joined.status == 201
    assert await home(server, "ann") == []
    more = await server.post(
        "ann", {"type": "Follow", "object": server.id("club"), "actorOnly": False}
    )
    assert more.status == 200, more.text
    assert [one["id"] for one in await home(server, "ann")] == [joined.headers["Location"]]
    assert await server.items("club", "followers", as_="club") == [server.id("ann")]


async def test_scenario_10_who_is_told_of_a_follow(server: Server) -> None:
    """Scenario 10: B5, B6: public, quiet, and private with a description."""
    bob, dora = server.id("bob"), await server.create_actor("dora")
    loud = await follow(server, "ann", bob, to=[bob, PUBLIC])
    stream = f"/streams/actor?page=first&id={server.id('ann')}"
    [seen] = (await server.get(stream)).json["orderedItems"]
    assert (seen["id"], seen["type"]) == (loud, "Follow")
    await follow(server, "ann", bob, to=[bob, PUBLIC])
    assert len((await server.get(stream)).json["orderedItems"]) == 1
    quiet = await follow(server, "ann", dora, content="<p>I admire you</p>")
    assert len((await server.get(stream)).json["orderedItems"]) == 1
    assert (await server.get(quiet)).status == 404
    assert (await server.get(quiet, as_="bob")).status == 404
    for reader in ("ann", "dora"):
        assert "I admire you" in (await server.get(quiet, as_=reader)).json["content"]
    assert await server.items("dora", "followers", as_="dora") == [server.id("ann")]


async def test_scenario_11_unfollow(server: Server) -> None:
    """Scenario 11: B8, B9, X3: by flag, all, and again; told only when it is addressed so."""
    issue = await thing(server)
    await follow(server, "ann", issue, followFlag="liking", actorOnly=False)
    await follow(server, "ann", issue, followFlag="watching", actorOnly=False)
    named = {"type": "Follow", "actor": server.id("ann"), "object": issue}
    one = await server.post(
        "ann", {"type": "Undo", "object": {**named, "followFlag": "liking"}, "to": [PUBLIC]}
    )
    assert one.status == 201, one.text
    watching = await server.get(f"/actors/ann/following?object={issue}&flag=watching", as_="ann")
    assert watching.json["totalItems"] == 1
    stream = f"/streams/actor?page=first&type=Undo&id={server.id('ann')}"
    assert len((await server.get(stream)).json["orderedItems"]) == 1
    rest = await server.post("ann", {"type": "Undo", "object": {**named, "followFlag": "*"}})
    assert rest.status == 201, rest.text
    assert await home(server, "ann") == []
    again = await server.post(
        "ann", {"type": "Undo", "object": {**named, "followFlag": "*"}, "to": [PUBLIC]}
    )
    assert again.status == 400
    assert len((await server.get(stream)).json["orderedItems"]) == 1


async def test_scenario_11_unfollow_names_no_actor(server: Server) -> None:
    """Scenario 11, B8: whoever undoes is who followed, and that goes without saying."""
    issue = await thing(server)
    await follow(server, "ann", issue)
    await follow(server, "ann", issue, followFlag="liking")
    undone = await server.post(
        "ann", {"type": "Undo", "object": {"type": "Follow", "object": issue}}
    )
    assert undone.status == 201, undone.text
    assert undone.json["object"]["actor"] == server.id("ann")
    relation = await server.get(f"/actors/ann/following?object={issue}&view=relation", as_="ann")
    assert [one["followFlag"] for one in relation.json["orderedItems"]] == ["liking"]
    flags = await server.get(f"/actors/ann/following?object={issue}&view=flags", as_="ann")
    for [item] in (relation.json["orderedItems"], flags.json["orderedItems"]):
        [terms] = item["@context"]
        assert [*terms] == ["followFlag", "actorOnly"]  # defined where they are used
    of_bob = {"type": "Undo", "object": {"type": "Follow", "object": issue, "followFlag": "liking"}}
    assert (await server.post("bob", of_bob)).status == 400
    assert (await server.get(f"/actors/ann/following?object={issue}", as_="ann")).json["totalItems"]


async def test_scenario_13_a_flag_that_mutes(start_server: StartServer) -> None:
    """Scenario 13: B4, X1: what is muted never enters home, also when it is followed; nobody is
    told; other flags have their own phrase."""
    server = await start_server(
        "ann", "bob", "three", flags=json.dumps({"mute": {"mutes": True}, "fan": {}})
    )
    three = server.id("three")
    await follow(server, "ann", three, followFlag="fan")
    spoken = await act(server, "three", "spoke")
    other = await follow(server, "ann", server.id("bob"), actorOnly=False)
    about = await act(server, "bob", "greeted", target=three)
    assert {one["id"] for one in await home(server, "ann")} == {spoken, about}
    muted = await follow(server, "ann", three, followFlag="mute", to=[PUBLIC])
    assert await home(server, "ann") == []
    assert (await server.get(muted)).status == 404
    assert (await server.get(muted, as_="three")).status == 404
    assert await server.items("three", "followers", as_="three") == [server.id("ann")]
    undone = await server.post("ann", {"type": "Undo", "object": muted, "to": [PUBLIC]})
    assert undone.status == 201
    assert (await server.get(undone.headers["Location"])).status == 404
    assert {one["id"] for one in await home(server, "ann")} == {spoken, about}
    fan = await server.get("/actors/ann/following?flag=fan&view=relation", as_="ann")
    shown = await server.get(fan.json["orderedItems"][0]["id"], as_="ann")
    assert shown.json["verbPhrase"] == "started fan"
    assert "verbPhrase" not in (await server.get(other, as_="ann")).json


async def test_scenario_14_home_is_what_is_followed_now(server: Server) -> None:
    """Scenario 14: B7, C6, C7: history, since, one's own, and the end of a follow."""
    acts = [await act(server, "bob", "reached level", actionData={"n": n}) for n in range(6)]
    first = await follow(server, "ann", server.id("bob"))
    assert [one["id"] for one in await home(server, "ann")] == acts[::-1]
    assert await home(server, "ann", "&since=follow") == []
    acts.append(await act(server, "bob", "reached level"))
    assert len(await home(server, "ann")) == 7
    assert [one["id"] for one in await home(server, "ann", "&since=follow")] == [acts[-1]]
    club = await server.create_actor("club", type_="Group")
    await follow(server, "ann", club, actorOnly=False)
    own = await act(server, "ann", "cheered", target=club)
    alone = await act(server, "ann", "slept")

    async def ids(query: str = "") -> set[str]:
        return {one["id"] for one in await home(server, "ann", query)}

    assert await ids() == {*acts, own}
    assert await ids("&include_self=also") == {*acts, own, alone}
    assert await ids("&include_self=never") == {*acts}
    assert await ids("&include_self=only") == {own, alone}
    assert (await server.post("ann", {"type": "Undo", "object": first})).status == 201
    assert await ids() == {own}


async def test_X7_reading_changes_nothing(server: Server) -> None:
    """X7: no GET follows anybody; what is followed stands after every page was read."""
    await follow(server, "ann", server.id("bob"))
    for url in (
        "following?view=flags",
        "followers?view=flags",
        "outbox",
        "streams/home?page=first",
    ):
        assert (await server.get(f"/actors/ann/{url}", as_="ann")).status == 200
    assert await server.items("ann", "following", as_="ann") == [server.id("bob")]
    assert (await server.get("/actors/ann/follow", as_="ann")).status == 404


async def test_H5_any_actor_may_follow(server: Server) -> None:
    """H5: a service follows as a person does."""
    await server.create_actor("bot", type_="Service")
    await follow(server, "bot", server.id("ann"))
    assert await server.items("bot", "following", as_="bot") == [server.id("ann")]
