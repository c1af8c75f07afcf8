"""Scenarios 7 and 26: things of a site, as they are written and shown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from apserver.config import load
from apserver.errors import ConfigProblem
from tests.conftest import StartServer, free_port
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.site_steps import (
    SITE,
    TYPES,
    group,
    issue,
    start_site,
    stream,
    tell,
    told,
    user,
)

#: What a site may have in a row of its database (fault X8, row G10).
CREDENTIALS: dict[str, Any] = {
    "email": "j@shop.example",
    "emailAddress": "j@shop.example",
    "password": "pbkdf2_sha256$1$salt$hash",
    "passwordHash": "pbkdf2_sha256$1$salt$hash",
    "api_key": "k",
    "accessToken": "t",
    "clientSecret": "s",
    "privateKeyPem": "-----BEGIN",
    "session": "s",
    "phoneNumber": "1",
    "inbox": f"{SITE}/inbox",
    "publicKey": {"publicKeyPem": "-----BEGIN"},
}


async def shown(server: Server, iri: str, **asked: Any) -> Any:
    """What GET gives of a thing; None when there is nothing for the asker."""
    reply = await server.get(f"/things?id={iri}", **asked)
    assert reply.status in (200, 404), reply.text
    return reply.json if reply.status == 200 else None


async def test_scenario_07_what_is_saved_is_told_once(start_server: StartServer) -> None:
    """A10, A13: the site's hook is its POST. "was saved" stands in the streams of thing and target
    once, and the thing is as it was saved last."""
    server = await start_site(start_server)
    photo = {"id": issue(7), "type": "Document", "name": "A photo"}
    saved = await told(server, "mit", "was saved", object=photo, target=group("flask"))
    assert await stream(server, "target", group("flask")) == [saved["id"]]
    assert await stream(server, "object", issue(7)) == [saved["id"]]
    thing = await shown(server, issue(7))
    assert thing["name"] == "A photo"
    assert thing["type"] == "Document"
    assert thing["url"] == issue(7)
    assert thing["alsoKnownAs"] == [server.id("issue_7")]
    for url in thing["streams"]:
        assert (await server.get(url)).status == 200
    assert (await server.get(thing["followers"])).json["totalItems"] == 0
    change = {"type": "Update", "object": {**photo, "name": "A better photo"}}
    assert (await tell(server, {**change, "actor": user("mit")})).status == 201
    assert (await shown(server, issue(7)))["name"] == "A better photo"
    assert (await server.get(saved["id"])).json["object"]["name"] == "A better photo"


@pytest.mark.parametrize("verb", ["Create", "Update"])
async def test_a_thing_keeps_its_own_id(start_server: StartServer, verb: str) -> None:
    """A Create or Update of a thing makes no object of ours."""
    server = await start_site(start_server)
    thing = {"id": issue(7), "type": "Document", "name": "A photo"}
    reply = await tell(
        server, {"type": verb, "actor": user("mit"), "object": thing, "to": [PUBLIC]}
    )
    assert reply.status == 201, reply.text
    assert reply.json["object"] == thing
    assert await server.rows("SELECT id FROM object WHERE kind = 'ours'") == []


async def test_scenario_26_no_credential_of_any_type_is_shown(start_server: StartServer) -> None:
    """G5, G10, fault X8: whatever the site hands over, embedded or nested, of whichever type; also
    not in the activity, which everybody may read, nor in the database."""
    server = await start_site(start_server)
    for kind, entry in TYPES.items():
        iri = entry["iri"].format(name="eve", id="1")
        thing = {"id": iri, "type": entry["type"], "name": {"en": "x"}, **CREDENTIALS}
        thing["name"] = "A name"
        thing["url"] = [{"type": "Link", "href": f"{SITE}/x", **CREDENTIALS}]
        created = await told(server, "mit", "saw", object=thing, result=[thing])
        texts = [
            json.dumps(created),
            (await server.get(created["id"])).text,
            (await server.get(f"/things?id={iri}", as_="site")).text,
        ]
        for text in texts:
            assert [value for value in CREDENTIALS if f'"{value}"' in text] == [], kind
            assert "pbkdf2" not in text
    rows = await server.rows("SELECT convert_from(document, 'UTF8') AS text FROM object")
    rows += await server.rows("SELECT convert_from(envelope, 'UTF8') AS text FROM activity")
    assert rows != []
    assert [row for row in rows if "pbkdf2" in row["text"] or "j@shop" in row["text"]] == []


async def test_X8_a_user_of_the_site_shows_no_password(start_server: StartServer) -> None:
    """Fault X8: the seed's API gives the whole user. Here the actor has the members of its type,
    at first use and when the site updates it."""
    server = await start_site(start_server)
    eve = {"id": user("eve"), "type": "Person", "name": "Eve", **CREDENTIALS}
    act = {"verbPhrase": "saw", "to": [PUBLIC]}
    reply = await tell(server, {**act, "actor": eve, "object": issue(1)})
    assert reply.status == 201, reply.text
    update = {"type": "Update", "actor": user("eve"), "object": {**eve, "name": "Eve E."}}
    reply = await tell(server, update)
    assert reply.status == 201, reply.text
    actor = await server.get(server.id("eve"))
    assert actor.json["name"] == "Eve E."
    for text in (actor.text, reply.text):
        assert "pbkdf2" not in text
        assert "j@shop" not in text
    assert actor.json["inbox"] == f"{server.id('eve')}/inbox"


def _load(origin: str, types: dict[str, Any]) -> None:
    load(
        None,
        {"APSERVER__ORIGIN": origin, "APSERVER__THINGS": json.dumps(types)},
        cwd=Path("/"),
    )


@pytest.mark.parametrize("name", CREDENTIALS)
def test_no_configuration_shows_a_credential(name: str) -> None:
    """G9, G10: a type that lists such a member is refused at start."""
    types = {"issue": {**TYPES["issue"], "members": ["name", name]}}
    with pytest.raises(ConfigProblem, match="members"):
        _load("https://social.example", types)


async def test_scenario_26_nothing_is_shown_unless_it_is_said(start_server: StartServer) -> None:
    """G9: access is "none" by default: 404 for others, and in activities the id alone; the site
    sees what it told. What was never told of is not there for anybody."""
    server = await start_site(start_server, "ann")
    secret = f"{SITE}/secrets/1"
    thing = {"id": secret, "type": "Note", "name": "Nobody knows"}
    created = await told(server, "mit", "wrote", object=thing)
    assert created["object"] == secret
    assert "Nobody knows" not in json.dumps(created)
    assert await shown(server, secret) is None
    assert await shown(server, secret, as_="ann") is None
    assert (await shown(server, secret, as_="site"))["name"] == "Nobody knows"
    assert (await server.get(f"/things/followers?id={secret}")).status == 404
    assert await shown(server, issue(404), as_="site") is None
    assert await shown(server, "https://elsewhere.example/1", as_="site") is None


async def test_things_are_of_the_site_alone(start_server: StartServer) -> None:
    """Decision 2: clients of actors here can act with a thing, and say nothing of it."""
    server = await start_site(start_server, "ann")
    await told(server, "mit", "saw", object={"id": issue(1), "type": "Document", "name": "True"})
    lie = {"id": issue(1), "type": "Document", "name": "False"}
    liked = await server.post("ann", {"type": "Like", "object": lie, "to": [PUBLIC]})
    assert liked.status == 201, liked.text
    assert liked.json["object"]["name"] == "True"
    for verb in ("Update", "Delete", "Create"):
        reply = await server.post("ann", {"type": verb, "object": lie, "to": [PUBLIC]})
        assert reply.status == 403, reply.text
    assert (await shown(server, issue(1)))["name"] == "True"


@pytest.mark.parametrize("verb", ["Create", "Update", "Delete"])
async def test_things_do_not_come_from_federation(start_server: StartServer, verb: str) -> None:
    """Decision 2: a server that shares the origin of the site says nothing of its things: dropped,
    by whichever inbox, whether the thing is embedded or named."""
    port = free_port()
    types = {"issue": {**TYPES["issue"], "iri": f"http://127.0.0.1:{port}/issues/{{id}}"}}
    types["user"] = TYPES["user"]
    server = await start_site(start_server, "ann", things=json.dumps(types))
    iri = f"http://127.0.0.1:{port}/issues/1"
    thing = {"id": iri, "type": "Document", "name": "True"}
    await told(server, "mit", "saw", object=thing)
    async with Peer.running(["carol"], "127.0.0.1", port) as peer:
        lie = {**thing, "name": "False", "attributedTo": peer.id("carol")}
        peer.documents["/issues/1"] = {"@context": "https://www.w3.org/ns/activitystreams", **lie}
        for embedded in (lie, iri):
            activity = peer.activity(verb, "carol", object=embedded, to=[PUBLIC, server.id("ann")])
            sent = await peer.send(f"{server.id('ann')}/inbox", activity, by="carol")
            assert sent.status == 202
        await server.drained()
        assert "/issues/1" not in " ".join(peer.asked)
    assert (await shown(server, iri))["name"] == "True"
    assert await server.items("ann", "inbox", as_="ann") == []


async def test_users_do_not_come_from_federation(start_server: StartServer) -> None:
    """Decision 2: a server that has an actor under the IRI of a user of the site is not heard, nor
    asked for it."""
    port = free_port()
    types = {"user": {**TYPES["user"], "iri": f"http://127.0.0.1:{port}/users/{{name}}"}}
    server = await start_site(start_server, "ann", things=json.dumps(types))
    async with Peer.running(["carol"], "127.0.0.1", port) as peer:
        before = await server.contents()
        follow = peer.follow("carol", server.id("ann"))
        sent = await peer.send(f"{server.id('ann')}/inbox", follow, by="carol")
        assert 400 <= sent.status < 500
        assert await server.contents() == before
        note = {"type": "Note", "content": "x", "to": [peer.id("carol")]}
        assert (await server.post("ann", note)).status == 201
        await server.drained()
        assert peer.asked == []


async def test_things_on_our_own_origin_come_from_the_site_alone(
    start_server: StartServer, peer: Peer
) -> None:
    """Decision 2: the site may live on our origin. What others say of it there is refused (403),
    and our own ids are no things of the site."""
    port = free_port()
    origin = f"http://127.0.0.1:{port}"
    types = {
        "page": {**TYPES["issue"], "iri": f"{origin}/{{kind}}/{{id}}", "facade": ""},
        "user": TYPES["user"],
    }
    server = await start_site(start_server, "ann", port=port, things=json.dumps(types))
    page = {"id": f"{origin}/pages/1", "type": "Document", "name": "True"}
    await told(server, "mit", "saw", object=page)
    assert (await shown(server, page["id"]))["name"] == "True"
    lie = {**page, "name": "False", "attributedTo": peer.id("carol")}
    activity = peer.activity("Update", "carol", object=lie, to=[PUBLIC])
    reply = await peer.send(f"{server.id('ann')}/inbox", activity, by="carol")
    assert reply.status == 403
    assert (await shown(server, page["id"]))["name"] == "True"
    followed = await tell(
        server, {"type": "Follow", "actor": user("mit"), "object": server.id("ann")}
    )
    assert followed.status == 201, followed.text
    await server.drained()
    assert (await server.get("/actors/ann/followers")).json["totalItems"] == 1
    assert await shown(server, server.id("ann"), as_="site") is None


def test_a_template_cannot_take_our_ids() -> None:
    """A type whose IRIs would all be ours is refused at start."""
    types = {"issue": {**TYPES["issue"], "iri": "https://social.example/objects/{id}"}}
    with pytest.raises(ConfigProblem, match="another path"):
        _load("https://social.example", types)


async def test_unknown_parameters_are_named(start_server: StartServer) -> None:
    """G3: 400, as for streams."""
    server = await start_site(start_server)
    reply = await server.get(f"/things?id={issue(1)}&nonsense=1")
    assert reply.status == 400
    assert "nonsense" in reply.json["detail"]
    assert (await server.get("/things")).status == 400


async def test_a_user_of_the_site_leads_to_its_actor(start_server: StartServer) -> None:
    """Its IRI on the site is enough to find it here."""
    server = await start_site(start_server)
    await told(server, "mit", "saw", object=issue(1))
    reply = await server.get(f"/things?id={user('mit')}")
    assert (reply.status, reply.headers["Location"]) == (303, server.id("mit"))
    assert (await server.get(f"/things?id={user('nobody')}")).status == 404


async def test_C6_the_site_reads_as_each_of_its_users(start_server: StartServer) -> None:
    """C6, B10: home, inbox and follows of a user of the site; nothing of anybody else's."""
    server = await start_site(start_server, "dora")
    await told(server, "carl", "joined", object=issue(2))
    follow = {"type": "Follow", "actor": user("ann"), "object": issue(2), "actorOnly": False}
    assert (await tell(server, follow)).status == 201
    closed = await told(server, "carl", "closed", object=issue(2))
    await server.drained()
    home = await server.get("/actors/ann/streams/home?page=first", as_="site")
    assert home.status == 200, home.text
    assert closed["id"] in [one["id"] for one in home.json["orderedItems"]]
    mine = await server.get(f"/actors/ann/following?object={issue(2)}", as_="site")
    assert mine.json["totalItems"] == 1
    assert (await server.get("/actors/ann/inbox?page=first", as_="site")).status == 200
    assert (await server.get("/actors/ann/outbox?page=first", as_="site")).status == 200
    for url in ("streams/home?page=first", "inbox?page=first", "following?view=ids"):
        assert (await server.get(f"/actors/dora/{url}", as_="site")).status == 403
