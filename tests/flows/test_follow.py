"""Follow between two servers and on one, over HTTP."""

from __future__ import annotations

from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until


async def test_AP_S2S_32_follow_is_accepted_and_listed(server: Server, peer: Peer) -> None:
    """AP-S2S-32, AP-S2S-34, IO-31: Accept with the Follow inside, to the follower's own inbox."""
    follow = peer.follow("carol", server.id("ann"))
    reply = await peer.send(f"{server.id('ann')}/inbox", follow, by="carol")
    assert reply.status == 202, reply.text
    [accept] = await peer.wait("Accept")
    assert accept.inbox == "/users/carol/inbox"
    assert accept.signer == f"{server.id('ann')}#main-key"
    assert accept.json["actor"] == server.id("ann")
    assert accept.json["object"]["id"] == follow["id"]
    assert accept.json["to"] == [peer.id("carol")]
    assert await server.items("ann", "followers", as_="ann") == [peer.id("carol")]


async def test_AP_S2S_37_our_follow_is_accepted(server: Server, peer: Peer) -> None:
    """AP-S2S-37, AP-C2S-29: in `following` after the Accept, and not before."""
    reply = await server.post("ann", {"type": "Follow", "object": peer.id("carol")})
    assert reply.status == 201, reply.text
    [follow] = await peer.wait("Follow")
    assert follow.json["to"] == [peer.id("carol")]
    assert await server.items("ann", "following", as_="ann") == []
    accept = peer.activity("Accept", "carol", object=follow.json)
    assert (await peer.send(f"{server.id('ann')}/inbox", accept, by="carol")).status == 202

    async def follows() -> bool:
        return await server.items("ann", "following", as_="ann") == [peer.id("carol")]

    await until(follows)
    note = peer.create("carol", "hello", PUBLIC)
    assert (await peer.send(f"{server.origin}/inbox", note, by="carol")).status == 202
    await server.drained()
    inbox = await server.items("ann", "inbox", as_="ann")
    assert [one["type"] for one in inbox] == ["Create", "Accept"]
    assert inbox[0]["object"]["content"] == "hello"
