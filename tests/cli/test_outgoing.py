"""`apserver fetch, webfinger, deliver`: what a server would ask and send, by hand."""

from __future__ import annotations

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

from aiohttp import web

from apserver.core.keys import PublicKey
from tests.cli.program import apserver, command
from tests.conftest import StartPeer, StartServer
from tests.doubles.peer import Peer, scheme_of
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Server

NOTE = {"@context": CONTEXT, "id": "x", "type": "Note", "content": "grüße"}


async def test_fetch_asks_as_the_instance_actor(server: Server, peer: Peer) -> None:
    asked: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(dict(request.headers))
        return web.Response(body=json.dumps(NOTE).encode(), content_type=AS2)

    peer.documents["/notes/1"] = answer
    url = f"{peer.origin}/notes/1"
    done = await command(server, "fetch", url, "--json")
    assert (done.code, json.loads(done.out), done.err) == (0, NOTE, "")
    assert f"{server.id('instance')}#main-key" in asked[-1]["Signature"]
    done = await command(server, "fetch", url)
    assert json.loads(done.out) == NOTE
    assert "grüße" in done.out
    assert done.out.startswith("{\n  ")
    done = await command(server, "fetch", url, "--as-nobody")
    assert (done.code, json.loads(done.out)) == (0, NOTE)
    assert scheme_of(asked[-1]) is None


async def test_AP_ACT_02_fetch_tries_https_when_there_is_no_scheme(
    server: Server, peer: Peer
) -> None:
    """AP-ACT-02: and says so; what cannot be an address is refused without a request."""
    done = await command(server, "fetch", peer.id("carol").removeprefix("http://"))
    assert done.code != 0
    assert f"https{peer.id('carol').removeprefix('http')}" in done.err
    for text in ("carol", "/users/carol", "https://", "https://x y"):
        done = await command(server, "fetch", text)
        assert (done.code != 0, done.out) == (True, "")
        assert done.err.startswith("apserver: ")
    assert peer.asked == []


async def test_fetch_says_why_it_is_refused(start_server: StartServer, peer: Peer) -> None:
    server = await start_server(
        federation__allow_networks="10.1.0.0/16", federation__allow_http="true"
    )
    closed = await command(server, "fetch", peer.id("carol"))
    assert (closed.code, closed.out) == (1, "")
    assert "127.0.0.1 is no public address" in closed.err
    assert "[federation] allow_networks" in closed.err
    assert peer.asked == []


async def test_fetch_says_what_came_instead(server: Server, peer: Peer) -> None:
    peer.documents |= {"/gone": 410, "/secret": 401}

    async def page(request: web.Request) -> web.Response:
        return web.Response(text="<html>", content_type="text/html")

    peer.documents["/page"] = page
    for path, reason in (("/gone", "410"), ("/secret", "401"), ("/page", "ActivityStreams JSON")):
        done = await command(server, "fetch", f"{peer.origin}{path}")
        assert (done.code, done.out) == (1, "")
        assert reason in done.err
        assert done.err.count("\n") == 1


def put_up_webfinger(peer: Peer, name: str, actor: str) -> str:
    """Let the peer answer for a handle, and return it."""
    handle = f"{name}@{peer.origin.partition('://')[2]}"
    link = {"rel": "self", "type": AS2, "href": actor}
    peer.documents[f"/.well-known/webfinger?resource=acct:{handle}"] = {
        "subject": f"acct:{handle}",
        "links": [link],
    }
    return handle


async def test_webfinger_tells_the_actor_and_the_answer(server: Server, peer: Peer) -> None:
    handle = put_up_webfinger(peer, "carol", peer.id("carol"))
    done = await command(server, "webfinger", f"@{handle}", "--json")
    assert (done.code, done.err) == (0, "")
    found = json.loads(done.out)
    assert (found["actor"], found["handle"]) == (peer.id("carol"), f"@{handle}")
    assert (found["actor_agrees"], found["objection"]) == (True, None)
    assert found["jrd"]["subject"] == f"acct:{handle}"
    shown = (await command(server, "webfinger", handle)).out
    assert f"actor         {peer.id('carol')}\n" in shown
    assert '"subject": ' in shown


