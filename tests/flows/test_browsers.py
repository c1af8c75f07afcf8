"""Programs in a browser (BP-18), and what browsers are kept from doing with our answers."""

from __future__ import annotations

import pytest

from tests.conftest import StartServer
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import check_problem

PAGE = "https://client.example"


def listed(value: str) -> set[str]:
    return {one.strip() for one in value.split(",")}


async def places(server: Server) -> dict[str, set[str]]:
    """Each kind of resource, and its methods."""
    note = await server.note("ann", "for all", PUBLIC)
    ann = server.id("ann")
    read = {"GET", "HEAD", "OPTIONS"}
    return {
        ann: read,
        note["id"]: read,
        note["object"]["id"]: read,
        f"{ann}/outbox": read | {"POST"},
        f"{ann}/inbox": read | {"POST"},
        f"{ann}/followers": read,
        f"{server.origin}/inbox": read | {"POST"},
        f"{server.origin}/.well-known/webfinger": read,
        f"{server.origin}/nodeinfo/2.0": read,
    }


async def test_BP_18_a_preflight_names_methods_and_headers(server: Server) -> None:
    """BP-18: Authorization by name, as "*" does not cover it (Fetch standard)."""
    for place, methods in (await places(server)).items():
        reply = await server.ask(
            "OPTIONS",
            place,
            Origin=PAGE,
            Access_Control_Request_Method="POST",
            Access_Control_Request_Headers="authorization,content-type",
        )
        assert (reply.status, reply.text) == (204, "")
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in reply.headers
        assert listed(reply.headers["Access-Control-Allow-Methods"]) == methods
        assert listed(reply.headers["Allow"]) == methods
        assert listed(reply.headers["Access-Control-Allow-Headers"]) >= {
            *("Authorization", "Accept", "Content-Type", "If-None-Match"),
            *("Signature", "Signature-Input", "Date", "Digest", "Content-Digest"),
        }
        assert int(reply.headers["Access-Control-Max-Age"]) > 0


async def test_BP_18_a_preflight_tells_only_which_urls_there_are(server: Server) -> None:
    """It is not authenticated, so it must not say whether there is an object."""
    note = (await server.note("ann", "for bob", server.id("bob")))["object"]["id"]
    nothing = f"{server.origin}/objects/00000000-0000-7000-8000-000000000000"
    there, absent = [await server.ask("OPTIONS", url, Origin=PAGE) for url in (note, nothing)]
    assert there.status == absent.status == 204
    assert there.headers["Allow"] == absent.headers["Allow"]
    check_problem(await server.ask("OPTIONS", "/nowhere", Origin=PAGE), 404)


async def test_BP_18_answers_are_shown_to_every_page(server: Server) -> None:
    """BP-18, WF-09: refusals too, with the headers that a client needs."""
    replies = [
        await server.get("/actors/ann", Origin=PAGE),
        await server.get("/actors/ann/inbox", Origin=PAGE),
        await server.get("/actors/nobody", Origin=PAGE),
        await server.get("/.well-known/webfinger?resource=acct:a@b.example", Origin=PAGE),
        await server.post("ann", {"type": "Note", "content": "hi"}, Origin=PAGE),
        await server.post("ann", {"type": []}, Origin=PAGE),
        await server.ask("PUT", "/actors/ann", Origin=PAGE),
    ]
    assert [reply.status for reply in replies] == [200, 401, 404, 404, 201, 400, 405]
    for reply in replies:
        assert reply.headers["Access-Control-Allow-Origin"] == "*"
        assert listed(reply.headers["Access-Control-Expose-Headers"]) >= {
            *("Location", "Link", "Retry-After", "WWW-Authenticate", "ETag"),
        }
        # What we send is data: nothing of it may run, be framed or be taken for something else.
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        policy = reply.headers["Content-Security-Policy"]
        assert {"default-src 'none'", "frame-ancestors 'none'"} <= set(policy.split("; "))
        assert "Python" not in reply.headers["Server"]
        assert "Set-Cookie" not in reply.headers


@pytest.mark.parametrize("host", ["other.example", "127.0.0.1:1"])
async def test_a_preflight_for_another_host_is_refused(
    start_server: StartServer, host: str
) -> None:
    """threats: DNS rebinding makes a page of theirs one of "our" origin."""
    server = await start_server()
    check_problem(await server.ask("OPTIONS", "/inbox", Host=host, Origin=PAGE), 421)


async def test_BP_18_what_never_became_a_request_is_refused_alike(server: Server) -> None:
    """BP-17, BP-18: a line of its head that is too long is a problem that a page can read."""
    reply = await server.get(f"/things?id=https://shop.example/{'x' * 9_000}", Origin=PAGE)
    check_problem(reply, 400)
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert reply.headers["Cache-Control"] == "no-store"
