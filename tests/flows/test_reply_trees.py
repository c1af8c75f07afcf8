"""What stands around a post that reaches us: what it answers, what answers it (IO-44, IO-99)."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from apserver.core import limits
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.test_stream_33_history import follow_carol
from tests.flows.verb_steps import arrive, collected, public_note, total_of

LONG_AGO = "2026-01-02T03:04:05Z"


def put_up(peer: Peer, note: dict[str, Any], by: str = "carol") -> str:
    """A note at its own id; a number in its text tells it from others."""
    id_ = note.setdefault("id", peer.new_id("notes"))
    peer.documents[id_.removeprefix(peer.origin)] = {
        "@context": "https://www.w3.org/ns/activitystreams",
        "type": "Note",
        "attributedTo": peer.id(by),
        "content": "found",
        "published": LONG_AGO,
        "to": [PUBLIC],
        **note,
    }
    return str(id_)


def fetched(peer: Peer, *ids: str) -> list[int]:
    """How often each was asked for."""
    return [peer.asked.count(f"GET {id_.removeprefix(peer.origin)}") for id_ in ids]


async def stored(server: Server, *ids: str) -> list[bool]:
    """Which of these objects are here."""
    rows = await server.rows("SELECT id FROM object")
    here = {row["id"] for row in rows}
    return [id_ in here for id_ in ids]


async def test_IO_44_unknown_parents_are_fetched_up_to_ours(server: Server, peer: Peer) -> None:
    """IO-44: a reply to the unknown is stored; what it answers comes from its own server, up to a
    note of ours, whose replies and conversation it joins. Nobody is told, no inbox lists it."""
    note = await public_note(server, "ann")
    first = put_up(peer, {"inReplyTo": note}, by="dave")
    second = put_up(peer, {"inReplyTo": [first]}, by="erin")
    create = peer.create("carol", "and you?", PUBLIC, server.id("ann"), inReplyTo=second)
    await arrive(server, peer, create, at="ann", by="carol")
    assert fetched(peer, first, second) == [1, 1]
    assert await collected(server, f"{note}/replies") == [first]
    context = [note, first, second, create["object"]["id"]]
    assert await collected(server, f"{note}/context") == context
    inbox = await server.items("ann", "inbox", as_="ann")
    assert [one["id"] for one in inbox] == [create["id"]]
    shared = await collected(server, f"{server.origin}/inbox")
    assert first not in str(shared)
    # What is known is not asked for again, and a post that is found may be sent after all.
    again = peer.create("carol", "well?", PUBLIC, server.id("ann"), inReplyTo=second)
    await arrive(server, peer, again, at="ann", by="carol")
    assert fetched(peer, first, second) == [1, 1]
    assert await collected(server, f"{note}/context") == [*context, again["object"]["id"]]
    found = peer.documents[second.removeprefix(peer.origin)]
    peer.add_actor("erin")
    late = peer.activity("Create", "erin", object=found, to=[PUBLIC, server.id("ann")])
    await arrive(server, peer, late, at="ann", by="erin")
    assert second in str(await collected(server, f"{server.origin}/inbox"))
    assert len(await server.items("ann", "inbox", as_="ann")) == 3
    delete = peer.activity("Delete", "erin", object=second, to=[PUBLIC])
    await arrive(server, peer, delete, at="ann", by="erin")
    assert await total_of(server, f"{note}/context") == 4


async def test_IO_44_height_and_circles_are_bounded(server: Server, peer: Peer) -> None:
    """IO-44: so many steps up and no further; a circle ends; nothing is asked for twice."""
    ids = [peer.new_id("notes") for _ in range(limits.PARENTS + 3)]
    for id_, above in pairwise(ids):
        put_up(peer, {"id": id_, "inReplyTo": above})
    create = peer.create("carol", "deep", PUBLIC, server.id("ann"), inReplyTo=ids[0])
    await arrive(server, peer, create, at="ann", by="carol")
    assert fetched(peer, *ids) == [1] * limits.PARENTS + [0] * 3
    round_ = [peer.new_id("notes") for _ in range(3)]
    for id_, above in zip(round_, (*round_[1:], round_[0]), strict=True):
        put_up(peer, {"id": id_, "inReplyTo": above})
    create = peer.create("carol", "round", PUBLIC, server.id("ann"), inReplyTo=round_[0])
    await arrive(server, peer, create, at="ann", by="carol")
    assert fetched(peer, *round_) == [1] * 3
    itself = peer.create("carol", "me", PUBLIC, server.id("ann"))
    itself["object"]["inReplyTo"] = itself["object"]["id"]
    await arrive(server, peer, itself, at="ann", by="carol")
    assert fetched(peer, itself["object"]["id"]) == [0]
    assert await server.rows("SELECT FROM job") == []


async def test_interop_3_2_the_first_answers_are_fetched(server: Server, peer: Peer) -> None:
    """interop 3.2, IO-44: at most five replies of its own server, and what its conversation lists
    (FEP-f228), of a post that is not new; each must answer what is there."""
    post = peer.create("carol", "old", PUBLIC, server.id("ann"), published=LONG_AGO)
    id_ = post["object"]["id"]
    answers = [put_up(peer, {"inReplyTo": id_}) for _ in range(limits.REPLIES + 2)]
    below = put_up(peer, {"inReplyTo": answers[-1]}, by="dave")
    part = put_up(peer, {"context": f"{id_}/context"})
    unrelated = put_up(peer, {})
    path = id_.removeprefix(peer.origin)
    for name, items in (
        ("replies", answers[:-1]),
        ("context", [id_, below, answers[-1], part, unrelated]),
    ):
        post["object"][name] = f"{id_}/{name}"
        peer.documents[f"{path}/{name}"] = {
            "id": f"{id_}/{name}",
            "type": "OrderedCollection",
            "first": f"{id_}/{name}/1",
        }
        peer.documents[f"{path}/{name}/1"] = {
            "id": f"{id_}/{name}/1",
            "type": "OrderedCollectionPage",
            "orderedItems": items,
        }
    await arrive(server, peer, post, at="ann", by="carol")
    assert fetched(peer, *answers) == [1] * limits.REPLIES + [0, 1]
    assert await stored(server, *answers) == [True] * limits.REPLIES + [False, True]
    assert await stored(server, below, part, unrelated) == [True, True, False]
    assert [one["id"] for one in await server.items("ann", "inbox", as_="ann")] == [post["id"]]
    # Of a new one only what comes with it.
    more = put_up(peer, {})
    new = peer.create("carol", "new", PUBLIC, server.id("ann"), context=f"{id_}/context")
    put_up(peer, {"id": more, "inReplyTo": new["object"]["id"]})
    new["object"]["published"] = datetime.now(UTC).isoformat()
    page = {"type": "CollectionPage", "next": f"{id_}/replies/1", "items": [more]}
    new["object"]["replies"] = {"type": "Collection", "first": page}
    peer.asked.clear()
    await arrive(server, peer, new, at="ann", by="carol")
    assert await stored(server, more) == [True]
    assert fetched(peer, f"{id_}/replies/1", f"{id_}/context", more) == [0, 0, 1]


async def test_IO_42_only_what_concerns_us_is_explored(server: Server, peer: Peer) -> None:
    """IO-42, IO-44: of one who is followed here, and of no stranger, to whichever inbox it comes;
    what a private post answers is fetched, what answers it is not."""
    parents = [put_up(peer, {}) for _ in range(3)]
    stranger = peer.create("carol", "hm", PUBLIC, inReplyTo=parents[0])
    await arrive(server, peer, stranger, at="ann", by="carol")
    assert fetched(peer, parents[0]) == [0]
    await follow_carol(server, peer)
    followed = peer.create("carol", "hm", f"{peer.id('carol')}/followers", inReplyTo=parents[1])
    followed["object"] |= {"published": LONG_AGO, "context": parents[2]}
    followed["object"]["replies"] = {"type": "Collection", "items": [parents[2]]}
    assert (await peer.send(f"{server.origin}/inbox", followed, by="carol")).status == 202
    await server.drained()
    assert fetched(peer, *parents) == [0, 1, 0]


async def test_IO_99_own_replies_first_then_others(server: Server, peer: Peer) -> None:
    """IO-99: `replies` has the author's own first, each part newest first, page by page."""
    note = await public_note(server, "ann")
    made = []
    for n, name in enumerate(("bob", "ann", "bob", "ann")):
        reply = {"type": "Note", "content": str(n), "inReplyTo": note, "to": [PUBLIC]}
        made.append((await server.post(name, reply)).json["object"]["id"])
    far = peer.create("carol", "far", PUBLIC, inReplyTo=note)
    assert (await peer.send(f"{server.origin}/inbox", far, by="carol")).status == 202
    await server.drained()
    expected = [made[3], made[1], far["object"]["id"], made[2], made[0]]
    assert await collected(server, f"{note}/replies") == expected
    pages, url = [], f"{note}/replies?page=first&limit=2"
    while url:
        page = (await server.get(url)).json
        pages.append(page["orderedItems"])
        url, last = page.get("next"), url
    assert pages == [expected[:2], expected[2:4], expected[4:]]
    back = (await server.get((await server.get(last)).json["prev"])).json
    assert back["orderedItems"] == expected[2:4]