async def test_WF_14_webfinger_says_when_the_actor_has_another_handle(
    server: Server, peer: Peer
) -> None:
    put_up_webfinger(peer, "carol", peer.id("carol"))
    alias = put_up_webfinger(peer, "mallory", peer.id("carol"))
    found = json.loads((await command(server, "webfinger", alias, "--json")).out)
    assert found["actor_agrees"] is False
    assert "carol@" in found["objection"]


async def test_webfinger_knows_its_own_server(server: Server) -> None:
    found = json.loads((await command(server, "webfinger", server.handles["ann"], "--json")).out)
    assert (found["actor"], found["actor_agrees"]) == (server.id("ann"), True)


async def test_webfinger_refuses_what_is_no_handle(server: Server, peer: Peer) -> None:
    for handle in ("carol", "@carol", f"carol@{peer.origin}"):
        done = await command(server, "webfinger", handle)
        assert (done.code, done.out) == (1, "")
        assert "name@example.org" in done.err
    unknown = await command(server, "webfinger", f"zoe@{peer.origin.partition('://')[2]}")
    assert (unknown.code, unknown.out) == (1, "")
    assert "404" in unknown.err


def written(server: Server, folder: Path) -> tuple[str, bytes]:
    """A file with an activity by hand, and its bytes: odd spacing must survive."""
    activity = {
        "@context": CONTEXT,
        "id": f"{server.origin}/by-hand/1",
        "type": "Like",
        "actor": server.id("ann"),
    }
    body = json.dumps(activity, indent=3).encode() + b"\n\n"
    (folder / "activity.json").write_bytes(body)
    return str(folder / "activity.json"), body


async def test_deliver_posts_the_file_byte_for_byte(
    server: Server, peer: Peer, tmp_path: Path
) -> None:
    file, body = written(server, tmp_path)
    inbox = f"{peer.id('carol')}/inbox"
    done = await command(server, "deliver", file, "--to", inbox, "--as", "ann", "--json")
    assert (done.code, json.loads(done.out)) == (0, {"status": 202, "answer": ""})
    assert done.err == ""
    [received] = peer.received
    assert received.body == body
    assert received.signer == f"{server.id('ann')}#main-key"
    assert await server.rows("SELECT key FROM activity") == []
    done = await command(server, "deliver", "-", "--to", inbox, given=body)
    assert done.code == 0
    assert peer.received[-1].signer == f"{server.id('instance')}#main-key"
    assert "is not the actor" in done.err


async def test_deliver_says_what_the_other_side_said(
    server: Server, peer: Peer, tmp_path: Path
) -> None:
    peer.answers = [404]
    file, _ = written(server, tmp_path)
    done = await command(
        *(server, "deliver", file, "--to", f"{peer.id('carol')}/inbox", "--as", "ann", "--json")
    )
    assert (done.code, json.loads(done.out)["status"]) == (1, 404)


async def test_deliver_in_a_dry_run_shows_what_is_signed(
    server: Server, peer: Peer, tmp_path: Path
) -> None:
    """What it prints is what the signature is over: checked with the published key."""
    file, body = written(server, tmp_path)
    inbox = f"{peer.id('carol')}/inbox?x=1"
    arguments = ("deliver", file, "--to", inbox, "--as", "ann", "--dry-run")
    done = await command(server, *arguments, "--json")
    assert (done.code, peer.asked) == (0, [])
    assert "nothing was" in done.err
    shown = json.loads(done.out)
    headers, signed = shown["headers"], shown["signed"]
    key = PublicKey.from_pem((await server.get("/actors/ann")).json["publicKey"]["publicKeyPem"])
    signature = headers["Signature"].rpartition('signature="')[2].rstrip('"')
    assert key.verify(b64decode(signature), signed.encode())
    assert signed.splitlines()[:2] == [
        "(request-target): post /users/carol/inbox?x=1",
        f"host: {peer.origin.partition('://')[2]}",
    ]
    assert f"digest: {headers['Digest']}" in signed
    assert (headers["Content-Length"], headers["Content-Type"]) == (str(len(body)), AS2)
    text = (await command(server, *arguments)).out
    assert text.startswith(f"POST {inbox}\n")
    assert "(request-target): post " in text


