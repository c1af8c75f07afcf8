"""`apserver actor list, show, delete, rotate-key`, for a server that runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from apserver.core.keys import PublicKey
from apserver.core.origin import key_of
from apserver.core.signatures import Request, check_digest, read_claim, verify
from tests.cli.program import command
from tests.conftest import StartServer
from tests.doubles.peer import Peer, Received
from tests.doubles.server import PUBLIC, Server


async def follow(server: Server, peer: Peer, whom: str) -> None:
    """carol follows an actor of the server, and has its Accept."""
    sent = peer.follow("carol", server.id(whom))
    assert (await peer.send(f"{server.id(whom)}/inbox", sent, by="carol")).status == 202
    await peer.wait("Accept")


async def public_key(server: Server, name: str) -> PublicKey:
    actor = await server.get(f"/actors/{name}")
    return PublicKey.from_pem(actor.json["publicKey"]["publicKeyPem"])


def check_signed_by(received: Received, key: PublicKey, peer: Peer) -> None:
    """That a POST to the peer was signed by this key."""
    headers = [(name, value) for name, value in received.headers.items()]
    request = Request.from_pairs(
        "POST", peer.origin + received.inbox, headers=headers, body=received.body
    )
    claim = read_claim(request)
    check_digest(request, claim)
    verify(claim, key, now=datetime.now(UTC))


async def contents(server: Server) -> dict[str, Any]:
    """Every table that an actor has rows in."""
    tables = ("actor", "activity", "object", "collection", "member", "relation", "token")
    found = {}
    for table in (*tables, "follower_inbox", "delivery", "key_pair", "job"):
        rows = await server.rows(f"SELECT t::text AS row FROM {table} t ORDER BY 1")
        found[table] = [row["row"] for row in rows]
    return found


async def test_list_shows_every_actor(server: Server, peer: Peer) -> None:
    await follow(server, peer, "ann")
    done = await command(server, "actor", "list", "--json")
    assert (done.code, done.err) == (0, "")
    listed = {one["name"]: one for one in json.loads(done.out)}
    assert list(listed) == ["ann", "bob", "instance"]
    ann = listed["ann"]
    assert (ann["id"], ann["type"], ann["followers"]) == (server.id("ann"), "Person", 1)
    assert (ann["state"], listed["bob"]["followers"]) == ("active", 0)
    assert ann["created"].endswith("Z")
    table = (await command(server, "actor", "list")).out.splitlines()
    assert table[0].split() == ["name", "id", "type", "created", "followers", "state"]
    assert len(table) == 4


async def test_show_tells_of_one_actor(server: Server) -> None:
    await server.note("ann", "hello", PUBLIC)
    done = await command(server, "actor", "show", "ANN", "--json")
    shown = json.loads(done.out)
    assert (shown["name"], shown["handle"]) == ("ann", server.handles["ann"])
    assert (shown["posts"], shown["deleted"], shown["manual_approval"]) == (1, None, False)
    assert f"{server.id('ann')}#main-key" in shown["keys"]
    assert (
        f"id               {server.id('ann')}\n"
        in (await command(server, "actor", "show", "ann")).out
    )


async def test_exit_1_for_an_actor_that_it_cannot_be(start_server: StartServer) -> None:
    server = await start_server()
    for arguments in (
        ("show", "nobody"),
        ("delete", "nobody", "--yes"),
        ("delete", "instance", "--yes"),
        ("rotate-key", "nobody"),
        ("rotate-key", "nobody", "--dry-run"),
    ):
        done = await command(server, "actor", *arguments)
        assert (done.code, done.out) == (1, "")
        assert done.err.startswith("apserver: ")
        assert arguments[1] in done.err


async def test_delete_asks_for_yes(server: Server) -> None:
    before = await contents(server)
    done = await command(server, "actor", "delete", "ann")
    assert (done.code, done.out) == (1, "")
    assert "--yes" in done.err
    assert "--dry-run" in done.err
    assert await contents(server) == before


async def test_delete_in_a_dry_run_tells_all_and_changes_nothing(
    server: Server, peer: Peer
) -> None:
    await follow(server, peer, "ann")
    await server.note("ann", "hello", PUBLIC)
    await server.drained()
    before = await contents(server)
    done = await command(server, "actor", "delete", "ann", "--dry-run", "--json")
    assert done.code == 0
    assert "nothing was changed" in done.err
    assert json.loads(done.out) == {
        "actor": server.id("ann"),
        "inboxes_told": 1,
        "posts_deleted": 1,
        "tokens_revoked": 1,
    }
    assert await contents(server) == before


async def test_IO_89_a_deleted_actor_is_gone(server: Server, peer: Peer) -> None:
    """IO-89, AP-C2S-28: 410 with a Tombstone for the actor and its objects, and no way in."""
    await follow(server, peer, "ann")
    public = await server.note("ann", "hello", PUBLIC)
    private = await server.note("ann", "for carol", peer.id("carol"))
    await peer.wait("Create")
    done = await command(server, "actor", "delete", "ann", "--yes")
    assert (done.code, done.err) == (0, "")

    actor = await server.get("/actors/ann")
    assert actor.status == 410
    assert actor.headers["Content-Type"] == "application/activity+json"
    assert (actor.json["type"], actor.json["formerType"]) == ("Tombstone", "Person")
    assert actor.json["id"] == server.id("ann")
    note = await server.get(public["object"]["id"])
    assert (note.status, note.json["type"], note.json["formerType"]) == (410, "Tombstone", "Note")
    assert "content" not in note.json
    assert (await server.get(private["object"]["id"])).status == 404  # as ever to strangers
    assert (await server.get(public["id"])).status in (404, 410)
    assert (await server.get("/actors/ann/outbox")).status == 410
    assert (await server.get("/actors/ann/inbox", as_="ann")).status == 401
    assert (await server.post("ann", {"type": "Note", "content": "still here"})).status == 401
    handle = server.handles["ann"].removeprefix("@")
    webfinger = await server.get(f"/.well-known/webfinger?resource=acct:{handle}")
    assert webfinger.status == 410
    late = peer.create("carol", "too late", server.id("ann"))
    reply = await peer.send(f"{server.id('ann')}/inbox", late, by="carol")
    assert reply.status in (404, 410)
    listed = json.loads((await command(server, "actor", "list", "--json")).out)
    assert {one["name"]: one["state"] for one in listed}["ann"] == "deleted"


async def test_IO_47_followers_and_followed_are_told_by_the_key_that_they_know(
    server: Server, peer: Peer
) -> None:
    """A Delete of the actor, to Public, signed by its key though its document is gone."""
    key = await public_key(server, "ann")
    bobs = await public_key(server, "bob")
    await follow(server, peer, "ann")
    reply = await server.post("bob", {"type": "Follow", "object": peer.id("carol")})
    assert reply.status == 201
    await peer.wait("Follow", actor=server.id("bob"))
    await command(server, "actor", "delete", "ann", "--yes")
    await command(server, "actor", "delete", "bob", "--yes")
    for name, known in (("ann", key), ("bob", bobs)):
        [delete] = await peer.wait("Delete", actor=server.id(name))
        assert delete.json["object"] == server.id(name)
        assert delete.json["to"] == [PUBLIC]
        assert delete.inbox == "/inbox"
        check_signed_by(delete, known, peer)
        assert (await server.get(delete.json["id"])).json["type"] == "Delete"


async def test_actors_here_lose_the_deleted_one(server: Server) -> None:
    for one, other in (("ann", "bob"), ("bob", "ann")):
        reply = await server.post(one, {"type": "Follow", "object": server.id(other)})
        assert reply.status == 201
        await server.drained()
    assert await server.items("bob", "following", as_="bob") == [server.id("ann")]
    assert await server.items("bob", "followers", as_="bob") == [server.id("ann")]
    await command(server, "actor", "delete", "ann", "--yes")
    assert await server.items("bob", "following", as_="bob") == []
    assert await server.items("bob", "followers", as_="bob") == []
    assert (await server.get("/actors/bob/followers", as_="bob")).json["totalItems"] == 0
    inbox = await server.items("bob", "inbox", as_="bob")
    assert (inbox[0]["type"], inbox[0]["object"]) == ("Delete", server.id("ann"))


async def test_a_name_is_never_given_out_again(server: Server) -> None:
    await command(server, "actor", "delete", "ann", "--yes")
    for name in ("ann", "Ann"):
        done = await command(server, "actor", "create", name)
        assert (done.code, done.out) == (1, "")
        assert "was deleted" in done.err
    again = await command(server, "actor", "delete", "ann", "--yes")
    assert again.code == 1
    assert "was deleted" in again.err


async def test_what_is_deleted_leaves_nothing_of_it_behind(server: Server, peer: Peer) -> None:
    await follow(server, peer, "ann")
    await server.note("ann", "a secret of ann", PUBLIC)
    sent = peer.create("carol", "a secret for ann", server.id("ann"))
    assert (await peer.send(f"{server.id('ann')}/inbox", sent, by="carol")).status == 202
    await server.drained()
    await command(server, "actor", "delete", "ann", "--yes")
    await peer.wait("Delete")
    late = peer.create("carol", "too late", server.id("ann"))
    assert (await peer.send(f"{server.origin}/inbox", late, by="carol")).status == 202
    await server.drained()
    left = await contents(server)
    ann = str(key_of(server.id("ann")))
    for table in ("collection", "relation", "follower_inbox", "delivery"):
        assert not [row for row in left[table] if ann in row], table
    assert not [row for row in left["activity"] if late["id"] in row]
    ours = await server.rows("SELECT document FROM object WHERE kind = 'ours'")
    assert ours
    assert all(b"a secret of ann" not in row["document"] for row in ours)
    assert len([row for row in left["key_pair"] if ann in row]) > 0  # it signs what is still owed


async def test_rotate_key_in_a_dry_run_changes_nothing(server: Server) -> None:
    before = await contents(server)
    done = await command(server, "actor", "rotate-key", "ann", "--dry-run", "--json")
    assert done.code == 0
    assert json.loads(done.out) == {
        "actor": server.id("ann"),
        "key": f"{server.id('ann')}#main-key",
    }
    assert "nothing was changed" in done.err
    assert await contents(server) == before


async def test_KEY_10_rotate_key_gives_a_new_key(server: Server, peer: Peer) -> None:
    """The Update that tells of it is signed under the old key."""
    await follow(server, peer, "ann")
    old = await public_key(server, "ann")
    done = await command(server, "actor", "rotate-key", "ann", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out)["actor"] == server.id("ann")
    assert await public_key(server, "ann") != old
    [update] = await peer.wait("Update")
    check_signed_by(update, old, peer)


async def test_create_in_a_dry_run_changes_nothing(server: Server) -> None:
    before = await contents(server)
    done = await command(server, "actor", "create", "zoe", "--token", "--dry-run", "--json")
    assert (done.code, json.loads(done.out)["actor"]) == (0, server.id("zoe"))
    assert "token" not in json.loads(done.out)
    assert await contents(server) == before
    taken = await command(server, "actor", "create", "ann", "--dry-run")
    assert (taken.code, taken.out) == (1, "")


async def test_create_without_a_token_says_how_to_make_one(server: Server) -> None:
    done = await command(server, "actor", "create", "zoe")
    assert done.code == 0
    assert done.err.endswith(" token create zoe\n")
    done = await command(server, "actor", "create", "zac", "--token")
    assert (done.code, done.err) == (0, "")
