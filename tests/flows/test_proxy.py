"""endpoints.proxyUrl: what is elsewhere, read through our server (ActivityPub 4.1; conformance.md
5.4). Whoever holds a token names an id, and the other server decides what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web

from apserver.core import limits
from apserver.core.signatures import Request, read_claim
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Reply, Server
from tests.flows.steps import check_problem, stored
from tests.flows.verb_steps import public_note
from tests.security.test_access_tokens import token

FORM = "application/x-www-form-urlencoded"


async def read(server: Server, id_: str, *, as_: str | None = "ann", **headers: str) -> Reply:
    """What the proxy answers."""
    sent = {"Content_Type": FORM, **headers}
    return await server.ask("POST", "/proxy", as_=as_, data=urlencode({"id": id_}), **sent)


def put_up(peer: Peer, path: str, document: Any) -> str:
    """Something at a path of the peer; its id."""
    if isinstance(document, dict):
        document = {"@context": CONTEXT, "id": peer.origin + path, **document}
    peer.documents[path] = document
    return peer.origin + path


def shown_to(reader: str, document: dict[str, Any]) -> Callable[[web.Request], Awaitable[Any]]:
    """What is shown to whoever signs with the key of ``reader``."""

    async def answer(request: web.Request) -> web.Response:
        headers = [(name.decode(), value.decode()) for name, value in request.raw_headers]
        url = f"http://{request.host}{request.raw_path}"
        claim = read_claim(Request.from_pairs("GET", url, headers=headers, body=b""))
        if claim.key_id != f"{reader}#main-key":
            return web.Response(status=404)
        return web.json_response(document, content_type=AS2)

    return answer


async def test_AP_ACT_09_BP_08_a_client_reads_what_is_elsewhere(server: Server, peer: Peer) -> None:
    """AP-ACT-09, BP-08: the actor names the endpoint. It gives a public document of another server,
    and one that is for its actor alone to this actor, and to nobody else; browsers may read it, no
    cache keeps it, and nothing of it is stored here."""
    actor = (await server.get("/actors/ann")).json
    assert actor["endpoints"]["proxyUrl"] == f"{server.origin}/proxy"
    note = {"type": "Note", "attributedTo": peer.id("carol"), "content": "tea"}
    public = put_up(peer, "/notes/public", {**note, "to": [PUBLIC]})
    private = f"{peer.origin}/notes/private"
    told = {"@context": CONTEXT, "id": private, **note, "to": [server.id("ann")]}
    peer.documents["/notes/private"] = shown_to(server.id("ann"), told)
    before = await server.rows("SELECT id FROM object")

    reply = await read(server, public, Origin="https://client.example")
    assert (reply.status, reply.headers["Content-Type"]) == (200, AS2)
    assert reply.json["content"] == "tea"
    assert reply.json["id"] == public
    assert reply.headers["Cache-Control"] == "private, no-store"
    assert reply.headers["Access-Control-Allow-Origin"] == "*"
    assert (await read(server, private)).json["content"] == "tea"
    check_problem(await read(server, private, as_="bob"), 404)
    carol = (await read(server, f"{peer.id('carol')}#main-key")).json
    assert carol["preferredUsername"] == "carol"
    mine = {"@context": [CONTEXT, {"content": "https://carol.example/#mine"}], "name": "N"}
    odd = await read(server, put_up(peer, "/notes/odd", {**note, **mine, "to": [PUBLIC]}))
    assert (odd.status, odd.json["name"]) == (200, "N")
    assert "content" not in odd.json  # which was another term than ours
    assert "mine" not in str(odd.json["@context"])
    assert await server.rows("SELECT id FROM object") == before


async def test_AP_ACT_09_what_is_here_is_read_as_by_GET(server: Server) -> None:
    """AP-ACT-09: an id of this server is answered as the GET of the same actor is, whatever lies
    there; what is no document of ActivityStreams is not there."""
    note = await public_note(server, "bob")
    private = (await server.note("bob", "for ann", server.id("ann")))["object"]["id"]
    own = (await server.note("bob", "for nobody"))["object"]["id"]
    await server.drained()
    inbox = f"{server.id('ann')}/inbox?page=first"
    for id_ in (note, private, inbox, server.id("bob")):
        direct, reply = await server.get(id_, as_="ann"), await read(server, id_)
        assert (reply.status, reply.json) == (200, direct.json), id_
        assert reply.headers["Cache-Control"] == "private, no-store"
        assert reply.headers["Content-Type"] == AS2
    check_problem(await read(server, own), 404)
    check_problem(await read(server, inbox, as_="bob"), 403)
    for path in ("/", "/nothing", "/openapi.json", "/login", "/style.css", "/proxy"):
        check_problem(await read(server, server.origin + path), 404)
    await server.post("bob", {"type": "Delete", "object": note})
    reply = await read(server, note)
    assert (reply.status, reply.json["type"]) == (410, "Tombstone")


async def test_AP_ACT_09_what_is_not_asked_well(server: Server, peer: Peer) -> None:
    """AP-ACT-09, conformance.md 5.3: no id is 400, another form of body 415, no token 401, a token
    that may not read 403; none of it makes us ask anybody."""
    note = put_up(peer, "/notes/1", {"type": "Note", "to": [PUBLIC]})
    for body in ("", "id=", "url=x", "id=nothing", "id=ftp%3A%2F%2Fa.example%2Fx", "id=a&id=b"):
        reply = await server.ask("POST", "/proxy", as_="ann", data=body, Content_Type=FORM)
        check_problem(reply, 400)
    body = urlencode({"id": note, "more": "x" * limits.FORM})
    reply = await server.ask("POST", "/proxy", as_="ann", data=body, Content_Type=FORM)
    check_problem(reply, 413)
    reply = await server.ask("POST", "/proxy", as_="ann", data={"id": note}, Content_Type=AS2)
    check_problem(reply, 415)
    check_problem(await read(server, note, as_=None), 401)
    writing = await token(server, "ann", "write")
    reply = await read(server, note, as_=None, Authorization=f"Bearer {writing}")
    check_problem(reply, 403)
    assert 'error="insufficient_scope"' in reply.headers["WWW-Authenticate"]
    assert peer.asked == []


async def test_AP_ACT_09_what_the_other_server_does_not_give(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AP-ACT-09, conformance.md 5.4: its refusals are passed on as such, its faults are 502, and
    too long a time is 504. What speaks for another id, or is no ActivityStreams, is its fault."""

    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<p>hi", content_type="text/html")

    async def never(request: web.Request) -> web.Response:
        await asyncio.sleep(3_600)
        return web.Response()

    for status, told in {401: 403, 403: 403, 404: 404, 410: 410, 500: 502, 429: 502}.items():
        check_problem(await read(server, put_up(peer, f"/{status}", status)), told)
    ours = {"id": f"{server.origin}/objects/1", "type": "Note"}
    for document in (page, {"id": 7}, ours, {"id": f"{peer.origin}/500", "type": "Note"}):
        check_problem(await read(server, put_up(peer, "/odd", document)), 502)
    monkeypatch.setattr(limits, "PROXY_S", 0.2)
    check_problem(await read(server, put_up(peer, "/slow", never)), 504)
    assert await stored(server)  # and the server goes on
