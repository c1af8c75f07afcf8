"""Scenario 27: what becomes of actions and follows when a site deletes a thing."""

from __future__ import annotations

import json

import pytest

from tests.conftest import StartServer
from tests.doubles.peer import Peer
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
)


async def delete(server: Server, iri: str) -> None:
    reply = await tell(server, {"type": "Delete", "actor": user("mit"), "object": iri})
    assert reply.status == 201, reply.text
    assert reply.json["object"]["type"] == "Tombstone"
    await server.drained()


async def follow(server: Server, who: str, iri: str) -> None:
    asked = {"type": "Follow", "actor": user(who), "object": iri}
    reply = await tell(server, asked)
    assert reply.status == 201, reply.text


async def test_scenario_27_tombstone_keeps_the_actions(start_server: StartServer) -> None:
    """H3, B15: the actions stay and show that the thing is gone; GET is 410; the follows end."""
    server = await start_site(start_server)
    thing = {"id": issue(2), "type": "Document", "name": "It is broken"}
    closed = await told(server, "mit", "closed", object=thing, target=group(1))
    await follow(server, "jo", issue(2))
    assert await server.rows("SELECT FROM follow") != []
    await delete(server, issue(2))
    gone = await server.get(f"/things?id={issue(2)}")
    assert gone.status == 410
    assert (gone.json["type"], gone.json["formerType"]) == ("Tombstone", "Document")
    assert "broken" not in gone.text
    shown = await server.get(closed["id"])
    assert shown.json["object"]["type"] == "Tombstone"
    assert shown.json["object"]["id"] == issue(2)
    assert shown.json["target"]["id"] == group(1)
    assert await stream(server, "target", group(1)) == [closed["id"]]
    assert await server.rows("SELECT FROM follow") == []
    assert await server.rows("SELECT FROM relation WHERE kind = 'follow'") == []
    assert (await server.get("/actors/jo/following")).json["totalItems"] == 0


async def test_a_deleted_thing_stays_deleted(start_server: StartServer) -> None:
    """What the site tells of it afterwards does not bring it back; a second Delete is 410."""
    server = await start_site(start_server)
    thing = {"id": issue(2), "type": "Document", "name": "It is broken"}
    await told(server, "mit", "closed", object=thing)
    await delete(server, issue(2))
    await told(server, "mit", "mourned", object=thing)
    assert (await server.get(f"/things?id={issue(2)}")).status == 410
    again = await tell(server, {"type": "Delete", "actor": user("mit"), "object": issue(2)})
    assert again.status == 410


async def test_scenario_27_cascade_takes_the_actions_with_it(
    start_server: StartServer, peer: Peer
) -> None:
    """H3, B15: each action goes as its actor's own Delete; others hear of it; streams, outbox and
    follows are empty; whatever has nothing to do with the thing stays."""
    server = await start_site(start_server, "ann")
    followers = f"{server.id('mit')}/followers"
    cc = {"cc": [followers]}
    first = await told(server, "mit", "joined", target=group(1), **cc)
    asked = peer.follow("carol", server.id("mit"))
    assert (await peer.send(f"{server.id('mit')}/inbox", asked, by="carol")).status == 202
    await peer.wait("Accept")
    saw = await told(server, "mit", "saw", object=group(1), **cc)
    liked = await server.post("ann", {"type": "Like", "object": group(1), "to": [PUBLIC]})
    note = {"type": "Note", "content": "Hello", "to": [PUBLIC, peer.id("carol")]}
    posted = await server.post("ann", {"type": "Create", "object": note, "target": group(1)})
    other = await told(server, "mit", "saw", object=issue(1))
    await follow(server, "jo", group(1))
    await delete(server, group(1))

    async def deleted() -> bool:
        named = {
            one.json["object"].get("id") for one in peer.received if "Delete" in one.json["type"]
        }
        return {saw["id"], posted.json["object"]["id"]} <= named

    await until(deleted)
    await server.drained()
    for one in (first, saw, liked.json, posted.json):
        reply = await server.get(one["id"])
        assert reply.status in (404, 410), reply.text
    for role in ("any", "object", "target"):
        assert await stream(server, role, group(1)) == []
    outbox = [one["id"] for one in await server.items("mit", "outbox")]
    assert other["id"] in outbox
    assert {first["id"], saw["id"]}.isdisjoint(outbox)
    assert (await server.get(other["id"])).status == 200
    assert (await server.get(posted.json["object"]["id"])).status == 410
    assert await server.rows("SELECT FROM relation WHERE kind = 'follow' AND subject_ours") == []
    assert await server.rows("SELECT FROM job") == []


