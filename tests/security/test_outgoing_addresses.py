"""security.md 3: no request to an address that only we can reach, in whatever form it is named."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from apserver import telemetry
from apserver.core.origin import origin_of
from apserver.core.signatures import Request, sign_cavage
from apserver.errors import Unreachable
from apserver.net.budget import Budget
from tests.conftest import StartServer, free_port
from tests.doubles.peer import AS2, Peer, key_pair
from tests.doubles.server import CONTEXT, PUBLIC, Server, until
from tests.doubles.wire import Wire, connects
from tests.security.outgoing import client, guarded, redirect, send


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await guarded(start_server)


def places(inside: Wire) -> list[str]:
    """URLs that must not be asked."""
    return [
        f"{inside.origin}/x",
        f"http://localhost:{inside.port}/x",
        f"http://[::ffff:127.0.0.1]:{inside.port}/x",
        "file:///etc/passwd",
        "data:application/activity+json,{}",
        f"gopher://127.0.0.1:{inside.port}/_x",
        f"ftp://127.0.0.1:{inside.port}/x",
    ]


def slots(peer: Peer, url: str) -> list[dict[str, Any]]:
    """Activities of carol's that name the URL, each in another place."""
    note = {"type": "Note", "attributedTo": peer.id("carol"), "content": "x", "to": [PUBLIC]}

    def create(**members: Any) -> dict[str, Any]:
        made = {"id": peer.new_id("notes"), **note, **members}
        return peer.activity("Create", "carol", object=made, to=[PUBLIC])

    page = {"type": "CollectionPage", "id": url, "next": url, "partOf": url, "items": []}
    return [
        peer.activity("Create", "carol", object=url, to=[PUBLIC]),
        peer.activity("Update", "carol", object=url, to=[PUBLIC]),
        peer.activity("Announce", "carol", object=url, to=[PUBLIC]),
        peer.activity("Like", "carol", object=url),
        peer.activity("Follow", "carol", object=url),
        peer.activity("Undo", "carol", object=url),
        peer.activity("Accept", "carol", object=url),
        peer.activity("Move", "carol", object=peer.id("carol"), target=url),
        peer.activity("Add", "carol", object=url, target=url),
        {**peer.activity("Create", "carol", object=note, to=[PUBLIC]), "id": url},
        {**peer.activity("Like", "carol", object=peer.new_id()), "actor": url},
        peer.activity("Create", "carol", object=note, to=[PUBLIC, url], cc=[url]),
        create(inReplyTo=url, url=url, context=url, audience=url),
        create(icon={"type": "Image", "url": url}, image=url),
        create(attachment=[{"type": "Document", "mediaType": "image/png", "url": url}]),
        create(tag=[{"type": "Mention", "href": url}, {"type": "Emoji", "icon": {"url": url}}]),
        create(replies={"type": "Collection", "id": url, "first": url, "next": url}),
        create(replies={"type": "Collection", "first": page}),
        create(content=f'<a href="{url}">x</a><img src="{url}"><link rel=alternate href="{url}">'),
        {**create(), "@context": [CONTEXT, url]},
    ]


async def test_CVE_2024_39687_every_slot(server: Server, carol: Peer, inside: Wire) -> None:
    """CVE-2024-39687, CVE-2021-39195, CVE-2021-21273, AP-SEC-02, AP-SEC-03, IO-67, IO-85: whatever
    member of an activity, and whatever key, names an address of ours, it is not connected to; nor
    are other schemes followed."""
    with connects() as seen:
        for url in places(inside):
            assert (await send(server, carol, key_id=url)).status in (400, 401, 503)
            for activity in slots(carol, url):
                reply = await carol.send(f"{server.id('ann')}/inbox", activity, by="carol")
                assert reply.status in (202, 400, 403, 503), (activity, reply.text)
        await server.drained()
    assert inside.connections == 0
    assert ("127.0.0.1", inside.port) not in seen


