"""Reports over HTTP: what comes in, what our clients send, what goes out, who sees it (IO-83)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apserver.core import limits
from tests.cli.program import command
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server, until
from tests.flows.steps import check_problem, follow_from
from tests.flows.verb_steps import arrive, public_note

FAR = "127.0.0.2"  # the server itself is 127.0.0.1, which no rule can be made against


async def reports(server: Server) -> list[dict[str, Any]]:
    """What moderators have, the newest first."""
    done = await command(server, "report", "list", "--json")
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)
    return found


async def evidence(server: Server, number: int) -> list[dict[str, Any]]:
    """What a report shows of what was reported."""
    done = await command(server, "report", "show", str(number), "--json")
    assert done.code == 0, done.err
    found: list[dict[str, Any]] = json.loads(done.out)["evidence"]
    return found


def flag(peer: Peer, *objects: str, **members: Any) -> dict[str, Any]:
    """A Flag as Mastodon sends it: in the name of its server, to whom it is about."""
    return peer.activity("Flag", "server", object=list(objects), to=[objects[0]], **members)


async def test_IO_83_a_flag_becomes_a_report_once(server: Server, peer: Peer) -> None:
    """IO-83: by whichever inbox and however often it comes, with an id or without; what was
    reported is kept as it was, though it is deleted."""
    peer.add_actor("server", type="Application")
    ann = server.id("ann")
    note = await public_note(server, "ann", "as it was")
    mine = flag(peer, ann, note, content="<p>spam</p>")
    await arrive(server, peer, mine, at="ann", by="server")
    await arrive(server, peer, mine, at="bob", by="server")
    assert (await peer.send(f"{server.origin}/inbox", mine, by="server")).status == 202
    nameless = {**flag(peer, ann), "id": None, "content": "no id"}
    for _ in range(2):
        assert (await peer.send(f"{server.origin}/inbox", nameless, by="server")).status == 202
    await server.drained()
    deleted = await server.post("ann", {"type": "Delete", "object": note})
    assert deleted.status == 201, deleted.text
    nothing = flag(peer, "https://elsewhere.example/users/x", content="not ours")
    assert (await peer.send(f"{ann}/inbox", nothing, by="server")).status == 202
    await server.drained()
    second, first = await reports(server)
    assert (first["reporter"], first["reported"], first["posts"], first["content"]) == (
        peer.id("server"), [ann], [note], "spam",
    )  # fmt: skip
    assert (first["state"], second["posts"], second["content"]) == ("open", [], "no id")
    kept, profile = await evidence(server, first["id"])
    assert (kept["id"], kept["content"]) == (note, "as it was")
    assert (profile["id"], profile["preferredUsername"]) == (ann, "ann")


async def test_IO_83_a_report_of_ours_is_for_its_reporter_and_moderators(
    server: Server, peer: Peer
) -> None:
    """IO-83: nobody else gets or reads it, though it is addressed to everybody; it is in her own
    outbox for her alone. Its Undo closes the report and tells nobody either."""
    await follow_from(peer, "carol", server, "bob")
    ann, note = server.id("ann"), await public_note(server, "ann")
    posted = {"@context": CONTEXT, "type": "Flag", "object": [ann, note], "content": "spam"}
    everybody = [PUBLIC, f"{server.id('bob')}/followers", ann]
    reply = await server.post("bob", {**posted, "to": everybody})
    assert reply.status == 201, reply.text
    assert not {"to", "cc"} & reply.json.keys()
    [report] = await reports(server)
    assert (report["reporter"], report["reported"]) == (server.id("bob"), [ann])
    undone = await server.post("bob", {"type": "Undo", "object": reply.json["id"], "to": [ann]})
    assert undone.status == 201, undone.text
    assert (undone.json["object"], undone.json.get("to")) == (reply.json["id"], None)
    await server.drained()
    [report] = await reports(server)
    assert report["state"] == "taken back"
    for one in (reply.json["id"], undone.json["id"]):
        assert (await server.get(one, as_="bob")).status == 200
        assert (await server.get(one, as_="ann")).status == 404
        assert (await server.get(one)).status == 404
        assert (await peer.get(one, by="carol")).status == 404
    mine = await server.items("bob", "outbox", as_="bob")
    assert [one["id"] for one in mine[:2]] == [undone.json["id"], reply.json["id"]]
    assert await server.items("bob", "outbox") == []
    assert await server.items("ann", "inbox", as_="ann") == []
    assert [one.json["type"] for one in peer.received] == ["Accept"]


async def test_IO_83_what_is_addressed_is_passed_on_by_the_server(
    server: Server, peer: Peer
) -> None:
    """IO-83, interop 2.3, ux 6: to the inbox of the actor reported, signed by the instance actor,
    with nothing that tells who it was."""
    create = peer.create("carol", "cake", PUBLIC, server.id("ann"))
    await arrive(server, peer, create, at="ann", by="carol")
    note = create["object"]["id"]
    posted = {"@context": CONTEXT, "type": "Flag", "content": "spam"}
    kept = await server.post("ann", {**posted, "object": note})
    told = await server.post("ann", {**posted, "object": note, "bcc": [peer.id("carol")]})
    assert (kept.status, told.status) == (201, 201), told.text
    assert (kept.json.get("to"), told.json["to"]) == (None, [peer.id("carol")])
    [passed] = await peer.wait("Flag")
    await server.drained()
    instance = f"{server.origin}/actors/instance"
    assert passed.inbox == "/users/carol/inbox"
    assert passed.signer == f"{instance}#main-key"
    assert {name: passed.json[name] for name in ("actor", "object", "content", "to")} == {
        "actor": instance,
        "object": [peer.id("carol"), note],
        "content": "spam",
        "to": [peer.id("carol")],
    }
    assert b"ann" not in passed.body
    assert [one.json["type"] for one in peer.received] == ["Flag"]
    assert (await peer.get(passed.json["id"], by="carol")).status == 404
    assert await server.items("instance", "outbox") == []
    second, first = await reports(server)
    assert (first["forwarded_to"], second["forwarded_to"]) == ([], [peer.id("carol")])


async def test_IO_83_only_what_can_be_seen_is_reported(server: Server) -> None:
    """IO-83, CVE-2024-23649: 404 for what the reporter may not read, with its pointer; but a
    block keeps nobody from reporting what everybody can read."""
    secret = (await server.note("ann", "for ann alone"))["object"]["id"]
    note = await public_note(server, "ann")
    await server.post("ann", {"type": "Block", "object": server.id("bob")})
    for about in (secret, f"{server.origin}/objects/00000000-0000-7000-8000-000000000000"):
        reply = await server.post("bob", {"type": "Flag", "object": about, "content": "spam"})
        check_problem(reply, 404, "/object")
    blocked = await server.post("bob", {"type": "Flag", "object": note, "content": "spam"})
    assert blocked.status == 201, blocked.text
    long = await server.post("bob", {"type": "Flag", "object": note, "content": "y" * 5_001})
    check_problem(long, 400, "/content")
    assert [one["posts"] for one in await reports(server)] == [[note]]


async def test_IO_83_reports_of_a_domain_can_be_rejected(
    server: Server, start_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IO-83, ux 6 (reject reports): 202, and nothing is stored; the rest of it is heard. Of one
    owner no more than so many reports are open."""
    monkeypatch.setattr(limits, "POLL_S", 0.05)
    monkeypatch.setattr(limits, "REPORTS_OPEN", 2)
    far = await start_peer("server", "carol", host=FAR)
    inbox, ann = f"{server.id('ann')}/inbox", server.id("ann")
    for _ in range(3):
        await arrive(server, far, flag(far, ann, content="spam"), at="ann", by="server")
    assert len(await reports(server)) == 2
    done = await command(server, "domain", "limit", FAR, "--visible", "--reject-reports")
    assert done.code == 0, done.err

    async def rejected() -> bool:
        before = await server.rows("SELECT count(*) AS n FROM activity")
        assert (await far.send(inbox, flag(far, ann), by="server")).status == 202
        await server.drained()
        return before == await server.rows("SELECT count(*) AS n FROM activity")

    await until(rejected)
    assert len(await reports(server)) == 2
    create = far.create("carol", "cake", PUBLIC, ann)
    await arrive(server, far, create, at="ann", by="carol")
    assert [one["id"] for one in await server.items("ann", "inbox", as_="ann")] == [create["id"]]


