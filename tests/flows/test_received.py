"""Activities that reached an inbox, applied: whose objects are believed, and what is listed."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from apserver.core import limits
from apserver.core.audience import Visibility
from apserver.core.origin import bucket_of, host_of
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, PUBLIC, Server, until
from tests.flows.steps import check_problem


async def deliver(
    server: Server, peer: Peer, activity: Mapping[str, Any], *, to: str = "ann", by: str = "carol"
) -> None:
    """POST to somebody's inbox, or to the shared one with ``to=""``; accepted and applied."""
    inbox = f"{server.id(to)}/inbox" if to else f"{server.origin}/inbox"
    reply = await peer.send(inbox, activity, by=by)
    assert reply.status == 202, reply.text
    await server.drained()


async def listed(server: Server, name: str = "ann") -> list[str]:
    """The ids in somebody's inbox, newest first."""
    return [one["id"] for one in await server.items(name, "inbox", as_=name)]


async def objects(server: Server) -> list[str]:
    """The ids of all stored objects, in order."""
    return [row["id"] for row in await server.rows("SELECT id FROM object ORDER BY id")]


async def follow(server: Server, peer: Peer, *names: str) -> None:
    """Those actors of ours follow carol, accepted."""
    for name in names:
        made = await server.post(name, {"type": "Follow", "object": peer.id("carol")})
        [request] = await peer.wait("Follow", id=made.json["id"])
        await deliver(server, peer, peer.activity("Accept", "carol", object=request.json), to=name)


async def test_AP_S2S_15_AP_S2S_28_a_create_is_listed_and_stored(
    server: Server, peer: Peer
) -> None:
    """AP-S2S-15, AP-S2S-28, AP-COL-05: listed as sent, in this inbox alone, its object stored."""
    create = peer.create("carol", "hello", server.id("ann"), summary="s", x_unknown={"a": [1]})
    await deliver(server, peer, create)
    [seen] = await server.items("ann", "inbox", as_="ann")
    assert seen["id"] == create["id"]
    assert seen["actor"] == peer.id("carol")
    assert seen["object"] == create["object"]
    assert await objects(server) == [create["object"]["id"]]
    assert await listed(server, "bob") == []
    head = await server.get("/actors/ann/inbox", as_="ann")
    assert (head.json["type"], head.json["totalItems"]) == ("OrderedCollection", 1)


async def test_a_strangers_public_post_at_a_personal_inbox_is_listed(
    server: Server, peer: Peer
) -> None:
    """Decision 4: whoever is written to gets it, though it addresses nobody here."""
    create = peer.create("carol", "hello", PUBLIC)
    await deliver(server, peer, create)
    assert await listed(server) == [create["id"]]


async def test_IO_42_a_strangers_post_at_the_shared_inbox(server: Server, peer: Peer) -> None:
    """IO-42: dropped without a local relation, with all its traces; kept when addressed here."""
    await deliver(server, peer, peer.create("carol", "to someone", server.id("bob")), to="")
    before = await server.contents()
    await deliver(server, peer, peer.create("carol", "to nobody", PUBLIC), to="")
    after = await server.contents()
    assert {name for name in before if before[name] != after[name]} <= {"bucket"}
    await follow(server, peer, "ann")
    kept = peer.create("carol", "to followers", PUBLIC, peer.id("carol") + "/followers")
    await deliver(server, peer, kept, to="")
    assert (await listed(server))[0] == kept["id"]
    assert kept["id"] not in await listed(server, "bob")


