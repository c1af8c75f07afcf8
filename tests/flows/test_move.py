"""Accounts that move: those that are followed here, and ours (interop 2.4, FEP-7628)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.program import command
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server, until
from tests.flows.steps import check_problem, follow_from, follow_here
from tests.flows.verb_steps import arrive

A_WEEK_AGO = "UPDATE actor SET moved_at = now() - interval '8 days' RETURNING key"


def move(peer: Peer, old: str, new: str, **members: Any) -> dict[str, Any]:
    """A Move in the shape of Mastodon's: addressed to nobody."""
    return peer.activity("Move", old, object=peer.id(old), target=new, **members)


async def follow_out(server: Server, name: str, peer: Peer, whom: str, **members: Any) -> None:
    """One of ours follows an actor of the peer, and is accepted."""
    reply = await server.post(name, {"type": "Follow", "object": peer.id(whom), **members})
    assert reply.status == 201, reply.text
    [*_, asked] = await peer.wait("Follow", id=reply.json["id"])
    accept = peer.activity("Accept", whom, object=asked.json)
    await arrive(server, peer, accept, at=name, by=whom)


async def following(server: Server, name: str) -> list[Any]:
    return await server.items(name, "following", as_=name)


async def refusals(server: Server) -> list[str]:
    rows = await server.rows("SELECT verdict FROM activity WHERE type = 'Move' ORDER BY stored_at")
    return [row["verdict"] for row in rows]


async def test_IO_82_followers_go_along(start_server: Any, start_peer: StartPeer) -> None:
    """IO-82, FEP-7628: both followers here follow the new account and leave the old, once each,
    whoever is asked first; who blocks the new one only leaves. The old one is followed by nobody
    any more, and a second Move within a week has no effect."""
    server = await start_server("ann", "bob", "dan")
    peer, elsewhere = await start_peer("carol"), await start_peer("new", "other")
    for new in ("new", "other"):
        elsewhere.documents[f"/users/{new}"]["alsoKnownAs"] = ["acct:x@y", peer.id("carol")]
    for name in ("ann", "bob", "dan"):
        await follow_out(server, name, peer, "carol")
    blocked = {"type": "Block", "object": elsewhere.id("new")}
    assert (await server.post("dan", blocked)).status == 201
    moved = move(peer, "carol", elsewhere.id("new"))
    reply = await peer.send(f"{server.origin}/inbox", moved, by="carol")
    assert reply.status == 202, reply.text
    follows = await elsewhere.wait("Follow", times=2)
    assert {one.json["actor"] for one in follows} == {server.id("ann"), server.id("bob")}
    undone = await peer.wait("Undo", times=3)
    names = ("ann", "bob", "dan")
    assert {one.json["actor"] for one in undone} == {server.id(one) for one in names}
    assert {one.json["object"]["object"] for one in undone} == {peer.id("carol")}
    for one in follows:
        accept = elsewhere.activity("Accept", "new", object=one.json)
        name = one.json["actor"].rsplit("/", 1)[1]
        await arrive(server, elsewhere, accept, at=name, by="new")
    assert await following(server, "ann") == [elsewhere.id("new")]
    assert await following(server, "bob") == [elsewhere.id("new")]
    assert await following(server, "dan") == []
    reply = await server.post("dan", {"type": "Follow", "object": peer.id("carol")})
    check_problem(reply, 400, "/object")
    assert elsewhere.id("new") in reply.json["detail"]
    await follow_here(server, "ann", "bob")
    again = move(peer, "carol", elsewhere.id("other"))
    await arrive(server, peer, again, at="ann", by="carol")
    on = elsewhere.activity("Move", "new", object=elsewhere.id("new"), target=peer.id("carol"))
    peer.documents["/users/carol"]["alsoKnownAs"] = elsewhere.id("new")
    await arrive(server, elsewhere, on, at="ann", by="new")
    assert await refusals(server) == [None, "move-too-soon", "move-too-soon"]
    await server.rows(A_WEEK_AGO)
    await arrive(server, peer, {**again, "id": peer.new_id()}, at="ann", by="carol")
    assert (await refusals(server))[3:] == [None]
    assert len(elsewhere.received) == 2, "nobody here followed carol any more"


