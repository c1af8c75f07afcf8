"""AP-SEC-05: a filter of the site's own sees what clients post and other servers send."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from apserver import telemetry
from apserver.core import limits
from apserver.errors import ConfigProblem
from tests.conftest import StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC
from tests.flows.steps import check_problem
from tests.flows.verb_steps import arrive

FILTER = """
import asyncio, threading
seen, go_on = [], threading.Event()

def check(activity, *, actor, local):
    seen.append((activity["type"], actor, local))
    text = str(activity)
    activity.clear()  # it is a copy
    if "casino" in text:
        return "no\\n advertisements"
    if "broken" in text:
        raise RuntimeError("out of order")
    if "number" in text:
        return 7
    if "slow" in text:
        go_on.wait(60)

async def later(activity, *, actor, local):
    if "slow" in str(activity):
        await asyncio.sleep(60)
    return check(activity, actor=actor, local=local)

nothing = None
"""


@pytest.fixture
def spamfilter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed module with the function."""
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "spamfilter.py").write_text(FILTER)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.delitem(sys.modules, "spamfilter", raising=False)


@pytest.mark.parametrize("function", ["check", "later"])
async def test_AP_SEC_05_the_filter_refuses_local_and_remote_input(
    start_server: StartServer,
    peer: Peer,
    spamfilter: None,
    caplog: pytest.LogCaptureFixture,
    function: str,
) -> None:
    """AP-SEC-05: a client is told why (403), another server gets 202 and nothing is stored; what
    passes is as if there were no filter."""
    server = await start_server("ann", hooks__check=f"spamfilter:{function}")
    ann = server.id("ann")
    note = {"@context": CONTEXT, "type": "Note", "to": [PUBLIC]}
    refused = await server.post("ann", {**note, "content": "casino"})
    check_problem(refused, 403)
    assert refused.json["detail"] == "This server does not take it: no advertisements"
    taken = await server.post("ann", {**note, "content": "tea"})
    assert taken.status == 201, taken.text
    await server.drained()
    before = await server.contents()
    spam = peer.create("carol", "casino", ann)
    with caplog.at_level(logging.INFO, "apserver"):
        assert (await peer.send(f"{ann}/inbox", spam, by="carol")).status == 202
    reasons = [vars(one).get("fields", {}).get("because") for one in caplog.records]
    assert reasons == ["no advertisements"]
    after = await server.contents()
    assert [
        name for name in ("activity", "raw", "job", "object") if before[name] != after[name]
    ] == []
    ham = peer.create("carol", "tea", ann)
    await arrive(server, peer, ham, at="ann", by="carol")
    assert [one["id"] for one in await server.items("ann", "inbox", as_="ann")] == [ham["id"]]
    kept = (await server.items("ann", "inbox", as_="ann"))[0]["object"]
    assert kept["content"] == "tea"
    assert sys.modules["spamfilter"].seen == [
        ("Create", ann, True),
        ("Create", ann, True),
        ("Create", peer.id("carol"), False),
        ("Create", peer.id("carol"), False),
    ]


@pytest.mark.parametrize("function", ["check", "later"])
@pytest.mark.parametrize(
    ("on_failure", "client", "remote"), [("accept", 201, 202), ("refuse", 503, 503)]
)
async def test_AP_SEC_05_a_filter_that_fails_breaks_nothing(
    start_server: StartServer,
    peer: Peer,
    spamfilter: None,
    monkeypatch: pytest.MonkeyPatch,
    on_failure: str,
    client: int,
    remote: int,
    function: str,
) -> None:
    """AP-SEC-05: an error, an answer that is none, and one that does not come: the site says
    whether it is taken, or is to be sent again."""
    monkeypatch.setattr(limits, "HOOK_S", 0.2)
    server = await start_server(
        "ann", hooks__check=f"spamfilter:{function}", hooks__on_failure=on_failure
    )
    failed = telemetry.counted(telemetry.HOOK, "failed")
    for text in ("broken", "number", "slow"):
        note = {"@context": CONTEXT, "type": "Note", "content": text}
        assert (await server.post("ann", note)).status == client
        sent = peer.create("carol", text, server.id("ann"))
        assert (await peer.send(f"{server.id('ann')}/inbox", sent, by="carol")).status == remote
    assert telemetry.counted(telemetry.HOOK, "failed") == failed + 6
    sys.modules["spamfilter"].go_on.set()


@pytest.mark.parametrize(
    "name", ["spamfilter:absent", "spamfilter:nothing", "no_such_module:check"]
)
async def test_AP_SEC_05_a_filter_that_is_none_stops_the_start(
    start_server: StartServer, spamfilter: None, name: str
) -> None:
    """AP-SEC-05: nothing is taken unseen because of a misspelt name."""
    with pytest.raises(ConfigProblem, match=r"\[hooks\] check"):
        await start_server("ann", hooks__check=name)