async def test_CVE_2024_39687_what_an_actor_says_of_itself(
    server: Server, carol: Peer, inside: Wire
) -> None:
    """CVE-2024-39687, CVE-2021-39195: pictures, collections, links of an actor."""
    url = f"{inside.origin}/x"
    names = ("url", "icon", "image", "outbox", "followers", "following", "featured", "liked")
    told: dict[str, Any] = dict.fromkeys(names, url)
    told["endpoints"] = {"sharedInbox": url, "proxyUrl": url}
    carol.add_actor("carol", attachment=[{"type": "PropertyValue", "value": url}], **told)
    follow = carol.follow("carol", server.id("ann"))
    assert (await carol.send(f"{server.id('ann')}/inbox", follow, by="carol")).status == 202
    await carol.wait("Accept")
    await server.note("ann", "to all", PUBLIC, f"{server.id('ann')}/followers")
    await carol.wait("Create")  # by her own inbox: the shared one is not of her origin
    await server.drained()
    assert inside.connections == 0


@pytest.mark.parametrize("to", ["http://127.0.0.1:{port}/inbox", "http://10.0.0.1/inbox"])
async def test_CVE_2026_96624_an_inbox_inside(
    server: Server, carol: Peer, inside: Wire, to: str
) -> None:
    """CVE-2026-96624: an inbox is looked at when something is sent to it, not when it is told."""
    before = telemetry.counted(telemetry.NOT_ASKED, "address")
    carol.add_actor("carol", inbox=to.format(port=inside.port), endpoints={})
    follow = carol.follow("carol", server.id("ann"))
    with connects() as seen:
        assert (await carol.send(f"{server.id('ann')}/inbox", follow, by="carol")).status == 202

        async def refused() -> bool:
            return telemetry.counted(telemetry.NOT_ASKED, "address") > before

        await until(refused)
        await server.drained()
    assert inside.connections == 0
    assert {host for host, _ in seen} <= {"127.0.0.1", "127.5.0.1"}
    assert ("127.0.0.1", inside.port) not in seen
    [row] = await server.rows("SELECT last_error FROM host WHERE failures > 0")
    assert "allow_networks" in row["last_error"]


SPELLINGS = """
    [::] 0.0.0.0 0 127.1 127.0.1 2130706433 0x7f000001 0x7f.1 0x7f.0.0.0x1 017700000001 0177.0.0.1
    127.0.0.1. [::1] [::ffff:7f00:1] [::ffff:127.0.0.1] [::7f00:1] [64:ff9b::7f00:1]
    [0:0:0:0:0:ffff:127.0.0.1] [fe80::1%25lo] [::1%lo] ①②⑦.⓪.⓪.① １２７.0.0.1 127。0。0。1
    %31%32%37.0.0.1 127.0.0.1%2f 127.0.0.1%00.evil.test evil.test@127.0.0.1 evil.test\\@127.0.0.1
    localhost LOCALHOST localhost. any.localhost ip6-localhost
""".split()


async def test_CVE_2026_22245_CVE_2026_46348_every_spelling(
    server: Server, carol: Peer, inside: Wire
) -> None:
    """CVE-2026-22245, CVE-2026-46348: the socket's address is judged, not how it is written."""
    with connects() as seen:
        for host in SPELLINGS:
            for url in (f"http://{host}:{inside.port}/x", f"https://{host}:{inside.port}/x"):
                assert (await send(server, carol, key_id=url)).status in (400, 401, 503), url
    assert inside.connections == 0
    assert inside.port not in {port for _, port in seen}


