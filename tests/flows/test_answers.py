"""Follow, and Accept, Reject and Undo as our own clients post them (ActivityPub 6.5, 6.10)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.steps import check_problem, follow_from, follow_here, stored


async def _asks(peer: Peer, server: Server, name: str) -> dict[str, Any]:
    """The peer's carol asks to follow an actor who decides by hand; the Follow."""
    await server.create_actor(name, manual_approval=True)
    follow = peer.follow("carol", server.id(name))
    assert (await peer.send(f"{server.id(name)}/inbox", follow, by="carol")).status == 202
    await server.drained()
    assert await server.items(name, "followers", as_=name) == []
    assert peer.received == []
    return follow


def _named(follow: dict[str, Any], how: str) -> Any:
    if how == "by id":
        return follow["id"]
    return {key: value for key, value in follow.items() if key != "@context"}


@pytest.mark.parametrize("how", ["by id", "in full"])
async def test_AP_S2S_33_a_follower_waits_and_is_accepted(
    server: Server, peer: Peer, how: str
) -> None:
    """AP-S2S-33, AP-COL-10, IO-33, IO-53: the Accept goes out with the whole Follow inside."""
    follow = await _asks(peer, server, "dora")
    accept = {"type": "Accept", "object": _named(follow, how)}
    reply = await server.post("dora", accept)
    assert reply.status == 201, reply.text
    assert await server.items("dora", "followers", as_="dora") == [peer.id("carol")]
    [sent] = await peer.wait("Accept")
    assert sent.json["object"] == _named(follow, "in full")
    assert sent.json["id"] == reply.json["id"]
    assert sent.json["to"] == [peer.id("carol")]
    assert sent.inbox == "/users/carol/inbox"
    assert (await server.post("dora", accept)).status == 201
    assert await server.items("dora", "followers", as_="dora") == [peer.id("carol")]


@pytest.mark.parametrize("how", ["by id", "in full"])
async def test_AP_S2S_35_a_follower_waits_and_is_rejected(
    server: Server, peer: Peer, how: str
) -> None:
    """AP-S2S-35, IO-33: no follower then, and the asker is told."""
    follow = await _asks(peer, server, "dora")
    reply = await server.post("dora", {"type": "Reject", "object": _named(follow, how)})
    assert reply.status == 201, reply.text
    [sent] = await peer.wait("Reject")
    assert sent.json["object"]["id"] == follow["id"]
    assert await server.items("dora", "followers", as_="dora") == []
    note = await server.note("dora", "followers only", f"{server.id('dora')}/followers")
    assert (await peer.get(note["id"], by="carol")).status == 404


async def test_IO_36_an_accepted_follower_is_sent_away(server: Server, peer: Peer) -> None:
    """IO-36: Reject after Accept; what is for followers is not for carol any more."""
    follow = await follow_from(peer, "carol", server, "ann")
    before = await server.note("ann", "for followers", f"{server.id('ann')}/followers")
    assert (await peer.get(before["id"], by="carol")).status == 200
    reply = await server.post("ann", {"type": "Reject", "object": _named(follow, "in full")})
    assert reply.status == 201, reply.text
    await peer.wait("Reject")
    assert await server.items("ann", "followers", as_="ann") == []
    assert (await peer.get(before["id"], by="carol")).status == 404
    after = await server.note("ann", "for followers", f"{server.id('ann')}/followers")
    await server.drained()
    assert after["id"] not in [one.json["id"] for one in peer.received]


async def test_AP_C2S_29_following_is_filled_by_the_accept_alone(server: Server) -> None:
    """AP-C2S-29, AP-COL-12: on one server too; not by asking, and not by somebody else's yes."""
    await server.create_actor("dora", manual_approval=True)
    follow = await server.post("ann", {"type": "Follow", "object": server.id("dora")})
    await server.drained()
    assert [one["id"] for one in await server.items("dora", "inbox", as_="dora")] == [
        follow.json["id"]
    ]
    forged = await server.post("bob", {"type": "Accept", "object": follow.json["id"]})
    assert forged.status in (403, 404)
    assert await server.items("ann", "following", as_="ann") == []
    reply = await server.post("dora", {"type": "Accept", "object": follow.json["id"]})
    assert reply.status == 201, reply.text
    await server.drained()
    assert await server.items("ann", "following", as_="ann") == [server.id("dora")]
    assert await server.items("dora", "followers", as_="dora") == [server.id("ann")]
    assert [one["type"] for one in await server.items("ann", "inbox", as_="ann")] == ["Accept"]


@pytest.mark.parametrize("type_", ["Accept", "Reject"])
async def test_AP_S2S_37_only_who_is_asked_can_answer(
    server: Server, peer: Peer, type_: str
) -> None:
    """AP-S2S-37: an answer to a Follow of somebody else, or to none at all, changes nothing."""
    follow = await _asks(peer, server, "dora")
    before = await stored(server)
    check_problem(await server.post("ann", {"type": type_, "object": follow}), 403)
    invented = peer.follow("carol", server.id("ann"))
    check_problem(await server.post("ann", {"type": type_, "object": invented}), 400, "/object")
    unknown = {"type": type_, "object": f"{server.origin}/activities/none"}
    check_problem(await server.post("ann", unknown), 404, "/object")
    assert await stored(server) == before