async def test_AP_COL_07_AP_COL_08_by_two_inboxes_at_once(server: Server, peer: Peer) -> None:
    """AP-COL-07, AP-COL-08, IO-41, fault 15, security.md: rule 13: 50 copies at once by three
    inboxes: all are accepted, each inbox lists it once, and it takes effect once."""
    await follow(server, peer, "ann", "bob")
    follow_ann = peer.follow("carol", server.id("ann"))
    create = peer.create("carol", "hello", PUBLIC, f"{peer.id('carol')}/followers")
    inboxes = [f"{server.id('ann')}/inbox", f"{server.id('bob')}/inbox", f"{server.origin}/inbox"]
    sends = [
        peer.send(inboxes[number % 3], activity, by="carol")
        for number in range(50)
        for activity in (create, follow_ann)
    ]
    replies = await asyncio.gather(*sends)
    assert {reply.status for reply in replies} == {202}
    await server.drained()
    for name in ("ann", "bob"):
        assert (await listed(server, name)).count(create["id"]) == 1
        head = await server.get(f"/actors/{name}/inbox", as_=name)
        assert head.json["totalItems"] == len(await listed(server, name))
    assert await server.items("ann", "followers", as_="ann") == [peer.id("carol")]
    answers = [one.json["object"]["id"] for one in await peer.wait("Accept")]
    assert answers == [follow_ann["id"]]
    # And later again: nothing moves.
    await deliver(server, peer, create, to="bob")
    await deliver(server, peer, follow_ann)
    assert (await listed(server, "bob")).count(create["id"]) == 1
    assert len([one for one in peer.received if one.json["type"] == "Accept"]) == 1


async def test_a_follow_at_the_shared_inbox_is_for_whom_it_is_about(
    server: Server, peer: Peer
) -> None:
    """IO-31, IO-34: a Follow and its Undo that address nobody are not dropped there."""
    follow_ann = peer.follow("carol", server.id("ann"))
    await deliver(server, peer, follow_ann, to="")
    await peer.wait("Accept")
    assert await server.items("ann", "followers", as_="ann") == [peer.id("carol")]
    undo = peer.activity("Undo", "carol", object=follow_ann["id"])
    await deliver(server, peer, undo, to="")
    assert await server.items("ann", "followers", as_="ann") == []
    assert await listed(server) == [undo["id"], follow_ann["id"]]
    elsewhere = peer.follow("carol", peer.id("mallory"))
    await deliver(server, peer, elsewhere, to="")
    assert await server.rows("SELECT id FROM activity WHERE id = $1", elsewhere["id"]) == []


async def test_a_strangers_post_at_the_shared_inbox_and_then_at_anns(
    server: Server, peer: Peer
) -> None:
    """Decision 4: the shared copy alone would be dropped; ann's, that comes before it is applied,
    keeps it."""
    hold = "UPDATE bucket SET lease_until = now() + interval '1 h' WHERE bucket = $1 RETURNING 1"
    await server.rows(hold, bucket_of(host_of(peer.origin)))
    create = peer.create("carol", "hello", PUBLIC)
    for inbox in (f"{server.origin}/inbox", f"{server.id('ann')}/inbox"):
        assert (await peer.send(inbox, create, by="carol")).status == 202
    await server.rows("UPDATE bucket SET lease_until = '-infinity' RETURNING 1")
    await server.drained()
    assert await listed(server) == [create["id"]]
    assert await objects(server) == [create["object"]["id"]]


async def test_a_strangers_post_at_all_doors_at_once(server: Server, peer: Peer) -> None:
    """Decision 4, fault 15: the copy at the shared inbox does not take away those at ann's and
    bob's own, in whatever order they come."""
    sent = [peer.create("carol", "hello", PUBLIC) for _ in range(40)]
    inboxes = [f"{server.origin}/inbox", f"{server.id('ann')}/inbox", f"{server.id('bob')}/inbox"]
    replies = await asyncio.gather(
        *(peer.send(inbox, one, by="carol") for one in sent for inbox in inboxes)
    )
    assert {reply.status for reply in replies} == {202}
    await server.drained()
    for name in ("ann", "bob"):
        assert sorted(await listed(server, name)) == sorted(one["id"] for one in sent)


