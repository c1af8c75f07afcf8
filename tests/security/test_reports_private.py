"""Reports are for moderators: who is reported, and everybody else, find them at no door."""

from __future__ import annotations

from typing import Any

from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.steps import follow_from, follow_here
from tests.flows.verb_steps import arrive, public_note

MARK = "what-was-said-of-ann"


async def doors(server: Server, note: str) -> str:
    """All that ann, bob, who follows her, and strangers can read, as one text."""
    ann = server.id("ann")
    paths = [
        "/actors/ann/inbox?page=first",
        "/actors/ann/outbox?page=first",
        "/actors/bob/inbox?page=first",
        "/actors/bob/outbox?page=first",
        "/actors/bob/streams/home?page=first",
        "/actors/ann/streams/home?page=first",
        "/actors/instance/outbox?page=first",
        "/streams/public?page=first",
        "/streams/type/Flag?page=first",
        "/streams/type/Undo?page=first",
        f"/streams/object?id={ann}&page=first",
        f"/streams/any?id={ann}&page=first",
        f"/streams/any?id={note}&page=first",
        "/inbox?page=first",
        f"{note}/likes?page=first",
        f"{note}/replies?page=first",
        note,
    ]
    seen = []
    for path in paths:
        for who in (None, "ann", "bob"):
            reply = await server.get(path, as_=who)
            assert reply.status in (200, 401, 403, 404), (path, reply.text)
            seen.append(f"{path} {who}: {reply.text}")
    return "\n".join(seen)


async def test_IO_83_a_report_is_at_no_door(server: Server, peer: Peer) -> None:
    """IO-83: whatever its sender addresses and however it is told of: a Flag to everybody, to the
    followers of who is reported (who would have it forwarded), its Undo with all of it inside, an
    answer to it by who is reported."""
    peer.add_actor("server", type="Application")
    await follow_from(peer, "carol", server, "ann")
    await follow_here(server, "bob", "ann")
    ann, note = server.id("ann"), await public_note(server, "ann")
    await peer.wait("Create")
    said: dict[str, Any] = {"object": [ann, note], "content": MARK}
    everybody = [PUBLIC, f"{ann}/followers", ann, server.id("bob")]
    flag = peer.activity("Flag", "server", **said, to=everybody)
    await arrive(server, peer, flag, at="ann", by="server")
    await arrive(server, peer, flag, at="bob", by="server")
    for type_ in ("Accept", "Reject"):
        meant = {"type": "Flag", "id": flag["id"], "actor": peer.id("server")}
        answer = {"@context": CONTEXT, "type": type_, "object": meant}
        reply = await server.post("ann", answer)
        assert MARK not in reply.text
        by_id = await server.post("ann", {**answer, "object": flag["id"]})
        assert by_id.status == 404, by_id.text
    liked = await server.post("ann", {"type": "Like", "object": flag["id"]})
    assert MARK not in liked.text
    undo = peer.activity("Undo", "server", object=flag, to=everybody)
    await arrive(server, peer, undo, at="ann", by="server")
    seen = await doors(server, note)
    assert MARK not in seen
    assert undo["id"] not in seen
    await server.drained()
    assert all(MARK.encode() not in one.body for one in peer.received)


async def test_IO_83_a_flag_of_ours_is_at_no_door(server: Server, peer: Peer) -> None:
    """IO-83: the same of one that a client here posts to everybody, with a phrase that would be
    told in a note beside it; passed on, it does not name its reporter anywhere."""
    await server.create_actor("dave")
    await follow_from(peer, "carol", server, "dave")
    ann, note = server.id("ann"), await public_note(server, "ann")
    posted = {
        "@context": CONTEXT,
        "type": "Flag",
        "verbPhrase": "reported",
        "object": [ann, note, peer.id("carol")],
        "content": MARK,
        "to": [PUBLIC, f"{server.id('dave')}/followers", ann],
        "cc": [server.id("bob")],
        "bto": [peer.id("carol")],
    }
    reply = await server.post("dave", posted)
    assert reply.status == 201, reply.text
    [passed] = await peer.wait("Flag")
    await server.drained()
    assert server.id("dave").encode() not in passed.body
    assert passed.json["object"] == [peer.id("carol")]
    seen = await doors(server, note)
    assert MARK not in seen
    for one in (reply.json["id"], passed.json["id"]):
        for who in (None, "ann", "bob"):
            assert (await server.get(one, as_=who)).status == 404
        assert (await peer.get(one, by="carol")).status == 404
    for path in ("/actors/dave/outbox?page=first", "/actors/dave/streams/actor?page=first"):
        assert MARK not in (await server.get(path)).text


async def test_IO_83_nobody_is_told_of_a_report_by_its_edits(server: Server, peer: Peer) -> None:
    """IO-83: whoever reported changes or deletes the Flag: that would go to those it names, in the
    name of the reporter. It is refused, and an Undo goes to nobody. From elsewhere too an edit that
    holds the whole Flag is shown to nobody."""
    peer.add_actor("server", type="Application")
    ann, note = server.id("ann"), await public_note(server, "ann")
    posted = {"type": "Flag", "object": peer.id("carol"), "content": MARK, "to": peer.id("carol")}
    await follow_here(server, "bob", "ann")
    await follow_from(peer, "carol", server, "ann")
    mine = (await server.post("ann", posted)).json["id"]
    await peer.wait("Flag")
    changed = {"id": mine, "content": f"{MARK} again"}
    for verb, object_ in (("Update", changed), ("Delete", mine), ("Delete", {"id": mine})):
        reply = await server.post("ann", {"type": verb, "object": object_})
        assert reply.status == 400, reply.text
        assert "Undo it" in reply.text
    undone = await server.post("ann", {"type": "Undo", "object": mine})
    assert undone.status == 201, undone.text
    everybody = [PUBLIC, ann, server.id("bob")]
    flag = peer.activity("Flag", "server", object=[ann, note], content=MARK, to=everybody)
    await arrive(server, peer, flag, at="ann", by="server")
    for verb in ("Update", "Delete"):
        edit = peer.activity(verb, "server", object=flag, to=everybody)
        await arrive(server, peer, edit, at="ann", by="server")
    seen = (await doors(server, note)).splitlines()
    assert all(MARK not in one for one in seen if not one.startswith("/actors/ann/outbox"))
    await server.drained()
    assert [one.body for one in peer.received if mine.encode() in one.body] == []