async def test_IO_83_nobody_reports_without_end(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IO-83: what is taken back counts until moderators have dealt with it; a client of ours is
    told, and nothing more is passed on in the server's name."""
    monkeypatch.setattr(limits, "REPORTS_OPEN", 1)
    flag_of = {"type": "Flag", "object": peer.id("carol"), "to": [peer.id("carol")]}
    first = await server.post("bob", flag_of)
    assert first.status == 201, first.text
    await server.post("bob", {"type": "Undo", "object": first.json["id"]})
    check_problem(await server.post("bob", flag_of), 422)
    [report] = await reports(server)
    done = await command(server, "report", "close", str(report["id"]))
    assert done.code == 0, done.err
    assert (await server.post("bob", flag_of)).status == 201
    await server.drained()
    assert [one.json["type"] for one in peer.received] == ["Flag", "Flag"]
    peer.add_actor("server", type="Application")
    for _ in range(2):
        mine = flag(peer, server.id("ann"), content="spam")
        await arrive(server, peer, mine, at="ann", by="server")
        undo = peer.activity("Undo", "server", object=mine, to=[server.id("ann")])
        await arrive(server, peer, undo, at="ann", by="server")
    assert len(await reports(server)) == 3
    assert await server.items("ann", "inbox", as_="ann") == []


async def test_a_reporter_that_is_deleted_is_forgotten(server: Server) -> None:
    """ux 6, docs/privacy.md: what was reported stays, and who reported it goes."""
    await server.post("bob", {"type": "Flag", "object": server.id("ann"), "content": "spam"})
    done = await command(server, "actor", "delete", "bob", "--yes")
    assert done.code == 0, done.err
    [report] = await reports(server)
    assert (report["reporter"], report["reported"], report["content"]) == (
        None, [server.id("ann")], "spam",
    )  # fmt: skip
    [row] = await server.rows("SELECT r::text AS row FROM report r")
    assert "bob" not in row["row"]
