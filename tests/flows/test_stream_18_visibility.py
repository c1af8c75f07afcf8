"""Who sees what in streams (seed-features A7, C12, R6; scenario 18; faults X4 and X10)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import follow_from
from tests.flows.stream_steps import FLASK, ISSUE, act, follow, home, ids, of, read, walk


async def _streams(server: Server) -> list[str]:
    """All that an act of ann with these two could be in."""
    things = (
        ("actor", server.id("ann")),
        ("object", ISSUE["id"]),
        ("target", FLASK["id"]),
        ("any", ISSUE["id"]),
    )
    return [of(role, id_) for role, id_ in things] + ["/streams/type/Person"]


async def test_X4_scenario_18_a_private_act(server: Server) -> None:
    """A7, R6, X4: the author and who is named read it; it is in no stream of anybody else."""
    await server.create_actor("eve")
    await follow(server, "eve", server.id("ann"))
    hidden = await act(
        server, "ann", "Add", object=ISSUE["id"], target=FLASK["id"], to=[server.id("bob")]
    )
    for path in await _streams(server):
        assert await ids(server, path) == [], path
        assert hidden not in await ids(server, path, as_="eve"), path
        assert hidden in await ids(server, path, as_="ann"), path
        assert hidden in await ids(server, path, as_="bob"), path
    assert await ids(server, "/streams/public", as_="ann") == []
    assert hidden not in await home(server, "eve")
    await follow(server, "bob", server.id("ann"))
    assert hidden in await home(server, "bob")
    assert (await server.get(hidden)).status == 404
    assert (await server.get(hidden, as_="eve")).status == 404
    assert (await server.get(hidden, as_="bob")).status == 200


async def test_scenario_18_for_followers(server: Server) -> None:
    """C12: who follows reads it, from the moment he does to the moment he does not."""
    act_ = await act(
        server, "ann", "View", object=ISSUE["id"], to=[f"{server.id('ann')}/followers"]
    )
    path = of("object", ISSUE["id"])
    assert await ids(server, path) == await ids(server, path, as_="bob") == []
    asked = await follow(server, "bob", server.id("ann"))
    assert await ids(server, path, as_="bob") == [act_]
    undo = await server.post("bob", {"type": "Undo", "object": asked.headers["Location"]})
    assert undo.status == 201
    assert await ids(server, path, as_="bob") == []


async def test_scenario_18_unlisted_is_not_in_the_public_stream(server: Server) -> None:
    """C9: for everybody, but not for the public stream."""
    unlisted = await act(
        server, "ann", "View", object=ISSUE["id"], to=[server.id("bob")], cc=[PUBLIC]
    )
    assert await ids(server, "/streams/public") == []
    assert await ids(server, of("object", ISSUE["id"])) == [unlisted]


async def test_scenario_18_who_blocks_is_not_shown(server: Server) -> None:
    """F, decisions "Reading": neither of the two sees the other."""
    done = await act(server, "ann", "View", object=ISSUE["id"])
    await follow(server, "bob", server.id("ann"))
    assert done in await home(server, "bob")
    assert (await server.post("ann", {"type": "Block", "object": server.id("bob")})).status == 201
    assert await ids(server, "/streams/public", as_="bob") == []
    assert await home(server, "bob") == []
    assert await ids(server, "/streams/public") == [done]


async def test_scenario_18_signed_requests_count(server: Server, peer: Peer) -> None:
    """R6: a follower elsewhere sees what is for followers, by the signature of its request."""
    await follow_from(peer, "carol", server, "ann")
    done = await act(
        server, "ann", "View", object=ISSUE["id"], to=[f"{server.id('ann')}/followers"]
    )
    url = f"{server.origin}{of('object', ISSUE['id'])}&page=first"
    page = await peer.get(url, by="carol")
    assert [one["id"] for one in page.json["orderedItems"]] == [done]


async def test_scenario_18_a_deleted_thing_is_a_tombstone(server: Server) -> None:
    """H3: the act stays, what it is about is gone."""
    note = await server.note("ann", "secret", PUBLIC)
    deleted = await server.post("ann", {"type": "Delete", "object": note["object"]["id"]})
    assert deleted.status == 201
    [[item]] = await walk(server, "/streams/public")
    assert item["object"]["type"] == "Tombstone"
    assert "secret" not in str(item)


async def test_X10_a_page_is_cached_for_nobody_else(server: Server) -> None:
    """R6: what depends on who looks is not kept by caches."""
    url = f"{of('object', ISSUE['id'])}&page=first"
    seen = await server.get(url)
    assert seen.headers["Cache-Control"].startswith("public")
    assert "Authorization" in seen.headers["Vary"]
    assert (await server.get(url, as_="ann")).headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("expand", ["ids", "full"])
async def test_X10_expanded_things_are_judged_too(server: Server, expand: str) -> None:
    """C16: an open act about a private thing shows the id of it, to whom may not read it."""
    secret = await server.note("ann", "secret", server.id("bob"))
    await act(server, "ann", "Announce", object=secret["object"]["id"])

    async def shown(as_: str | None) -> Any:
        page = await read(server, f"/streams/public?expand={expand}&page=first", as_=as_)
        return page["orderedItems"][0]["object"]

    assert await shown(None) == secret["object"]["id"]
    whole = await shown("bob")
    if expand == "full":
        assert whole["content"] == "secret"
    else:
        assert whole == secret["object"]["id"]
