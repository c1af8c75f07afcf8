"""Scenario 5: what a site may name, and what is refused."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.conftest import StartServer
from tests.doubles.server import PUBLIC
from tests.flows.site_steps import SITE, issue, start_site, tell, told, user

ACT: dict[str, Any] = {"verbPhrase": "closed", "actor": user("ann"), "to": [PUBLIC]}
REFUSED: dict[str, dict[str, Any]] = {
    "an unregistered object": {"object": f"{SITE}/widgets/1"},
    "an unregistered object in full": {"object": {"id": f"{SITE}/widgets/1", "type": "Widget"}},
    "an unregistered target": {"object": issue(1), "target": f"{SITE}/widgets/1"},
    "a thing of another type": {"object": {"id": issue(1), "type": "Widget"}},
    "an unregistered actor": {"actor": f"{SITE}/robots/1", "object": issue(1)},
    "an actor elsewhere": {"actor": "https://elsewhere.example/ann", "object": issue(1)},
    "an actor of ours that is not there": {"actor": "{origin}/actors/nobody", "object": issue(1)},
    "a thing that does not act": {"actor": f"{SITE}/groups/1", "object": issue(1)},
    "a thing that cannot be addressed": {"object": issue(1), "cc": [f"{SITE}/groups/1"]},
}


@pytest.mark.parametrize("what", REFUSED)
async def test_scenario_05_nothing_unregistered_is_taken(
    start_server: StartServer, what: str
) -> None:
    """A12, H1: 422 with problem+json that names the type, and nothing is stored."""
    server = await start_site(start_server)
    before = await server.contents()
    members = {
        name: one.format(origin=server.origin) if isinstance(one, str) else one
        for name, one in REFUSED[what].items()
    }
    reply = await tell(server, {**ACT, **members})
    assert reply.status == 422, reply.text
    assert reply.headers["Content-Type"].startswith("application/problem+json")
    named = ("widgets/1", "Widget", "robots/1", "elsewhere", "nobody", "groups/1", "group")
    assert any(word in reply.json["detail"] for word in named)
    assert await server.contents() == before


async def test_X9_an_actor_that_is_not_registered_is_refused(start_server: StartServer) -> None:
    """Fault X9: the seed takes any model for an actor. The message tells the cure."""
    server = await start_site(start_server)
    reply = await tell(server, {**ACT, "actor": f"{SITE}/robots/1", "object": issue(1)})
    assert reply.status == 422
    assert "[things]" in reply.json["detail"]
    assert reply.json["pointer"] == "/actor"


async def test_the_site_acts_for_its_users(start_server: StartServer) -> None:
    """Decision 2: an actor is made at first use, once, and acts in its own name; things have only
    the members that their type shows."""
    server = await start_site(start_server)
    thing = {"id": issue(2), "type": "Document", "name": "It is broken", "body": "Private"}
    created = await told(server, "j.doe+1", "closed", object=thing, target=user("bob"))
    assert created["actor"] == server.id("j_doe_1")
    assert created["object"] == {"id": issue(2), "type": "Document", "name": "It is broken"}
    assert created["target"] == server.id("bob")
    assert created["summary"] == "j_doe_1 closed It is broken on bob"
    again = await told(server, "j.doe+1", "reopened", object=issue(2))
    assert again["actor"] == created["actor"]
    assert again["object"]["name"] == "It is broken"
    assert [one["id"] for one in await server.items("j_doe_1", "outbox")] == [
        again["id"],
        created["id"],
    ]
    shown = await server.get(created["id"])
    assert "Private" not in shown.text
    actor = await server.get(created["actor"])
    assert actor.json["url"] == user("j.doe+1")
    assert actor.json["alsoKnownAs"] == [user("j.doe+1")]


async def test_a_taken_name_is_a_conflict(start_server: StartServer) -> None:
    """Two users of the site whose names fall together: 409 that says what to do, nothing stored."""
    server = await start_site(start_server, "bob")
    await told(server, "j.doe", "closed", object=issue(2))
    await server.drained()
    before = await server.contents()
    for name in ("j-doe", "bob", "instance"):
        reply = await tell(server, {**ACT, "actor": user(name), "object": issue(2)})
        assert reply.status == 409, reply.text
        assert "handle" in reply.json["detail"]
    assert await server.contents() == before


async def test_only_the_scope_site_may_do_so(start_server: StartServer) -> None:
    """403 for the tokens of actors, 401 without one; the site's own token is for nothing else."""
    server = await start_site(start_server, "ann")
    before = await server.contents()
    act = {**ACT, "object": issue(2)}
    assert (await tell(server, act, as_="ann")).status == 403
    without = await server.ask("POST", "/outbox", data=act, Content_Type="application/ld+json")
    assert without.status == 401
    server.tokens["instance"] = server.tokens["site"]
    assert (await server.post("instance", {"type": "Note", "content": "x"})).status == 403
    assert await server.contents() == before


async def test_one_request_counts_once(start_server: StartServer) -> None:
    """Scenario 6 for a site: the same Idempotency-Key, the same activity."""
    server = await start_site(start_server)
    act = {"@context": "https://www.w3.org/ns/activitystreams", **ACT, "object": issue(2)}
    headers = {"Content_Type": "application/activity+json", "Idempotency_Key": "one"}
    first = await server.ask("POST", "/outbox", as_="site", data=act, **headers)
    again = await server.ask("POST", "/outbox", as_="site", data=act, **headers)
    assert (first.status, again.json["id"]) == (201, first.json["id"])
    assert len(await server.items("ann", "outbox")) == 1


async def test_a_user_that_acts_twice_at_once_is_one_actor(start_server: StartServer) -> None:
    """First use by several requests at the same time: one actor, and each action is there."""
    server = await start_site(start_server)
    act = {**ACT, "object": issue(2), "target": user("bob")}
    replies = await asyncio.gather(*(tell(server, act) for _ in range(5)))
    assert [one.status for one in replies] == [201] * 5
    assert {one.json["actor"] for one in replies} == {server.id("ann")}
    assert len(await server.items("ann", "outbox")) == 5
    names = await server.rows("SELECT name FROM actor ORDER BY name")
    assert [row["name"] for row in names] == ["ann", "bob", "instance", "issue_2"]
    census = await server.get("/nodeinfo/2.1")
    assert census.json["usage"]["users"]["total"] == 2  # a facade is no user


async def test_scenario_26_words_are_no_booleans(start_server: StartServer) -> None:
    """G2, G5: "false" is no false: 400 that names the member; follow and unfollow both work."""
    server = await start_site(start_server)
    follow = {"type": "Follow", "actor": user("ann"), "object": issue(2)}
    refused = await tell(server, {**follow, "actorOnly": "false"})
    assert (refused.status, refused.json["pointer"]) == (400, "/actorOnly")
    made = await tell(server, {**follow, "actorOnly": False})
    assert (made.status, made.json["actorOnly"]) == (201, False)
    assert (await server.get("/actors/ann/following")).json["totalItems"] == 1
    undo = {"type": "Undo", "actor": user("ann"), "object": follow}
    assert (await tell(server, undo)).status == 201
    assert (await server.get("/actors/ann/following")).json["totalItems"] == 0
