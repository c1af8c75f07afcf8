"""Scenario 32: things whose site says who follows them."""

from __future__ import annotations

import json
from typing import Any

from tests.conftest import StartServer
from tests.doubles.server import PUBLIC, Server
from tests.flows.site_steps import SITE, club, issue, start_site, tell, told, user


async def ask(server: Server, iri: str) -> dict[str, Any]:
    """Ann's Follow of a thing, with what happens to it."""
    follow = {"type": "Follow", "object": iri, "actorOnly": False}
    reply = await server.post("ann", follow)
    assert reply.status == 201, reply.text
    created: dict[str, Any] = reply.json
    return created


async def pending(server: Server, iri: str) -> list[dict[str, Any]]:
    """The follows that wait, as the site sees them."""
    head = await server.get(f"/things/pending?id={iri}", as_="site")
    assert head.status == 200, head.text
    page = await server.get(head.json["first"], as_="site")
    items: list[dict[str, Any]] = page.json["orderedItems"]
    return items


async def home(server: Server) -> list[str]:
    """The ids of the actions in ann's home."""
    reply = await server.get("/actors/ann/streams/home?page=first&expand=ids", as_="ann")
    assert reply.status == 200, reply.text
    return [one if isinstance(one, str) else one["id"] for one in reply.json["orderedItems"]]


async def test_scenario_32_the_site_sees_what_a_follow_wants(start_server: StartServer) -> None:
    """B1 pending: with its flag, and whether it is for what the thing does alone; the terms are
    those of our namespace."""
    flags = json.dumps({"close": {}})
    server = await start_site(start_server, "ann", flags=flags)
    follow = {"type": "Follow", "object": club(1), "followFlag": "close", "actorOnly": True}
    created = await server.post("ann", follow)
    assert created.status == 201, created.text
    [waiting] = await pending(server, club(1))
    assert waiting["id"] == created.json["id"]
    assert (waiting["followFlag"], waiting["actorOnly"]) == ("close", True)
    [terms] = waiting["@context"]
    assert terms.keys() == {"followFlag", "actorOnly"}


async def test_scenario_32_a_follow_waits_and_is_accepted(start_server: StartServer) -> None:
    """B1 pending: listed for the site, and for nobody else; home is empty until the Accept, and
    has what was before it then."""
    server = await start_site(start_server, "ann")
    met = await told(server, "mit", "met", target=club(1))
    follow = await ask(server, club(1))
    [waiting] = await pending(server, club(1))
    assert waiting["id"] == follow["id"]
    assert (waiting["actor"], waiting["object"]) == (server.id("ann"), club(1))
    assert waiting["actorOnly"] is False
    assert "followFlag" not in waiting
    assert (await server.get(f"/things/pending?id={club(1)}", as_="ann")).status == 403
    assert (await server.get(f"/things/pending?id={club(1)}")).status == 401
    assert met["id"] not in await home(server)
    assert await server.items("ann", "following", as_="ann") == []
    accept = {"type": "Accept", "actor": user("mit"), "object": follow["id"]}
    reply = await tell(server, accept)
    assert reply.status == 201, reply.text
    assert await pending(server, club(1)) == []
    assert await server.items("ann", "following", as_="ann") == [club(1)]
    assert met["id"] in await home(server)
    await server.drained()
    inbox = await server.items("ann", "inbox", as_="ann")
    assert "Accept" in [one["type"] for one in inbox]


async def test_scenario_32_a_follow_is_rejected(start_server: StartServer) -> None:
    """B1 pending: after a Reject there is no follow, and home never has what happens."""
    server = await start_site(start_server, "ann")
    follow = await ask(server, club(1))
    reject = {"type": "Reject", "actor": server.id("instance"), "object": follow}
    reply = await tell(server, reject)
    assert reply.status == 201, reply.text
    met = await told(server, "mit", "met", target=club(1))
    assert met["id"] not in await home(server)
    assert await pending(server, club(1)) == []
    assert await server.items("ann", "following", as_="ann") == []
    again = await tell(server, reject)
    assert again.status == 400


async def test_only_the_site_answers_for_its_things(start_server: StartServer) -> None:
    """Actors here, the follower above all, cannot accept for the site."""
    server = await start_site(start_server, "ann", "bob")
    follow = await ask(server, club(1))
    for name in ("ann", "bob"):
        reply = await server.post(name, {"type": "Accept", "object": follow["id"]})
        assert reply.status in (400, 403, 404), reply.text
    assert len(await pending(server, club(1))) == 1


