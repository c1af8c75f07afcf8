"""What each refusal is (issue 4, 5): 4xx problem+json that says why, or 202 and a reason code; one
line in the log, one count, and nothing stored.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apserver import telemetry
from apserver.core import limits
from tests.cli.program import command
from tests.conftest import StartPeer, StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, PUBLIC, Reply, Server, until
from tests.flows.steps import check_problem, stored

INBOX = "/actors/{name}/inbox"
OUTBOX = "/actors/{name}/outbox"
ELSEWHERE = "https://elsewhere.example"
Act = Callable[[Server, Peer], Awaitable[Reply]]


def inbox(change: Callable[[Server, Peer, dict[str, Any]], Any] | None = None, **how: Any) -> Act:
    """A note of carol at ann's inbox, changed, and signed as ``how`` says."""

    async def act(server: Server, peer: Peer) -> Reply:
        note = peer.create("carol", "hello", PUBLIC)
        sent = note if change is None else change(server, peer, note)
        return await peer.send(f"{server.id('ann')}/inbox", sent, by="carol", **how)

    return act


def outbox(document: Any, **headers: str) -> Act:
    async def act(server: Server, peer: Peer) -> Reply:
        return await server.post("ann", document, **headers)

    return act


def ask(method: str, path: str, **how: Any) -> Act:
    async def act(server: Server, peer: Peer) -> Reply:
        return await server.ask(method, path, **how)

    return act


def of_another(server: Server, peer: Peer, note: dict[str, Any]) -> dict[str, Any]:
    return {**note, "object": {**note["object"], "attributedTo": server.id("ann")}}


def foreign(member: str) -> Callable[[Server, Peer, dict[str, Any]], dict[str, Any]]:
    return lambda server, peer, note: {**note, member: f"{ELSEWHERE}/1"}


async def other_key(server: Server, peer: Peer) -> Reply:
    peer.documents["/users/nobody"] = 404
    note = peer.create("carol", "hello", PUBLIC)
    key_id = f"{peer.origin}/users/nobody#main-key"
    return await peer.send(f"{server.id('ann')}/inbox", note, by="carol", key_id=key_id)


async def down(server: Server, peer: Peer) -> Reply:
    peer.documents["/users/down"] = 500
    note = peer.create("carol", "hello", PUBLIC)
    key_id = f"{peer.origin}/users/down#main-key"
    return await peer.send(f"{server.id('ann')}/inbox", note, by="carol", key_id=key_id)


async def no_owner(server: Server, peer: Peer) -> Reply:
    note = peer.create("carol", "hello", PUBLIC)
    return await peer.send(f"{server.id('nobody')}/inbox", note, by="carol")


async def bobs_outbox(server: Server, peer: Peer) -> Reply:
    note = {"type": "Note", "content": "hello"}
    headers = {"Content_Type": AS2}
    return await server.ask("POST", "/actors/bob/outbox", as_="ann", data=note, **headers)


OLD = datetime.now(UTC) - timedelta(hours=3)
NOTE = {"type": "Note", "content": "hello", "to": [PUBLIC]}
#: What is done, and: the status, the kind, the route that it counts for, the member at fault.
REFUSALS: dict[str, tuple[Act, int, str, str, str | None]] = {
    "unsigned": (inbox(unsigned=True), 401, "not-trusted", INBOX, None),
    "too old": (inbox(now=OLD), 401, "not-trusted", INBOX, None),
    "another key": (inbox(key="other"), 401, "not-trusted", INBOX, None),
    "no such key": (other_key, 401, "not-trusted", INBOX, None),
    "key server down": (down, 503, "busy", INBOX, None),
    "not JSON": (inbox(lambda *_: b"{"), 400, "bad-input", INBOX, None),
    "twice the same member": (
        inbox(lambda *_: b'{"type":"Like","type":"Undo"}'), 400, "bad-input", INBOX, None
    ),
    "another media type": (inbox(content_type="text/plain"), 415, "bad-media-type", INBOX, None),
    "compressed": (
        inbox(headers={"Content-Encoding": "gzip"}), 415, "bad-media-type", INBOX, None
    ),
    "too large": (
        inbox(lambda *_: b" " * (1 << 20) + b"{}"), 413, "too-large", INBOX, None
    ),
    "another actor": (inbox(foreign("actor")), 403, "forbidden", INBOX, None),
    "an id of another": (inbox(foreign("id")), 403, "forbidden", INBOX, None),
    "an object of another": (inbox(of_another), 403, "forbidden", INBOX, "/object"),
    "an inbox of nobody": (no_owner, 404, "missing", INBOX, None),
    "no token": (ask("POST", "/actors/ann/outbox", data=NOTE), 401, "not-trusted", OUTBOX, None),
    "another's outbox": (bobs_outbox, 403, "forbidden", OUTBOX, None),
    "no object": (outbox({"type": "Create"}), 400, "bad-input", OUTBOX, "/object"),
    "a media type here": (
        outbox("x", Content_Type="text/plain"), 415, "bad-media-type", OUTBOX, None
    ),
    "another host": (ask("GET", "/", Host="evil.example"), 421, "misdirected", "/", None),
    "no such actor": (ask("GET", "/actors/nobody"), 404, "missing", "/actors/{name}", None),
    "no such path": (ask("GET", "/nothing"), 404, "missing", "none", None),
    "no such method": (ask("PUT", "/actors/ann"), 405, "method-not-allowed", "none", None),
    "an inbox to read": (ask("GET", "/actors/ann/inbox"), 401, "not-trusted", "", None),
    "an odd page": (ask("GET", "/actors/ann/outbox?page=x"), 400, "bad-input", "", None),
}  # fmt: skip


