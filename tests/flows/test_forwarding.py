"""Forwarding from the inbox (ActivityPub 7.1.2): what goes on to our followers, and what does not.

Ann lives here. Bob and dave follow her from two servers; carol, on a third, replies to her.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from apserver.core import limits
from tests.cli.program import command
from tests.conftest import StartPeer
from tests.doubles.peer import Peer, Received
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.steps import follow_from, follow_here


@dataclass(frozen=True, slots=True)
class Scene:
    """Ann's server, the servers of bob and dave, who follow her, and that of carol and eve."""

    server: Server
    bobs: Peer
    daves: Peer
    carols: Peer
    note: dict[str, Any]

    @property
    def followers(self) -> str:
        """Ann's followers collection."""
        return f"{self.server.id('ann')}/followers"

    def reply(self, *cc: str, to: str | None = None, by: str = "carol") -> dict[str, Any]:
        """A reply to ann's note, or to ``to``, for everybody and for these."""
        note_id = to or self.note["object"]["id"]
        made = self.carols.create(by, "I reply", PUBLIC, inReplyTo=note_id, cc=list(cc))
        return {**made, "cc": list(cc)}

    async def send(
        self, activity: Any, *, by: str = "carol", to: str = "ann", peer: Peer | None = None
    ) -> None:
        """Have it accepted and applied, and what follows delivered."""
        inbox = f"{self.server.id(to)}/inbox" if to else f"{self.server.origin}/inbox"
        answer = await (peer or self.carols).send(inbox, activity, by=by)
        assert answer.status == 202, answer.text
        await self.server.drained()

    def forwarded(self, peer: Peer, activity: dict[str, Any]) -> list[Received]:
        """What a server got of an activity."""
        return [
            one
            for one in peer.received
            if isinstance(one.json, dict) and one.json.get("id") == activity["id"]
        ]


@pytest.fixture
async def scene(server: Server, start_peer: StartPeer) -> Scene:
    """Ann has posted a note to all, and is followed by bob and dave."""
    bobs, daves = await start_peer("bob", "bill"), await start_peer("dave")
    carols = await start_peer("carol", "eve")
    await follow_from(bobs, "bob", server, "ann")
    await follow_from(daves, "dave", server, "ann")
    note = await server.note("ann", "What do you think?", PUBLIC)
    return Scene(server, bobs, daves, carols, note)


async def test_AP_S2S_21_AP_S2S_23_IO_98_a_reply_goes_on_as_it_came(scene: Scene) -> None:
    """AP-S2S-21, AP-S2S-23, IO-98: to ann's followers, byte for byte, signed by ann."""
    reply = scene.reply(scene.followers, scene.server.id("ann"))
    body = json.dumps(reply, indent=3, ensure_ascii=False).encode()
    await scene.send(body)
    for peer in (scene.bobs, scene.daves):
        [came] = scene.forwarded(peer, reply)
        assert came.body == body
        assert came.signer == f"{scene.server.id('ann')}#main-key"
    assert scene.forwarded(scene.carols, reply) == []


async def test_AP_S2S_21_only_the_first_time(scene: Scene) -> None:
    """AP-S2S-21: by another inbox, or from one it was forwarded to, it goes nowhere again."""
    await scene.server.create_actor("ben")
    reply = scene.reply(scene.followers)
    scene.carols.documents[reply["id"].removeprefix(scene.carols.origin)] = reply
    await scene.send(reply)
    await scene.send(reply, to="ben")
    await scene.send(reply, to="")
    await scene.send(reply, peer=scene.bobs, by="bob")
    await scene.send(reply, peer=scene.daves, by="dave", to="")
    assert len(scene.forwarded(scene.bobs, reply)) == 1
    assert len(scene.forwarded(scene.daves, reply)) == 1


@pytest.mark.parametrize("named_in", ["nowhere", "the object", "bto", "another server", "liked"])
async def test_AP_S2S_21_no_followers_of_ours_are_addressed(scene: Scene, named_in: str) -> None:
    """AP-S2S-21, AP-S2S-23: the addressees of the activity count; not those of its object, nor
    those that are found on the way."""
    reply = scene.reply(scene.server.id("ann"))
    match named_in:
        case "the object":
            reply["object"]["cc"].append(scene.followers)
        case "bto":
            reply["bto"] = [scene.followers]
        case "another server":
            reply["cc"].append(f"{scene.bobs.id('bob')}/followers")
        case "liked":
            reply["cc"].append(f"{scene.server.id('ann')}/liked")
    await scene.send(reply)
    assert await scene.server.items("ann", "inbox", as_="ann") != []
    assert scene.forwarded(scene.bobs, reply) == []


@pytest.mark.parametrize("about", ["nothing", "something of another", "something unknown"])
async def test_AP_S2S_21_it_is_about_nothing_of_ours(scene: Scene, about: str) -> None:
    """AP-S2S-21: nobody reaches ann's followers by addressing them alone."""
    theirs = scene.carols.create("carol", "mine", PUBLIC)
    await scene.send(theirs)
    to = {
        "nothing": None,
        "something of another": theirs["object"]["id"],
        "something unknown": f"{scene.carols.origin}/notes/never",
    }[about]
    reply = scene.reply(scene.followers, to=to)
    if to is None:
        del reply["object"]["inReplyTo"]
    await scene.send(reply)
    assert scene.forwarded(scene.bobs, reply) == []


