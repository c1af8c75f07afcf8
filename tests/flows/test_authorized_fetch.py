"""Authorized fetch (secure mode): what is open, what is not, and that nobody waits in a circle."""

from __future__ import annotations

import pytest

from apserver.core import limits
from apserver.serve.routes import ROUTES
from tests.cli.program import command
from tests.conftest import StartPeer, StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Server, until
from tests.flows.steps import check_problem, follow_from

BLOCKED = "127.0.0.2"  # the server itself is 127.0.0.1, which no rule can be made against


#: What is for everybody in any mode.
OPEN = """/ /livez /readyz /openapi.json /.well-known/webfinger /.well-known/host-meta
/.well-known/host-meta.json /.well-known/nodeinfo /nodeinfo/2.0 /nodeinfo/2.1 /nodeinfo/2.2 /ns
/emoji/{shortcode} /emoji/{shortcode}/{file}"""


def test_IO_88_every_other_document_is_guarded() -> None:
    """IO-88: a new route is guarded, or is named here."""
    to_read = [one for one in ROUTES if one.method == "GET" and one.who == "anybody"]
    assert {one.path for one in to_read if not one.guarded} == set(OPEN.split())


async def secured(start_server: StartServer, *actors: str) -> Server:
    return await start_server(*actors, federation__authorized_fetch="true")


async def documents_of(server: Server) -> list[str]:
    """What anybody could read otherwise: actors, collections, a public post, streams."""
    made = await server.note("ann", "hello", PUBLIC, cc=[f"{server.id('ann')}/followers"])
    object_ = made["object"]["id"]
    ann = server.id("ann")
    collections = [f"{ann}/{name}" for name in ("outbox", "followers", "following", "featured")]
    return [
        ann,
        *collections,
        f"{ann}/outbox?page=first",
        made["id"],
        object_,
        *(f"{object_}/{name}" for name in ("replies", "likes", "shares")),
        f"{server.origin}/inbox",
        f"{server.origin}/streams/public",
    ]


async def test_IO_88_documents_are_for_who_signs(start_server: StartServer, peer: Peer) -> None:
    """IO-88, SIG-R-10: 401 unsigned, with the form that would do; signed, the document, and no
    cache may keep it for others. A token of ours is as good. A person sees pages, and no document
    by asking for one as a page."""
    server = await secured(start_server, "ann")
    for url in await documents_of(server):
        refused = await server.get(url, Accept=AS2)
        check_problem(refused, 401)
        assert "Accept-Signature" in refused.headers
        assert refused.headers["Cache-Control"] == "no-store"
        shown = await peer.get(url, by="carol")
        assert shown.status == 200, (url, shown.text)
        assert shown.json["id"] == url
        assert shown.headers["Cache-Control"] == "private, no-store"
        assert "Signature" in shown.headers["Vary"]
        assert (await server.get(url, as_="ann", Accept=AS2)).status == 200
        page = await server.get(url, Accept="text/html")
        assert page.headers["Content-Type"] == "text/html; charset=utf-8", url
        assert page.status in (200, 401), url
    assert (await server.get(server.id("ann"), Accept="text/html")).status == 200


async def test_IO_88_what_others_need_stays_open(start_server: StartServer, peer: Peer) -> None:
    """IO-88, IO-08, IO-30: discovery and the instance actor, unsigned, and with any signature:
    nothing is fetched to answer that."""
    server = await secured(start_server, "ann")
    host = server.origin.partition("://")[2]
    instance = server.id("instance")
    for url in (
        f"/.well-known/webfinger?resource=acct:ann@{host}",
        f"/.well-known/webfinger?resource={instance}",
        "/.well-known/nodeinfo",
        "/nodeinfo/2.1",
        "/.well-known/host-meta",
        "/ns",
        instance,
    ):
        assert (await server.get(url)).status == 200, url
    assert (await peer.get(instance, by="carol")).status == 200
    assert peer.asked == []


async def test_IO_88_who_is_blocked_reads_nothing(
    start_server: StartServer, start_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IO-88, IO-26: 403, before any key is fetched; a signature that does not hold is 401."""
    monkeypatch.setattr(limits, "POLL_S", 0.05)
    server, bad = await secured(start_server, "ann"), await start_peer("mallory", host=BLOCKED)
    good = await start_peer("carol")
    urls = await documents_of(server)
    assert (await command(server, "domain", "block", BLOCKED)).code == 0

    async def known() -> bool:
        return (await bad.get(urls[0], by="mallory")).status == 403

    await until(known)
    bad.asked.clear()
    for url in urls:
        check_problem(await bad.get(url, by="mallory"), 403)
    assert bad.asked == []
    good.add_actor("carol", key="another")
    check_problem(await good.get(urls[0], by="carol"), 401)


async def test_IO_88_a_follower_reads_what_is_for_followers(
    start_server: StartServer, peer: Peer
) -> None:
    """IO-87, IO-88: to show who asks opens nothing else."""
    server = await secured(start_server, "ann")
    peer.add_actor("dave")
    await follow_from(peer, "carol", server, "ann")
    made = await server.note("ann", "for followers", f"{server.id('ann')}/followers")
    note = made["object"]["id"]
    assert (await peer.get(note, by="carol")).status == 200
    check_problem(await peer.get(note, by="dave"), 404)
    check_problem(await server.get(note, Accept=AS2), 401)


async def test_IO_30_two_servers_in_secure_mode_do_not_wait_for_each_other(
    start_server: StartServer,
) -> None:
    """IO-30: each asks the other for what it needs to know whether to answer, and both answer."""
    here, there = await secured(start_server, "ann"), await secured(start_server, "bob")
    ann, bob = here.id("ann"), there.id("bob")
    follow = await here.post("ann", {"@context": CONTEXT, "type": "Follow", "object": bob})
    assert follow.status == 201, follow.text

    async def follows() -> bool:
        return await here.items("ann", "following", as_="ann") == [bob]

    await until(follows)
    assert await there.items("bob", "followers", as_="bob") == [ann]
    note = (await there.note("bob", "hello", PUBLIC))["object"]["id"]
    refused = await command(here, "fetch", note, "--as-nobody")
    assert "401" in refused.err
    fetched = await command(here, "fetch", note)
    assert fetched.code == 0, fetched.err
    assert "hello" in fetched.out
