"""What pruning leaves of what was received, as seen over HTTP (issue 3, "Retention and limits")."""

from __future__ import annotations

from apserver import app
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.steps import follow_from


async def _grow_older(server: Server, days: int) -> None:
    """As if so many days had passed since all that is stored."""
    for table, column in (
        ("activity", "stored_at"),
        ("object", "stored_at"),
        ("raw", "stored_at"),
        ("receipt", "stored_at"),
        ("actor", "fetched_at"),
        ("public_key", "fetched_at"),
    ):
        await server.rows(f"UPDATE {table} SET {column} = {column} - {days} * interval '1 day'")


async def _prune(server: Server) -> dict[str, int]:
    removed = await app.prune(server.dsn, server.settings)
    return {kind: gone for kind, gone in removed.items() if gone}


async def _is_listed(server: Server, name: str, count: int) -> None:
    async def listed() -> bool:
        return len(await server.items(name, "inbox", as_=name)) == count

    await until(listed)


async def _total(server: Server, name: str) -> int:
    total: int = (await server.get(f"/actors/{name}/inbox", as_=name)).json["totalItems"]
    return total


async def test_an_inbox_shows_the_id_of_an_object_that_went(server: Server, peer: Peer) -> None:
    """After 90 days the object goes, after a year its place in the inbox; the follower stays."""
    await follow_from(peer, "carol", server, "ann")
    mine = await server.note("ann", "Mine", PUBLIC)
    note = peer.create("carol", "Theirs", server.id("ann"), summary='"quoted" \\ \u00e9')
    inbox = f"{server.id('ann')}/inbox"
    assert (await peer.send(inbox, note, by="carol")).status == 202
    await _is_listed(server, "ann", 2)
    await server.drained()

    await _grow_older(server, 91)
    assert await _prune(server) == {"objects": 1, "bodies": 2}
    create, follow = await server.items("ann", "inbox", as_="ann")
    assert create["object"] == note["object"]["id"]
    assert (create["id"], create["actor"]) == (note["id"], peer.id("carol"))
    assert follow["type"] == "Follow"
    assert await _total(server, "ann") == 2

    await _grow_older(server, 366 - 91)
    assert await _prune(server) == {"receipts": 2, "activities": 2}
    assert await server.items("ann", "inbox", as_="ann") == []
    assert await _total(server, "ann") == 0
    assert await server.items("ann", "followers", as_="ann") == [peer.id("carol")]
    assert (await server.get(mine["id"])).status == 200
    assert (await server.get(mine["object"]["id"])).status == 200


async def test_a_pruned_actor_is_fetched_when_it_comes_back(server: Server, peer: Peer) -> None:
    """Its key may still be in the memory of a worker; its row must be there all the same, for it
    tells posts for followers from direct ones."""
    inbox = f"{server.id('ann')}/inbox"
    first = peer.create("carol", "Once", PUBLIC)
    assert (await peer.send(inbox, first, by="carol")).status == 202
    await _is_listed(server, "ann", 1)
    await server.drained()
    await _grow_older(server, 366)
    gone = await _prune(server)
    assert (gone["actors"], gone["activities"], gone["objects"]) == (1, 1, 1)
    assert await server.rows("SELECT FROM actor WHERE NOT ours") == []

    again = peer.create("carol", "Again", f"{peer.id('carol')}/followers", server.id("ann"))
    assert (await peer.send(inbox, again, by="carol")).status == 202
    await _is_listed(server, "ann", 1)
    assert len(await server.rows("SELECT FROM actor WHERE NOT ours")) == 1
    rows = await server.rows("SELECT visibility FROM activity WHERE id = $1", again["id"])
    assert rows == [{"visibility": 2}]


async def test_a_repeat_after_pruning_is_taken_as_new(server: Server, peer: Peer) -> None:
    """Nothing of the first time is in its way: no receipt without its activity."""
    inbox = f"{server.id('ann')}/inbox"
    note = peer.create("carol", "Once more", PUBLIC)
    for _ in range(2):
        assert (await peer.send(inbox, note, by="carol")).status == 202
        await _is_listed(server, "ann", 1)
        await server.drained()
        await _grow_older(server, 366)
        assert (await _prune(server))["activities"] == 1
    assert await _total(server, "ann") == 0


async def test_the_farewell_of_an_actor_counts_while_its_posts_are_here(
    server: Server, peer: Peer
) -> None:
    """Its row is kept with them, so its Delete is not taken for that of a stranger."""
    inbox = f"{server.id('ann')}/inbox"
    note = peer.create("carol", "Secret", PUBLIC)
    assert (await peer.send(inbox, note, by="carol")).status == 202
    await _is_listed(server, "ann", 1)
    await server.drained()
    await _grow_older(server, 91)
    await _prune(server)
    farewell = peer.activity("Delete", "carol", object=peer.id("carol"), to=[PUBLIC])
    assert (await peer.send(inbox, farewell, by="carol")).status == 202

    async def forgotten() -> bool:
        return await server.items("ann", "inbox", as_="ann") == []

    await until(forgotten)
