"""Follow, Accept, Reject and Undo, in every shape that other servers send them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server


async def deliver(
    server: Server, peer: Peer, activity: Mapping[str, Any], *, by: str = "carol", after_s: int = 0
) -> None:
    """POST to ann's inbox; accepted and applied. ``after_s``: signed so much later."""
    now = datetime.now(UTC) + timedelta(seconds=after_s)
    reply = await peer.send(f"{server.id('ann')}/inbox", activity, by=by, now=now)
    assert reply.status == 202, reply.text
    await server.drained()


async def followers(server: Server) -> list[str]:
    """Who follows ann; the number that strangers are told agrees."""
    head = await server.get("/actors/ann/followers")
    items: list[str] = await server.items("ann", "followers", as_="ann")
    assert head.json["totalItems"] == len(items)
    return items


async def following(server: Server) -> list[str]:
    """Whom ann follows."""
    items: list[str] = await server.items("ann", "following", as_="ann")
    return items


async def ask(server: Server, peer: Peer, name: str = "carol") -> dict[str, Any]:
    """Ann asks to follow somebody on the peer; the Follow as it arrived there."""
    made = await server.post("ann", {"type": "Follow", "object": peer.id(name)})
    assert made.status == 201, made.text
    [request] = await peer.wait("Follow", id=made.json["id"])
    asked: dict[str, Any] = request.json
    return asked


async def answers_to(peer: Peer, type_: str, follow: Mapping[str, Any]) -> int:
    """How many answers of that type to this Follow have arrived."""
    return sum(
        one.json["type"] == type_ and one.json["object"]["id"] == follow["id"]
        for one in peer.received
    )


# Asked by others ------------------------------------------------------------------------


async def test_IO_31_the_accept(server: Server, peer: Peer) -> None:
    """IO-31, IO-53: an id of its own on our host that resolves, the Follow embedded with its id,
    within a second of processing; listed in our outbox."""
    follow = peer.follow("carol", server.id("ann")) | {"id": f"{peer.id('carol')}#follows/1"}
    await deliver(server, peer, follow)
    [accept] = await peer.wait("Accept")
    assert accept.json["object"] == {
        "id": follow["id"],
        "type": "Follow",
        "actor": peer.id("carol"),
        "object": server.id("ann"),
    }
    assert accept.json["id"].startswith(f"{server.origin}/activities/")
    shown = await server.get(accept.json["id"], as_="ann")
    assert shown.json["object"] == accept.json["object"]
    assert [one["id"] for one in await server.items("ann", "outbox", as_="ann")] == [
        accept.json["id"]
    ]


async def test_IO_32_a_repeated_follow(server: Server, peer: Peer) -> None:
    """IO-32: accepted again under its new id, one follower; the newer id counts for Undo."""
    first, second = (peer.follow("carol", server.id("ann")) for _ in range(2))
    await deliver(server, peer, first)
    await deliver(server, peer, second)
    await peer.wait("Accept", times=2)
    assert [await answers_to(peer, "Accept", one) for one in (first, second)] == [1, 1]
    assert await followers(server) == [peer.id("carol")]
    [relation] = await server.rows("SELECT state, activity_id FROM relation")
    assert relation == {"state": "accepted", "activity_id": second["id"]}
    await deliver(server, peer, peer.activity("Undo", "carol", object=second["id"]))
    assert await followers(server) == []


