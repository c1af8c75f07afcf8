"""Notes that stand beside actions for servers that show nothing else (scenario 35, rule R4)."""

from __future__ import annotations

import json

from tests.conftest import StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.steps import follow_from, follow_here
from tests.flows.test_stream_01_actions import FLASK, ISSUE, NAMESPACE, action, posted

VERBS = json.dumps(
    {
        "closed": {
            "companion": True,
            "sentences": {"en": "{actor} closed {object}", "sv": "{actor} stängde {object}"},
        }
    }
)


def shown_by_a_microblog(peer: Peer) -> list[str]:
    """What a server shows that takes the types of Mastodon, each compared as one text (R3)."""
    return [
        one.json["object"]["content"]
        for one in peer.received
        if one.json["type"] == "Create" and one.json["object"]["type"] == "Note"
    ]


async def test_scenario_35_one_visible_post_with_a_companion(
    start_server: StartServer, peer: Peer
) -> None:
    server = await start_server("ann", "bob", verbs=VERBS)
    await follow_from(peer, "carol", server, "ann")
    await follow_here(server, "bob", "ann")
    done = await posted(server, action("closed", object=ISSUE, cc=f"{server.id('ann')}/followers"))
    [create] = await peer.wait("Create")
    [told] = await peer.wait("Activity")
    await server.drained()
    assert told.json["id"] == done["id"]
    assert told.json["type"] == "Activity"
    assert shown_by_a_microblog(peer) == ["<p>ann closed issue 70</p>"]

    note = create.json["object"]
    assert note["contentMap"] == {
        "en": "<p>ann closed issue 70</p>",
        "sv": "<p>ann stängde issue 70</p>",
    }
    assert note["attributedTo"] == create.json["actor"] == server.id("ann")
    assert create.json["companionOf"] == note["companionOf"] == done["id"]
    assert (create.json["to"], create.json["cc"]) == (done["to"], done["cc"])
    definition = {"@id": f"{NAMESPACE}companionOf", "@type": "@id"}
    assert create.json["@context"] == [CONTEXT, {"companionOf": definition}]
    assert (await server.get(note["id"])).status == 200

    for stream in ("/streams/public?", f"/streams/actor?id={server.id('ann')}&"):
        page = await server.get(f"{stream}page=first")
        assert create.json["id"] not in [one["id"] for one in page.json["orderedItems"]]
    home = await server.items("bob", "streams/home", as_="bob")
    assert [one["id"] for one in home] == [done["id"]]

    edit = {"id": done["id"], "summary": "Done.", "summaryMap": None}
    assert (await server.post("ann", {"type": "Update", "object": edit})).status == 201
    updates = await peer.wait("Update", times=2)
    assert {one.json["object"]["id"] for one in updates} == {done["id"], note["id"]}
    edited = (await server.get(note["id"])).json
    assert edited["content"] == "<p>Done.</p>"
    assert "contentMap" not in edited
    assert edited["companionOf"] == done["id"]

    assert (await server.post("ann", {"type": "Delete", "object": done["id"]})).status == 201
    gone = await peer.wait("Delete", times=2)
    assert {one.json["object"]["id"] for one in gone} == {done["id"], note["id"]}
    assert (await server.get(note["id"])).status == 410


async def test_scenario_35_nothing_is_shown_without_one(server: Server, peer: Peer) -> None:
    """Off by default: the other server takes the action and shows nothing."""
    await follow_from(peer, "carol", server, "ann")
    done = await posted(
        server,
        action("closed", object=ISSUE, target=FLASK, cc=f"{server.id('ann')}/followers"),
    )
    [told] = await peer.wait("Activity")
    await server.drained()
    assert told.json["id"] == done["id"]
    assert shown_by_a_microblog(peer) == []
    [host] = await server.rows("SELECT failures FROM host WHERE host LIKE '127.%'")
    assert host["failures"] == 0


async def test_scenario_35_a_private_action_has_a_private_companion(
    start_server: StartServer, peer: Peer
) -> None:
    """The same audience, also those who are not named in what others get."""
    server = await start_server("ann", verbs=VERBS)
    carol = peer.id("carol")
    reply = await server.post("ann", {"verbPhrase": "closed", "object": ISSUE, "bto": [carol]})
    assert reply.status == 201, reply.text
    [create] = await peer.wait("Create")
    assert PUBLIC not in json.dumps(create.json)
    assert "bto" not in create.json
    assert (await server.get(create.json["object"]["id"])).status == 404
    assert (await server.get(create.json["object"]["id"], as_="ann")).status == 200