async def test_IO_99_a_conversation_is_its_owners(server: Server, peer: Peer) -> None:
    """IO-99, FEP-f228, FEP-7888: `context` tells whose it is and has the post at least; it lies
    where the conversation began; who is blocked by its owner, or only says that it belongs to it,
    is not in it."""
    note = await public_note(server, "ann")
    context = f"{note}/context"
    head = (await server.get(context)).json
    assert (head["type"], head["attributedTo"]) == ("OrderedCollection", server.id("ann"))
    assert head["totalItems"] == 1
    first = (await server.get(head["first"])).json
    assert (first["orderedItems"], "next" in first) == ([note], False)
    reply = {"type": "Note", "content": "yes", "inReplyTo": note, "to": [PUBLIC]}
    answer = (await server.post("bob", reply)).json["object"]["id"]
    assert (await server.get(f"{answer}/context")).status == 404
    claims = {"type": "Note", "content": "me too", "context": context, "to": [PUBLIC]}
    claimed = (await server.post("bob", claims)).json["object"]["id"]
    to_claim = peer.create("carol", "and me", PUBLIC, inReplyTo=claimed, context=context)
    assert (await peer.send(f"{server.origin}/inbox", to_claim, by="carol")).status == 202
    assert (await server.post("ann", {"type": "Block", "object": peer.id("carol")})).status == 201
    blocked = peer.create("carol", "no", PUBLIC, server.id("bob"), inReplyTo=answer)
    assert (await peer.send(f"{server.origin}/inbox", blocked, by="carol")).status == 202
    await server.drained()
    assert await collected(server, context) == [note, answer]
    assert await total_of(server, f"{answer}/replies") == 1
    assert (await server.post("ann", {"type": "Delete", "object": note})).status == 201
    assert (await server.get(context)).status == 410
