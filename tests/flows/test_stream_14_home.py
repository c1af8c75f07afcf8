"""Home: what those do whom somebody follows now (seed-features B2, B3, C6 to C8; scenario 14)."""

from __future__ import annotations

import pytest

from tests.conftest import StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import check_problem
from tests.flows.stream_steps import FLASK, act, follow, home, ids, unfollow

HOME = "/actors/ann/streams/home"


async def test_scenario_14_history_counts_and_unfollowing_ends_it(server: Server) -> None:
    """B7, C6: what was before the follow is there, and all of it is gone with it."""
    before = [await act(server, "bob", "Join", object=FLASK["id"]) for _ in range(6)]
    assert await home(server, "ann") == []
    follows = (await follow(server, "ann", server.id("bob"))).headers["Location"]
    assert await home(server, "ann") == before[::-1]
    assert await home(server, "ann", "?since=follow") == []
    after = await act(server, "bob", "Leave", object=FLASK["id"])
    assert await home(server, "ann") == [after, *before[::-1]]
    assert await home(server, "ann", "?since=follow") == [after]
    await unfollow(server, "ann", follows)
    assert await home(server, "ann") == []


async def test_scenario_14_own_acts(server: Server) -> None:
    """C7: never, also and only; without it, own acts are there when they touch what is followed."""
    club = await server.create_actor("club", type_="Group")
    await follow(server, "ann", club, actorOnly=False, to=[club])
    theirs = await act(server, "bob", "Join", object=club)
    there = await act(server, "ann", "Join", object=club)
    elsewhere = await act(server, "ann", "Join", object=FLASK["id"])
    own = await ids(server, "/streams/actor?id=" + server.id("ann"), as_="ann")
    assert own[:2] == [elsewhere, there]
    asked = own[2]  # the Follow, which is for the two alone
    assert await home(server, "ann") == [there, theirs, asked]
    assert await home(server, "ann", "?include_self=also") == [elsewhere, there, theirs, asked]
    assert await home(server, "ann", "?include_self=never") == [theirs]
    assert await home(server, "ann", "?include_self=only") == [elsewhere, there, asked]
    check_problem(await server.get(f"{HOME}?include_self=maybe", as_="ann"), 400)


async def test_scenario_09_actor_only(server: Server) -> None:
    """B2, B3: what happens to it is there only when that was asked for."""
    club = await server.create_actor("club", type_="Group")
    await follow(server, "ann", club, actorOnly=True)
    joined = await act(server, "bob", "Join", object=club)
    own = await act(server, "club", "View", object=FLASK["id"])
    assert await home(server, "ann", "?include_self=never") == [own]
    again = await follow(server, "ann", club, actorOnly=False)
    assert again.status == 200
    assert await home(server, "ann", "?include_self=never") == [own, joined]


async def test_scenario_08_by_flag(server: Server) -> None:
    """B4, C6: with `flag` what is followed under that flag; '' means those without one."""
    club = await server.create_actor("club", type_="Group")
    await follow(server, "ann", club, followFlag="watching", actorOnly=False)
    await follow(server, "ann", server.id("bob"))
    joined = await act(server, "bob", "Join", object=club)
    viewed = await act(server, "bob", "View", object=FLASK["id"])
    assert await home(server, "ann", "?include_self=never") == [viewed, joined]
    assert await home(server, "ann", "?flag=watching&include_self=never") == [joined]
    assert await home(server, "ann", "?flag=liking") == []
    assert await home(server, "ann", "?flag=&include_self=never") == [viewed, joined]


async def test_X1_what_is_muted_never_comes_in(start_server: StartServer) -> None:
    """X1, scenario 13: nothing of it or about it, though it is followed, too."""
    server = await start_server("ann", "bob", "cid", flags='{"hush": {"mutes": true}}')
    await follow(server, "ann", server.id("bob"))
    await follow(server, "ann", server.id("cid"))
    await act(server, "bob", "View", object=FLASK["id"])
    await act(server, "cid", "Offer", object=server.id("bob"))
    kept = await act(server, "cid", "View", object=FLASK["id"])
    assert len(await home(server, "ann", "?include_self=never")) == 3
    reply = await server.post(
        "ann", {"type": "Follow", "object": server.id("bob"), "followFlag": "hush"}
    )
    assert reply.status == 201, reply.text
    assert await home(server, "ann", "?include_self=never") == [kept]
    await unfollow(server, "ann", reply.headers["Location"])
    assert len(await home(server, "ann", "?include_self=never")) == 3


async def test_X5_home_is_its_owners(server: Server) -> None:
    """X5, F2, C8, scenario 16: nobody else reads it, whatever he follows."""
    check_problem(await server.get(HOME), 401)
    check_problem(await server.get(HOME, as_="bob"), 403)
    check_problem(await server.get("/actors/nobody/streams/home", as_="ann"), 404)
    page = await server.get(f"{HOME}?page=first", as_="ann")
    assert (page.status, page.json["orderedItems"]) == (200, [])
    assert page.headers["Cache-Control"] == "private, no-store"


async def test_scenario_33_what_comes_from_elsewhere(server: Server, peer: Peer) -> None:
    """R7: what another server sent is in home as long as its actor is followed."""
    await server.post("ann", {"type": "Follow", "object": peer.id("carol")})
    [asked] = await peer.wait("Follow")
    note = peer.create("carol", "hello", PUBLIC)
    await peer.send(f"{server.id('ann')}/inbox", note, by="carol")
    await server.drained()
    assert await home(server, "ann") == [], "it is not accepted yet"
    accept = peer.activity("Accept", "carol", object=asked.json)
    await peer.send(f"{server.id('ann')}/inbox", accept, by="carol")
    await server.drained()
    found = await home(server, "ann")
    assert note["id"] in found
    late = {**peer.create("carol", "from the future", PUBLIC), "published": "2099-01-01T00:00:00Z"}
    await peer.send(f"{server.id('ann')}/inbox", late, by="carol")
    await server.drained()
    now = await act(server, "ann", "Join", object=peer.id("carol"))
    assert (await home(server, "ann", "?include_self=also"))[:2] == [now, late["id"]], "not pinned"


@pytest.mark.parametrize("query", ["?since=2026-01-01T00:00:00Z", "?flag=a&flag=b", "?nonsense=1"])
async def test_scenario_16_home_refuses_what_it_does_not_know(server: Server, query: str) -> None:
    """C10: 400, not another answer than was asked for."""
    reply = await server.get(HOME + query, as_="ann")
    check_problem(reply, 400)
    assert query[1:].partition("=")[0] in reply.json["detail"]


@pytest.mark.parametrize(
    "query", ["include_self=true", "include_self=", "since=false", "since=", "flag=%00"]
)
async def test_X10_no_word_is_taken_for_yes_or_no(server: Server, query: str) -> None:
    """X10: what is neither of the words that there are is a 400."""
    check_problem(await server.get(f"{HOME}?{query}", as_="ann"), 400)
