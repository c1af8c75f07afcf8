"""Signatures between Fedify and us: both schemes, both ways, and keys that are replaced.

Fedify knocks with RFC 9421 first by default, and with cavage after any refusal: its journal of
requests tells whether our first answer was the right one.
"""

from __future__ import annotations

from typing import Any

import pytest

from apserver import app
from tests.conftest import StartServer
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Server, until
from tests.interop.conftest import StartFedify
from tests.interop.peer import RealPeer

pytestmark = pytest.mark.peer

SCHEMES = ["cavage", "rfc9421"]


async def posts_to(server: Server, peer: RealPeer) -> list[tuple[str, int]]:
    """The POSTs that the peer made to us: scheme and answer."""
    return [
        (one["signature"], one["status"])
        for one in await peer.get("outbound")
        if one["method"] == "POST" and one["url"].startswith(server.origin)
    ]


async def arrived(server: Server, id_: str) -> None:
    """Wait for a note in the inbox of ann."""

    async def there() -> bool:
        inbox = await server.items("ann", "inbox", as_="ann")
        return id_ in [one["object"]["id"] for one in inbox if one["type"] == "Create"]

    await until(there)


async def follow(server: Server, peer: RealPeer, whom: str) -> None:
    """Ann follows and knows that she is accepted: what came before would be a stranger's."""
    activity = {"@context": CONTEXT, "type": "Follow", "object": whom}
    assert (await server.post("ann", activity)).status == 201
    await peer.wait(type="Follow")

    async def accepted() -> bool:
        return await server.items("ann", "following", as_="ann") == [whom]

    await until(accepted)


async def say(server: Server, peer: RealPeer, text: str) -> dict[str, Any]:
    """A post of ann to her followers, as Fedify received it."""
    followers = f"{server.id('ann')}/followers"
    created = await server.note("ann", text, PUBLIC, cc=[followers])
    [record] = await peer.wait(id=created["id"])
    received: dict[str, Any] = record
    return received


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_SIG_R_10_each_is_understood_at_the_first_knock(
    start_server: StartServer, fedify: StartFedify, scheme: str
) -> None:
    """SIG-R-05, SIG-R-06, SIG-C-07: one POST for each activity, both ways, whichever goes first."""
    server = await start_server("ann", federation__signature=scheme)
    peer = await fedify("--first-knock", scheme)
    await peer.do("follow", target=server.handles["ann"])
    [accept] = await peer.wait(type="Accept")
    record = await say(server, peer, "Hello, Fedify")
    for one in (accept, record):
        assert (one["verified"]["http"], one["verified"]["httpSpec"]) == ("verified", scheme)
        assert one["verified"]["keyId"] == f"{server.id('ann')}#main-key"
    everything = await peer.get("received", all=1)
    assert [one["status"] for one in everything] == [202, 202]

    alice = await peer.actor("alice")
    await follow(server, peer, alice["id"])
    posted = await peer.do("post", text="Hello, apserver")
    await arrived(server, posted["note"])
    assert await posts_to(server, peer) == [(scheme, 202)] * 3  # Follow, Accept, Create


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_KEY_09_we_fetch_from_a_server_that_wants_signatures(
    start_server: StartServer, fedify: StartFedify, scheme: str
) -> None:
    """KEY-09, IO-08, IO-30: its actor is shown to who signs; our own key is there for it."""
    server = await start_server("ann", federation__signature=scheme)
    peer = await fedify("--authorized-fetch")
    alice = await peer.actor("alice")
    assert (await server.get(alice["id"], Accept=AS2)).status == 401
    await follow(server, peer, alice["id"])
    path = alice["id"].removeprefix(peer.origin)
    asked = [one["signature"] for one in await peer.get("inbound") if one["path"] == path]
    assert scheme in asked
    assert await server.rows("SELECT id FROM actor WHERE NOT ours") == [{"id": alice["id"]}]


async def test_IO_30_both_show_documents_to_who_signs_alone(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """IO-30, IO-88: authorized fetch on both sides. Each must know the other's key to answer, and
    asks for it; neither waits in a circle. Follows and posts go both ways, and either reads the
    other's post by its id."""
    server = await start_server("ann", federation__authorized_fetch="true")
    peer = await fedify("--authorized-fetch")
    alice = await peer.actor("alice")
    assert (await server.get(server.id("ann"), Accept=AS2)).status == 401
    await peer.do("follow", target=server.id("ann"))
    await peer.wait(type="Accept")
    record = await say(server, peer, "signed for")
    assert record["verified"]["http"] == "verified"
    ours = record["json"]["object"]["id"]
    for sign, status in (("none", 401), ("cavage", 200), ("rfc9421", 200)):
        assert (await peer.do("fetch", url=ours, sign=sign))["status"] == status
    await follow(server, peer, alice["id"])
    posted = await peer.do("post", text="signed for, too")
    await arrived(server, posted["note"])


async def test_KEY_10_our_key_is_replaced_while_fedify_follows(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """KEY-10, KEY-05: the Update under the old key is verified, and the post under the new one."""
    server = await start_server("ann")
    peer = await fedify()
    await peer.do("follow", target=server.handles["ann"])
    await peer.wait(type="Accept")
    await say(server, peer, "under the first key")
    old = (await server.get("/actors/ann", Accept=AS2)).json["publicKey"]
    await app.rotate_key(server.dsn, server.settings, name="ann")
    [update] = await peer.wait(type="Update")
    assert update["verified"]["http"] == "verified"
    shown = update["json"]["object"]["publicKey"]
    assert shown["id"] == old["id"]
    assert shown["publicKeyPem"] != old["publicKeyPem"]
    record = await say(server, peer, "under the second key")
    # The peer's own second opinion (`verified`) reads a cached actor; what took it in does not.
    attempts = await peer.get("received", id=record["id"], all=1)
    assert [(one["status"], one["duplicate"]) for one in attempts] == [(202, False)]


async def test_KEY_05_IO_20_fedify_replaces_its_key_while_we_follow(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """KEY-05, IO-20: unannounced; found by one fetch when its signature no longer fits."""
    server = await start_server("ann")
    peer = await fedify()
    alice = await peer.actor("alice")
    await follow(server, peer, alice["id"])
    await arrived(server, (await peer.do("post", text="under the first key"))["note"])
    await peer.do("rotate_keys")
    await arrived(server, (await peer.do("post", text="under the second key"))["note"])
    assert {status for _, status in await posts_to(server, peer)} == {202}


async def test_KEY_04_fedify_reads_our_multikey(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """KEY-04, FEP-521a: by JSON-LD, with the contexts that it has on board."""
    server = await start_server("ann")
    peer = await fedify()
    looked = await peer.do("lookup", url=server.id("ann"))
    document = (await server.get("/actors/ann", Accept=AS2)).json
    [ours] = document["assertionMethod"]
    theirs = looked["object"]["assertionMethod"]
    theirs = theirs[0] if isinstance(theirs, list) else theirs
    for name in ("id", "type", "controller", "publicKeyMultibase"):
        assert theirs[name] == ours[name]
    assert looked["object"]["publicKey"]["id"] == document["publicKey"]["id"]
