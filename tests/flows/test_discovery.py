"""From a handle to an actor: WebFinger, the actor document, and the actor of the server."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from apserver.errors import Refused
from tests.conftest import StartServer
from tests.doubles.server import AS2, CONTEXT, Reply, Server
from tests.flows.steps import check_problem

WEBFINGER = "/.well-known/webfinger"
SELF_TYPES = (AS2, 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"')


async def _ask(server: Server, resource: str, more: str = "", **headers: str) -> Reply:
    return await server.get(f"{WEBFINGER}?resource={quote(resource, safe='')}{more}", **headers)


def _host(server: Server) -> str:
    return server.origin.partition("://")[2]


async def test_IO_01_webfinger_of_an_actor(start_server: StartServer) -> None:
    """IO-01, WF-04, WF-07, WF-08, WF-09, WF-12: the name in its own case, exactly one self link."""
    server = await start_server("Ann")
    reply = await _ask(server, f"acct:Ann@{_host(server)}")
    assert reply.status == 200, reply.text
    assert reply.headers["Content-Type"] == "application/jrd+json"
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.json["subject"] == f"acct:Ann@{_host(server)}"
    assert all(isinstance(link["rel"], str) for link in reply.json["links"])
    [link] = [link for link in reply.json["links"] if link["rel"] == "self"]
    assert link["type"] in SELF_TYPES
    actor = (await server.get(link["href"])).json
    assert actor["id"] == link["href"] == server.id("Ann")
    assert f"acct:{actor['preferredUsername']}@{_host(server)}" == reply.json["subject"]


async def test_IO_02_who_is_not_there(server: Server) -> None:
    """IO-02, WF-02, WF-03: 400 for what is no resource, 404 for one that is not here, 410 gone."""
    host = _host(server)
    for query in ("", "?", "?resource=", "?rel=self", "?resource=ann", "?resource=acct:ann"):
        check_problem(await server.get(WEBFINGER + query), 400)
    for resource in ("acct:", "acct:@", f"acct:@{host}", "acct:ann@", "@", "acct:ann@b@c"):
        check_problem(await _ask(server, resource), 400)
    for resource in (
        f"acct:nobody@{host}",
        "acct:ann@elsewhere.example",
        f"acct:ann@{host.partition(':')[0]}.example",
        server.id("nobody"),
        "https://elsewhere.example/actors/ann",
        server.id("ann") + "/outbox",
    ):
        check_problem(await _ask(server, resource), 404)
    await server.rows("UPDATE actor SET gone_at = now() WHERE id = $1", server.id("bob"))
    check_problem(await _ask(server, f"acct:bob@{host}"), 410)
    assert (await server.get("/actors/bob")).status == 410


async def test_WF_05_it_never_leads_elsewhere(start_server: StartServer) -> None:
    """WF-05: a redirect may go to https alone; there is none, whatever is asked for."""
    server = await start_server("ann", handle_host="example.org")
    host = _host(server)
    for resource in (
        *("acct:ann@example.org", f"acct:ann@{host}", "acct:nobody@example.org", "acct:a@b.c"),
        *(server.id("ann"), "http://elsewhere.example/", "//elsewhere.example", "", "acct:"),
    ):
        reply = await _ask(server, resource)
        assert reply.status in (200, 400, 404)
        assert "Location" not in reply.headers


async def test_WF_10_any_kind_of_uri_may_be_asked_for(server: Server) -> None:
    """WF-10, WF-03: what is well formed and not ours is unknown, not malformed."""
    host = _host(server)
    for resource in (
        f"mailto:ann@{host}",
        "urn:uuid:01902f2c-7d3b-7b5e-8c6a-2f1d3e4b5a69",
        "did:key:z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2",
        f"acct:ann+tag@{host}",
        f"acct:ann%21@{host}",
        "https://user@elsewhere.example/",
        "http://[::1/",
        "https://elsewhere.example/\x00",
    ):
        check_problem(await _ask(server, resource), 404)


async def test_WF_06_parameters_are_decoded_in_any_order(server: Server) -> None:
    """WF-06, IO-02: `rel`, once or more often, filters links and nothing else."""
    host = _host(server)
    whole = (await _ask(server, f"acct:ann@{host}")).json
    resource = quote(f"acct:ann@{host}", safe="")
    other = quote("http://webfinger.net/rel/avatar", safe="")
    one = whole | {"links": [link for link in whole["links"] if link["rel"] == "self"]}
    assert one != whole
    for query in (f"?rel=self&resource={resource}", f"?resource={resource}&rel={other}&rel=self"):
        assert (await server.get(WEBFINGER + query)).json == one
    for query in (
        f"?resource=acct:ann@{host}",
        f"?resource={resource}&unknown=1",
        "?resource=" + "".join(f"%{byte:02x}" for byte in f"acct:ann@{host}".encode()),
    ):
        assert (await server.get(WEBFINGER + query)).json == whole
    none = (await server.get(f"{WEBFINGER}?resource={resource}&rel={other}")).json
    assert none == whole | {"links": []}


async def test_WF_04_no_accept_is_refused(server: Server) -> None:
    """WF-04, WF-09: jrd+json whatever is asked for; CORS on errors too."""
    for accept in ("text/html", "application/xrd+xml", AS2, "*/*", "image/png;q=1"):
        reply = await _ask(server, f"acct:ann@{_host(server)}", Accept=accept)
        assert reply.status == 200
        assert reply.headers["Content-Type"] == "application/jrd+json"
    missing = await _ask(server, f"acct:nobody@{_host(server)}")
    assert missing.headers["Access-Control-Allow-Origin"] == "*"


async def test_IO_03_every_form_of_the_resource_gives_the_same(server: Server) -> None:
    """IO-03, WF-10, WF-15: the actor's id, the URL of its profile, the name in any case."""
    host = _host(server)
    whole = (await _ask(server, f"acct:ann@{host}")).json
    profile = (await server.get("/actors/ann")).json["url"]
    for resource in (
        server.id("ann"),
        profile,
        f"acct:ANN@{host}",
        f"ACCT:Ann@{host}",
        f"ann@{host}",
        f"@ann@{host}",
    ):
        reply = await _ask(server, resource)
        assert (reply.status, reply.json) == (200, whole), resource


