"""GET of actors, objects, activities and collections: media types, caches, credentials."""

from __future__ import annotations

import json

import pytest
from aiohttp import web

from tests.conftest import StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Server
from tests.flows.steps import check_problem

LD_JSON_AS2 = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'


async def _urls(server: Server) -> list[str]:
    """One of each kind that everybody may read."""
    made = await server.note("ann", "hello", PUBLIC)
    ann = server.id("ann")
    collections = [f"{ann}/{one}" for one in ("outbox", "followers", "following", "liked")]
    return [ann, made["id"], made["object"]["id"], *collections, f"{ann}/outbox?page=first"]


async def test_AP_GET_01_every_as2_accept_gets_as2_json(server: Server) -> None:
    """AP-GET-01, AP-GET-02, IO-06, BP-01: for every kind of thing, by every name for AS2 JSON."""
    for url in await _urls(server):
        for accept, media_type in {
            AS2: AS2,
            LD_JSON_AS2: LD_JSON_AS2,
            "application/ld+json": LD_JSON_AS2,
            "application/activity+json, application/ld+json": AS2,
            f"{LD_JSON_AS2}, application/activity+json, text/html;q=0.1": AS2,
            "Application/Activity+JSON; q=0.9": AS2,
            "*/*": AS2,
        }.items():
            reply = await server.get(url, Accept=accept)
            assert reply.status == 200, reply.text
            assert reply.headers["Content-Type"] == media_type
            assert reply.json["id"] == url
            contexts = reply.json["@context"]
            assert CONTEXT in ([contexts] if isinstance(contexts, str) else contexts)
            assert "Accept" in reply.headers["Vary"]


async def test_AP_GET_05_no_accept_is_refused(server: Server) -> None:
    """AP-GET-05: what we do not have is answered with what we have, and never by a redirect."""
    url = (await server.note("ann", "hello", PUBLIC))["object"]["id"]
    for accept in ("application/json", "image/png", "text/turtle", "", "nonsense", "a/b;q=x,,;"):
        reply = await server.get(url, Accept=accept)
        assert (reply.status, reply.headers["Content-Type"]) == (200, AS2)
        assert reply.json["id"] == url


async def test_AP_GET_04_we_ask_for_as2_with_the_profile(server: Server, peer: Peer) -> None:
    """AP-GET-04, AP-S2S-03: in every GET that the server makes for an actor or a key."""
    document = peer.documents["/users/carol"]
    accepts: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        accepts.append(request.headers["Accept"])
        return web.Response(body=json.dumps(document).encode(), content_type=AS2)

    peer.documents["/users/carol"] = answer
    await server.note("ann", "hello", peer.id("carol"))
    await server.drained()
    assert [one.json["type"] for one in peer.received] == ["Create"]
    assert accepts
    assert [accept for accept in accepts if LD_JSON_AS2 not in accept] == []


async def test_AP_GET_07_bad_credentials_are_not_passed_over(server: Server, peer: Peer) -> None:
    """AP-GET-07: who sends a token or a signature that does not hold is told so: 401."""
    for url in await _urls(server):
        if url == server.id("ann"):
            continue  # an actor is the same for everybody, so nobody is asked who they are
        reply = await server.get(url, Authorization="Bearer wrong")
        check_problem(reply, 401)
        assert 'error="invalid_token"' in reply.headers["WWW-Authenticate"]
    url = (await server.note("ann", "hello", PUBLIC))["id"]
    peer.add_actor("mallory", key="not the one that mallory signs with")
    assert (await peer.get(url, by="mallory")).status == 401
    assert (await peer.get(url, by="carol")).status == 200


