"""security.md 3: where redirects and the ids of documents lead, and what goes along with them."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import web

from apserver.core.key_documents import find_key, parse_key_document
from apserver.core.origin import Handle
from apserver.core.signatures import Request, read_claim, verify
from apserver.errors import Astray, NotTrusted, RemoteTrouble, Unreachable
from apserver.flow.failures import Failures
from apserver.net.budget import Budget
from apserver.net.discover import Discoverer
from tests.conftest import StartPeer, StartServer
from tests.doubles.authority import Authority
from tests.doubles.peer import AS2, Peer, Responder
from tests.doubles.server import PUBLIC, Server, until
from tests.doubles.wire import Wire
from tests.security.outgoing import (
    client,
    fetcher,
    forward,
    gets,
    guarded,
    public_peer,
    redirect,
    send,
)

INSIDE = ["http://127.0.0.1:{port}/x", "http://[::1]:{port}/x", "http://localhost:{port}/x"]
ELSEWHERE = [*INSIDE, "http://10.0.0.1/x", "file:///etc/passwd", "gopher://127.0.0.1:{port}/x"]


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await guarded(start_server)


@asynccontextmanager
async def https_site(tmp_path: Path, location: str) -> AsyncIterator[tuple[str, Path]]:
    """A site with a certificate that leads everything on to a place; its authority (host:port)."""
    authority = Authority.at(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.certify("127.0.0.1"))
    app = web.Application()
    app.router.add_get("/{path:.*}", redirect(location))
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}", authority.ca_file
    finally:
        await runner.cleanup()


# --- Where they lead -------------------------------------------------------------------------


@pytest.mark.parametrize("to", ELSEWHERE)
async def test_CVE_2026_77632_a_signed_fetch_is_led_inside(
    server: Server, carol: Peer, inside: Wire, to: str
) -> None:
    """CVE-2026-77632, CVE-2021-21273, AP-SEC-02: every step goes through the guard, for keys and
    documents."""
    carol.documents["/away"] = redirect(to.format(port=inside.port))
    reply = await send(server, carol, key_id=f"{carol.origin}/away#main-key")
    assert reply.status in (401, 503)
    assert (await forward(server, carol, f"{carol.origin}/away")).status == 403
    assert gets(carol).count("/away") == 2
    assert inside.connections == 0


async def test_CVE_2025_23221_webfinger_loops(carol: Peer) -> None:
    """CVE-2025-23221: three redirects, no place twice, each step guarded."""
    handle = Handle("carol", carol.origin.removeprefix("http://"))
    path = f"/.well-known/webfinger?resource=acct:{handle}"
    async with client(networks="127.5.0.0/16") as outgoing:
        discoverer = Discoverer(outgoing, allow_http=True)
        carol.documents[path] = redirect(path)
        with pytest.raises(Astray):
            await discoverer.actor(handle, Budget())
        assert gets(carol) == [path]
        carol.documents |= {f"/{n}": redirect(f"/{n + 1}") for n in range(9)}
        carol.documents[path] = redirect("/1")
        with pytest.raises(Astray):
            await discoverer.actor(handle, Budget())
        assert gets(carol)[1:] == [path, "/1", "/2", "/3"]
        for to in ("http://10.0.0.1/", "http://127.0.0.1:9/"):
            carol.documents[path] = redirect(to)
            with pytest.raises(Unreachable) as refused:
                await discoverer.actor(handle, Budget())
            assert refused.value.why == "address"


async def test_CVE_2025_23221_https_stays_https(tmp_path: Path, carol: Peer) -> None:
    """CVE-2025-23221: no step from https to http, even where http is allowed to begin with."""
    async with (
        https_site(tmp_path, f"{carol.origin}/users/carol") as (place, ca_file),
        client(networks="127.0.0.0/8", ca_file=ca_file) as outgoing,
    ):
        with pytest.raises(RemoteTrouble, match="leads away from https"):
            await fetcher(outgoing).document(f"https://{place}/users/carol", Budget())
        with pytest.raises(RemoteTrouble, match="leads away from https"):
            await Discoverer(outgoing, allow_http=True).actor(Handle("carol", place), Budget())
    assert carol.asked == []


# --- How far they lead -----------------------------------------------------------------------


async def test_CVE_2026_34148_a_key_url_loops(server: Server, carol: Peer) -> None:
    """CVE-2026-34148: however often the key is named, at most four requests, and no more for an
    hour; the answer is final, so that nobody delivers it again."""
    loops = {
        "/self": "/self",
        "/a": "/b",
        "/b": "/a",
        **{f"/more/{n}": f"/more/{n + 1}" for n in range(20)},
    }
    carol.documents |= {path: redirect(to) for path, to in loops.items()}
    for path, most in (("/self", 1), ("/a", 2), ("/more/0", 4)):
        carol.asked.clear()
        for _ in range(5):
            reply = await send(server, carol, key_id=f"{carol.origin}{path}#main-key")
            assert reply.status == 401
        assert len(gets(carol)) == most


def test_CVE_2026_34148_for_an_hour() -> None:
    """CVE-2026-34148: what leads in a circle is not asked again for 60 minutes."""
    now = 0.0
    failures = Failures(lambda: now)
    failures.remember("key k", Astray("k leads in a circle"))
    now = 3599.0
    with pytest.raises(Astray):
        failures.check("key k")
    now = 3601.0
    failures.check("key k")


async def test_GHSA_97w4_two_pages_that_name_each_other(server: Server, carol: Peer) -> None:
    """GHSA-97w4-f4rq-mgqm, AP-SEC-04: one count for the whole look-up, whether a redirect or an id
    leads on; links of HTML lead nowhere."""
    activity = carol.create("somebody", "x", PUBLIC)
    one, two = f"{carol.origin}/1", f"{carol.origin}/2"
    carol.documents |= {"/1": {**activity, "id": two}, "/2": {**activity, "id": one}}
    assert (await forward(server, carol, one)).status == 403
    assert [path for path in gets(carol) if path in ("/1", "/2")] == ["/1", "/2"]
    # Redirects to begin with, then an id, then redirects again.
    carol.asked.clear()
    carol.documents |= {f"/r{n}": redirect(f"/r{n + 1}") for n in range(9)}
    carol.documents["/r2"] = {**activity, "id": f"{carol.origin}/r3"}
    assert (await forward(server, carol, f"{carol.origin}/r0")).status == 403
    assert gets(carol) == ["/r0", "/r1", "/r2", "/r3"]
    carol.asked.clear()
    carol.documents["/page"] = page(one)
    assert (await forward(server, carol, f"{carol.origin}/page")).status == 403
    assert gets(carol) == ["/page"]


def page(to: str) -> Responder:
    """HTML that names an activity in its head and in its header."""

    async def answer(request: web.Request) -> web.Response:
        text = f'<link rel="alternate" href="{to}" type="application/activity+json">'
        link = f'<{to}>; rel="alternate"; type="application/activity+json"'
        return web.Response(text=text, content_type="text/html", headers={"Link": link})

    return answer


# --- What goes along -------------------------------------------------------------------------


async def test_token_leak_each_step_is_signed_for_its_own_place(
    server: Server, carol: Peer, start_peer: StartPeer
) -> None:
    """Token leak, CVE-2026-77632: after a redirect from A to C nothing of what A got goes to C. The
    signature is made anew, for C's host and path, so that it is good for nothing at A."""
    other = await public_peer(start_peer, host="127.5.0.2")
    seen: dict[str, list[tuple[str, str]]] = {}

    def noting(name: str, status: int, headers: dict[str, str]) -> Responder:
        async def answer(request: web.Request) -> web.Response:
            seen[name] = [(key.lower(), value) for key, value in request.headers.items()]
            return web.Response(status=status, headers=headers)

        return answer

    to = f"{other.origin}/to"
    carol.documents["/from"] = noting("A", 302, {"Location": to, "Set-Cookie": "a=b"})
    other.documents["/to"] = noting("C", 404, {})
    assert (await forward(server, carol, f"{carol.origin}/from")).status == 403
    at_a, at_c = dict(seen["A"]), dict(seen["C"])
    assert at_a["signature"] != at_c["signature"]
    assert at_c["host"] == other.origin.removeprefix("http://")
    assert {"authorization", "cookie", "proxy-authorization", "referer"}.isdisjoint(at_c)
    assert carol.origin not in str(at_c)
    for url, holds in ((to, True), (f"{other.origin}/from", False), (f"{carol.origin}/to", False)):
        moved = [(name, value) for name, value in seen["C"] if name != "host"]
        moved.append(("host", url.split("/")[2]))
        claim = read_claim(Request.from_pairs("GET", url, headers=moved, body=b""))
        document = (await server.get(claim.key_id.partition("#")[0], Accept=AS2)).json
        key = find_key(parse_key_document(document), claim.key_id).key
        with nullcontext() if holds else pytest.raises(NotTrusted):
            verify(claim, key, now=datetime.now(UTC))