async def test_WF_15_names_differ_by_more_than_case(server: Server) -> None:
    """WF-15: ids, not handles, are the identity; names are short and plain."""
    for name in ("ann", "ANN", "Ann", "instance", "Instance"):
        with pytest.raises(Refused):
            await server.create_actor(name)
    for name in ("", "a" * 31, "an-n", "an.n", "änn", "an n", "ann@x", "../x", "a\n"):
        with pytest.raises(Refused):
            await server.create_actor(name)
    await server.create_actor("a" * 30)


async def test_IO_04_handles_on_another_host(start_server: StartServer) -> None:
    """IO-04: both hosts answer for both forms, with the same subject and self link."""
    server = await start_server("ann", handle_host="example.test")
    host = _host(server)
    answers = [
        await _ask(server, f"acct:ann@{named}", Host=asked)
        for named in ("example.test", host, "EXAMPLE.test")
        for asked in ("example.test", host)
    ]
    assert {reply.status for reply in answers} == {200}
    assert [reply.json for reply in answers[1:]] == [answers[0].json] * 5
    assert answers[0].json["subject"] == "acct:ann@example.test"
    [link] = [link for link in answers[0].json["links"] if link["rel"] == "self"]
    assert link["href"] == f"{server.origin}/actors/ann"
    assert server.handles["ann"] == "@ann@example.test"


async def test_IO_04_no_other_host_is_answered_for(start_server: StartServer) -> None:
    """421 (RFC 9110 15.5.20): a signature for one host must not work at another."""
    server = await start_server("ann", handle_host="example.test")
    port = _host(server).rpartition(":")[2]
    for host in (
        "evil.test",
        "example.test.evil.test",
        "sub.example.test",
        f"localhost:{port}",
        f"127.0.0.1:{int(port) + 1}",
        "127.0.0.1",
        "",
    ):
        for path in ("/actors/ann", "/", WEBFINGER + "?resource=acct:ann@example.test", "/none"):
            check_problem(await server.get(path, Host=host), 421)
    for host in ("example.test", "EXAMPLE.TEST", "example.test:443", "example.test:80"):
        assert (await server.get("/actors/ann", Host=host)).status == 200
    # Whoever watches the process asks it by its address.
    for path in ("/livez", "/readyz"):
        assert (await server.get(path, Host="10.0.0.1:8080")).status == 200


async def test_IO_07_the_actor_document(server: Server) -> None:
    """IO-07, AP-ACT-08, AP-ACT-12: single strings, one key as an object, a shared inbox."""
    await server.create_actor("cleo", manual_approval=True)
    for name in ("ann", "cleo"):
        reply = await server.get(f"/actors/{name}", Accept=AS2)
        actor = reply.json
        assert CONTEXT in actor["@context"]
        strings = (
            "id type inbox outbox followers following liked url preferredUsername name published"
        )
        for member in strings.split():
            assert isinstance(actor[member], str), member
        assert actor["id"] == actor["url"] == server.id(name)
        assert actor["preferredUsername"] == name
        assert actor["endpoints"] == {
            "sharedInbox": f"{server.origin}/inbox",
            "proxyUrl": f"{server.origin}/proxy",
        }
        assert actor["manuallyApprovesFollowers"] is (name == "cleo")
        key = actor["publicKey"]
        assert (key["id"], key["owner"]) == (f"{actor['id']}#main-key", actor["id"])
        assert key["publicKeyPem"].startswith("-----BEGIN PUBLIC KEY-----")
        public = load_pem_public_key(key["publicKeyPem"].encode())
        assert isinstance(public, RSAPublicKey)
        assert public.key_size >= 2048
        assert "PRIVATE" not in reply.text


async def test_IO_08_the_instance_actor(start_server: StartServer) -> None:
    """IO-08, WF-10, WF-14: an Application, read without a signature, with a handle that leads
    back to it; the root of the server stands for it (FEP-d556)."""
    server = await start_server(handle_host="example.test")
    actor = (await server.get("/actors/instance")).json
    assert (actor["type"], actor["id"]) == ("Application", f"{server.origin}/actors/instance")
    assert actor["publicKey"]["owner"] == actor["id"]
    for resource in (
        f"acct:{actor['preferredUsername']}@example.test",
        actor["id"],
        server.origin,
        f"{server.origin}/",
    ):
        jrd = (await _ask(server, resource)).json
        assert jrd["subject"] == f"acct:{actor['preferredUsername']}@example.test"
        [link] = [link for link in jrd["links"] if link["rel"] == "self"]
        assert (link["type"] in SELF_TYPES, link["href"]) == (True, actor["id"])
