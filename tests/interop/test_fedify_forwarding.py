"""What proves itself on the way between Fedify, us and a third: proofs and LD signatures.

Bob's Fedify makes them, with code that we did not write. We bring them to alice's Fedify, and take
what another brings of bob.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartPeer, StartServer
from tests.doubles.server import CONTEXT, PUBLIC, until
from tests.flows.steps import check_problem
from tests.interop.conftest import StartFedify
from tests.interop.peer import RealPeer

pytestmark = pytest.mark.peer


def written(peer: RealPeer, by: str, number: int, **members: Any) -> dict[str, Any]:
    """A Create of a Note, as one of Fedify's actors may write it."""
    note = {
        "id": f"{peer.origin}/elsewhere/notes/{number}",
        "type": "Note",
        "attributedTo": by,
        "content": "<p>I reply</p>",
        "to": [PUBLIC],
        **members,
    }
    return {
        "@context": [CONTEXT, "https://w3id.org/security/data-integrity/v1"],
        "id": f"{peer.origin}/elsewhere/activities/{number}",
        "type": "Create",
        "actor": by,
        "object": note,
        "to": [PUBLIC],
    }


@pytest.mark.parametrize("layer", ["proof", "ld"])
async def test_IO_98_fedify_takes_what_we_forward(
    start_server: StartServer, fedify: StartFedify, layer: str
) -> None:
    """IO-98, IO-97, IO-22: bob replies to ann, and alice, who follows her, gets it from us with
    what bob's server proved, whole."""
    server = await start_server("ann")
    follower, author = await fedify("--first-knock", "cavage"), await fedify(actors=("bob",))
    await follower.do("follow", target=server.handles["ann"])
    await follower.wait(type="Accept")
    note = await server.note("ann", "What do you think?", PUBLIC)
    bob = await author.actor("bob")
    followers = f"{server.id('ann')}/followers"
    reply = written(author, bob["id"], 1, inReplyTo=note["object"]["id"])
    reply["cc"] = [followers, server.id("ann")]
    inbox = f"{server.id('ann')}/inbox"
    sent = await author.do("raw", inbox=inbox, activity=reply, **{layer: True})
    assert sent["status"] == 202, sent
    [record] = await follower.wait(id=reply["id"], all="1")
    assert record["json"] == sent["sent"]
    assert record["verified"][layer] == "verified"
    assert record["verified"]["http"] == "verified"
    assert record["verified"]["keyId"] == f"{server.id('ann')}#main-key"
    assert record["accepted"], record


@pytest.mark.parametrize("layer", ["proof", "ld"])
async def test_IO_97_we_take_what_another_brings(
    start_server: StartServer, fedify: StartFedify, start_peer: StartPeer, layer: str
) -> None:
    """IO-97, IO-22: carol brings what bob's Fedify proved. It is taken as it is, and bob's server
    is asked for nothing but bob and his keys; altered it is refused."""
    server, carrier = await start_server("ann"), await start_peer("carol")
    author = await fedify("--first-knock", "cavage", actors=("bob",))
    if layer == "proof":
        await author.do("post", text="I reply", to=[carrier.id("carol")])
    else:
        made = written(author, (await author.actor("bob"))["id"], 1)
        await author.do("raw", inbox=f"{carrier.id('carol')}/inbox", activity=made, ld=True)
    [received] = await carrier.wait("Create")
    sent = received.json
    assert {"proof": "proof", "ld": "signature"}[layer] in sent
    inbox = f"{server.id('ann')}/inbox"
    altered = {**sent, "object": {**sent["object"], "content": "altered"}, "id": sent["id"] + "x"}
    check_problem(await carrier.send(inbox, altered, by="carol"), 403)
    await author.do("reset")
    reply = await carrier.send(inbox, received.body, by="carol")
    assert reply.status == 202, reply.text

    async def arrived() -> bool:
        listed = await server.items("ann", "inbox", as_="ann")
        return [one["object"]["content"] for one in listed] == ["<p>I reply</p>"]

    await until(arrived)
    asked = [one["path"] for one in await author.get("inbound")]
    assert not [path for path in asked if "notes" in path or "elsewhere" in path]
