"""Scenario 35 with software that we did not write: Fedify is sent what it has no word for."""

from __future__ import annotations

import json

import pytest

from tests.conftest import StartServer
from tests.doubles.server import PUBLIC
from tests.flows.stream_steps import ISSUE
from tests.interop.conftest import StartFedify

pytestmark = pytest.mark.peer


async def test_scenario_35_fedify_takes_actions_and_reads_their_companion(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """R2 to R4: an Activity with words and data of ours is verified and parsed, so is one without
    an object; the Note beside it is an ordinary post; Update and Delete of it are taken."""
    verbs = {"closed": {"companion": True}}
    server = await start_server("ann", verbs=json.dumps(verbs))
    peer = await fedify("--first-knock", "cavage")
    await peer.do("follow", target=server.handles["ann"])
    await peer.wait(type="Accept")
    to = {"to": PUBLIC, "cc": f"{server.id('ann')}/followers"}

    data = {"nested": {"to": [1, {"x": None}]}}
    done = await server.post(
        "ann", {"verbPhrase": "closed", "object": ISSUE, "actionData": data, **to}
    )
    assert done.status == 201, done.text
    [action] = await peer.wait(type="Activity")
    assert (action["id"], action["verified"]["http"]) == (done.json["id"], "verified")
    assert action["json"]["actionData"] == data
    [create] = await peer.wait(type="Create")
    assert create["json"]["object"]["content"] == "<p>ann closed issue 70</p>"
    assert create["json"]["object"]["companionOf"] == done.json["id"]
    looked_up = await peer.do("lookup", url=done.json["id"])
    assert looked_up["object"]["id"] == done.json["id"]

    rested = await server.post("ann", {"verbPhrase": "took a rest", **to})
    [bare] = await peer.wait(type="IntransitiveActivity")
    assert (bare["id"], bare["verified"]["http"]) == (rested.json["id"], "verified")

    edit = {"id": done.json["id"], "verbPhrase": "finished"}
    assert (await server.post("ann", {"type": "Update", "object": edit})).status == 201
    both = await peer.wait(type="Update", count=2)
    updates = {one["json"]["object"]["type"]: one for one in both}
    assert updates["Activity"]["json"]["object"]["summary"] == "ann finished issue 70"
    assert updates["Note"]["json"]["object"]["content"] == "<p>ann finished issue 70</p>"
    assert (await server.post("ann", {"type": "Delete", "object": done.json["id"]})).status == 201
    deletes = await peer.wait(type="Delete", count=2)
    assert {one["verified"]["http"] for one in deletes} == {"verified"}
    assert {one["json"]["object"]["id"] for one in deletes} == {
        done.json["id"],
        create["json"]["object"]["id"],
    }
