"""The Fedify peer on its own: what the interop tests lean on is shown to hold between two peers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest

from tests.interop.conftest import StartFedify
from tests.interop.peer import PeerTrouble, RealPeer

pytestmark = pytest.mark.peer

CONTEXT = "https://www.w3.org/ns/activitystreams"


def like(actor: Mapping[str, Any], target: Mapping[str, Any], number: int) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "id": f"{actor['id']}#like-{number}",
        "type": "Like",
        "actor": actor["id"],
        "object": target["id"],
    }


async def pair(fedify: StartFedify) -> tuple[RealPeer, RealPeer]:
    """Alice's peer, which knocks with RFC 9421 first, and Bob's, which knocks with cavage."""
    return await fedify(), await fedify("--first-knock", "cavage", actors=("bob",))


async def test_a_started_peer_tells_its_health(fedify: StartFedify) -> None:
    peer = await fedify(actors=("ana", "ben"))
    assert await peer.get("health") == {
        "ok": True,
        "origin": peer.origin,
        "actors": ["ana", "ben"],
    }


async def test_a_wait_in_vain_fails(fedify: StartFedify) -> None:
    peer = await fedify()
    with pytest.raises(PeerTrouble, match="408"):
        await peer.wait(type="Follow", timeout_s=0)


async def test_a_stopped_peer_is_gone(fedify: StartFedify) -> None:
    peer = await fedify()
    await peer.stop()
    assert peer.process.returncode is not None
    with pytest.raises(OSError, match="refused"):
        await peer.get("health")


async def test_a_peer_that_cannot_start_says_why(fedify: StartFedify) -> None:
    with pytest.raises(PeerTrouble, match="no-such-option"):
        await fedify("--no-such-option")


async def test_two_peers_follow_each_other(fedify: StartFedify) -> None:
    alices, bobs = await pair(fedify)
    alice, bob = await alices.actor("alice"), await bobs.actor("bob")

    sent = await alices.do("follow", target=bobs.handle("bob"))
    await bobs.do("follow", target=alice["id"])
    [at_bob] = await bobs.wait(type="Follow")
    [at_alice] = await alices.wait(type="Follow")
    await asyncio.gather(alices.wait(type="Accept"), bobs.wait(type="Accept"))

    assert at_bob["id"] == sent["id"]
    assert at_bob["verified"]["http"] == at_alice["verified"]["http"] == "verified"
    assert at_bob["verified"]["httpSpec"] == "rfc9421"
    assert at_alice["verified"]["httpSpec"] == "cavage"
    assert await bobs.get("followers") == [alice["id"]]
    assert await alices.get("followers") == [bob["id"]]
    assert (await alices.get("following"))[bob["id"]]["state"] == "accepted"
    assert (await bobs.get("following"))[alice["id"]]["state"] == "accepted"


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_the_peer_verifies_signatures(fedify: StartFedify, scheme: str) -> None:
    alices, bobs = await pair(fedify)
    alice, bob = await alices.actor("alice"), await bobs.actor("bob")

    async def post(number: int, **how: Any) -> int:
        activity = like(alice, bob, number)
        reply = await alices.do("raw", inbox=bob["inbox"], activity=activity, **how)
        status: int = reply["status"]
        return status

    assert await post(1, sign=scheme) == 202
    assert await post(2, sign=scheme, tamper={**like(alice, bob, 2), "type": "Block"}) == 401
    assert await post(3, sign=scheme, signedAt="2020-01-01T00:00:00Z") == 401
    assert await post(4, sign="none") == 401
    accepted = await bobs.get("received")
    assert [record["id"] for record in accepted] == [f"{alice['id']}#like-1"]


async def test_a_peer_refuses_on_request_and_the_other_tries_again(fedify: StartFedify) -> None:
    alices, bobs = await pair(fedify)
    await bobs.do("set", inboxStatus=503, inboxFailures=2)
    post = await alices.do("post", text="once more", to=[bobs.handle("bob")])
    [record] = await bobs.wait(id=post["id"])
    assert record["accepted"]
    attempts = await bobs.get("received", id=post["id"], all=1)
    assert [attempt["status"] for attempt in attempts] == [503, 503, 202]
