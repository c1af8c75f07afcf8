"""What others can make this process remember is bounded (security.md, rule 9, CVE-2026-69132)."""

from __future__ import annotations

from collections import Counter

import pytest

from apserver import telemetry
from apserver.core import limits
from apserver.core.rate_limit import Policy, RateLimiter
from apserver.errors import RateLimited
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server


def test_counters_with_labels_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that are known count on; new ones count together."""
    counters: Counter[object] = Counter()
    monkeypatch.setattr(telemetry, "_counters", counters)
    for n in range(3 * limits.SERIES):
        telemetry.count("apserver_test_total", "fetch", str(n))
    for _ in range(5):
        telemetry.count("apserver_test_total", "fetch", "7")
    assert telemetry.counted("apserver_test_total", "fetch", "7") == 6
    assert telemetry.counted("apserver_test_total", "other", "other") == 2 * limits.SERIES
    assert len(counters) == limits.SERIES + 1


def test_addresses_of_clients() -> None:
    """The rate limit forgets who has not come for longest."""
    limiter = RateLimiter([Policy("burst", 1, 60)])
    limiter.take("203.0.113.1", 0.0).check()
    with pytest.raises(RateLimited):
        limiter.take("203.0.113.1", 0.0).check()
    for n in range(10_000):
        limiter.take(f"2001:db8::{n:x}", 0.0).check()
    limiter.take("203.0.113.1", 0.0).check()


async def _knock(server: Server, peer: Peer, name: str, *, key: str | None = None) -> int:
    note = peer.create(name, "hello", PUBLIC)
    reply = await peer.send(
        f"{server.id('ann')}/inbox", note, by=name, key=key, key_id=f"{peer.id(name)}#main-key"
    )
    return reply.status


async def test_keys_that_could_not_be_had(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are remembered so that they are not asked for again, but only so many."""
    monkeypatch.setattr(limits, "NEGATIVE_CACHE_ROWS", 3)
    names = [f"nobody{n}" for n in range(4)]
    for name in [names[0], *names, names[3]]:
        assert await _knock(server, peer, name) == 401
    asked = Counter(peer.asked)
    assert asked[f"GET /users/{names[3]}"] == 1
    assert asked[f"GET /users/{names[0]}"] == 1
    assert await _knock(server, peer, names[0]) == 401
    assert Counter(peer.asked)[f"GET /users/{names[0]}"] == 2


async def test_documents_of_senders_that_proved_nothing(
    server: Server, start_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A document may be a megabyte, and is fetched before the signature is known to hold. Only a
    few stay in memory; one that had to make room is fetched again when its signature holds."""
    monkeypatch.setattr(limits, "KEY_DOCUMENTS", 2)
    peer = await start_peer(*(f"carol{n}" for n in range(4)))
    for n in range(4):
        assert await _knock(server, peer, f"carol{n}", key="not hers") == 401
    asked = Counter(peer.asked)
    assert {asked[f"GET /users/carol{n}"] for n in range(4)} == {1}
    assert await server.rows("SELECT FROM actor WHERE NOT ours") == []
    for n in (0, 3):
        for _ in range(2):
            assert await _knock(server, peer, f"carol{n}") == 202
    asked = Counter(peer.asked)
    assert (asked["GET /users/carol0"], asked["GET /users/carol3"]) == (2, 1)
    assert len(await server.rows("SELECT FROM actor WHERE NOT ours")) == 2