async def test_a_cascade_goes_on_until_nothing_is_left(
    start_server: StartServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In batches, each a transaction of its own that leaves a job for the rest."""
    monkeypatch.setattr("apserver.core.limits.ENDED_ACTIONS", 2)
    monkeypatch.setattr("apserver.core.limits.ENDED_FOLLOWS", 2)
    server = await start_site(start_server)
    acts = [await told(server, "mit", "saw", object=group(1)) for _ in range(7)]
    for number in range(5):
        await follow(server, f"user{number}", group(1))
    await delete(server, group(1))
    assert await stream(server, "object", group(1)) == []
    statuses = [(await server.get(one["id"])).status for one in acts]
    assert set(statuses) <= {404, 410}
    assert await server.rows("SELECT FROM relation WHERE kind = 'follow'") == []
    assert await server.rows("SELECT FROM follow") == []


async def test_the_facade_goes_with_its_thing(start_server: StartServer, peer: Peer) -> None:
    """R5, B15: those who follow the façade hear that it is gone."""
    types = {**TYPES, "issue": {**TYPES["issue"], "deletion": "cascade"}}
    server = await start_site(start_server, things=json.dumps(types))
    await told(server, "mit", "opened", object=issue(2))
    facade = server.id("issue_2")
    asked = peer.follow("carol", facade)
    assert (await peer.send(f"{facade}/inbox", asked, by="carol")).status == 202
    await peer.wait("Accept")
    await delete(server, issue(2))
    [gone] = [one for one in await peer.wait("Delete") if one.json["actor"] == facade]
    assert gone.json["object"] == facade
    assert (await server.get(facade)).status == 410
    handle = f"issue_2@{server.origin.partition('://')[2]}"
    finger = await server.get(f"/.well-known/webfinger?resource=acct:{handle}")
    assert finger.status == 410


async def test_a_deleted_user_of_the_site_is_gone(start_server: StartServer, peer: Peer) -> None:
    """B15: the actor of the user says Delete of itself; its follows end on both sides, and it does
    not come back."""
    server = await start_site(start_server)
    saw = await told(server, "mit", "saw", object=issue(1), target=user("jo"))
    await told(server, "jo", "saw", object=issue(1))
    await follow(server, "jo", user("mit"))
    asked = peer.follow("carol", server.id("mit"))
    assert (await peer.send(f"{server.id('mit')}/inbox", asked, by="carol")).status == 202
    await peer.wait("Accept")
    by_another = await tell(server, {"type": "Delete", "actor": user("jo"), "object": user("mit")})
    assert by_another.status == 403
    reply = await tell(server, {"type": "Delete", "actor": user("mit"), "object": user("mit")})
    assert reply.status == 201, reply.text
    [gone] = await peer.wait("Delete")
    assert (gone.json["actor"], gone.json["object"]) == (server.id("mit"), server.id("mit"))
    await server.drained()
    assert (await server.get(server.id("mit"))).status == 410
    assert (await server.get(saw["id"])).status == 404
    assert (await server.get("/actors/jo/following")).json["totalItems"] == 0
    again = {"verbPhrase": "saw", "actor": user("mit"), "object": issue(1), "to": [PUBLIC]}
    assert (await tell(server, again)).status == 410
    follower = {"type": "Follow", "actor": user("jo"), "object": user("mit")}
    assert (await tell(server, follower)).status in (404, 410)