async def test_AP_GET_06_what_is_not_public_is_kept_by_no_cache(server: Server) -> None:
    """AP-GET-06: `private, no-store` for whatever a stranger would not get, and for its absence."""
    public = await server.note("ann", "hello", PUBLIC)
    followers = f"{server.id('ann')}/followers"
    for made in (await server.note("ann", "diary"), await server.note("ann", "friends", followers)):
        for url in (made["id"], made["object"]["id"]):
            reply = await server.get(url, as_="ann")
            assert (reply.status, reply.headers["Cache-Control"]) == (200, "private, no-store")
            assert {"Authorization", "Signature"} <= set(reply.headers["Vary"].split(", "))
            hidden = await server.get(url)
            assert (hidden.status, hidden.headers["Cache-Control"]) == (404, "no-store")
    for url in (f"{server.id('ann')}/outbox", f"{server.id('ann')}/outbox?page=first", followers):
        assert (await server.get(url, as_="ann")).headers["Cache-Control"] == "private, no-store"
        assert (await server.get(url)).headers["Cache-Control"].startswith("public")
    for url in (public["id"], public["object"]["id"], server.id("ann")):
        assert (await server.get(url)).headers["Cache-Control"].startswith("public")
    refused = await server.get(f"{server.id('ann')}/inbox")
    assert (refused.status, refused.headers["Cache-Control"]) == (401, "no-store")


async def test_AP_GET_08_what_is_not_there(server: Server) -> None:
    """404 with the same body for every kind of thing; nothing is looked up by halves."""
    public = await server.note("ann", "hello", PUBLIC)
    paths = [
        "/actors/nobody",
        "/actors/ANN",
        "/actors/ann/",
        "/actors/ann/likes",
        "/actors/nobody/outbox",
        "/actors/nobody/inbox",
        "/actors/%00",
        "/actors/%ED%A0%80",
        "/actors/" + "a" * 3_000,
        "/objects/none",
        "/objects/00000000-0000-7000-8000-000000000000",
        public["object"]["id"].replace("/objects/", "/activities/").removeprefix(server.origin),
        public["id"].upper().removeprefix(server.origin.upper()),
        "/activities",
        "//actors/ann",
        "/actors/../actors/ann",
    ]
    for path in paths:
        check_problem(await server.get(path, as_="ann"), 404)


async def test_AP_GET_01_an_object_of_another_server_is_not_served_as_ours(
    server: Server, peer: Peer
) -> None:
    """AP-OBJ-05: what came in is read in the inbox, with the id that it has."""
    note = peer.create("carol", "from afar", server.id("ann"))
    assert (await peer.send(f"{server.id('ann')}/inbox", note, by="carol")).status == 202
    await server.drained()
    [listed] = await server.items("ann", "inbox", as_="ann")
    assert listed["id"] == note["id"]
    assert listed["object"] == note["object"]


async def test_AP_GET_01_head_answers_as_get_does(server: Server) -> None:
    """HEAD: the same status and headers, no body (RFC 9110 9.3.2)."""
    for url in await _urls(server):
        get, head = await server.get(url), await server.ask("HEAD", url)
        assert (head.status, head.text) == (200, "")
        for name in ("Content-Type", "Content-Length", "Cache-Control", "Vary"):
            assert head.headers[name] == get.headers[name]


async def test_IO_06_an_id_is_its_url(start_server: StartServer) -> None:
    """IO-06, AP-OBJ-01: no redirect, and nobody else's id, under both of the server's names."""
    server = await start_server("ann", handle_host="handles.test")
    for url in await _urls(server):
        for host in (server.origin.removeprefix("http://"), "handles.test"):
            reply = await server.get(url, Host=host)
            assert (reply.status, reply.json["id"]) == (200, url)


@pytest.mark.parametrize("type_", ["Person", "Service", "Group", "Organization", "Application"])
async def test_AP_ACT_03_an_actor_names_its_collections(server: Server, type_: str) -> None:
    """AP-ACT-03, AP-ACT-04, AP-ACT-05, AP-ACT-06, AP-ACT-07, AP-COL-05, AP-COL-11, AP-COL-13,
    AP-COL-15: each of them there, an OrderedCollection, and empty at first."""
    await server.create_actor("cleo", type_=type_)
    actor = (await server.get("/actors/cleo")).json
    assert actor["type"] == type_
    for name in ("inbox", "outbox", "followers", "following", "liked"):
        assert actor[name] == f"{actor['id']}/{name}"
        head = await server.get(actor[name], as_="cleo")
        assert (head.json["type"], head.json["totalItems"]) == ("OrderedCollection", 0)
        assert await server.items("cleo", name, as_="cleo") == []
