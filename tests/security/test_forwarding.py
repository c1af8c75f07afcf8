"""Activities that somebody else passes on: believed only as their origin serves them."""

from __future__ import annotations

from tests.conftest import StartPeer
from tests.doubles.server import PUBLIC, Server


async def test_forwarding_the_copy_of_the_origin_counts(
    server: Server, start_peer: StartPeer
) -> None:
    """AP 7.1.2, GHSA-39gj-rchc-q5m3, IO-22: C passes on an edited activity of B; stored is what B
    serves, once, and listed for whom it was sent to."""
    origin, carrier = await start_peer("bob"), await start_peer("carol")
    create = origin.create("bob", "as B wrote it", PUBLIC, server.id("ann"))
    origin.documents[create["id"].removeprefix(origin.origin)] = create
    edited = {**create, "object": {**create["object"], "content": "as C edited it"}}
    reply = await carrier.send(f"{server.origin}/inbox", edited, by="carol")
    assert reply.status == 202, reply.text
    await server.drained()
    [listed] = await server.items("ann", "inbox", as_="ann")
    assert listed["object"]["content"] == "as B wrote it"


async def test_CVE_2025_54888_what_the_origin_does_not_confirm_is_refused(
    server: Server, start_peer: StartPeer
) -> None:
    """CVE-2025-54888, IO-22: signed by C, actor B, and B serves nothing, or another's activity."""
    origin, carrier = await start_peer("bob", "eve"), await start_peer("carol")
    forged = origin.create("bob", "never written", PUBLIC, server.id("ann"))
    reply = await carrier.send(f"{server.id('ann')}/inbox", forged, by="carol")
    assert reply.status == 403, reply.text
    by_eve = {**origin.create("eve", "eve's"), "id": forged["id"]}
    origin.documents[forged["id"].removeprefix(origin.origin)] = by_eve
    reply = await carrier.send(f"{server.id('ann')}/inbox", forged, by="carol")
    assert reply.status == 403, reply.text
    assert await server.rows("SELECT key FROM activity") == []
    assert await server.rows("SELECT id FROM job") == []
