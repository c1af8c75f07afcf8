"""What is not for everybody: unseen by other doors, not passed on, not told apart, not kept."""

from __future__ import annotations

import re
import statistics
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Reply, Server
from tests.flows.steps import check_problem, follow_from, follow_here

ABSENT = "/objects/00000000-0000-7000-8000-000000000000"


def told(reply: Reply) -> tuple[int, dict[str, str], str]:
    """An answer without what differs from request to request."""
    own = reply.headers["X-Request-Id"]
    headers = {
        name.lower(): value
        for name, value in reply.headers.items()
        if name.lower() not in ("date", "x-request-id")
    }
    return reply.status, headers, reply.text.replace(own, "")


async def test_CVE_2025_67500_private_and_absent_look_alike(
    server: Server, start_peer: StartPeer
) -> None:
    """CVE-2025-67500: status, headers, body and time, for a stranger here and one elsewhere."""
    await server.create_actor("eve")
    peer = await start_peer("mallory")
    hidden = (await server.note("ann", "for bob", server.id("bob")))["object"]["id"]
    absent = server.origin + ABSENT
    asks: list[Callable[[str], Awaitable[Reply]]] = [
        lambda url: server.get(url),
        lambda url: server.get(url, as_="eve"),
        lambda url: peer.get(url, by="mallory"),
    ]
    for ask in asks:
        assert told(await ask(hidden)) == told(await ask(absent))
    times: dict[str, list[float]] = {hidden: [], absent: []}
    for _ in range(60):
        for url, taken in times.items():
            started = time.perf_counter()
            assert (await server.get(url, as_="eve")).status == 404
            taken.append(time.perf_counter() - started)
    one, other = map(statistics.median, times.values())
    assert abs(one - other) < 0.005


async def test_CVE_2025_30741_an_unanswered_follow_opens_nothing(
    server: Server, peer: Peer
) -> None:
    """CVE-2025-30741: bob asked to follow carol and has no answer: what she writes for followers
    is not his; nor is it ann's when only bob's follow is accepted."""
    follow = await server.post("bob", {"type": "Follow", "object": peer.id("carol")})
    assert follow.status == 201
    await peer.wait("Follow")
    followers = f"{peer.id('carol')}/followers"

    async def send(text: str) -> None:
        note = peer.create("carol", text, followers)
        reply = await peer.send(f"{server.origin}/inbox", note, by="carol")
        assert reply.status == 202, reply.text
        await server.drained()

    await send("before the answer")
    assert await server.items("bob", "inbox", as_="bob") == []
    accept = peer.activity("Accept", "carol", object=follow.json["id"], to=[server.id("bob")])
    assert (await peer.send(f"{server.id('bob')}/inbox", accept, by="carol")).status == 202
    await server.drained()
    await send("after it")
    shown = [one for one in await server.items("bob", "inbox", as_="bob") if "to" in one]
    texts = [one["object"]["content"] for one in shown if one["type"] == "Create"]
    assert texts == ["after it"]
    assert await server.items("ann", "inbox", as_="ann") == []
    pending = peer.follow("carol", server.id("ann"))
    await server.create_actor("locked", manual_approval=True)
    pending["object"] = server.id("locked")
    assert (await peer.send(f"{server.id('locked')}/inbox", pending, by="carol")).status == 202
    await server.drained()
    hidden = await server.note("locked", "for followers", f"{server.id('locked')}/followers")
    assert (await peer.get(hidden["id"], by="carol")).status == 404
    assert not [one for one in peer.received if "for followers" in str(one.json)]


async def test_CVE_2025_27399_lists_of_moderation_are_nowhere(server: Server) -> None:
    """CVE-2025-27399: no door shows whom this server blocks, least of all the reasons."""
    for path in ("/blocks", "/domain_blocks", "/api/v1/instance/domain_blocks", "/admin"):
        check_problem(await server.get(path, as_="ann"), 404)


@pytest.mark.parametrize("where", ["activity", "object"])
async def test_bto_and_bcc_leave_no_trace(server: Server, peer: Peer, where: str) -> None:
    """security.md: bto-bcc. In no body that is delivered, and on no page but the owner's record
    of whom it went to; those addressed blindly get it."""
    note: dict[str, Any] = {"type": "Note", "content": "psst", "to": [PUBLIC]}
    blind = {"bto": [peer.id("carol")], "bcc": [server.id("bob")]}
    posted = {**note, **blind} if where == "object" else {"type": "Create", "object": note, **blind}
    reply = await server.post("ann", posted)
    assert reply.status == 201, reply.text
    [received] = await peer.wait("Create")
    await server.drained()
    [bobs] = await server.items("bob", "inbox", as_="bob")
    bodies = [received.body.decode(), str(bobs), reply.text]
    for viewer in (None, "ann", "bob"):
        for url in (reply.json["id"], reply.json["object"]["id"], "/actors/ann/outbox?page=first"):
            bodies.append((await server.get(url, as_=viewer)).text)
    for body in bodies:
        assert "psst" in body
        assert not re.search(r"\bb(to|cc)\b", body)
        assert peer.id("carol") not in body
    rows = await server.rows("SELECT document FROM object UNION ALL SELECT envelope FROM activity")
    assert not [row for row in rows if re.search(rb"\bb(to|cc)\b", row["document"])]