@pytest.mark.parametrize(
    ("members", "target", "why"),
    [
        ({}, "new", "move-without-alias"),
        ({"alsoKnownAs": ["https://x.example/other"]}, "new", "move-without-alias"),
        ({"alsoKnownAs": ["{old}"], "movedTo": "https://x.example"}, "new", "move-target-moved"),
        ({"alsoKnownAs": ["{old}"], "suspended": True}, "new", "move-target-suspended"),
        ({"alsoKnownAs": ["{old}"], "inbox": None}, "new", "move-target-unreadable"),
        ({}, "nobody", "move-object-gone"),
        ({}, "carol", "move-of-several"),
    ],
)
async def test_IO_82_a_move_that_proves_nothing_moves_nobody(
    server: Server, start_peer: StartPeer, members: dict[str, Any], target: str, why: str
) -> None:
    """IO-82: the new account does not say so itself, is moved, suspended, gone or no account."""
    peer = await start_peer("carol", "new")
    told = [one.format(old=peer.id("carol")) for one in members.get("alsoKnownAs", [])]
    peer.documents["/users/new"] |= {**members, "alsoKnownAs": told}
    await follow_out(server, "ann", peer, "carol")
    await arrive(server, peer, move(peer, "carol", peer.id(target)), at="ann", by="carol")
    assert await refusals(server) == [why]
    assert await following(server, "ann") == [peer.id("carol")]
    assert [one.json["type"] for one in peer.received] == ["Follow"]


async def test_IO_82_a_move_of_another_or_to_the_suspended(
    server: Server, start_peer: StartPeer
) -> None:
    """IO-82: object is not the actor; the new account is suspended here."""
    peer = await start_peer("carol", "new")
    peer.documents["/users/new"]["alsoKnownAs"] = [peer.id("carol")]
    await follow_out(server, "ann", peer, "carol")
    forged = peer.activity("Move", "new", object=peer.id("carol"), target=peer.id("new"))
    await arrive(server, peer, forged, at="ann", by="new")
    done = await command(server, "actor", "suspend", peer.id("new"))
    assert done.code == 0, done.err

    async def known() -> bool:
        return (await peer.get(f"{server.id('ann')}/outbox", by="new")).status == 403

    await until(known)
    await arrive(server, peer, move(peer, "carol", peer.id("new")), at="ann", by="carol")
    assert await refusals(server) == ["move-of-another", "move-target-suspended"]
    assert await following(server, "ann") == [peer.id("carol")]


async def test_IO_82_to_one_of_ours_with_flags(server: Server, peer: Peer) -> None:
    """IO-82: an account comes here. Its followers here go on under their flags; when the new
    account answers by hand they wait; and it is not fetched."""
    await server.create_actor("eve", manual_approval=True)
    await follow_out(server, "ann", peer, "carol")
    await follow_out(server, "ann", peer, "carol", followFlag="watching", actorOnly=False)
    alias = {"type": "Update", "object": {"id": server.id("eve"), "alsoKnownAs": peer.id("carol")}}
    reply = await server.post("eve", alias)
    assert reply.status == 201, reply.text
    assert (await server.get("/actors/eve")).json["alsoKnownAs"] == [peer.id("carol")]
    await arrive(server, peer, move(peer, "carol", server.id("eve")), at="ann", by="carol")
    rows = await server.rows(
        "SELECT f.flag, f.actor_only, r.state FROM follow f JOIN relation r USING (object, subject)"
        " WHERE object_id = $1 AND r.kind = 'follow' ORDER BY 1",
        server.id("eve"),
    )
    assert [tuple(row.values()) for row in rows] == [
        ("", True, "pending"),
        ("watching", False, "pending"),
    ]
    assert await following(server, "ann") == []
    [undo] = await peer.wait("Undo")
    assert undo.json["object"]["object"] == peer.id("carol")
    pending = await server.items("eve", "pendingFollowers", as_="eve")
    assert {one["actor"] for one in pending} == {server.id("ann")}


async def test_AP_C2S_our_account_moves(server: Server, start_peer: StartPeer) -> None:
    """ux.md 10, IO-82 the other way: refused until the new account says so; then the followers are
    told, by an Update too, those here go along, and the account is read-only until it is undone."""
    peer = await start_peer("carol", "new")
    await follow_from(peer, "carol", server, "ann")
    await follow_here(server, "bob", "ann")
    note = await server.note("ann", "before", PUBLIC)
    moving = {"type": "Move", "object": server.id("ann"), "target": peer.id("new")}
    check_problem(await server.post("ann", moving), 400, "/target")
    check_problem(await server.post("ann", {**moving, "target": peer.id("none")}), 400, "/target")
    check_problem(await server.post("ann", {**moving, "target": server.id("ann")}), 400, "/target")
    change = {"id": server.id("ann"), "movedTo": peer.id("new")}
    claimed = await server.post("ann", {"type": "Update", "object": change})
    check_problem(claimed, 400, "/object/movedTo")
    peer.documents["/users/new"]["alsoKnownAs"] = [server.id("ann")]
    done = await server.post("ann", moving)
    assert done.status == 201, done.text
    assert done.json["to"] == [f"{server.id('ann')}/followers"]
    [told] = await peer.wait("Move")
    assert (told.json["object"], told.json["target"]) == (server.id("ann"), peer.id("new"))
    [update] = await peer.wait("Update")
    assert update.json["object"]["movedTo"] == peer.id("new")
    assert (await server.get("/actors/ann")).json["movedTo"] == peer.id("new")
    page = await server.get("/actors/ann", Accept="text/html")
    assert f'Has moved to <a href="{peer.id("new")}">' in page.text
    [follow] = await peer.wait("Follow", actor=server.id("bob"))
    assert follow.json["object"] == peer.id("new")
    await server.drained()
    assert await following(server, "bob") == []

    check_problem(await server.post("ann", {"type": "Note", "content": "more"}), 403)
    check_problem(await server.post("ann", {"type": "Like", "object": note["id"]}), 403)
    again = {"type": "Follow", "object": server.id("ann")}
    check_problem(await server.post("bob", again), 400, "/object")
    await arrive(server, peer, peer.follow("new", server.id("ann")), at="ann", by="new")
    [reject] = await peer.wait("Reject")
    assert reject.json["object"]["actor"] == peer.id("new")
    edit = {"id": note["object"]["id"], "content": "after"}
    assert (await server.post("ann", {"type": "Update", "object": edit})).status == 201
    other = {**moving, "target": peer.id("carol")}
    check_problem(await server.post("ann", other), 409)
    assert (await server.post("ann", moving)).status == 201, "the same again, for those it missed"
    undone = await server.post("ann", {"type": "Undo", "object": done.json["id"]})
    assert undone.status == 201, undone.text
    assert "movedTo" not in (await server.get("/actors/ann")).json
    assert (await server.note("ann", "back", PUBLIC))["type"] == "Create"
    check_problem(await server.post("ann", moving), 409)


