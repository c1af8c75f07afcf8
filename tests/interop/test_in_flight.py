"""Keys are replaced while messages are under way between Fedify and us: none is lost or doubled."""

from __future__ import annotations

import asyncio

import pytest

from apserver import app
from tests.conftest import StartServer
from tests.doubles.server import PUBLIC, until
from tests.interop.conftest import StartFedify
from tests.interop.test_fedify_signatures import follow

pytestmark = pytest.mark.peer

POSTS = 6  #: before the key is replaced, and after


async def test_KEY_10_our_key_is_replaced_under_way(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """KEY-10, KEY-05: what waits in the queue is signed by the key of the moment in which it
    goes; Fedify, slow to answer, takes each once, in order, and the Update between them."""
    server, peer = await start_server("ann"), await fedify("--first-knock", "cavage")
    await peer.do("follow", target=server.handles["ann"])
    await peer.wait(type="Accept")
    await peer.do("set", inboxDelayMs=100)
    followers = f"{server.id('ann')}/followers"

    async def post() -> list[str]:
        made = [await server.note("ann", "hello", PUBLIC, cc=[followers]) for _ in range(POSTS)]
        return [str(one["id"]) for one in made]

    before = await post()
    await app.rotate_key(server.dsn, server.settings, name="ann")
    after = await post()
    await peer.do("set", inboxDelayMs=0)
    await server.drained()
    received = await peer.wait(type="Create", count=2 * POSTS)
    assert [one["id"] for one in received] == before + after
    assert not [one for one in received if one["duplicate"]]
    [update] = await peer.wait(type="Update")
    shown = (await server.get("/actors/ann", Accept="application/activity+json")).json
    assert update["json"]["object"]["publicKey"] == shown["publicKey"]


async def test_KEY_05_fedify_replaces_its_key_under_way(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """KEY-05, IO-20: some of its posts come signed by a key that is not published any more, or
    not known here yet. It sends them again; each counts once."""
    server, peer = await start_server("ann"), await fedify("--retry-ms", "200")
    alice = await peer.actor("alice")
    await follow(server, peer, alice["id"])

    async def post(number: int) -> str:
        return str((await peer.do("post", text=f"post {number}"))["note"])

    before = [post(number) for number in range(POSTS)]
    after = [post(number) for number in range(POSTS, 2 * POSTS)]
    first = asyncio.gather(*before)
    await peer.do("rotate_keys")
    sent = [*await first, *await asyncio.gather(*after)]

    async def arrived() -> bool:
        inbox = await server.items("ann", "inbox", as_="ann")
        got = [one["object"]["id"] for one in inbox if one["type"] == "Create"]
        return sorted(got) == sorted(sent)

    await until(arrived)