async def test_IO_33_a_locked_account_decides(server: Server, peer: Peer) -> None:
    """IO-33, AP-S2S-33, AP-S2S-35, AP-COL-10: nothing until the owner answers; then Accept or
    Reject, with the Follow inside."""
    locked = await server.create_actor("lea", manual_approval=True)
    peer.add_actor("dave")
    asked = {}
    for name in ("carol", "dave"):
        asked[name] = peer.follow(name, locked)
        await deliver_to(server, peer, locked, asked[name], by=name)
    assert [one.json["type"] for one in peer.received] == []
    assert await server.items("lea", "followers", as_="lea") == []
    head = await server.get("/actors/lea/followers")
    assert head.json["totalItems"] == 0
    yes = await server.post("lea", {"type": "Accept", "object": asked["carol"]["id"]})
    no = await server.post("lea", {"type": "Reject", "object": asked["dave"]["id"]})
    assert (yes.status, no.status) == (201, 201)
    [accept] = await peer.wait("Accept")
    [reject] = await peer.wait("Reject")
    assert (accept.inbox, reject.inbox) == ("/users/carol/inbox", "/users/dave/inbox")
    assert accept.json["object"]["id"] == asked["carol"]["id"]
    assert reject.json["object"]["id"] == asked["dave"]["id"]
    assert await server.items("lea", "followers", as_="lea") == [peer.id("carol")]
    late = await server.post("lea", {"type": "Accept", "object": asked["dave"]["id"]})
    assert late.status in (400, 404)
    assert await server.items("lea", "followers", as_="lea") == [peer.id("carol")]


async def deliver_to(
    server: Server, peer: Peer, whom: str, activity: Mapping[str, Any], *, by: str
) -> None:
    """POST to somebody else's inbox."""
    reply = await peer.send(f"{whom}/inbox", activity, by=by)
    assert reply.status == 202, reply.text
    await server.drained()


async def test_IO_34_AP_S2S_43_undo_by_the_follower(server: Server, peer: Peer) -> None:
    """IO-34, AP-S2S-43: embedded, by id, as a stub; each ends the follow."""
    for shape in ("embedded", "id", "stub"):
        follow = peer.follow("carol", server.id("ann"))
        await deliver(server, peer, follow)
        assert await followers(server) == [peer.id("carol")]
        object_: Any = {
            "embedded": {key: value for key, value in follow.items() if key != "@context"},
            "id": follow["id"],
            "stub": {"id": follow["id"], "type": "Follow"},
        }[shape]
        await deliver(server, peer, peer.activity("Undo", "carol", object=object_))
        assert await followers(server) == [], shape
        assert await server.rows("SELECT 1 FROM relation") == []
        assert await server.rows("SELECT 1 FROM follower_inbox") == []


async def test_AP_S2S_43_undo_by_another_changes_nothing(server: Server, peer: Peer) -> None:
    """AP-S2S-43, IO-34, security.md: undo-of-anothers: not by naming, not by embedding, not by
    claiming to be the follower."""
    peer.add_actor("mallory")
    follow = peer.follow("carol", server.id("ann"))
    await deliver(server, peer, follow)
    inner = {key: value for key, value in follow.items() if key != "@context"}
    forged = [
        follow["id"],
        inner,
        {**inner, "actor": peer.id("mallory")},
        {"id": follow["id"], "type": "Follow"},
    ]
    for object_ in forged:
        undo = peer.activity("Undo", "mallory", object=object_)
        await deliver(server, peer, undo, by="mallory")
        assert await followers(server) == [peer.id("carol")], object_
    listed = await server.items("ann", "inbox", as_="ann")
    assert [one["id"] for one in listed] == [follow["id"]]


async def test_a_follow_of_what_is_no_actor_here(server: Server, peer: Peer) -> None:
    """Interop 2.1: unknown targets are ignored; the instance actor says no."""
    peer.add_actor("mallory")
    for whom in (peer.id("mallory"), server.id("nobody"), f"{server.id('ann')}/followers"):
        await deliver(server, peer, peer.follow("carol", whom))
    assert peer.received == []
    await deliver(server, peer, peer.follow("carol", f"{server.origin}/actors/instance"))
    [reject] = await peer.wait("Reject")
    assert reject.json["actor"] == f"{server.origin}/actors/instance"
    assert await server.rows("SELECT 1 FROM relation") == []


