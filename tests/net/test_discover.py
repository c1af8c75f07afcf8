"""From a handle to an actor and back, asked of peers on loopback."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from apserver.core import limits
from apserver.core.origin import Handle
from apserver.errors import BadInput, RemoteGone, RemoteTrouble, Unreachable
from apserver.net.budget import Budget
from apserver.net.client import Client
from apserver.net.discover import Discoverer
from tests.conftest import StartPeer
from tests.doubles.authority import Authority
from tests.doubles.peer import Peer

LOOPBACK = (ip_network("127.0.0.0/8"),)


@asynccontextmanager
async def discovering(
    *, allow_http: bool = True, ca_file: Path | None = None, loopback: bool = True
) -> AsyncIterator[Discoverer]:
    client = Client(
        origin="https://here.example",
        allow_http=allow_http,
        allow_networks=LOOPBACK if loopback else (),
        ca_file=ca_file,
    )
    await client.open()
    try:
        yield Discoverer(client, allow_http=allow_http)
    finally:
        await client.close()


def handle(peer: Peer, name: str = "carol") -> Handle:
    return Handle(name, peer.origin.partition("://")[2])


def path(of: Handle) -> str:
    return f"/.well-known/webfinger?resource=acct:{of}"


def jrd(actor: str, subject: object) -> dict[str, Any]:
    link = {"rel": "self", "type": "application/activity+json", "href": actor}
    return {"subject": f"acct:{subject}", "links": [link]}


def answer_for(peer: Peer, *, actor: str | None = None, subject: object = None) -> None:
    """Let the peer answer for carol."""
    mine = handle(peer)
    peer.documents[path(mine)] = jrd(actor or peer.id("carol"), subject or mine)


def redirect(location: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def lead(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location})

    return lead


async def test_a_handle_leads_to_its_actor(peer: Peer) -> None:
    answer_for(peer)
    async with discovering() as discoverer:
        found = await discoverer.actor(handle(peer), Budget())
    assert (found.actor, found.handle) == (peer.id("carol"), handle(peer))
    assert found.jrd["links"][0]["href"] == peer.id("carol")


async def test_WF_11_http_is_not_asked_unless_it_is_allowed(peer: Peer) -> None:
    """WF-11: https only; where it fails there is no fallback."""
    answer_for(peer)
    async with discovering(allow_http=False) as discoverer:
        with pytest.raises(Unreachable) as refused:
            await discoverer.actor(handle(peer), Budget())
    assert refused.value.why == "tls"
    assert peer.asked == []


async def test_WF_11_the_certificate_is_checked(tmp_path: Path) -> None:
    authority = Authority.at(tmp_path)
    files = authority.certify("127.0.0.1")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(jrd("https://there.example/carol", request.query["resource"][5:]))

    app = web.Application()
    app.router.add_get("/.well-known/webfinger", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    asked = Handle("carol", f"127.0.0.1:{runner.addresses[0][1]}")
    try:
        async with discovering(allow_http=False, ca_file=authority.ca_file) as discoverer:
            assert (await discoverer.actor(asked, Budget())).actor == "https://there.example/carol"
        async with discovering(allow_http=False) as discoverer:
            with pytest.raises(Unreachable) as refused:
                await discoverer.actor(asked, Budget())
        assert refused.value.why == "tls"
    finally:
        await runner.cleanup()


async def test_WF_13_redirects_are_followed_up_to_three(peer: Peer) -> None:
    mine = handle(peer)
    peer.documents |= {
        path(mine): redirect("/1"),
        "/1": redirect(f"{peer.origin}/2?x"),
        "/2?x": redirect("/3"),
        "/3": jrd(peer.id("carol"), mine),
    }
    async with discovering() as discoverer:
        assert (await discoverer.actor(mine, Budget())).actor == peer.id("carol")
        peer.documents["/3"] = redirect("/4")
        peer.documents["/4"] = jrd(peer.id("carol"), mine)
        with pytest.raises(RemoteTrouble, match="redirects"):
            await discoverer.actor(mine, Budget())
    assert "GET /4" not in peer.asked


@pytest.mark.parametrize("location", ["ftp://127.0.0.1/x", "http://[", "//", "javascript:1", ""])
async def test_WF_13_a_redirect_to_nowhere_is_an_error(location: str, peer: Peer) -> None:
    peer.documents[path(handle(peer))] = redirect(location)
    async with discovering() as discoverer:
        with pytest.raises((RemoteTrouble, BadInput)):
            await discoverer.actor(handle(peer), Budget())


async def test_every_step_is_guarded(peer: Peer, start_peer: StartPeer) -> None:
    """CVE-2025-23221: a redirect to a private address is not followed."""
    peer.documents[path(handle(peer))] = redirect("http://10.0.0.1/x")
    async with discovering() as discoverer:
        with pytest.raises(Unreachable) as refused:
            await discoverer.actor(handle(peer), Budget())
    assert refused.value.why == "address"
    assert "allow_networks" in str(refused.value)
    async with discovering(loopback=False) as discoverer:
        with pytest.raises(Unreachable) as refused:
            await discoverer.actor(handle(peer), Budget())
    assert refused.value.why == "address"


async def test_WF_14_another_subject_is_asked_too(peer: Peer, start_peer: StartPeer) -> None:
    """WF-14: what calls itself by another handle is believed when that one's host agrees."""
    other = await start_peer("carol")
    answer_for(peer, subject=handle(other))
    other.documents[path(handle(other))] = jrd(peer.id("carol"), handle(other))
    async with discovering() as discoverer:
        found = await discoverer.actor(handle(peer), Budget())
        assert (found.actor, found.handle) == (peer.id("carol"), handle(other))
        other.documents[path(handle(other))] = jrd(other.id("carol"), handle(other))
        with pytest.raises(BadInput, match="another actor"):
            await discoverer.actor(handle(peer), Budget())
        other.documents[path(handle(other))] = jrd(peer.id("carol"), Handle("x", "y.example"))
        with pytest.raises(BadInput, match="and on to"):
            await discoverer.actor(handle(peer), Budget())


async def test_WF_14_an_actor_has_the_handle_that_leads_back_to_it(
    peer: Peer, start_peer: StartPeer
) -> None:
    """WF-14, CVE-2024-52590, CVE-2024-52591: preferredUsername at the host of the id, asked of that
    host."""
    document = peer.documents["/users/carol"]
    answer_for(peer)
    async with discovering() as discoverer:
        assert await discoverer.handle_of(document, Budget()) == handle(peer)
        answer_for(peer, actor=peer.id("mallory"))
        with pytest.raises(BadInput, match="is the handle of"):
            await discoverer.handle_of(document, Budget())
        del peer.documents[path(handle(peer))]
        with pytest.raises(RemoteGone):
            await discoverer.handle_of(document, Budget())


async def test_an_answer_has_limits(peer: Peer) -> None:
    """CVE-2026-96623: 100 kB, and a time for the whole look-up."""
    async with discovering() as discoverer:
        peer.documents[path(handle(peer))] = jrd("x" * limits.WEBFINGER, handle(peer))
        with pytest.raises(RemoteTrouble, match="longer than"):
            await discoverer.actor(handle(peer), Budget())
        for status in (404, 410):
            peer.documents[path(handle(peer))] = status
            with pytest.raises(RemoteGone):
                await discoverer.actor(handle(peer), Budget())
        peer.documents[path(handle(peer))] = 500
        with pytest.raises(RemoteTrouble, match="500"):
            await discoverer.actor(handle(peer), Budget())