async def test_pending_follows_come_in_pages(start_server: StartServer) -> None:
    """Each once, however many."""
    server = await start_site(start_server)
    for number in range(5):
        act = {"type": "Follow", "actor": user(f"user{number}"), "object": club(1)}
        assert (await tell(server, act)).status == 201
    url = f"/things/pending?id={club(1)}&page=first&limit=2"
    seen: list[str] = []
    while url:
        page = (await server.get(url, as_="site")).json
        assert len(page["orderedItems"]) <= 2
        seen += [one["actor"] for one in page["orderedItems"]]
        url = page.get("next")
    assert sorted(seen) == [server.id(f"user{number}") for number in range(5)]


async def test_what_may_not_be_followed_is_not(start_server: StartServer) -> None:
    """H1: a type that is not followable: 422; one that is: at once, and without asking anybody."""
    server = await start_site(start_server, "ann")
    secret = f"{SITE}/secrets/1"
    reply = await server.post("ann", {"type": "Follow", "object": secret})
    assert reply.status == 422, reply.text
    follow = await ask(server, issue(1))
    assert await server.items("ann", "following", as_="ann") == [issue(1)]
    await server.drained()
    assert await server.rows("SELECT FROM job") == []
    closed = await told(server, "mit", "closed", object=issue(1))
    assert closed["id"] in await home(server)
    undone = await server.post("ann", {"type": "Undo", "object": follow["id"]})
    assert undone.status == 201, undone.text
    assert closed["id"] not in await home(server)


async def test_scenario_08_a_user_of_the_site_follows(start_server: StartServer) -> None:
    """Scenario 8 by the site: its users follow its things and each other by their IRIs there."""
    server = await start_site(start_server)
    follow = {"type": "Follow", "actor": user("jo"), "actorOnly": False, "followFlag": "watching"}
    for followed in (issue(2), user("mit")):
        reply = await tell(server, {**follow, "object": followed})
        assert reply.status == 201, reply.text
    await server.drained()
    assert (await server.get("/actors/jo/following")).json["totalItems"] == 2
    assert (await server.get("/actors/mit/followers")).json["totalItems"] == 1
    thing = (await server.get(f"/things?id={issue(2)}")).json
    assert (await server.get(thing["followers"])).json["totalItems"] == 1
    note = {"type": "Note", "content": "Hello", "to": [user("mit")]}
    sent = await tell(server, {"type": "Create", "actor": user("jo"), "object": note})
    assert sent.status == 201, sent.text
    assert sent.json["to"] == [server.id("mit")]
    assert PUBLIC not in sent.text


async def test_clients_name_users_of_the_site_as_the_site_does(start_server: StartServer) -> None:
    """An actor's own client follows and addresses a user by the IRI that people know."""
    server = await start_site(start_server, "ann")
    await told(server, "mit", "met", target=club(1))
    followed = await server.post("ann", {"type": "Follow", "object": user("mit")})
    assert (followed.status, followed.json["object"]) == (201, server.id("mit"))
    await server.drained()
    assert await server.items("ann", "following", as_="ann") == [server.id("mit")]
    note = await server.post("ann", {"type": "Note", "content": "Hi", "to": [user("mit")]})
    assert note.json["to"] == [server.id("mit")]
    unknown = await server.post("ann", {"type": "Follow", "object": user("nobody")})
    assert unknown.status == 422


async def test_B11_the_site_sees_who_follows_its_things(start_server: StartServer) -> None:
    """B11, F6: all, those of one flag, and one; everybody else learns the number."""
    server = await start_site(start_server, "ann", "bob")
    await told(server, "mit", "opened", object={"id": issue(2), "type": "Document"})
    for name, flag in (("ann", {"followFlag": "watching"}), ("ann", {}), ("bob", {})):
        reply = await server.post(name, {"type": "Follow", "object": issue(2), **flag})
        assert reply.status == 201, reply.text
    url = f"/things/followers?id={issue(2)}"
    head = await server.get(url, as_="site")
    assert head.json["totalItems"] == 2
    page = await server.get(f"{head.json['first']}&limit=1", as_="site")
    rest = await server.get(page.json["next"], as_="site")
    found = [one["id"] for reply in (page, rest) for one in reply.json["orderedItems"]]
    assert sorted(found) == [server.id("ann"), server.id("bob")]
    watching = await server.get(f"{url}&flag=watching&view=ids", as_="site")
    assert watching.json["orderedItems"] == [server.id("ann")]
    of_bob = await server.get(f"{url}&actor={server.id('bob')}", as_="site")
    assert of_bob.json["totalItems"] == 1
    for as_, status in ((None, 401), ("ann", 403)):
        assert (await server.get(url, as_=as_)).json.keys() == {"@context", "id", "type"} | {
            "totalItems"
        }
        assert (await server.get(f"{url}&page=first", as_=as_)).status == status
    assert (await server.get(f"{url}&nonsense=1", as_="site")).status == 400