async def test_follows_of_each_other_on_one_server(server: Server) -> None:
    """AP-S2S-19: without HTTP, and with the same effects."""
    made = await server.post("bob", {"type": "Follow", "object": server.id("ann")})
    await server.drained()
    assert await followers(server) == [server.id("bob")]
    assert await server.items("bob", "following", as_="bob") == [server.id("ann")]
    assert [one["type"] for one in await server.items("bob", "inbox", as_="bob")] == ["Accept"]
    note = await server.note("ann", "for followers", f"{server.id('ann')}/followers")
    await server.drained()
    inbox = await server.items("bob", "inbox", as_="bob")
    assert [one["id"] for one in inbox if one["type"] == "Create"] == [note["id"]]
    undo = await server.post("bob", {"type": "Undo", "object": made.json["id"]})
    assert undo.status == 201
    await server.drained()
    assert await followers(server) == []
    assert await server.items("bob", "following", as_="bob") == []


# Asked by us ----------------------------------------------------------------------------


async def test_IO_35_accepts_in_every_form(server: Server, peer: Peer) -> None:
    """IO-35, AP-S2S-37: by id, in full, as a stub, under a wrong id but for the right pair."""
    for number, form in enumerate(("id", "full", "stub", "wrong id")):
        name = f"carol{number}"
        peer.add_actor(name)
        follow = await ask(server, peer, name)
        object_: Any = {
            "id": follow["id"],
            "full": {key: value for key, value in follow.items() if key != "@context"},
            "stub": {"id": follow["id"], "type": "Follow"},
            "wrong id": {
                "id": peer.new_id(),
                "type": "Follow",
                "actor": server.id("ann"),
                "object": peer.id(name),
            },
        }[form]
        assert peer.id(name) not in await following(server), form
        await deliver(server, peer, peer.activity("Accept", name, object=object_), by=name)
        assert (await following(server))[0] == peer.id(name), form


async def test_AP_S2S_37_forged_accepts(server: Server, peer: Peer) -> None:
    """AP-S2S-37, IO-35, security.md: rule 6: only the one who was asked can accept, and only what
    was asked."""
    peer.add_actor("mallory")
    follow = await ask(server, peer)
    inner = {key: value for key, value in follow.items() if key != "@context"}
    unasked = {"type": "Follow", "actor": server.id("ann"), "object": peer.id("mallory")}
    forged = [
        follow["id"],
        inner,
        {**inner, "object": peer.id("mallory")},
        {**unasked, "id": peer.new_id()},
        {**unasked, "id": f"{server.origin}/activities/01890000-0000-7000-8000-000000000000"},
    ]
    for object_ in forged:
        accept = peer.activity("Accept", "mallory", object=object_)
        await deliver(server, peer, accept, by="mallory")
        reject = peer.activity("Reject", "mallory", object=object_)
        await deliver(server, peer, reject, by="mallory")
    assert await following(server) == []
    [relation] = await server.rows("SELECT state FROM relation")
    assert relation["state"] == "pending"
    assert await server.items("ann", "inbox", as_="ann") == []
    await deliver(server, peer, peer.activity("Accept", "carol", object=follow["id"]))
    assert await following(server) == [peer.id("carol")]


async def test_IO_36_AP_S2S_38_reject(server: Server, peer: Peer) -> None:
    """IO-36, AP-S2S-38: before the Accept it never enters; after it, it leaves; then an Accept of
    what was rejected does not bring it back."""
    follow = await ask(server, peer)
    await deliver(server, peer, peer.activity("Reject", "carol", object=follow["id"]))
    assert await following(server) == []
    assert await server.rows("SELECT 1 FROM relation") == []
    await deliver(server, peer, peer.activity("Accept", "carol", object=follow["id"]))
    assert await following(server) == []
    again = await ask(server, peer)
    await deliver(server, peer, peer.activity("Accept", "carol", object=again["id"]))
    assert await following(server) == [peer.id("carol")]
    await deliver(server, peer, peer.activity("Reject", "carol", object=again["id"]))
    assert await following(server) == []
    assert await server.rows("SELECT 1 FROM relation") == []