def refusals() -> dict[tuple[str, ...], int]:
    """What has been counted as refused so far, by route and kind."""
    return {
        labels: count
        for (name, labels), count in telemetry.readings().items()
        if name == telemetry.REFUSED
    }


Refusal = tuple[Act, int, str, str, str | None]


async def check_refusal(
    server: Server, peer: Peer, caplog: pytest.LogCaptureFixture, refusal: Refusal
) -> None:
    act, status, kind, route, pointer = refusal
    before, counted = await stored(server), refusals()
    caplog.set_level("DEBUG", logger="apserver")
    caplog.clear()
    reply = await act(server, peer)
    check_problem(reply, status, pointer)
    assert reply.json["kind"] == kind
    lines = [one for one in caplog.records if one.getMessage() == "refused"]
    assert [one.__dict__["fields"]["status"] for one in lines] == [status]
    assert lines[0].__dict__["fields"]["kind"] == kind
    assert str(lines[0].__dict__["fields"]["reason"])
    new = {at: count - counted.get(at, 0) for at, count in refusals().items()}
    assert [count for count in new.values() if count] == [1]
    [(where, what)] = [at for at, count in new.items() if count]
    assert what == kind
    assert where == route or not route
    assert await stored(server) == before


@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal(
    server: Server, peer: Peer, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    """Issue 4, 5; security.md: interop-guard: problem+json, one line, one count, nothing stored."""
    await check_refusal(server, peer, caplog, REFUSALS[name])


async def test_a_blocked_domain_is_refused_alike(
    server: Server,
    start_peer: StartPeer,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """At the inbox, when it reads, and when somebody here wants to follow."""
    monkeypatch.setattr(limits, "POLL_S", 0.05)
    bad = await start_peer("carol", host="127.0.7.2")
    assert (await command(server, "domain", "block", "127.0.7.2")).code == 0

    async def is_blocked() -> bool:
        return (await bad.get(server.id("ann"), by="carol")).status == 403

    await until(is_blocked)
    follow = outbox({"type": "Follow", "object": bad.id("carol")})
    blocked = "domain-blocked"
    await check_refusal(server, bad, caplog, (inbox(), 403, blocked, INBOX, None))
    await check_refusal(server, bad, caplog, (follow, 403, blocked, OUTBOX, "/object"))
    assert bad.asked == []


async def test_a_flood_is_refused_alike(start_server: StartServer) -> None:
    """429 with the time of the next try; the line is for those who look for faults."""
    server = await start_server("ann", limits__requests_per_minute=3)
    replies = [await server.get("/actors/ann") for _ in range(5)]
    check_problem(replies[-1], 429)
    assert int(replies[-1].headers["Retry-After"]) > 0
    assert refusals()["/actors/{name}", "rate-limited"] >= 1


# --- Refused when it is applied: 202 and a reason code ---------------------------------------


async def test_what_is_refused_later_has_a_reason(
    server: Server, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    """Decision 4: what needs stored facts is 202 at the door. It has no effect then, and the reason
    stands on its row, in one line of the log, and in one count."""
    peer.add_actor("dave")
    theirs = peer.create("dave", "mine", PUBLIC)
    assert (await peer.send(f"{server.id('ann')}/inbox", theirs, by="dave")).status == 202
    await server.drained()
    thing = theirs["object"]["id"]
    activities = {
        "follow-not-ours": peer.activity("Follow", "carol", object=f"{peer.origin}/users/dave"),
        "accept-without-follow": peer.activity(
            "Accept", "carol", object={"type": "Follow", "actor": server.id("ann"),
                                       "object": peer.id("carol"), "id": f"{server.origin}/x"}
        ),
        "undo-of-unknown": peer.activity("Undo", "carol", object=f"{ELSEWHERE}/follows/1"),
        "block-not-ours": peer.activity("Block", "carol", object=peer.id("dave")),
        "block-elsewhere": peer.activity(
            "Block", "carol", object=server.id("ann"), target=f"{peer.origin}/c/tea"
        ),
        "object-of-another-author": peer.activity("Delete", "carol", object=thing),
    }  # fmt: skip
    caplog.set_level("INFO", logger="apserver")
    for reason, activity in activities.items():
        before = await known(server)
        counted = telemetry.counted(telemetry.APPLIED, reason)
        caplog.clear()
        reply = await peer.send(f"{server.id('ann')}/inbox", activity, by="carol")
        assert reply.status in (202, 403), reason  # security.md 1: either
        assert reply.status == 202, json.dumps(reply.json)
        await server.drained()
        [row] = await server.rows("SELECT verdict FROM activity WHERE id = $1", activity["id"])
        assert row["verdict"] == reason
        assert telemetry.counted(telemetry.APPLIED, reason) == counted + 1
        lines = [one for one in caplog.records if one.getMessage() == "activity without effect"]
        assert [one.__dict__["fields"]["reason"] for one in lines] == [reason]
        assert await known(server) == before, reason


async def known(server: Server) -> dict[str, str | None]:
    """All but what an accepted activity leaves whatever it says: itself, its sender, its work."""
    left = {"activity", "raw", "receipt", "actor", "public_key", "heard", "job", "host"}
    return {name: print_ for name, print_ in (await stored(server)).items() if name not in left}
