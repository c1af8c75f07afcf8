"""Who sees what in streams (seed-features A7, C12, R6; scenario 18; fault X4)."""

from __future__ import annotations

from typing import Any

import pytest

from apserver.core import limits
from tests.cli.program import command
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until
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


async def test_scenario_33_what_is_deleted_goes_with_its_making(server: Server) -> None:
    """H3, scenario 33: its Create is gone; what others did with it stays, about a Tombstone."""
    note = await server.note("ann", "secret", PUBLIC)
    liked = await act(server, "bob", "Like", object=note["object"]["id"])
    deleted = await server.post("ann", {"type": "Delete", "object": note["object"]["id"]})
    assert deleted.status == 201
    [[item]] = await walk(server, "/streams/public?expand=full")
    assert (item["id"], item["object"]["type"]) == (liked, "Tombstone")
    assert item["object"]["formerType"] == "Note"
    assert "secret" not in str(item)
    assert await ids(server, of("actor", server.id("ann"))) == []


async def test_C12_a_page_is_kept_for_nobody_else(server: Server) -> None:
    """C12: what depends on who looks is not kept by caches."""
    url = f"{of('object', ISSUE['id'])}&page=first"
    seen = await server.get(url)
    assert seen.headers["Cache-Control"].startswith("public")
    assert "Authorization" in seen.headers["Vary"]
    assert (await server.get(url, as_="ann")).headers["Cache-Control"] == "private, no-store"


@pytest.mark.parametrize("expand", ["ids", "full"])
async def test_C16_expanded_things_are_judged_too(server: Server, expand: str) -> None:
    """C16: an open act about a private thing shows the id of it, to whom may not read it."""
    secret = await server.note("ann", "secret", server.id("bob"))
    await act(server, "ann", "View", object=secret["object"]["id"])

    async def shown(as_: str | None) -> Any:
        page = await read(server, f"/streams/public?expand={expand}&page=first", as_=as_)
        return page["orderedItems"][0]["object"]

    assert await shown(None) == secret["object"]["id"]
    whole = await shown("bob")
    if expand == "full":
        assert whole["content"] == "secret"
    else:
        assert whole == secret["object"]["id"]


async def test_scenario_29_what_a_suspended_actor_did_is_shown_nowhere(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """H8: hidden by an admin, gone from every stream; and back when it is taken back."""
    monkeypatch.setattr(limits, "POLL_S", 0.05)
    await server.create_actor("eve")
    done = await act(server, "eve", "View", object=ISSUE["id"])
    await follow(server, "bob", server.id("eve"))
    paths = ("/streams/public", of("object", ISSUE["id"]), "/actors/bob/streams/home")
    for command_, there in (("suspend", False), ("unsuspend", True)):
        told = await command(server, "actor", command_, "eve", "--json")
        assert told.code == 0, told.err
        for path in paths:

            async def shows(path: str = path, there: bool = there) -> bool:
                return (done in await ids(server, path, as_="bob")) is there

            await until(shows)


async def test_H3_who_leaves_takes_what_it_did_along(server: Server) -> None:
    """H3, B15: an actor of ours that is deleted is in no stream, and leaves no rows there."""
    await server.create_actor("eve")
    await act(server, "eve", "View", object=ISSUE["id"])
    about = await act(server, "ann", "Offer", object=server.id("eve"))
    gone = await command(server, "actor", "delete", "eve", "--yes", "--json")
    assert gone.code == 0, gone.err
    assert await ids(server, "/streams/public") == [about]
    assert await server.rows(
        "SELECT a.actor_id FROM role r JOIN activity a ON a.key = r.activity GROUP BY 1"
    ) == [{"actor_id": server.id("ann")}]