async def test_deliver_shows_the_other_scheme_too(
    start_server: StartServer, peer: Peer, tmp_path: Path
) -> None:
    server = await start_server("ann", federation__signature="rfc9421")
    file, _ = written(server, tmp_path)
    done = await command(
        server,
        *("deliver", file, "--to", f"{peer.id('carol')}/inbox", "--as", "ann"),
        *("--dry-run", "--json"),
    )
    shown: dict[str, Any] = json.loads(done.out)
    assert shown["signed"].startswith('"@method": POST\n')
    assert f'"content-digest": {shown["headers"]["Content-Digest"]}' in shown["signed"]
    assert shown["headers"]["Signature-Input"].partition("=")[2] in shown["signed"]
    key = PublicKey.from_pem((await server.get("/actors/ann")).json["publicKey"]["publicKeyPem"])
    signature = shown["headers"]["Signature"].partition("=:")[2].rstrip(":")
    assert key.verify(b64decode(signature), shown["signed"].encode())


async def test_deliver_refuses_what_it_cannot_send(
    server: Server, peer: Peer, tmp_path: Path
) -> None:
    file, _ = written(server, tmp_path)
    inbox = f"{peer.id('carol')}/inbox"
    (tmp_path / "bad.json").write_text('{"a": 1, "a": 2}')
    for arguments in (
        (str(tmp_path / "bad.json"), "--to", inbox),
        (str(tmp_path / "missing.json"), "--to", inbox),
        (file, "--to", inbox, "--as", "nobody"),
    ):
        done = await command(server, "deliver", *arguments)
        assert (done.code, done.out) == (1, ""), arguments
        assert done.err.startswith("apserver: ")
    assert peer.received == []


async def test_commands_ask_nobody_whom_the_domain_rules_shut_out(
    server: Server, start_peer: StartPeer, tmp_path: Path
) -> None:
    """Issue 4, 3: a rule holds for fetch, webfinger and deliver as for the server; it says so."""
    bad = await start_peer("carol", host="127.0.7.1")
    handle = put_up_webfinger(bad, "carol", bad.id("carol"))
    file = tmp_path / "note.json"
    file.write_text(json.dumps(bad.create("carol", "hello", PUBLIC)))
    commands = (
        ("fetch", bad.id("carol")),
        ("fetch", bad.id("carol"), "--as-nobody"),
        ("webfinger", handle),
        ("deliver", str(file), "--to", f"{bad.id('carol')}/inbox"),
    )
    assert (await command(server, "domain", "block", "127.0.7.1")).code == 0
    for arguments in commands:
        done = await command(server, *arguments)
        assert (done.code, done.out) == (1, ""), arguments
        assert "domain rules" in done.err
        assert done.err.rstrip().endswith("domain list")
    assert bad.asked == []
    assert (await command(server, "domain", "remove", "127.0.7.1")).code == 0
    for arguments in commands:
        assert (await command(server, *arguments)).code == 0, arguments


def test_without_a_database_it_is_said_that_no_rule_is_looked_at(tmp_path: Path) -> None:
    done = apserver("fetch", "--as-nobody", "https://127.0.0.1/x", cwd=tmp_path)
    assert done.code == 1
    assert "no domain rules" in done.err.splitlines()[0]
