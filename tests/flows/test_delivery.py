"""From an activity of ours to the inboxes of others: who gets it, once, and in what shape."""

from __future__ import annotations

import asyncio
import re
import time
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from aiohttp import web

from apserver.core import limits
from tests.conftest import StartPeer, free_port
from tests.doubles.cavage import check_signed, digest_of
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server, until
from tests.flows.steps import follow_from

LD_JSON_AS2 = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
SIGNATURE = re.compile(
    r'keyId="([^"]+)",algorithm="rsa-sha256",'
    r'headers="\(request-target\) host date digest content-type",signature="[A-Za-z0-9+/=]+"'
)


def posts(peer: Peer) -> Counter[str]:
    """How often each inbox of the peer was posted to, answered or not."""
    asked = (one.split(" ") for one in peer.asked)
    return Counter(path for method, path in asked if method == "POST")


async def note_to(server: Server, *to: str, **members: Any) -> dict[str, Any]:
    """Ann posts a Note; the Create."""
    note = {"@context": CONTEXT, "type": "Note", "content": "hello", "to": list(to), **members}
    made = await server.post("ann", note)
    assert made.status == 201, made.text
    created: dict[str, Any] = made.json
    return created


async def test_IO_27_IO_29_the_shape_of_a_delivery(server: Server, peer: Peer) -> None:
    """IO-27, IO-29, SIG-C-07, AP-S2S-01, AP-S2S-02: the headers in the form that every server
    reads, and the signature holds over the bytes that arrived.

    The media type is the one that ActivityPub demands, where IO-27 has activity+json: decision 1.
    """
    peer.add_actor("carol", inbox=f"{peer.origin}/users/carol/inbox?a=%40b&c=%7e%2F", endpoints={})
    created = await note_to(server, peer.id("carol"))
    [sent] = await peer.wait("Create")
    target = "/users/carol/inbox?a=%40b&c=%7e%2F"
    assert f"POST {target}" in peer.asked
    assert sent.json == created
    assert created["id"].startswith(f"{server.origin}/activities/")
    headers = sent.headers
    written = SIGNATURE.fullmatch(headers["Signature"])
    assert written, headers["Signature"]
    assert written[1] == f"{server.id('ann')}#main-key"
    assert headers["Digest"] == digest_of(sent.body)
    assert headers["Host"] == peer.origin.removeprefix("http://")
    assert headers["Content-Type"] == LD_JSON_AS2
    assert headers["Date"].endswith(" GMT")
    assert abs(datetime.now(UTC) - parsedate_to_datetime(headers["Date"])) < timedelta(minutes=1)
    assert "Authorization" not in headers
    actor = (await server.get(server.id("ann"))).json
    check_signed(headers, target=target, key_pem=actor["publicKey"]["publicKeyPem"])