async def test_IO_41_by_a_second_inbox_later(server: Server, peer: Peer) -> None:
    """IO-41, AP-COL-07: what ann has already is listed for bob when it comes to him too."""
    create = peer.create("carol", "hello", PUBLIC)
    await deliver(server, peer, create)
    await deliver(server, peer, create, to="bob")
    assert await listed(server, "ann") == await listed(server, "bob") == [create["id"]]
    assert await objects(server) == [create["object"]["id"]]


async def test_two_actors_may_use_one_id(server: Server, peer: Peer) -> None:
    """Decision 2: the key of an activity is its actor and its id, so no one can take it first."""
    peer.add_actor("mallory")
    mine = peer.create("carol", "mine", PUBLIC)
    theirs = peer.create("mallory", "theirs", PUBLIC) | {"id": mine["id"]}
    await deliver(server, peer, theirs, by="mallory")
    await deliver(server, peer, mine)
    actors = [one["actor"] for one in await server.items("ann", "inbox", as_="ann")]
    assert actors == [peer.id("carol"), peer.id("mallory")]


async def test_IO_40_a_foreign_object_is_not_believed(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """IO-40, AP-OBJ-03, AP-SEC-01, CVE-2025-32946: of another origin or author, or said to be by
    one of ours: 403 (decision 4), and nothing is stored or asked for."""
    victim = await start_peer("dave")
    peer.add_actor("mallory")
    foreign = peer.create("carol", "as dave's", PUBLIC)
    foreign["object"]["id"] = victim.new_id("notes")
    author = peer.create("carol", "by mallory", PUBLIC, attributedTo=peer.id("mallory"))
    local = peer.create("carol", "by ann", PUBLIC, attributedTo=server.id("ann"))
    ours = peer.create("carol", "as ours", PUBLIC)
    ours["object"]["id"] = f"{server.origin}/objects/01890000-0000-7000-8000-000000000000"
    both = peer.create("carol", "by both", PUBLIC)
    both["object"]["attributedTo"] = [peer.id("carol"), server.id("ann")]
    before = await server.contents()
    for activity in (foreign, author, local, ours, both):
        reply = await peer.send(f"{server.id('ann')}/inbox", activity, by="carol")
        check_problem(reply, 403, "/object")
    assert await server.contents() == before
    assert victim.asked == []


async def test_an_object_does_not_change_hands(server: Server, peer: Peer) -> None:
    """CVE-2024-23832: a Create of what another actor made has no effect."""
    peer.add_actor("mallory")
    original = peer.create("carol", "mine", server.id("ann"))
    await deliver(server, peer, original)
    stolen = peer.create("mallory", "stolen", PUBLIC, id=original["object"]["id"])
    await deliver(server, peer, stolen, by="mallory", to="bob")
    [seen] = await server.items("ann", "inbox", as_="ann")
    assert seen["object"]["content"] == "mine"
    assert await listed(server, "bob") == []


async def test_IO_39_an_object_given_by_id(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """IO-39: fetched from the actor's own host, signed, and processed; never from another."""
    elsewhere = await start_peer("dave")
    note = peer.create("carol", "by id", PUBLIC)["object"]
    asked: list[Mapping[str, str]] = []

    async def serve(request: web.Request) -> web.Response:
        asked.append(dict(request.headers))
        return web.json_response(note, content_type=AS2)

    peer.documents[note["id"].removeprefix(peer.origin)] = serve
    create = peer.activity("Create", "carol", object=note["id"], to=[PUBLIC])
    await deliver(server, peer, create)
    assert await objects(server) == [note["id"]]
    assert await listed(server) == [create["id"]]
    [headers] = asked
    assert f'keyId="{server.origin}/actors/instance#main-key"' in headers["Signature"]
    foreign = peer.activity("Create", "carol", object=elsewhere.new_id("notes"), to=[PUBLIC])
    reply = await peer.send(f"{server.id('ann')}/inbox", foreign, by="carol")
    check_problem(reply, 403, "/object")
    assert elsewhere.asked == []
    assert await listed(server) == [create["id"]]
    assert await objects(server) == [note["id"]]


async def test_IO_39_an_object_by_id_that_lies(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """IO-39, IO-68, CVE-2024-23832: what lies there must call itself so, be carol's, and be AS2."""
    elsewhere = await start_peer("dave")
    peer.add_actor("mallory")
    for case in ("other id", "other author", "other type", "gone"):
        note = peer.create("carol", case, PUBLIC)["object"]
        path = note["id"].removeprefix(peer.origin)
        served = dict(note)
        if case == "other id":
            served["id"] = elsewhere.new_id("notes")
        if case == "other author":
            served["attributedTo"] = peer.id("mallory")

        async def upload(_: web.Request, served: object = served) -> web.Response:
            return web.json_response(served, content_type="application/json")

        peer.documents[path] = {"other type": upload, "gone": 410}.get(case, served)
        await deliver(
            server, peer, peer.activity("Create", "carol", object=note["id"], to=[PUBLIC])
        )
    assert await objects(server) == []
    assert await listed(server) == []


async def test_an_object_that_cannot_be_had_yet_holds_up_nobody(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IO-65: while it waits for its object it is not listed, others of the same actor are; the
    object comes at the next try."""
    monkeypatch.setattr(limits, "NEGATIVE_CACHE_BUSY_S", 0.0)
    note = peer.create("carol", "by id", PUBLIC)["object"]
    path = note["id"].removeprefix(peer.origin)
    peer.documents[path] = 503
    waiting = peer.activity("Create", "carol", object=note["id"], to=[PUBLIC])
    other = peer.create("carol", "embedded", PUBLIC)
    await deliver(server, peer, waiting)
    await deliver(server, peer, other)
    assert await listed(server) == [other["id"]]
    peer.documents[path] = note
    await server.rows("UPDATE job SET run_at = now() RETURNING id")

    async def both() -> bool:
        return set(await listed(server)) == {waiting["id"], other["id"]}

    await until(both)
    assert note["id"] in await objects(server)


async def test_a_server_that_is_slow_to_give_an_object_delays_nobody(
    server: Server, peer: Peer
) -> None:
    """IO-65: no bucket is held while we wait for it, so that others of the same actor, and of its
    neighbours in the bucket, are applied; and once it is there it is listed at once."""
    note = peer.create("carol", "by id", PUBLIC)["object"]
    asked, let_go = asyncio.Event(), asyncio.Event()

    async def slow(_: web.Request) -> web.Response:
        asked.set()
        await let_go.wait()
        return web.json_response(note, content_type=AS2)

    peer.documents[note["id"].removeprefix(peer.origin)] = slow
    waiting = peer.activity("Create", "carol", object=note["id"], to=[PUBLIC])
    inbox = f"{server.id('ann')}/inbox"
    assert (await peer.send(inbox, waiting, by="carol")).status == 202
    await asyncio.wait_for(asked.wait(), 10)
    other = peer.create("carol", "embedded", PUBLIC)
    assert (await peer.send(inbox, other, by="carol")).status == 202

    async def others_are_listed() -> bool:
        return await listed(server) == [other["id"]]

    await until(others_are_listed)
    let_go.set()
    await server.drained()
    assert set(await listed(server)) == {waiting["id"], other["id"]}
    assert note["id"] in await objects(server)


async def test_IO_23_without_actor_the_signer_is_it(server: Server, peer: Peer) -> None:
    """IO-23: Mastodon leaves it out here and there."""
    create = peer.create("carol", "hello", PUBLIC)
    del create["actor"]
    await deliver(server, peer, create)
    [seen] = await server.items("ann", "inbox", as_="ann")
    assert (seen["id"], seen["actor"]) == (create["id"], peer.id("carol"))


async def test_activities_without_an_id(server: Server, peer: Peer) -> None:
    """IO-84, decision 4: taken for Add, Remove, Delete, FeatureRequest; known by their bytes."""
    featured = f"{peer.id('carol')}/featured"
    add = peer.activity("Add", "carol", object=peer.new_id("notes"), target=featured)
    del add["id"]
    await deliver(server, peer, add)
    await deliver(server, peer, add)
    await deliver(server, peer, {**add, "object": peer.new_id("notes")})
    assert [one["type"] for one in await server.items("ann", "inbox", as_="ann")] == ["Add", "Add"]
    before = await server.contents()
    note = peer.create("carol", "no id", PUBLIC)
    del note["id"]
    reply = await peer.send(f"{server.id('ann')}/inbox", note, by="carol")
    assert reply.status == 400
    assert reply.json["pointer"] == "/id"
    assert await server.contents() == before


async def test_IO_37_IO_38_addressing_in_every_shape(server: Server, peer: Peer) -> None:
    """IO-37, IO-38, AP-COL-18: public, unlisted, followers and direct; scalars, nulls, absence."""
    followers = f"{peer.id('carol')}/followers"
    ann = server.id("ann")
    shapes: list[tuple[dict[str, Any], Visibility]] = [
        ({"to": [PUBLIC], "cc": [followers]}, Visibility.PUBLIC),
        ({"to": PUBLIC}, Visibility.PUBLIC),
        ({"to": "as:Public", "cc": None}, Visibility.PUBLIC),
        ({"to": ["Public"], "tag": None, "attachment": None}, Visibility.PUBLIC),
        ({"to": followers, "cc": PUBLIC}, Visibility.UNLISTED),
        ({"to": [followers], "cc": ["as:Public", ann]}, Visibility.UNLISTED),
        ({"to": [followers], "cc": [ann]}, Visibility.FOLLOWERS),
        ({"to": followers}, Visibility.FOLLOWERS),
        ({"to": [ann], "cc": []}, Visibility.DIRECT),
        ({"to": ann, "tag": {"type": "Mention", "href": ann}}, Visibility.DIRECT),
        ({"to": None}, Visibility.DIRECT),
    ]
    wanted = {}
    for shape, visibility in shapes:
        for place in ("both", "object"):
            create = peer.create("carol", "hello")
            create["object"] = {**create["object"], "to": None, **shape}
            create = {**create, "to": None, **(shape if place == "both" else {})}
            await deliver(server, peer, create)
            wanted[create["id"]] = (visibility, visibility)
    rows = await server.rows(
        "SELECT a.id, a.visibility AS a, o.visibility AS o FROM activity a "
        "JOIN object o ON o.key = a.spliced"
    )
    assert {row["id"]: (row["a"], row["o"]) for row in rows} == wanted
    assert len(await listed(server)) == len(wanted)


async def test_unknown_types_are_listed_and_do_nothing(server: Server, peer: Peer) -> None:
    """AS-28: an extension is no error."""
    bite = peer.activity("Bite", "carol", target=server.id("ann"), to=[server.id("ann")])
    await deliver(server, peer, bite)
    [seen] = await server.items("ann", "inbox", as_="ann")
    assert {key: seen[key] for key in ("id", "type", "target")} == {
        key: bite[key] for key in ("id", "type", "target")
    }


async def test_AP_SEC_11_blind_addressees_are_not_shown(server: Server, peer: Peer) -> None:
    """AP-SEC-11: bto and bcc that a peer forgot to take out are not passed on."""
    create = peer.create("carol", "hello", server.id("ann"), bto=[peer.id("carol")])
    create["bcc"] = [server.id("bob")]
    await deliver(server, peer, create)
    for name in ("ann", "bob"):
        page = await server.get(f"/actors/{name}/inbox?page=first", as_=name)
        assert [one["id"] for one in page.json["orderedItems"]] == [create["id"]]
        assert "bcc" not in page.text
        assert "bto" not in page.text
