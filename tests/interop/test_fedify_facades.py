"""Scenario 30 with software that we did not write: Fedify follows a thing of a site."""

from __future__ import annotations

import pytest

from tests.conftest import StartServer
from tests.doubles.server import until
from tests.flows.site_steps import issue, start_site, told
from tests.interop.conftest import StartFedify

pytestmark = pytest.mark.peer


async def test_scenario_30_fedify_follows_an_issue(
    start_server: StartServer, fedify: StartFedify
) -> None:
    """R5, B1: found by its handle, followed, accepted; when somebody closes the issue the Announce
    comes, signed, and the activity can be fetched with the issue in it; after its Undo there is no
    follower, and nothing more comes."""
    server = await start_site(start_server)
    peer = await fedify("--first-knock", "cavage")
    thing = {"id": issue(2), "type": "Document", "name": "It is broken"}
    await told(server, "mit", "opened", object=thing)
    handle = f"@issue_2@{server.origin.partition('://')[2]}"
    await peer.do("follow", target=handle)
    [accept] = await peer.wait(type="Accept")
    facade = server.id("issue_2")
    assert (accept["actor"], accept["verified"]["http"]) == (facade, "verified")
    assert (await peer.get("following"))[facade]["state"] == "accepted"
    assert await server.rows("SELECT FROM relation WHERE state = 'accepted'") != []

    closed = await told(server, "jo", "closed", object=issue(2))
    [announce] = await peer.wait(type="Announce")
    assert (announce["actor"], announce["object"]) == (facade, closed["id"])
    assert announce["verified"]["http"] == "verified"
    fetched = await peer.do("fetch", url=closed["id"])
    assert fetched["status"] == 200
    assert fetched["json"]["object"]["name"] == "It is broken"
    assert fetched["json"]["summary"] == "jo closed It is broken"
    assert (await peer.do("lookup", url=closed["id"]))["object"]["id"] == closed["id"]

    await peer.do("unfollow", target=handle)

    async def gone() -> bool:
        followers = await server.get(f"{facade}/followers")
        return bool(followers.json["totalItems"] == 0)

    await until(gone)
    later = await told(server, "jo", "reopened", object=issue(2))
    await server.drained()
    assert later["id"] not in [one["object"] for one in await peer.get("received", type="Announce")]
