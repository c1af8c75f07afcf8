"""Contexts at the door: what is believed is what JSON-LD says, and nobody waits for a bomb."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest

from apserver.compaction import Compactor
from apserver.core import limits
from apserver.errors import BadInput, Busy
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.steps import check_problem

#: `actor` means nothing that AS2 knows, `who` is the actor.
SWAPPED = {"actor": "https://x.example/actor", "who": {"@id": "as:actor", "@type": "@id"}}


def swapped(activity: dict[str, Any], *, text: str, meaning: str) -> dict[str, Any]:
    """An activity whose text names one actor, and of which JSON-LD says that it is another's."""
    return {**activity, "@context": [CONTEXT, SWAPPED], "actor": text, "who": meaning}


async def test_CVE_2024_32983_the_actor_is_whom_json_ld_says(
    server: Server, start_peer: StartPeer
) -> None:
    """CVE-2024-32983, CVE-2022-24307: ``actor`` is aliased to the victim; the signer acted, so the
    signer is shown. The other way round the signer is not the actor, and nothing is stored."""
    peer = await start_peer("carol", "victim")
    carol, victim = peer.id("carol"), peer.id("victim")
    inbox = f"{server.id('ann')}/inbox"
    forged = swapped(peer.create("carol", "mine", PUBLIC), text=carol, meaning=victim)
    check_problem(await peer.send(inbox, forged, by="carol"), 403)
    assert await server.rows("SELECT FROM activity") == []

    honest = swapped(peer.create("carol", "mine", PUBLIC), text=victim, meaning=carol)
    reply = await peer.send(inbox, honest, by="carol")
    assert reply.status == 202, reply.text
    await server.drained()
    [shown] = await server.items("ann", "inbox", as_="ann")
    assert shown["actor"] == carol
    assert shown["object"]["content"] == "mine"
    assert shown["@context"][:2] == [CONTEXT, "https://w3id.org/security/v1"]
    assert "who" not in shown
    [row] = await server.rows("SELECT actor_id, verdict FROM activity")
    assert row == {"actor_id": carol, "verdict": None}
    [raw] = await server.rows("SELECT body FROM raw")
    assert json.loads(raw["body"]) == honest


async def test_CVE_2024_32983_the_object_is_what_json_ld_says(server: Server, peer: Peer) -> None:
    """CVE-2024-32983: text and meaning name two objects; the one that JSON-LD means is stored."""
    activity = peer.create("carol", "in the text", PUBLIC)
    meant = {**activity["object"], "id": peer.new_id("notes"), "content": "by meaning"}
    activity |= {"thing": meant}
    activity["@context"] = [
        CONTEXT,
        {"object": "https://x.example/o", "thing": {"@id": "as:object", "@type": "@id"}},
    ]
    reply = await peer.send(f"{server.id('ann')}/inbox", activity, by="carol")
    assert reply.status == 202, reply.text
    await server.drained()
    [shown] = await server.items("ann", "inbox", as_="ann")
    assert shown["object"]["content"] == "by meaning"
    assert await server.rows("SELECT id FROM object") == [{"id": meant["id"]}]


async def test_CVE_2024_32983_a_fetched_document_is_read_alike(
    server: Server, start_peer: StartPeer
) -> None:
    """An object that is named only is fetched, and its text is not believed either."""
    peer = await start_peer("carol", "victim")
    activity = peer.create("carol", "", PUBLIC, server.id("ann"))
    note = activity["object"] | {
        "@context": [
            CONTEXT,
            {"attributedTo": "x:by", "by": {"@id": "as:attributedTo", "@type": "@id"}},
        ],
        "attributedTo": peer.id("carol"),
        "by": peer.id("victim"),
    }
    peer.documents[note["id"].removeprefix(peer.origin)] = note
    reply = await peer.send(
        f"{server.id('ann')}/inbox", {**activity, "object": note["id"]}, by="carol"
    )
    assert reply.status == 202, reply.text
    await server.drained()
    assert await server.rows("SELECT verdict FROM activity") == [
        {"verdict": "object-of-another-author"}
    ]


