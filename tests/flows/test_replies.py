"""Replies to objects of ours: who joins, who sees them, who leaves, over HTTP."""

from __future__ import annotations

from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.verb_steps import arrive, collected, public_note, total_of


async def _answer(server: Server, name: str, to_what: str, *to: str) -> str:
    note = {
        "@context": CONTEXT,
        "type": "Note",
        "content": "and cake",
        "inReplyTo": to_what,
        "to": list(to),
    }
    reply = await server.post(name, note)
    assert reply.status == 201, reply.text
    return str(reply.json["object"]["id"])


async def test_IO_99_replies_from_here_and_elsewhere_in_order(server: Server, peer: Peer) -> None:
    """IO-99: newest first, by id; the object tells of them."""
    note = await public_note(server, "ann")
    own = await _answer(server, "bob", note, PUBLIC)
    create = peer.create("carol", "and tea", PUBLIC, server.id("ann"), inReplyTo=note)
    await arrive(server, peer, create, at="ann", by="carol")
    assert await collected(server, f"{note}/replies") == [create["object"]["id"], own]
    assert (await server.get(note)).json["replies"] == {
        "id": f"{note}/replies",
        "type": "OrderedCollection",
        "totalItems": 2,
    }
    assert (await server.get(f"{note}/replies")).json["repliesOf"] == note


async def test_IO_99_replies_are_for_those_who_may_read_them(server: Server, peer: Peer) -> None:
    """IO-99: neither listed nor counted for others."""
    note = await public_note(server, "ann")
    quiet = await _answer(server, "bob", note, server.id("ann"))
    assert await collected(server, f"{note}/replies") == []
    assert await total_of(server, f"{note}/replies") == 0
    for name in ("ann", "bob"):
        assert await collected(server, f"{note}/replies", as_=name) == [quiet]
    assert (await peer.get(f"{note}/replies?page=first", by="carol")).json["orderedItems"] == []


async def test_AP_C2S_27_replies_leave_when_deleted(server: Server, peer: Peer) -> None:
    """AP-C2S-27, AP-S2S-31: deleted here or elsewhere; those of a deleted object are gone too."""
    note = await public_note(server, "ann")
    own = await _answer(server, "bob", note, PUBLIC)
    create = peer.create("carol", "and tea", PUBLIC, server.id("ann"), inReplyTo=note)
    await arrive(server, peer, create, at="ann", by="carol")
    await server.post("bob", {"type": "Delete", "object": own})
    delete = peer.activity("Delete", "carol", object=create["object"]["id"], to=[PUBLIC])
    await arrive(server, peer, delete, at="ann", by="carol")
    assert await total_of(server, f"{note}/replies") == 0
    assert await collected(server, f"{note}/replies", as_="ann") == []
    await server.post("ann", {"type": "Delete", "object": note})
    assert (await server.get(f"{note}/replies")).status == 410


async def test_IO_42_reply_to_ours_is_kept_though_nobody_is_addressed(
    server: Server, peer: Peer
) -> None:
    """IO-42: from somebody whom nobody follows, by the shared inbox; an answer to what its author
    may not read is none."""
    note = await public_note(server, "ann")
    secret = (await server.note("ann", "for bob", server.id("bob")))["object"]["id"]
    for about in (note, secret):
        create = peer.create("carol", "hm", PUBLIC, inReplyTo=about)
        assert (await peer.send(f"{server.origin}/inbox", create, by="carol")).status == 202
    await server.drained()
    assert await total_of(server, f"{note}/replies") == 1
    assert await total_of(server, f"{secret}/replies", as_="ann") == 0


async def test_BP_06_a_client_does_not_write_what_the_server_keeps(server: Server) -> None:
    """BP-06: likes, shares and replies of an object are the server's."""
    forged = {"type": "OrderedCollection", "totalItems": 1000}
    names = ("likes", "shares", "replies")
    note = {"@context": CONTEXT, "type": "Note", "content": "me", "to": [PUBLIC]}
    made = await server.post("ann", {**note, **dict.fromkeys(names, forged)})
    shown = (await server.get(made.json["object"]["id"])).json
    assert [shown[name]["totalItems"] for name in names] == [0, 0, 0]
    patch = {"id": shown["id"], "likes": forged}
    update = await server.post("ann", {"type": "Update", "object": patch})
    assert (update.status, update.json["pointer"]) == (400, "/object/likes")
    back = await server.post("ann", {"type": "Update", "object": {**shown, "content": "you"}})
    assert back.status == 201, back.text
    now = (await server.get(shown["id"])).json
    apart = ("content", "contentMap", "updated")
    assert {**now, **dict.fromkeys(apart)} == {**shown, **dict.fromkeys(apart)}
    assert now["content"] == "you"