async def test_IO_36_we_take_back_an_accept(server: Server, peer: Peer) -> None:
    """IO-36, AP-S2S-35: our own late Reject removes the follower, and tells."""
    follow = peer.follow("carol", server.id("ann"))
    await deliver(server, peer, follow)
    made = await server.post("ann", {"type": "Reject", "object": follow["id"]})
    assert made.status == 201, made.text
    [reject] = await peer.wait("Reject")
    assert reject.json["object"]["id"] == follow["id"]
    assert await followers(server) == []
    sent = await server.note("ann", "for followers", f"{server.id('ann')}/followers", PUBLIC)
    await server.drained()
    assert sent["id"] not in [one.json["id"] for one in peer.received]


async def test_our_undo_tells_and_ends(server: Server, peer: Peer) -> None:
    """AP-C2S-36, IO-53: with the whole Follow inside, to whom it was sent; only once."""
    follow = await ask(server, peer)
    await deliver(server, peer, peer.activity("Accept", "carol", object=follow["id"]))
    made = await server.post("ann", {"type": "Undo", "object": follow["id"]})
    assert made.status == 201, made.text
    [undo] = await peer.wait("Undo")
    wanted = {key: value for key, value in follow.items() if key != "@context"}
    assert undo.json["object"] == wanted
    assert undo.json["to"] == [peer.id("carol")]
    assert await following(server) == []
    assert (await server.post("ann", {"type": "Undo", "object": follow["id"]})).status == 400
    assert (await server.post("bob", {"type": "Undo", "object": follow["id"]})).status in (403, 404)


async def test_fault_16_an_undo_that_overtakes_its_follow(server: Server, peer: Peer) -> None:
    """Fault 16: the Follow that comes afterwards is refused, named or embedded; another is not."""
    for shape in ("id", "embedded"):
        follow = peer.follow("carol", server.id("ann"))
        inner = {key: value for key, value in follow.items() if key != "@context"}
        object_ = follow["id"] if shape == "id" else inner
        await deliver(server, peer, peer.activity("Undo", "carol", object=object_))
        await deliver(server, peer, follow)
        assert await followers(server) == [], shape
        assert await server.rows("SELECT 1 FROM relation") == [], shape
    assert peer.received == []
    await deliver(server, peer, peer.follow("carol", server.id("ann")))
    await peer.wait("Accept")
    assert await followers(server) == [peer.id("carol")]


async def test_fault_16_only_ones_own_follow_is_undone_early(server: Server, peer: Peer) -> None:
    """Fault 16, AP-S2S-43: mallory's early Undo does not keep carol's Follow out."""
    peer.add_actor("mallory")
    follow = peer.follow("carol", server.id("ann"))
    undo = peer.activity("Undo", "mallory", object=follow["id"])
    await deliver(server, peer, undo, by="mallory")
    await deliver(server, peer, follow)
    await peer.wait("Accept")
    assert await followers(server) == [peer.id("carol")]


async def test_IO_32_one_id_for_all_follows_of_a_pair(server: Server, peer: Peer) -> None:
    """IO-32, as Misskey does: the same id is a repeat while the follow stands, and a new Follow
    after its Undo; all the Undos have one id, too."""
    follow = peer.follow("carol", server.id("ann"))
    undo = peer.activity("Undo", "carol", object=follow["id"])
    for times in (1, 2, 3):
        await deliver(server, peer, follow, after_s=10 * times)
        await deliver(server, peer, follow, after_s=10 * times + 1)
        await peer.wait("Accept", times=times)
        await server.drained()
        assert await answers_to(peer, "Accept", follow) == times
        assert await followers(server) == [peer.id("carol")]
        await deliver(server, peer, undo, after_s=10 * times + 2)
        assert await followers(server) == []
