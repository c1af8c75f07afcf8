"""What the log says of an activity: by its id, as others and the admin know it."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import follow_from


@pytest.fixture(autouse=True)
def every_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, "apserver")


def told(caplog: pytest.LogCaptureFixture, event: str) -> list[Any]:
    """The fields of the lines of this event."""
    return [getattr(one, "fields", None) for one in caplog.records if one.message == event]


async def test_a_delivery_names_the_activity(
    server: Server, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    await follow_from(peer, "carol", server, "ann")
    await server.drained()
    caplog.clear()
    created = await server.note("ann", "hello", f"{server.id('ann')}/followers")
    await peer.wait("Create")
    await server.drained()
    [line] = told(caplog, "delivery")
    assert (line["activity"], line["outcome"], line["attempt"]) == (created["id"], "done", 1)


async def test_what_has_no_effect_is_named(
    server: Server, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    peer.add_actor("mallory")
    original = peer.create("carol", "mine", PUBLIC)
    stolen = peer.create("mallory", "stolen", PUBLIC, id=original["object"]["id"])
    for activity, by in ((original, "carol"), (stolen, "mallory")):
        assert (await peer.send(f"{server.id('ann')}/inbox", activity, by=by)).status == 202
        await server.drained()
    [line] = told(caplog, "activity without effect")
    assert line["activity"] == stolen["id"]