SPECIAL = """
    0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 127.0.0.1 127.255.255.254 169.254.169.254 172.16.0.1
    172.31.255.255 192.0.0.1 192.0.2.1 192.31.196.1 192.52.193.1 192.88.99.1 192.168.1.1
    192.175.48.1 198.18.0.1 198.19.255.255 198.51.100.1 203.0.113.1 224.0.0.1 239.255.255.255
    240.0.0.1 255.255.255.255
    [::] [::1] [::ffff:10.0.0.1] [::ffff:169.254.169.254] [::10.0.0.1] [64:ff9b::10.0.0.1]
    [64:ff9b:1::1] [100::1] [2001::1] [2001:2::1] [2001:10::1] [2001:db8::1] [2002:a00:1::1]
    [2002:7f00:1::] [3fff::1] [5f00::1] [fc00::1] [fd12:3456::1] [fe80::1] [fec0::1] [ff02::1]
    [ff0e::1]
""".split()


async def test_CVE_2026_50131_special_addresses() -> None:
    """CVE-2026-50131 and the gap in Python's `is_global`: 40 addresses and more, none connected
    to; so from any name or URL."""
    assert len(SPECIAL) >= 40
    async with client() as outgoing:
        with connects() as seen:
            for host in SPECIAL:
                for scheme in ("http", "https"):
                    url = f"{origin_of(f'{scheme}://{host}')}/"
                    with pytest.raises(Unreachable) as refused:
                        await outgoing.send(
                            "GET",
                            url,
                            headers={},
                            budget=Budget(),
                            deadline_s=20,
                            max_bytes=100,
                        )
                    assert refused.value.why == "address", host
    assert seen == set()


async def test_CVE_2024_39687_ports_of_other_services(server: Server, carol: Peer) -> None:
    """CVE-2024-39687: what is no web server is not spoken to, wherever it is."""
    closed = (1, 22, 25, 110, 143, 389, 587, 2375, 3306, 5432, 6379, 6667, 9200, 11211)
    before = telemetry.counted(telemetry.NOT_ASKED, "port")
    with connects() as seen:
        for port in closed:
            reply = await send(server, carol, key_id=f"http://127.5.0.9:{port}/users/x#main-key")
            assert reply.status == 503
    assert "127.5.0.9" not in {host for host, _ in seen}
    assert telemetry.counted(telemetry.NOT_ASKED, "port") == before + len(closed)


async def test_akkoma_own_domain_is_never_asked(start_server: StartServer, carol: Peer) -> None:
    """security.md: own-domain: nothing is fetched from or delivered to our own origin, when others
    name it or lead to it. What stands in for the world's way to it counts (Akkoma 2024.03)."""
    port = free_port()
    async with Wire.running(host="127.5.0.8") as outside:
        server = await start_server("ann", port=port, origin=outside.origin)
        own = f"{outside.origin}/actors/ann"
        carol.documents["/users/mirror"] = redirect(own)
        carol.add_actor("eve", inbox=f"{own}/inbox", endpoints={})
        named = [one for url in (own, carol.id("mirror")) for one in slots(carol, url)]
        await _past_the_proxy(carol, carol.follow("eve", own), "eve", f"{own}/inbox", port)
        for activity in named:
            if activity["type"] != "Follow":
                await _past_the_proxy(carol, activity, "carol", f"{own}/inbox", port)
        await server.drained()
        assert [one for one in outside.heads if b"User-Agent: apserver/" in one] == []
        assert "GET /users/mirror" in carol.asked
        assert await server.rows("SELECT FROM delivery") == []


async def _past_the_proxy(peer: Peer, activity: Any, by: str, inbox: str, port: int) -> None:
    """Send it to the server where it listens, signed for where the world finds it."""
    body = json.dumps(activity).encode()
    request = Request("POST", inbox, {"content-type": [AS2]}, body)
    key_id, key = f"{peer.id(by)}#main-key", key_pair(f"{by}@{peer.origin}")
    signed = sign_cavage(request, key_id=key_id, key=key, now=datetime.now(UTC))
    sent = {"Content-Type": AS2, "Host": request.authority, **signed}
    url = f"http://127.0.0.1:{port}{request.target}"
    async with peer.http.post(url, data=body, headers=sent) as answer:
        assert answer.status in (202, 400, 403), await answer.text()