async def test_IO_82_a_move_is_taken_back(server: Server, start_peer: StartPeer) -> None:
    """FEP-7628: an account that has undone its Move, or says nothing of it, is followed again."""
    peer = await start_peer("carol", "new")
    peer.documents["/users/new"]["alsoKnownAs"] = [peer.id("carol")]
    await follow_out(server, "ann", peer, "carol")
    moved = move(peer, "carol", peer.id("new"))
    await arrive(server, peer, moved, at="ann", by="carol")
    follow = {"type": "Follow", "object": peer.id("carol")}
    check_problem(await server.post("bob", follow), 400, "/object")
    undo = peer.activity("Undo", "carol", object=moved)
    await arrive(server, peer, undo, at="ann", by="carol")
    assert (await server.post("bob", follow)).status == 201
    said = {"@context": CONTEXT, **peer.documents["/users/carol"], "movedTo": peer.id("new")}
    update = peer.activity("Update", "carol", object=said, to=[PUBLIC])
    await arrive(server, peer, update, at="ann", by="carol")
    check_problem(await server.post("ann", follow), 400, "/object")


async def test_ux_10_aliases(server: Server) -> None:
    """ux.md 10: other ids of an account, as a list whatever the client sends; no more than some."""

    async def set_(value: Any) -> Any:
        change = {"id": server.id("ann"), "alsoKnownAs": value}
        return await server.post("ann", {"type": "Update", "object": change})

    one, other = "https://old.example/users/ann", "at://did:plc:abc"
    assert (await set_([one, one, other])).json["object"]["alsoKnownAs"] == [one, other]
    assert (await set_(one)).json["object"]["alsoKnownAs"] == [one]
    for bad in ([one] * 2 + [f"https://x.example/{n}" for n in range(30)], "no id", [{"a": 1}], 5):
        check_problem(await set_(bad), 400, "/object/alsoKnownAs")
    assert "alsoKnownAs" not in (await set_(None)).json["object"]


async def test_ux_10_the_commands(server: Server, start_peer: StartPeer) -> None:
    """ux.md 10: aliases and the Move by the command line; the same again only when it is asked for;
    what would be done, without doing it."""
    peer = await start_peer("carol", "new")
    await follow_from(peer, "carol", server, "ann")

    async def run(*arguments: str) -> Any:
        done = await command(server, "actor", *arguments, "--json")
        return json.loads(done.out) if done.code == 0 else done.err

    old = "https://old.example/users/ann"
    assert (await run("alias", "ann", old, "--dry-run"))["also_known_as"] == [old]
    assert "alsoKnownAs" not in (await server.get("/actors/ann")).json
    assert (await run("alias", "ann", old))["also_known_as"] == [old]
    assert "already" in await run("alias", "ann", old)
    assert (await server.get("/actors/ann")).json["alsoKnownAs"] == [old]
    assert (await run("alias", "ann", old, "--remove"))["also_known_as"] == []
    target = peer.id("new")
    assert "alsoKnownAs" in await run("move", "ann", target)
    peer.documents["/users/new"]["alsoKnownAs"] = [server.id("ann")]
    assert (await run("move", "ann", target, "--dry-run"))["moved_to"] == target
    assert "movedTo" not in (await server.get("/actors/ann")).json
    moved = await run("move", "ann", target)
    await peer.wait("Move", id=moved["activity"])
    assert (await run("show", "ann"))["moved_to"] == target
    assert "--again" in await run("move", "ann", target)
    again = await run("move", "ann", target, "--again")
    await peer.wait("Move", id=again["activity"])