async def test_CVE_2026_96624_a_delivery_follows_no_redirect(
    server: Server, carol: Peer, inside: Wire, start_peer: StartPeer
) -> None:
    """CVE-2026-96624: a POST is not sent on, neither inside nor to another public place."""
    other = await public_peer(start_peer, "dave", host="127.5.0.2")
    inward, away, beside = (f"{one.origin}/other" for one in (inside, other, carol))
    answers = [(301, away), (302, inward), (303, beside), (307, inward), (308, away), (307, away)]

    async def lead(request: web.Request) -> web.Response:
        status, place = answers.pop()
        return web.Response(status=status, headers={"Location": place})

    carol.inboxes = {"/users/carol/inbox": lead, "/inbox": lead}
    follow = carol.follow("carol", server.id("ann"))
    assert (await carol.send(f"{server.id('ann')}/inbox", follow, by="carol")).status == 202
    for tries in range(1, len(answers) + 1):

        async def tried(tries: int = tries) -> bool:
            return bool(await server.rows("SELECT FROM host WHERE failures = $1", tries))

        await until(tried)
        if answers:
            await server.rows("UPDATE host SET next_at = now() RETURNING 1")
    assert inside.connections == 0
    assert other.asked == []
    assert {one.inbox for one in carol.received} == {"/users/carol/inbox"}