@pytest.mark.parametrize("property_", ["object", "target", "tag"])
async def test_AP_S2S_21_each_of_the_four_properties(scene: Scene, property_: str) -> None:
    """AP-S2S-21: object, target and tag lead to ours just as inReplyTo does."""
    note = scene.note["object"]["id"]
    other = scene.carols.create("carol", "about it", PUBLIC)["object"]
    members: dict[str, Any] = {
        "object": {"object": note},
        "target": {"object": other, "target": note},
        "tag": {"object": other, "tag": [{"type": "Link", "href": note}]},
    }[property_]
    offer = scene.carols.activity("Offer", "carol", to=[PUBLIC], cc=[scene.followers], **members)
    await scene.send(offer)
    assert len(scene.forwarded(scene.bobs, offer)) == 1


async def test_AP_S2S_22_replies_to_replies(scene: Scene) -> None:
    """AP-S2S-22: over a few steps, and not over any number."""
    last = scene.note["object"]["id"]
    sent = []
    for _ in range(5):
        reply = scene.reply(scene.server.id("ann"), scene.followers, to=last)
        last = reply["object"]["id"]
        await scene.send(reply)
        sent.append(len(scene.forwarded(scene.bobs, reply)))
    assert sent == [1, 1, 1, 0, 0]


async def test_IO_98_a_delete_goes_on_likewise(scene: Scene) -> None:
    """IO-98: whoever got the reply by us hears by us that it is gone."""
    reply = scene.reply(scene.followers)
    await scene.send(reply)
    stone = {"type": "Tombstone", "id": reply["object"]["id"]}
    delete = scene.carols.activity(
        "Delete", "carol", object=stone, to=[PUBLIC], cc=[scene.followers]
    )
    await scene.send(delete)
    [came] = scene.forwarded(scene.bobs, delete)
    assert json.loads(came.body) == delete


async def test_AP_S2S_25_neither_back_nor_to_its_origin(scene: Scene) -> None:
    """AP-S2S-25, AP-S2S-21: eve and bill follow ann too. The server of eve is carol's, who wrote
    it, and bill's has brought it; what followers share is one POST."""
    await follow_from(scene.carols, "eve", scene.server, "ann")
    await follow_from(scene.bobs, "bill", scene.server, "ann")
    reply = scene.reply(scene.followers)
    await scene.send(reply)
    assert scene.forwarded(scene.carols, reply) == []
    assert [one.inbox for one in scene.forwarded(scene.bobs, reply)] == ["/inbox"]

    brought = scene.reply(scene.followers)
    scene.carols.documents[brought["id"].removeprefix(scene.carols.origin)] = brought
    await scene.send(brought, peer=scene.bobs, by="bob")
    assert scene.forwarded(scene.bobs, brought) == []
    assert len(scene.forwarded(scene.daves, brought)) == 1


async def test_AP_S2S_21_followers_here_get_it_too(scene: Scene) -> None:
    """AP-S2S-21, AP-S2S-19: without HTTP, and whether ann is named or not."""
    await scene.server.create_actor("ben")
    await follow_here(scene.server, "ben", "ann")
    reply = scene.reply(scene.followers)
    await scene.send(reply, to="")
    inbox = await scene.server.items("ben", "inbox", as_="ben")
    assert reply["id"] in [one["id"] for one in inbox]
    assert len(scene.forwarded(scene.bobs, reply)) == 1


async def test_AP_S2S_24_what_is_kept_from_followers(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AP-S2S-24: ann's followers do not get from her what is of somebody whom she blocks."""
    block = await scene.server.post("ann", {"type": "Block", "object": scene.carols.id("carol")})
    assert block.status == 201
    blocked, free = scene.reply(scene.followers), scene.reply(scene.followers, by="eve")
    await scene.send(blocked)
    await scene.send(free, by="eve")
    assert scene.forwarded(scene.bobs, blocked) == []
    assert len(scene.forwarded(scene.bobs, free)) == 1


async def test_CVE_2026_23961_nothing_of_whom_we_do_not_deal_with(
    server: Server, start_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2026-23961, AP-S2S-24: nothing of a suspended actor goes on, and nothing goes to a
    blocked domain."""
    monkeypatch.setattr(limits, "POLL_S", 0.05)
    bobs, daves = await start_peer("bob", host="127.0.0.2"), await start_peer("dave")
    carols = await start_peer("carol", "eve")
    await follow_from(bobs, "bob", server, "ann")
    await follow_from(daves, "dave", server, "ann")
    scene = Scene(server, bobs, daves, carols, await server.note("ann", "hello", PUBLIC))
    await scene.send(scene.reply(by="eve"), by="eve")
    assert (await command(server, "actor", "suspend", carols.id("eve"))).code == 0
    assert (await command(server, "domain", "block", "127.0.0.2")).code == 0

    door = server.id("ann")

    async def known() -> bool:
        refused = await carols.get(f"{door}/outbox", by="eve"), await bobs.get(door, by="bob")
        return {one.status for one in refused} == {403}

    await until(known)
    of_eve, of_carol = scene.reply(scene.followers, by="eve"), scene.reply(scene.followers)
    await scene.send(of_eve, by="eve")
    await scene.send(of_carol)
    assert scene.forwarded(daves, of_eve) == []
    assert len(scene.forwarded(daves, of_carol)) == 1
    assert scene.forwarded(bobs, of_carol) == []


async def test_a_reply_that_is_gone_before_it_was_sent_on(scene: Scene) -> None:
    """Its Delete is on the way; the words are not sent any more (decisions, "Reading")."""
    scene.bobs.answers[:] = [503, 202]
    reply = scene.reply(scene.followers)
    await scene.send(reply)
    delete = scene.carols.activity(
        "Delete", "carol", object=reply["object"]["id"], to=[PUBLIC], cc=[scene.followers]
    )
    await scene.send(delete)
    await scene.server.rows("UPDATE host SET next_at = now() WHERE next_at < 'infinity'")
    await scene.bobs.wait("Delete")
    assert [one.status for one in scene.forwarded(scene.bobs, reply)] == [503]