@pytest.mark.parametrize("how", ["by id", "in full"])
async def test_AP_C2S_36_undo_of_a_follow(server: Server, peer: Peer, how: str) -> None:
    """AP-C2S-36, IO-53, IO-60: reverted here; there it arrives with the Follow and its id."""
    follow = (await server.post("ann", {"type": "Follow", "object": peer.id("carol")})).json
    [sent] = await peer.wait("Follow")
    accept = peer.activity("Accept", "carol", object=sent.json)
    assert (await peer.send(f"{server.id('ann')}/inbox", accept, by="carol")).status == 202
    await server.drained()
    assert await server.items("ann", "following", as_="ann") == [peer.id("carol")]
    reply = await server.post("ann", {"type": "Undo", "object": _named(follow, how)})
    assert reply.status == 201, reply.text
    assert await server.items("ann", "following", as_="ann") == []
    [undo] = await peer.wait("Undo")
    assert undo.json["object"] == _named(follow, "in full")
    assert undo.json["to"] == [peer.id("carol")]
    again = await server.post("ann", {"type": "Undo", "object": _named(follow, how)})
    check_problem(again, 400, "/object")


async def test_AP_C2S_36_undo_of_a_follow_on_one_server(server: Server) -> None:
    """AP-C2S-36: both collections lose their member, and follower-only notes are closed."""
    follow = await follow_here(server, "bob", "ann")
    note = await server.note("ann", "for followers", f"{server.id('ann')}/followers")
    assert (await server.get(note["id"], as_="bob")).status == 200
    assert (await server.post("bob", {"type": "Undo", "object": follow["id"]})).status == 201
    assert await server.items("bob", "following", as_="bob") == []
    assert await server.items("ann", "followers", as_="ann") == []
    assert (await server.get(note["id"], as_="bob")).status == 404
    later = await server.note("ann", "for nobody", f"{server.id('ann')}/followers")
    await server.drained()
    assert later["id"] not in [one["id"] for one in await server.items("bob", "inbox", as_="bob")]


@pytest.mark.parametrize("how", ["by id", "in full", "as one's own"])
async def test_AP_C2S_35_undo_only_of_ones_own(server: Server, how: str) -> None:
    """AP-C2S-35: 403, and the follow stands; nor by claiming that it is one's own."""
    follow = await follow_here(server, "bob", "ann")
    named = _named(follow, how)
    if how == "as one's own":
        named["actor"] = server.id("ann")
    before = await stored(server)
    reply = await server.post("ann", {"type": "Undo", "object": named})
    assert reply.status == (400 if how == "as one's own" else 403), reply.text
    assert await stored(server) == before
    assert await server.items("bob", "following", as_="bob") == [server.id("ann")]


async def test_AP_C2S_35_what_one_may_not_see_is_not_there_to_be_undone(server: Server) -> None:
    """AP-C2S-35, AP-GET-08: the refusal does not tell that bob's note exists."""
    secret = await server.note("bob", "a diary")
    answers = [
        await server.post("ann", {"type": "Undo", "object": id_})
        for id_ in (secret["id"], secret["id"][:-12] + "0123456789ab")
    ]
    for reply in answers:
        check_problem(reply, 404, "/object")
    assert answers[0].json["detail"] == answers[1].json["detail"]


async def test_AP_C2S_29_nobody_follows_themselves(server: Server) -> None:
    """AP-C2S-29: 400, and nothing is stored."""
    before = await stored(server)
    reply = await server.post("ann", {"type": "Follow", "object": server.id("ann")})
    check_problem(reply, 400, "/object")
    assert await stored(server) == before


async def test_BP_07_undo_of_a_type_without_side_effects(server: Server, peer: Peer) -> None:
    """BP-07, IO-53: stored, listed and delivered to those who got what is undone."""
    like = {"type": "Like", "object": "https://a.example/n", "to": [peer.id("carol"), PUBLIC]}
    liked = (await server.post("ann", like)).json
    reply = await server.post("ann", {"type": "Undo", "object": liked["id"]})
    assert reply.status == 201, reply.text
    [undo] = await peer.wait("Undo")
    assert undo.json["object"]["id"] == liked["id"]
    assert undo.json["to"] == liked["to"]

    async def listed() -> bool:
        outbox = await server.items("ann", "outbox")
        return [one["type"] for one in outbox] == ["Undo", "Like"]

    await until(listed)


@pytest.mark.parametrize("type_", ["Accept", "Reject"])
async def test_AP_C2S_38_what_came_is_answered_by_its_id(
    server: Server, start_peer: StartPeer, type_: str
) -> None:
    """AP-C2S-38: an Invite of somebody elsewhere, with nobody addressed; whoever did not get it
    has nothing to answer. An id that two have used names nothing (GHSA-4qhx-hhwf-8685)."""
    peer = await start_peer("carol", "mallory")
    invite = peer.activity(
        "Invite",
        "carol",
        object=server.id("ann"),
        target={"type": "Event", "name": "Tea"},
        to=[server.id("ann")],
    )
    assert (await peer.send(f"{server.id('ann')}/inbox", invite, by="carol")).status == 202
    await server.drained()
    reply = await server.post("ann", {"type": type_, "object": invite["id"]})
    assert (reply.status, reply.json["to"]) == (201, [peer.id("carol")]), reply.text
    [answer] = await peer.wait(type_)
    assert answer.json["object"]["id"] == invite["id"]
    check_problem(await server.post("bob", {"type": type_, "object": invite["id"]}), 404, "/object")
    squat = {**invite, "actor": peer.id("mallory")}
    assert (await peer.send(f"{server.id('ann')}/inbox", squat, by="mallory")).status == 202
    await server.drained()
    check_problem(await server.post("ann", {"type": type_, "object": invite["id"]}), 404, "/object")
