"""The round trip with Fedify: software that we did not write, over http on loopback.

Fedify verifies every signature itself and refuses what does not hold; its record of an activity
says what each layer showed. What it sends is signed by its own code.
"""

from __future__ import annotations

import os
import signal

import pytest

from tests.conftest import StartServer, free_port
from tests.doubles.process import serving
from tests.doubles.server import CONTEXT, PUBLIC, Server, until
from tests.faults.processes import folder_for_all
from tests.interop.conftest import StartFedify
from tests.interop.peer import RealPeer

pytestmark = pytest.mark.peer


async def _pair(start_server: StartServer, fedify: StartFedify) -> tuple[Server, RealPeer]:
    return await start_server("ann"), await fedify("--first-knock", "cavage")


async def test_fedify_follows_and_gets_our_post(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """It follows by handle and is accepted; our post reaches it with a signature that it verified;
    it unfollows, and the next post does not."""
    server, peer = await _pair(start_server, fedify)
    alice = await peer.actor("alice")
    await peer.do("follow", target=server.handles["ann"])
    [accept] = await peer.wait(type="Accept")
    assert accept["verified"]["http"] == "verified"
    assert accept["verified"]["httpSpec"] == "cavage"
    assert (await peer.get("following"))[server.id("ann")]["state"] == "accepted"
    assert await server.items("ann", "followers", as_="ann") == [alice["id"]]

    followers = f"{server.id('ann')}/followers"
    created = await server.note("ann", "Hello, Fedify", PUBLIC, cc=[followers])
    [record] = await peer.wait(type="Create")
    assert record["id"] == created["id"]
    assert record["verified"]["http"] == "verified"
    assert record["json"]["object"]["content"] == "Hello, Fedify"
    assert record["inbox"] == "shared"

    await peer.do("unfollow", target=server.handles["ann"])

    async def gone() -> bool:
        return await server.items("ann", "followers", as_="ann") == []

    await until(gone)
    later = await server.note("ann", "Nobody hears", PUBLIC, cc=[followers])
    await server.drained()
    assert later["id"] not in [one["id"] for one in await peer.get("received")]


async def test_we_follow_fedify_and_get_its_post(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """We follow, it accepts, its note stands in our inbox; we undo, and it knows."""
    server, peer = await _pair(start_server, fedify)
    alice = await peer.actor("alice")
    follow = await server.post(
        "ann", {"@context": CONTEXT, "type": "Follow", "object": alice["id"]}
    )
    assert follow.status == 201

    async def follows() -> bool:
        return await server.items("ann", "following", as_="ann") == [alice["id"]]

    await until(follows)
    assert await peer.get("followers") == [server.id("ann")]

    posted = await peer.do("post", text="Hello, apserver")

    async def arrived() -> list[str]:
        inbox = await server.items("ann", "inbox", as_="ann")
        return [one["object"]["id"] for one in inbox if one["type"] == "Create"]

    assert await until(arrived) == [posted["note"]]

    undo = {"@context": CONTEXT, "type": "Undo", "object": follow.json["id"]}
    assert (await server.post("ann", undo)).status == 201
    [record] = await peer.wait(type="Undo")
    assert record["verified"]["http"] == "verified"
    assert await peer.get("followers") == []
    assert await server.items("ann", "following", as_="ann") == []


async def test_fedify_cannot_deceive_us(start_server: StartServer, fedify: StartFedify) -> None:
    """Tampered, unsigned, stale, and signed by another's key: 401 or 403, and nothing stored."""
    server = await start_server("ann")
    peer = await fedify("--first-knock", "cavage", actors=("alice", "mallory"))
    alice = await peer.actor("alice")
    inbox = f"{server.id('ann')}/inbox"
    act = {
        "@context": CONTEXT,
        "id": f"{alice['id']}#raw",
        "type": "Like",
        "actor": alice["id"],
        "object": server.id("ann"),
    }
    changed = {**act, "type": "Follow"}
    refused = [
        await peer.do("raw", inbox=inbox, activity=act, tamper=changed),
        await peer.do("raw", inbox=inbox, activity=act, sign="none"),
        await peer.do("raw", inbox=inbox, activity=act, signedAt="2020-01-01T00:00:00Z"),
        await peer.do(
            "raw", inbox=inbox, activity=act, key=f"{alice['id']}#main-key", **{"as": "mallory"}
        ),
    ]
    assert [one["status"] for one in refused] == [401, 401, 401, 401]
    as_mallory = await peer.do("raw", inbox=inbox, activity=act, **{"as": "mallory"})
    assert as_mallory["status"] == 403
    assert await server.rows("SELECT id FROM activity") == []
    assert await server.rows("SELECT id FROM job") == []
    taken = await peer.do("raw", inbox=inbox, activity=act)
    assert taken["status"] == 202


async def test_a_worker_killed_before_it_delivers_loses_nothing(fedify: StartFedify) -> None:
    """Fault 1: SIGKILL between 201 and delivery. The worker that replaces it delivers, once."""
    peer = await fedify("--first-knock", "cavage")
    with folder_for_all() as folder:
        async with serving(folder, port=free_port()) as (process, server):
            await server.create_actor("ann")
            await peer.do("follow", target=server.handles["ann"])
            await peer.wait(type="Accept")
            await peer.do("set", inboxDelayMs=2000)  # the delivery is under way when we kill
            followers = f"{server.id('ann')}/followers"
            created = await server.note("ann", "Still here", PUBLIC, cc=[followers])
            [worker] = process.workers()
            os.kill(worker, signal.SIGKILL)
            await peer.do("set", inboxDelayMs=0)
            records = await peer.wait(type="Create")
            assert records[0]["id"] == created["id"]
            assert records[0]["verified"]["http"] == "verified"
            assert process.workers() != [worker]
            await server.drained()
            everything = await peer.get("received", id=created["id"])
            assert len([one for one in everything if not one["duplicate"]]) == 1


async def test_IO_55_fedify_reads_the_tags_of_our_note(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """IO-54, IO-55: its actor is mentioned by handle; what it makes of our note is typed as we
    meant it, the hashtag too, which the context of Activity Streams does not know."""
    server, peer = await _pair(start_server, fedify)
    alice = await peer.actor("alice")
    await peer.do("follow", target=server.handles["ann"])
    await peer.wait(type="Accept")
    note = {
        "@context": CONTEXT,
        "type": "Note",
        "source": {"content": f"*Hello* {peer.handle('alice')} #Tea", "mediaType": "text/markdown"},
        "summary": "drinks",
        "to": [PUBLIC],
    }
    made = await server.post("ann", note)
    assert made.status == 201, made.text
    assert made.json["object"]["cc"] == [alice["id"]]
    [record] = await peer.wait(type="Create")
    assert record["verified"]["http"] == "verified"
    read = (await peer.do("lookup", url=made.json["object"]["id"]))["object"]
    assert read["type"] == "Note"
    assert read["sensitive"] is True
    assert read["tag"] == made.json["object"]["tag"]
    for name in ("url", "context", "content", "summary", "source"):
        assert read[name] == made.json["object"][name], name
