"""Every type of activity both ways, over http and https, with each peer; a table is printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import StartServer
from tests.doubles.authority import Authority
from tests.doubles.server import CONTEXT, PUBLIC, until
from tests.interop.conftest import StartPeerOf
from tests.interop.exchange import OfPeer, OfServer, act, answer, hear, report, tell
from tests.interop.results import Results

SCHEMES = ["http", "https"]
#: What apkit has handlers for here (apkit/peer.py).
_APKIT = frozenset(
    (
        "Accept Add Announce Block Create Delete Flag Follow Like Move Reject Remove Undo Update"
    ).split()
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Who is trusted over https, and nobody else."""
    return Authority.at(tmp_path)


def _settings(authority: Authority | None) -> dict[str, object]:
    if authority is None:
        return {}
    files = authority.certify("127.0.0.1")
    return {
        "tls__cert": files.cert,
        "tls__key": files.key,
        "federation__ca_file": authority.ca_file,
        "federation__allow_http": "false",
    }


async def _their_note(peer: Any) -> str:
    made: dict[str, str] = await peer.do("post", text="tea?")
    return made["note"]


@pytest.mark.peer
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("software", ["Fedify", "apkit"])
async def test_a_peer_and_we_have_the_same(
    start_server: StartServer,
    fedify: StartPeerOf,
    apkit: StartPeerOf,
    authority: Authority,
    record_property: Callable[[str, object], None],
    software: str,
    scheme: str,
) -> None:
    """Issue 7, point 6; IO-27, IO-31, IO-34, IO-48, IO-49, IO-53."""
    ours = authority if scheme == "https" else None
    server = await start_server("ann", **_settings(ours))
    if software == "Fedify":
        peer = await fedify("--first-knock", "cavage", authority=ours)
    else:
        peer = await apkit(authority=ours)
    [actor] = (await peer.get("state")).values()
    known = None if software == "Fedify" else _APKIT
    far = OfPeer(peer, actor["id"], await _their_note(peer), known)
    results = Results(f"{software} over {scheme}", record_property)
    note = (await server.note("ann", "hello", PUBLIC))["object"]["id"]
    await act(server, peer, far, results, note)
    await tell(server, far, results)
    await answer(server, peer, far, results)
    await hear(server, peer, far, results, note)
    if software == "Fedify":  # apkit takes no Flag of several, and ours may be of several
        await report(server, peer, far, results)
    results.done()


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_two_of_us_have_the_same(
    start_server: StartServer,
    authority: Authority,
    record_property: Callable[[str, object], None],
    scheme: str,
) -> None:
    """Issue 7, point 6."""
    settings = _settings(authority if scheme == "https" else None)
    here, there = await start_server("ann", **settings), await start_server("bob", **settings)
    note = (await there.note("bob", "tea?", PUBLIC))["object"]["id"]
    results = Results(f"apserver over {scheme}", record_property)
    follow = {"@context": CONTEXT, "type": "Follow", "object": here.id("ann")}
    assert (await there.post("bob", follow)).status == 201

    async def followed() -> bool:
        return await there.items("bob", "following", as_="bob") == [here.id("ann")]

    await until(followed)
    far = OfServer(there, there.id("bob"), note)
    await tell(here, far, results)
    await far.compare_effects(results)
    results.done()