async def test_caches_keep_nothing_private(server: Server, peer: Peer) -> None:
    """security.md: caches. Akkoma 2.5.0. What was shown to one by its credentials is kept by no
    cache, also when it is a refusal or a Tombstone; what it hangs on is in Vary."""
    await follow_from(peer, "carol", server, "ann")
    private = await server.note("ann", "for followers", f"{server.id('ann')}/followers")
    url = private["object"]["id"]
    by_token, by_signature = await server.get(url, as_="ann"), await peer.get(url, by="carol")
    refused = await server.get(url)
    await server.post("ann", {"type": "Delete", "object": url})
    buried = await server.get(url, as_="ann")
    assert [one.status for one in (by_token, by_signature, refused, buried)] == [200, 200, 404, 410]
    for reply in (by_token, by_signature, refused, buried):
        assert "no-store" in reply.headers["Cache-Control"]
        assert "public" not in reply.headers["Cache-Control"]
    for reply in (by_token, by_signature, buried):
        assert {"Accept", "Signature", "Authorization"} <= set(reply.headers["Vary"].split(", "))


async def test_local_only_leak(server: Server, peer: Peer) -> None:
    """security.md: local-only-leak. A post for people here alone leaves by no other door: not by
    the outbox, an Announce, a reply, an Update or a Delete of it, nor by a GET from elsewhere."""
    await follow_from(peer, "carol", server, "ann")
    await follow_from(peer, "carol", server, "bob")
    await follow_here(server, "bob", "ann")
    private = await server.note("ann", "stays here", server.id("bob"))
    object_ = private["object"]["id"]
    update = {"type": "Update", "object": {"id": object_, "content": "stays here, edited"}}
    assert (await server.post("ann", update)).status == 201
    for by, activity in (
        ("bob", {"type": "Announce", "object": object_, "to": [PUBLIC]}),
        ("bob", {"type": "Note", "content": "re", "inReplyTo": object_, "to": [PUBLIC]}),
        ("ann", {"type": "Add", "object": object_, "target": server.id("ann"), "to": [PUBLIC]}),
    ):
        reply = await server.post(by, activity)
        assert reply.status in (201, 400, 403, 404), reply.text
    for url in (object_, private["id"]):
        check_problem(await peer.get(url, by="carol"), 404)
    for name in ("ann", "bob"):
        page = await peer.get(f"{server.id(name)}/outbox?page=first", by="carol")
        assert "stays here" not in page.text
    await server.post("ann", {"type": "Delete", "object": object_})
    await server.drained()
    sent = b"".join(one.body for one in peer.received)
    assert b"stays here" not in sent


async def test_CVE_2023_28853_text_in_queries(server: Server, peer: Peer) -> None:
    """CVE-2023-28853: quotes, wildcards and escapes are text, in paths, parameters, handles, ids
    and documents: nothing more is found, and nothing breaks."""
    for text in (
        "'",
        "''",
        "%",
        "_",
        "\\",
        "ann'--",
        "%' OR '1'='1",
        "a_n",
        "'; DROP TABLE actor;",
    ):
        quoted = "".join(f"%{byte:02x}" for byte in text.encode())
        for path in (
            f"/actors/{quoted}",
            f"/actors/{quoted}/outbox",
            f"/.well-known/webfinger?resource=acct:{quoted}@127.0.0.1",
            f"/.well-known/webfinger?resource={quoted}",
            f"/objects/{quoted}",
            f"/actors/ann/outbox?before={quoted}",
            f"/actors/ann/outbox?{quoted}=1",
        ):
            assert (await server.get(path)).status in (400, 404), path
        posted = await server.note("ann", text, PUBLIC)
        assert posted["object"]["content"] == text
        activity = peer.create("carol", text, PUBLIC, summary=text)
        activity["id"] += quoted
        reply = await peer.send(f"{server.id('bob')}/inbox", activity, by="carol")
        assert reply.status == 202, reply.text
    await server.drained()
    assert len(await server.items("bob", "inbox", as_="bob")) == 9
    assert (await server.get("/actors/ann")).status == 200


async def test_every_answer_has_the_headers_of_data(server: Server) -> None:
    """Mastodon 3.5.6, security.md: media-answers. On pages, problems and redirect-like answers
    alike: nothing may run, be framed, sent on by a form, or be taken for another type."""
    note = await server.note("ann", "hello", PUBLIC)
    for path in ("/", "/actors/ann", note["id"], "/nowhere", "/actors/ann/inbox", "/livez"):
        reply = await server.get(path, Accept="text/html")
        policy = reply.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        is_page = path in ("/actors/ann", note["id"])  # with forms that lead to us alone
        assert ("form-action 'self'" if is_page else "form-action 'none'") in policy
        assert "base-uri 'none'" in policy
        assert reply.headers["X-Content-Type-Options"] == "nosniff"
        assert "Set-Cookie" not in reply.headers
        assert "Location" not in reply.headers
        is_text = path in ("/", "/livez")
        assert reply.headers["Content-Type"].startswith("text/plain" if is_text else "text/html")


async def test_CVE_2026_33868_no_redirect(server: Server) -> None:
    """CVE-2026-33868: no path, however it is written, leads anywhere else."""
    for path in ("//evil.example", "/%2Fevil.example", "/\\evil.example", "/web/%5Cevil.example"):
        for accept in ("text/html", "application/activity+json"):
            reply = await server.get(path, Accept=accept)
            assert reply.status in (400, 404), path
            assert "Location" not in reply.headers
