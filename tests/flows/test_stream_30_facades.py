"""Scenario 30: what others can follow of a thing."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from tests.conftest import StartServer, free_port
from tests.doubles.peer import Peer, Received
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.site_steps import (
    TYPES,
    group,
    issue,
    start_site,
    stream,
    tell,
    told,
    user,
    with_site_token,
)


async def followed(server: Server, peer: Peer, number: int = 2) -> str:
    """The façade of an issue, found by its handle, that carol follows."""
    handle = f"issue_{number}@{server.origin.partition('://')[2]}"
    finger = await server.get(f"/.well-known/webfinger?resource=acct:{handle}")
    assert finger.status == 200, finger.text
    [facade] = [one["href"] for one in finger.json["links"] if one["rel"] == "self"]
    asked = peer.follow("carol", facade)
    reply = await peer.send(f"{facade}/inbox", asked, by="carol")
    assert reply.status == 202, reply.text
    await server.drained()
    assert facade in [one.json["actor"] for one in await peer.wait("Accept")]
    return str(facade)


async def announces(server: Server, peer: Peer) -> list[Received]:
    """The Announces that reached the peer, when nothing is under way."""
    await server.drained()
    return [one for one in peer.received if one.json["type"] == "Announce"]


async def test_scenario_30_the_facade_announces(start_server: StartServer, peer: Peer) -> None:
    """R5, B1: WebFinger, a signed Follow, an Accept; then each public action with the thing for
    object or target comes as an Announce of its id, signed by the façade; after Undo none does."""
    server = await start_site(start_server)
    await told(server, "mit", "opened", object={"id": issue(2), "type": "Document", "name": "It"})
    facade = await followed(server, peer)
    actor = (await server.get(facade)).json
    assert (actor["type"], actor["url"], actor["name"]) == ("Group", issue(2), "It")
    assert actor["alsoKnownAs"] == [issue(2)]
    assert (await server.get(actor["followers"])).json["totalItems"] == 1
    closed = await told(server, "jo", "closed", object=issue(2))
    moved = await told(server, "jo", "put", object=group(1), target=issue(2))
    got = await announces(server, peer)
    assert [one.json["object"] for one in got] == [closed["id"], moved["id"]]
    for one in got:
        assert one.signer == f"{facade}#main-key"
        assert one.json["actor"] == facade
        assert one.json["to"] == [PUBLIC]
        assert one.json["cc"] == [f"{facade}/followers"]
        assert one.json["companionOf"] == one.json["object"]
        assert (await server.get(one.json["object"])).json["verbPhrase"] in ("closed", "put")
    [follow] = await peer.wait("Accept")
    undo = peer.activity("Undo", "carol", object=follow.json["object"])
    assert (await peer.send(f"{facade}/inbox", undo, by="carol")).status == 202
    await server.drained()
    assert (await server.get(actor["followers"])).json["totalItems"] == 0
    await told(server, "jo", "reopened", object=issue(2))
    assert len(await announces(server, peer)) == len(got)


async def test_an_announce_is_in_no_stream_and_not_announced(
    start_server: StartServer, peer: Peer
) -> None:
    """No loops: the action is in the streams once; what the façade does is announced by none, nor
    what is not public."""
    server = await start_site(start_server)
    opened = await told(server, "mit", "opened", object=issue(2), target=issue(3))
    facade = await followed(server, peer, 2)
    await followed(server, peer, 3)
    private = {"verbPhrase": "noted", "actor": user("jo"), "object": issue(2), "to": [user("mit")]}
    assert (await tell(server, private)).status == 201
    said = await tell(
        server, {"verbPhrase": "rests", "actor": issue(2), "object": issue(2), "to": [PUBLIC]}
    )
    assert said.status == 201, said.text
    assert said.json["actor"] == facade
    assert await announces(server, peer) == []
    closed = await told(server, "jo", "closed", object=issue(2), target=issue(3))
    assert sorted(one.json["actor"] for one in await announces(server, peer)) == [
        facade,
        server.id("issue_3"),
    ]
    public = await server.get("/streams/public?page=first&expand=ids")
    shown = [one if isinstance(one, str) else one["id"] for one in public.json["orderedItems"]]
    assert shown == [closed["id"], said.json["id"], opened["id"]]
    assert await stream(server, "target", issue(3)) == [closed["id"], opened["id"]]
    assert await stream(server, "any", facade) == await stream(server, "any", issue(2))


async def test_the_companion_is_announced_in_place_of_the_action(
    start_server: StartServer, peer: Peer
) -> None:
    """R4: a verb with a companion has a Note that every server shows; that is announced, once."""
    verbs: dict[str, Any] = {"closed": {"companion": True}}
    server = await start_site(start_server, verbs=json.dumps(verbs))
    await told(server, "mit", "opened", object=issue(2))
    await followed(server, peer)
    closed = await told(server, "jo", "closed", object=issue(2))
    [got] = await announces(server, peer)
    note = await server.get(got.json["object"])
    assert note.json["type"] == "Note"
    assert note.json["companionOf"] == closed["id"]
    assert got.json["companionOf"] == closed["id"]


async def test_only_known_things_have_a_facade(
    database: Callable[[], Awaitable[str]], tmp_path: Path
) -> None:
    """Nobody makes actors here by asking for them: WebFinger finds façades of things that the site
    told of, those too that it told of before their type had a façade."""
    dsn, port = await database(), free_port()
    plain = {**TYPES, "issue": {**TYPES["issue"], "facade": "", "handle": ""}}

    async def status(server: Server, name: str) -> int:
        asked = f"/.well-known/webfinger?resource=acct:{name}@127.0.0.1:{port}"
        return (await server.get(asked)).status

    options: dict[str, object] = {"port": port, "things": json.dumps(plain)}
    async with Server.running(dsn, tmp_path, (), options) as server:
        await with_site_token(server)
        await told(server, "mit", "opened", object=issue(2))
        assert await status(server, "issue_2") == 404
    options["things"] = json.dumps(TYPES)
    async with Server.running(dsn, tmp_path, (), options) as server:
        assert await status(server, "issue_3") == 404
        assert await server.rows("SELECT FROM actor WHERE name LIKE 'issue%'") == []
        assert await status(server, "issue_2") == 200
        actor = await server.get(server.id("issue_2"))
        assert (actor.json["type"], actor.json["url"]) == ("Group", issue(2))


async def test_scenario_32_a_facade_may_ask_the_site(start_server: StartServer, peer: Peer) -> None:
    """B1 pending, federated: the Follow waits, is listed for the site, and is accepted by it."""
    types = {**TYPES, "issue": {**TYPES["issue"], "approval": True}}
    server = await start_site(start_server, things=json.dumps(types))
    await told(server, "mit", "opened", object=issue(2))
    facade = server.id("issue_2")
    asked = peer.follow("carol", facade)
    assert (await peer.send(f"{facade}/inbox", asked, by="carol")).status == 202
    await server.drained()
    waiting = await server.get(f"/things/pending?id={issue(2)}&page=first", as_="site")
    [follow] = waiting.json["orderedItems"]
    assert (follow["id"], follow["actor"], follow["object"]) == (
        asked["id"],
        peer.id("carol"),
        facade,
    )
    assert peer.received == []
    accept = {"type": "Accept", "actor": issue(2), "object": follow}
    reply = await tell(server, accept)
    assert reply.status == 201, reply.text
    [accepted] = await peer.wait("Accept")
    assert accepted.json["object"]["id"] == asked["id"]
    assert (await server.get(f"{facade}/followers")).json["totalItems"] == 1


async def test_what_is_deleted_is_announced_no_longer(
    start_server: StartServer, peer: Peer
) -> None:
    """The façade undoes its Announce when the action is deleted: who got one hears of the end."""
    server = await start_site(start_server)
    await told(server, "mit", "opened", object=issue(2))
    facade = await followed(server, peer)
    closed = await told(server, "jo", "closed", object=issue(2))
    [got] = await announces(server, peer)
    reply = await tell(server, {"type": "Delete", "actor": user("jo"), "object": closed["id"]})
    assert reply.status == 201, reply.text
    [undone] = await peer.wait("Undo")
    assert undone.json["actor"] == facade
    assert undone.json["object"]["id"] == got.json["id"]
    assert (await server.get(closed["id"])).status == 410
    assert await stream(server, "any", issue(2)) != []
    assert closed["id"] not in await stream(server, "any", issue(2))


async def test_a_facade_is_called_as_its_thing(start_server: StartServer, peer: Peer) -> None:
    """When the site renames the thing, its followers elsewhere are told once."""
    server = await start_site(start_server)
    thing = {"id": issue(2), "type": "Document", "name": "It is broken"}
    await told(server, "mit", "opened", object=thing)
    facade = await followed(server, peer)
    for _ in range(2):
        renamed = {**thing, "name": "It was broken"}
        await told(server, "mit", "renamed", object=renamed)
    [update] = await peer.wait("Update")
    assert (update.json["actor"], update.json["object"]["name"]) == (facade, "It was broken")
    await server.drained()
    assert len([one for one in peer.received if one.json["type"] == "Update"]) == 1

    async def shown() -> bool:
        return bool((await server.get(facade)).json["name"] == "It was broken")

    await until(shown)


async def test_C6_who_follows_the_facade_follows_the_thing(start_server: StartServer) -> None:
    """C6, R5: on this server too: what happens to the thing is in home, or is muted with it."""
    server = await start_site(start_server, "dora", flags=json.dumps({"mute": {"mutes": True}}))
    await told(server, "carl", "opened", object={"id": issue(2), "type": "Document"})
    facade = server.id("issue_2")
    follow = {"type": "Follow", "object": facade}
    assert (await server.post("dora", follow)).status == 201
    await server.drained()
    closed = await told(server, "carl", "closed", object=issue(2))
    await server.drained()

    async def home() -> list[str]:
        page = await server.get("/actors/dora/streams/home?page=first&verb=closed", as_="dora")
        return [one["id"] for one in page.json["orderedItems"]]

    assert await home() == [closed["id"]]
    mute = {**follow, "followFlag": "mute"}
    assert (await server.post("dora", mute)).status == 201
    assert await home() == []
