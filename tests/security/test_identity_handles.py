"""A handle is an actor's when the handle's own host and the actor both say so (WF-14)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.program import command
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, PUBLIC, Server
from tests.security.steps import accepted, known_of


def host(peer: Peer) -> str:
    """The host of a peer, as handles have it."""
    return peer.origin.partition("://")[2]


def answer(peer: Peer, name: str, actor: str, *, subject: str | None = None) -> str:
    """Let a peer answer for a name; the handle."""
    handle = f"{name}@{host(peer)}"
    peer.documents[f"/.well-known/webfinger?resource=acct:{handle}"] = {
        "subject": f"acct:{subject or handle}",
        "links": [{"rel": "self", "type": AS2, "href": actor}],
    }
    return handle


async def look_up(server: Server, handle: str) -> dict[str, Any]:
    """What the server makes of a handle."""
    done = await command(server, "webfinger", handle, "--json")
    assert done.code == 0, done.err
    found: dict[str, Any] = json.loads(done.out)
    return {name: found[name] for name in ("actor", "handle", "actor_agrees")}


async def test_CVE_2024_52590_CVE_2024_52591_a_handle_on_another_host(
    server: Server, start_peer: StartPeer
) -> None:
    """CVE-2024-52590, CVE-2024-52591, GHSA-m2gq-69fp-6hv4, security.md: Akkoma 2024.04.1: mallory
    claims dave's handle, which dave's host does not give it: it is mallory of its own host."""
    victim, peer = await start_peer("dave"), await start_peer("mallory")
    answer(victim, "dave", victim.id("dave"))
    own = answer(peer, "mallory", peer.id("mallory"))
    for claim in (f"dave@{host(victim)}", f"@dave@{host(victim)}", f"acct:dave@{host(victim)}"):
        peer.add_actor("mallory", webfinger=claim)
        assert await look_up(server, own) == {
            "actor": peer.id("mallory"),
            "handle": f"@{own}",
            "actor_agrees": False,
        }
    peer.add_actor("mallory")
    assert (await look_up(server, own))["actor_agrees"] is True


async def test_CVE_2024_52591_a_handle_given_by_another_host(
    server: Server, start_peer: StartPeer
) -> None:
    """CVE-2024-52591, security.md: Akkoma 2024.04.1: mallory's host cannot give dave a handle that
    dave does not call his, nor say that mallory's is one of dave's host."""
    victim, peer = await start_peer("dave"), await start_peer("mallory")
    answer(victim, "dave", victim.id("dave"))
    given = answer(peer, "dave", victim.id("dave"))
    assert await look_up(server, given) == {
        "actor": victim.id("dave"),
        "handle": f"@{given}",
        "actor_agrees": False,
    }
    posing = answer(peer, "mallory", peer.id("mallory"), subject=f"dave@{host(victim)}")
    done = await command(server, "webfinger", posing, "--json")
    assert (done.code, done.out) == (1, "")
    assert victim.id("dave") in done.err


@pytest.mark.parametrize("name", ["dave", "dave@{host}", "@dave@{host}", "DAVE", "ann"])
async def test_CVE_2023_42451_a_name_is_one_of_its_own_host(
    server: Server, start_peer: StartPeer, name: str
) -> None:
    """CVE-2023-42451: whatever mallory is called at home, what an admin decides on a handle of
    dave's host, or of ours, is not about mallory."""
    victim, peer = await start_peer("dave", host="localhost"), await start_peer("mallory")
    posing = name.format(host=host(victim))
    peer.add_actor("mallory", preferredUsername=posing, webfinger=f"dave@{host(victim)}")
    await accepted(server, victim, victim.create("dave", "hello", PUBLIC), by="dave")
    await accepted(server, peer, peer.create("mallory", "hello", PUBLIC), by="mallory")
    before = await known_of(server, peer)
    for handle in (f"dave@{host(victim)}", server.handles["ann"].removeprefix("@")):
        done = await command(server, "actor", "suspend", f"@{handle}", "--json")
        assert done.code == 0, done.err
    rows = await server.rows("SELECT id FROM actor WHERE suspended_at IS NOT NULL")
    assert {row["id"] for row in rows} == {victim.id("dave"), server.id("ann")}
    assert await known_of(server, peer) == before