RESHAPED: dict[str, dict[str, Any]] = {
    "reverse": {"kids": {"@reverse": "as:object"}},
    "graph": {"object": {"@id": "as:object", "@container": "@graph"}},
    "included": {"kids": "@included"},
    "graph by another name": {"kids": "@graph"},
}


async def test_CVE_2026_42462_other_names_for_the_keywords(server: Server, peer: Peer) -> None:
    """CVE-2026-42462, CVE-2026-46349, CVE-2026-46713: what compaction brings to light is judged
    again: no tree that hangs the other way round, no second object beside the one shown."""
    before = await server.contents()
    for name, context in RESHAPED.items():
        activity = peer.create("carol", "hello", PUBLIC)
        activity["kids"] = {"id": peer.new_id(), "type": "Undo", "actor": server.id("ann")}
        activity["@context"] = [CONTEXT, context]
        reply = await peer.send(f"{server.id('ann')}/inbox", activity, by="carol")
        assert reply.status == 400, (name, reply.text)
    assert await server.contents() == before


def nested(depth: int) -> dict[str, Any]:
    """Contexts inside definitions, in each other."""
    context: dict[str, Any] = {}
    for _ in range(depth):
        context = {"t": {"@id": "x:t", "@context": context}}
    return context


BOMBS: dict[str, tuple[Any, str]] = {
    "context-array-bomb": ([CONTEXT] * 2000, "/@context"),
    "terms": ([CONTEXT, {f"t{n}": "x:y" for n in range(65)}], "/@context"),
    "scoped-context-bomb": ([CONTEXT, nested(120)], ""),
    "scoped contexts that JSON may hold": ([CONTEXT, nested(12)], "/@context"),
    "imported": ([CONTEXT, {"@import": "http://127.0.0.1:1/context"}], "/@context"),
}


async def test_context_bombs_are_refused_fast(server: Server, peer: Peer) -> None:
    """security.md: context-array-bomb, scoped-context-bomb. 400, within a blink, nothing stored."""
    inbox = f"{server.id('ann')}/inbox"
    assert (await peer.send(inbox, peer.create("carol", "hi", PUBLIC), by="carol")).status == 202
    await server.drained()
    before = await server.contents()
    for name, (context, pointer) in BOMBS.items():
        bomb = {**peer.create("carol", "hello", PUBLIC), "@context": context}
        started = time.process_time()
        reply = await peer.send(inbox, bomb, by="carol")
        assert time.process_time() - started < 1, name
        check_problem(reply, 400, pointer or None)
    assert await server.contents() == before


def dear() -> dict[str, Any]:
    """What keeps PyLD busy for a second or three, within all limits."""
    return {
        "@context": [CONTEXT, {"object": "x:o", "t": {"@id": "x:" + "y" * 7_000}}],
        "t": [{"t": 1}] * 4_500,
    }