async def test_AP_S2S_08_everybody_gets_it_once(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """AP-S2S-08, AP-S2S-09, AP-S2S-12, AP-S2S-13, AP-S2S-20, AP-S2S-25, AP-S2S-27, AP-COL-17,
    IO-57: the union of all five properties and the followers, once each, by shared inbox where
    there is one; never Public, never the sender; blind ones not shown."""
    for name in ("dave", "fay"):
        peer.add_actor(name)
    lone = await start_peer("eve", "gus")
    for name in ("eve", "gus"):
        lone.add_actor(name, endpoints={})
    for source, name in ((peer, "carol"), (peer, "dave"), (lone, "eve")):
        await follow_from(source, name, server, "ann")
    peer.asked.clear()
    lone.asked.clear()
    created = await note_to(
        server,
        PUBLIC,
        peer.id("carol"),
        server.id("ann"),
        cc=[f"{server.id('ann')}/followers", peer.id("carol"), "as:Public"],
        audience=peer.id("fay"),
        bto=[lone.id("gus")],
        bcc=lone.id("eve"),
    )
    await server.drained()
    assert posts(peer) == {"/inbox": 1}
    assert posts(lone) == {"/users/eve/inbox": 1, "/users/gus/inbox": 1}
    for sent in await peer.wait("Create") + await lone.wait("Create"):
        assert sent.json == created
        assert b"bto" not in sent.body
        assert b"bcc" not in sent.body
        assert lone.id("gus").encode() not in sent.body
    assert [one for one in peer.asked + lone.asked if one.startswith("GET ")] == [
        f"GET /users/{name}" for name in ("fay", "gus")
    ], "only those who were not known are fetched"
    hosts = {row["host"] for row in await server.rows("SELECT host FROM host")}
    assert hosts == {one.origin.removeprefix("http://") for one in (peer, lone)}


async def test_IO_57_a_direct_post_reaches_only_those_addressed(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """IO-57: two on one host cost one POST to it; a follower elsewhere gets nothing."""
    peer.add_actor("dave")
    elsewhere = await start_peer("eve")
    await follow_from(elsewhere, "eve", server, "ann")
    elsewhere.asked.clear()
    created = await note_to(server, peer.id("carol"), peer.id("dave"))
    await server.drained()
    assert [one.json["id"] for one in await peer.wait("Create")] == [created["id"]]
    assert sum(posts(peer).values()) == 1
    assert elsewhere.asked == []


async def test_AP_S2S_14_nobody_to_deliver_to(server: Server, peer: Peer) -> None:
    """AP-S2S-14, AP-COL-17: none, or Public alone: nothing is sent, the outbox has it."""
    await follow_from(peer, "carol", server, "ann")
    peer.asked.clear()
    alone = await note_to(server)
    public = [await note_to(server, form) for form in (PUBLIC, "as:Public", "Public")]
    await server.drained()
    assert peer.asked == []
    seen = [one["id"] for one in await server.items("ann", "outbox")]
    assert set(seen) >= {one["id"] for one in public}
    assert alone["id"] not in seen
    assert alone["id"] in [one["id"] for one in await server.items("ann", "outbox", as_="ann")]
    assert await server.rows("SELECT 1 FROM delivery") == []


async def test_AP_S2S_17_nobody_waits_for_a_peer_that_hangs(
    server: Server, start_peer: StartPeer
) -> None:
    """AP-S2S-17, IO-65: 201 comes at once, and others get theirs, though one inbox hangs and an
    actor that was not known does not answer."""
    let_go = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await let_go.wait()
        return web.Response(status=202)

    slow = await start_peer("carol")
    mute = await start_peer("dave")
    well = await start_peer("eve")
    await follow_from(slow, "carol", server, "ann")
    slow.inboxes["/users/carol/inbox"] = slow.inboxes["/inbox"] = hang
    document = mute.documents["/users/dave"]
    mute.documents["/users/dave"] = hang
    started = time.monotonic()
    created = await note_to(
        server,
        f"{server.id('ann')}/followers",
        *(one.id(name) for one, name in ((slow, "carol"), (mute, "dave"), (well, "eve"))),
    )
    assert time.monotonic() - started < 5
    [arrived] = await well.wait("Create", timeout_s=5)
    assert arrived.json["id"] == created["id"]
    assert slow.received == [one for one in slow.received if one.json["type"] != "Create"]
    mute.documents["/users/dave"] = document
    let_go.set()
    await slow.wait("Create")


async def test_an_unknown_recipient_is_found_in_the_background(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AP-S2S-09: at the next try when it could not be fetched at first; one that is gone, or is
    no actor, is let go."""
    monkeypatch.setattr(limits, "NEGATIVE_CACHE_BUSY_S", 0.0)
    peer.documents["/users/carol"], document = 503, peer.documents["/users/carol"]
    peer.documents["/users/gone"] = 410
    peer.documents["/notes/1"] = peer.create("carol", "no actor")["object"] | {
        "@context": CONTEXT,
        "id": f"{peer.origin}/notes/1",
    }
    created = await note_to(
        server, peer.id("carol"), peer.id("gone"), f"{peer.origin}/notes/1", peer.id("missing")
    )
    await server.drained()
    waiting = await server.rows("SELECT recipients, parked_at FROM job")
    assert waiting == [{"recipients": [peer.id("carol")], "parked_at": None}]
    assert posts(peer) == {}
    peer.documents["/users/carol"] = document
    await server.rows("UPDATE job SET run_at = now() RETURNING id")
    [sent] = await peer.wait("Create")
    assert (sent.json["id"], sent.inbox) == (created["id"], "/inbox")
    await server.drained()
    assert await server.rows("SELECT 1 FROM job") == []
    assert sum(posts(peer).values()) == 1


async def test_AP_S2S_18_down_and_up_again(server: Server) -> None:
    """AP-S2S-18: nobody listens at first; it arrives once when somebody does."""
    port = free_port()
    async with Peer.running(["carol"], "127.0.0.1", port) as first:
        await follow_from(first, "carol", server, "ann")
        await server.drained()
    created = await note_to(server, f"{server.id('ann')}/followers")

    async def failed() -> bool:
        return bool(await server.rows("SELECT 1 FROM host WHERE failures > 0"))

    await until(failed)
    async with Peer.running(["carol"], "127.0.0.1", port) as second:
        await hurry(server)
        [sent] = await second.wait("Create")
        assert sent.json["id"] == created["id"]
        await server.drained()
        assert len(second.received) == 1
    assert await server.rows("SELECT 1 FROM delivery") == []


async def hurry(server: Server) -> None:
    """Let whatever waits be tried now, as an admin could."""
    await server.rows("UPDATE waiting_inbox SET until = now() RETURNING 1")
    await server.rows("UPDATE host SET next_at = now() WHERE next_at < 'infinity' RETURNING 1")


async def test_AP_S2S_19_within_the_server_without_http(server: Server, peer: Peer) -> None:
    """AP-S2S-19: listed in bob's inbox as for any other, with nothing queued for our own host."""
    created = await note_to(server, server.id("bob"), peer.id("carol"))
    await peer.wait("Create")
    await server.drained()
    assert [one["id"] for one in await server.items("bob", "inbox", as_="bob")] == [created["id"]]
    assert await server.items("ann", "inbox", as_="ann") == []
    own = server.origin.removeprefix("http://")
    assert own not in [row["host"] for row in await server.rows("SELECT host FROM host")]


async def test_a_new_shared_inbox_is_used_from_then_on(server: Server, peer: Peer) -> None:
    """A follower that moves its inbox gets posts there, and none anywhere once it has gone."""
    follow = await follow_from(peer, "carol", server, "ann")
    update = peer.activity("Update", "carol", object_=moved(peer))
    assert (await peer.send(f"{server.id('ann')}/inbox", update, by="carol")).status == 202
    await server.drained()
    peer.asked.clear()
    followers = f"{server.id('ann')}/followers"
    await note_to(server, followers)
    await server.drained()
    assert posts(peer) == {"/new-inbox": 1}
    undo = peer.activity("Undo", "carol", object=follow["id"])
    assert (await peer.send(f"{server.id('ann')}/inbox", undo, by="carol")).status == 202
    await server.drained()
    peer.asked.clear()
    await note_to(server, followers)
    await server.drained()
    assert peer.asked == []
    assert await server.rows("SELECT 1 FROM follower_inbox") == []


def moved(peer: Peer) -> Mapping[str, Any]:
    """Carol's document with another shared inbox, put up and returned."""
    return peer.add_actor("carol", endpoints={"sharedInbox": f"{peer.origin}/new-inbox"})
