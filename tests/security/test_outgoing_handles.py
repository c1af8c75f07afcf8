"""security.md 3: text of others does not become a host, a path or a header of our requests."""

from __future__ import annotations

import pytest

from apserver.core.origin import parse_handle
from apserver.core.webfinger import webfinger_url
from apserver.errors import BadInput
from apserver.net.budget import Budget
from apserver.net.discover import Discoverer
from tests.conftest import StartPeer, StartServer
from tests.doubles.server import PUBLIC
from tests.doubles.wire import Wire, connects
from tests.security.outgoing import client, gets, guarded, public_peer, send

HOSTILE = [
    "acct:a@127.0.0.1:{port}/x?",
    "acct:a@127.0.0.1:{port}#@evil.test",
    "acct:a@127.0.0.1:{port}\\@evil.test",
    "acct:a@b@127.0.0.1:{port}",
    "acct:a:b@127.0.0.1:{port}",
    "acct:a/../../x@127.0.0.1:{port}",
    "acct:a&resource=x@127.0.0.1:{port}",
    "acct:a@127.0.0.1:{port}\r\nX-Injected: y",
    "acct:a\r\nX-Injected: y@127.0.0.1:{port}",
    "acct:a%0d%0ab@127.0.0.1:{port}",
    "acct:a@127.0.0.1:{port} HTTP/1.1\r\nHost: x",
    "acct:a@127.0.0.1:{port}\0",
    "acct:a@file:///etc/passwd",
    "acct:a@127.0.0.1:99999",
    "acct:a@",
]


async def test_CVE_2025_25194_CVE_2023_42450_handles() -> None:
    """CVE-2025-25194, CVE-2023-42450: a look-up's URL is built from a name and a host that were
    checked; anything else is refused before anybody is asked."""
    async with Wire.running() as wire, client(networks="127.0.0.0/8") as outgoing:
        discoverer = Discoverer(outgoing, allow_http=True)
        with connects() as seen:
            for text in HOSTILE:
                handle = text.format(port=wire.port)
                with pytest.raises(BadInput):
                    await discoverer.actor(parse_handle(handle), Budget())
                actor = {"id": f"{wire.origin}/x", "webfinger": handle.removeprefix("acct:")}
                with pytest.raises(BadInput):
                    await discoverer.handle_of(actor, Budget())
                name = handle.removeprefix("acct:").partition("@")[0] + "\r\nX: y"
                actor = {"id": f"{wire.origin}/x", "preferredUsername": name}
                with pytest.raises(BadInput):
                    await discoverer.handle_of(actor, Budget())
        assert seen == set()
        assert wire.connections == 0


def test_CVE_2025_25194_the_url_of_a_look_up() -> None:
    """CVE-2025-25194: what can be a handle changes nothing of the URL but host and name."""
    url = webfinger_url(parse_handle("acct:a~b.c_d-e@A.example:8443"), scheme="https")
    assert url == (
        "https://a.example:8443/.well-known/webfinger?resource=acct:a~b.c_d-e@a.example:8443"
    )


async def test_CVE_2023_42450_injected_lines(
    start_server: StartServer, start_peer: StartPeer
) -> None:
    """CVE-2023-42450: ids, inboxes and key ids with line ends are refused; no request that goes out
    has a line that others have put there."""
    server, carol = await guarded(start_server), await public_peer(start_peer, "carol")
    inbox = f"{server.id('ann')}/inbox"
    async with Wire.running(host="127.5.0.2") as wire:
        injected = [f"{wire.origin}/x{end}X-Injected: y" for end in ("\r\n", "\n", "\r", " ", "\t")]
        for url in injected:
            carol.add_actor("carol", inbox=url, endpoints={"sharedInbox": url})
            create = carol.create("carol", "x", PUBLIC)
            for activity in (
                {**create, "id": url},
                {**create, "actor": url},
                carol.activity("Create", "carol", object=url),
                carol.follow("carol", url),
            ):
                reply = await carol.send(inbox, activity, by="carol")
                assert reply.status in (202, 400, 401, 403)
        escaped = f"{wire.origin}/x%0d%0aX-Injected:%20y?%0d%0aX-Injected:%20y"
        assert (await send(server, carol, key_id=escaped)).status == 503
        await server.drained()
        assert {head.split(b"\r\n")[0] for head in wire.heads} == {
            b"GET /x%0d%0aX-Injected:%20y?%0d%0aX-Injected:%20y HTTP/1.1"
        }
        assert not [head for head in wire.heads if b"\r\nX-Injected" in head]
    assert set(gets(carol)) <= {"/users/carol"}