async def test_GHSA_cf49_a_compaction_bomb_delays_nobody(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GHSA-cf49-73r7-rxj6: cut off with 400 when its time is over; meanwhile others are answered
    as ever; then the next document gets a new process."""
    monkeypatch.setattr(limits, "COMPACTION_S", 0.5)
    inbox = f"{server.id('ann')}/inbox"
    bomb = {**peer.create("carol", "hello", PUBLIC), **dear()}
    exploding = asyncio.create_task(peer.send(inbox, bomb, by="carol"))
    answered = 0
    while not exploding.done():
        assert (await server.get("/actors/ann")).status == 200
        answered += 1
        await asyncio.sleep(0.02)
    assert answered > 3  # one or two, if they had to wait for its end
    reply = await exploding
    check_problem(reply, 400, "/@context")
    assert "longer than 0.5 s" in reply.text
    assert await server.rows("SELECT FROM activity") == []
    monkeypatch.setattr(limits, "COMPACTION_S", 5)
    good = swapped(peer.create("carol", "hi", PUBLIC), text="x:y", meaning=peer.id("carol"))
    assert (await peer.send(inbox, good, by="carol")).status == 202


async def test_a_strangers_compaction_is_not_done(server: Server, peer: Peer) -> None:
    """GHSA-cf49-73r7-rxj6: whoever does not sign gets no work done, however dear."""
    bomb = {**peer.create("carol", "hello", PUBLIC), **dear()}
    reply = await peer.send(f"{server.id('ann')}/inbox", bomb, by="carol", key="not hers")
    check_problem(reply, 401)
    assert children() == []


async def test_remote_contexts_are_never_fetched(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """security.md: remote-contexts, context-availability. Neither on the short way nor on the
    long one; and what we hold needs no network."""
    counting = await start_peer()
    url = f"{counting.origin}/context"
    inbox = f"{server.id('ann')}/inbox"
    plain = {**peer.create("carol", "hello", PUBLIC), "@context": [CONTEXT, url]}
    long_way = swapped(peer.create("carol", "hi", PUBLIC), text="x:y", meaning=peer.id("carol"))
    long_way["@context"] = [CONTEXT, url, "https://w3id.org/security/v1", SWAPPED]
    for activity in (plain, long_way):
        reply = await peer.send(inbox, activity, by="carol")
        assert reply.status == 202, reply.text
    await server.drained()
    assert counting.asked == []
    assert len(await server.items("ann", "inbox", as_="ann")) == 2


async def test_canonicalisation_poison(server: Server, start_peer: StartPeer) -> None:
    """security.md: canonicalisation-poison. A complete graph of 8 blank nodes with a proof, passed
    on by another: refused at once, for no proof is taken that is over a graph."""
    origin, carrier = await start_peer("bob"), await start_peer("carol")
    nodes = [f"_:b{n}" for n in range(8)]
    activity = origin.create("bob", "hello", PUBLIC)
    activity["tag"] = [{"id": one, "x:p": [{"id": other} for other in nodes]} for one in nodes]
    activity["proof"] = {"type": "DataIntegrityProof", "cryptosuite": "ecdsa-rdfc-2019"}
    started = time.process_time()
    reply = await carrier.send(f"{server.id('ann')}/inbox", activity, by="carol")
    assert time.process_time() - started < 2.5
    check_problem(reply, 403)


async def test_the_process_is_one_and_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """GHSA-cf49-73r7-rxj6, security.md: rule 8: one child, within bounds that the kernel keeps;
    only so many wait; a cancelled one leaves no answer behind for the next."""
    monkeypatch.setattr(limits, "COMPACTIONS_WAITING", 1)
    compactor = Compactor()
    try:
        good = json.dumps(swapped({}, text="x:y", meaning="https://a.example/")).encode()
        assert json.loads(await compactor.compact(good))["actor"] == "https://a.example/"
        [child] = children()
        assert child.rlimit(psutil.RLIMIT_AS) == (limits.COMPACTION_MEMORY,) * 2
        assert child.rlimit(psutil.RLIMIT_NOFILE) == (3, 3)  # its pipes: no file, no socket
        assert child.nice() > psutil.Process().nice()
        bomb = json.dumps(dear()).encode()
        first = asyncio.create_task(compactor.compact(bomb))
        second = asyncio.create_task(compactor.compact(good))
        await asyncio.sleep(0.1)
        with pytest.raises(Busy):
            await compactor.compact(good)
        first.cancel()
        assert json.loads(await second)["actor"] == "https://a.example/"
        assert child not in children()
        assert len(children()) == 1
        with pytest.raises(BadInput, match="more than"):
            await compactor.compact(b" " * limits.COMPACTION_BODY + good)
    finally:
        await compactor.close()
    assert children() == []


def children() -> list[psutil.Process]:
    """The processes for compaction that this one has started."""
    return [
        one
        for one in psutil.Process().children(recursive=True)
        if one.status() != psutil.STATUS_ZOMBIE and "apserver.compaction.child" in one.cmdline()
    ]
