"""Streams that a site defines (seed-features C13, C14; scenario 19)."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from apserver.errors import ConfigProblem
from tests.conftest import StartServer
from tests.doubles.server import Server
from tests.flows.steps import check_problem
from tests.flows.stream_steps import FLASK, ISSUE, act, ids

MY_STREAM = {
    "mystream": {
        "name": "My stream",
        "parameters": ["verb", "until"],
        "filters": [{"verb": "{verb}", "published.lt": "{until}"}],
    },
    "either": {"filters": [{"type": "Join"}, {"type": "Leave", "target": FLASK["id"]}]},
    "closings": {"scope": "target", "filters": [{"verb": "closed"}]},
}


async def listed_streams(server: Server) -> list[str]:
    """The streams that ann names."""
    streams = (await server.get("/actors/ann")).json["streams"]
    return [one["id"] for one in streams["items"]]


async def test_scenario_19_a_stream_of_the_configuration(start_server: StartServer) -> None:
    """C13: its parameters filter; it is listed; without them their conditions do not count."""
    server = await start_server("ann", streams=json.dumps(MY_STREAM))
    closed = await act(server, "ann", "Activity", verbPhrase="closed", object=ISSUE["id"])
    viewed = await act(server, "ann", "View", object=ISSUE["id"])
    path = "/streams/custom/mystream"
    assert (await server.get(path)).json["name"] == "My stream"
    assert await ids(server, path) == [viewed, closed]
    assert await ids(server, f"{path}?verb=closed") == [closed]
    assert await ids(server, f"{path}?verb=closed&until=2001-01-01T00:00:00Z") == []
    assert await ids(server, f"{path}?verb=closed&type=View") == []
    check_problem(await server.get(f"{path}?until=tomorrow"), 400)
    check_problem(await server.get(f"{path}?nonsense=1"), 400)
    check_problem(await server.get("/streams/custom/unknown"), 404)
    listed = await listed_streams(server)
    assert {f"{server.id('ann')}/streams/{name}" for name in MY_STREAM} < set(listed)


async def test_scenario_19_a_list_means_any_of_it(start_server: StartServer) -> None:
    """C13: "list = OR as documented" (the original ANDs them)."""
    server = await start_server("ann", "bob", streams=json.dumps(MY_STREAM))
    joined = await act(server, "ann", "Join", object=ISSUE["id"])
    left = await act(server, "bob", "Leave", object=FLASK["id"])
    await act(server, "ann", "Leave", object=ISSUE["id"])
    assert await ids(server, "/streams/custom/either") == [left, joined]
    assert await ids(server, f"{server.id('bob')}/streams/either") == [left]


async def test_scenario_19_a_stream_about_a_thing(start_server: StartServer) -> None:
    """C14: of what the thing takes part in, in the role that the stream is about."""
    server = await start_server("ann", "bob", streams=json.dumps(MY_STREAM))
    closed = [
        await act(server, "ann", "Activity", verbPhrase="closed", object=ISSUE["id"], target=where)
        for where in (FLASK["id"], server.id("bob"))
    ]
    path = "/streams/custom/closings"
    assert await ids(server, f"{path}?id={FLASK['id']}") == closed[:1]
    assert await ids(server, f"{path}?id={ISSUE['id']}") == []
    assert await ids(server, f"{server.id('bob')}/streams/closings") == closed[1:]
    check_problem(await server.get(path), 400)


PACKAGE = '''
from apserver.core.stream_filters import Filter

def busy(verb, also="joined"):
    """What is busy.

    More of it."""
    if verb == "none":
        raise ValueError("none is no verb")
    return [Filter(verb=verb), Filter(verb=also)]

busy.scope = "any"
broken = None
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An installed package with streams; its list of entry points."""
    folder = tmp_path / "site"
    (folder / "busy_streams-1.dist-info").mkdir(parents=True)
    (folder / "busy_streams.py").write_text(PACKAGE)
    points = folder / "busy_streams-1.dist-info" / "entry_points.txt"
    points.write_text("[apserver.streams]\nbusy = busy_streams:busy\n")
    (folder / "busy_streams-1.dist-info" / "METADATA").write_text("Name: busy-streams\nVersion: 1")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "busy_streams", raising=False)
    return points


async def test_scenario_19_a_stream_in_python(start_server: StartServer, package: Path) -> None:
    """C13: a function of the parameters; what it gives as a list is ORed."""
    server = await start_server("ann", "bob")
    reached = await act(server, "ann", "Activity", verbPhrase="reached", object=ISSUE["id"])
    joined = await act(server, "ann", "Activity", verbPhrase="joined", target=ISSUE["id"])
    await act(server, "ann", "Activity", verbPhrase="closed", object=ISSUE["id"])
    path = f"/streams/custom/busy?id={ISSUE['id']}"
    assert await ids(server, f"{path}&verb=reached") == [joined, reached]
    assert await ids(server, f"{path}&verb=reached&also=x") == [reached]
    assert (await server.get(f"{path}&verb=x")).json["name"] == "What is busy."
    check_problem(await server.get(path), 400)
    refused = await server.get(f"{path}&verb=none")
    check_problem(refused, 400)
    assert "none is no verb" in refused.json["detail"]
    assert f"{server.id('ann')}/streams/busy" in await listed_streams(server)


async def test_scenario_19_what_is_no_stream_stops_the_start(
    start_server: StartServer, package: Path
) -> None:
    """H4: said at the start, with the name, not at the first reader."""
    package.write_text("[apserver.streams]\nodd = busy_streams:broken\n")
    with pytest.raises(ConfigProblem, match="odd"):
        await start_server("ann")
    package.write_text("[apserver.streams]\nbusy = busy_streams:busy\n")
    with pytest.raises(ConfigProblem, match="busy"):
        await start_server("ann", streams='{"busy": {"filters": [{"verb": "x"}]}}')
