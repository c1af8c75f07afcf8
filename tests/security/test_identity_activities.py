"""Activities: one sender under one name, counted once, and nobody answers for another."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import StartPeer
from tests.doubles.cavage import Dialect
from tests.doubles.peer import Peer, key_pair
from tests.doubles.server import PUBLIC, Reply, Server
from tests.flows.steps import check_problem, follow_from
from tests.meta.project import sources
from tests.security.steps import FORGED, accepted, deliver, inbox, known_of


def test_security_md_rule_3_only_what_was_verified_reaches_the_rules() -> None:
    """security.md: rule 3, CVE-2025-54888: a VerifiedActivity is made where a sender is verified,
    and where what was accepted so is read again; nowhere else."""
    makers = {
        f"{source.place}:{function.name}"
        for source in sources("apserver")
        for function in ast.walk(source.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("VerifiedActivity")
    }
    assert makers == {
        "apserver/core/model.py:authenticate",
        "apserver/flow/apply.py:_verified",
    }


SPELLINGS: dict[str, Callable[[str], str]] = {
    "capitals": lambda id_: id_.replace("localhost", "LOCALHOST"),
    "scheme in capitals": lambda id_: id_.replace("http:", "HTTP:"),
    "trailing dot": lambda id_: id_.replace("localhost", "localhost."),
    "full width": lambda id_: id_.replace("localhost", "ｌocalhost"),
    "full-width dot": lambda id_: id_.replace("localhost", "localhost。"),
    "percent-encoded": lambda id_: id_.replace("localhost", "%6cocalhost"),
    "userinfo": lambda id_: id_.replace("localhost", "carol@localhost"),
    "backslash": lambda id_: id_.replace("/users", "\\users"),
    "padded port": lambda id_: id_.replace("localhost:", "localhost:0"),
    "fragment": lambda id_: f"{id_}#",
    "two fragments": lambda id_: f"{id_}#a#b",
    "soft hyphen": lambda id_: id_.replace("localhost", "local\u00adhost"),
    "space": lambda id_: f"{id_} ",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_CVE_2023_42451_one_actor_under_one_name(
    server: Server, start_peer: StartPeer, spelling: str
) -> None:
    """CVE-2023-42451, CVE-2025-25306: a host in another spelling is refused, or is the same host;
    there are never two carols, nor two keys."""
    peer = await start_peer("carol", host="localhost")
    plain = peer.id("carol")
    odd = SPELLINGS[spelling](plain)
    assert odd != plain
    await accepted(server, peer, peer.create("carol", "hello", PUBLIC), by="carol")
    peer.documents[f"/users/carol{odd[-1]}"] = {**peer.documents["/users/carol"], "id": odd}
    note = peer.create("carol", "hello", PUBLIC)
    for made in (
        note,
        {**note, "actor": odd},
        {**note, "id": SPELLINGS[spelling](note["id"]).replace("/users", "/activities")},
        {**note, "object": note["object"] | {"attributedTo": odd}},
    ):
        made = {**made, "id": made["id"] if made["id"] != note["id"] else peer.new_id()}
        await deliver(server, peer, made, by="carol", key_id=f"{odd}#main-key")
        await deliver(server, peer, made, by="carol")
    await server.post("ann", {"type": "Note", "content": "to carol", "to": odd})
    await server.drained()
    assert await server.rows("SELECT id FROM actor WHERE NOT ours") == [{"id": plain}]
    assert await server.rows("SELECT key_id FROM public_key") == [{"key_id": f"{plain}#main-key"}]


async def signed_once(peer: Peer, inbox_: str, activity: Any) -> Callable[..., Any]:
    """A request that can be sent again, byte for byte."""
    body = json.dumps(activity).encode()
    key = key_pair(f"carol@{peer.origin}")
    headers = Dialect().sign(inbox_, body, key_id=f"{peer.id('carol')}#main-key", key=key)

    async def send(to: str = inbox_) -> Reply:
        return await peer.send(to, body, by="carol", unsigned=True, headers=headers)

    return send


async def test_signature_replay_the_same_request_again(server: Server, peer: Peer) -> None:
    """security.md: Akkoma 2025.10: the same signed request twice is 202, then a duplicate without
    effect; it is for no other inbox (CVE-2023-49079)."""
    create = peer.create("carol", "hello", PUBLIC)
    follow = peer.follow("carol", server.id("ann"))
    for activity in (create, follow):
        send = await signed_once(peer, f"{server.id('ann')}/inbox", activity)
        assert (await send()).status == 202
        await server.drained()
        before = await server.contents()
        assert (await send()).status == 202
        await server.drained()
        after = await server.contents()
        assert {name for name in before if before[name] != after[name]} <= {"bucket"}
        for elsewhere in (f"{server.id('bob')}/inbox", f"{server.origin}/inbox"):
            assert (await send(elsewhere)).status == 401
    assert await server.items("bob", "inbox", as_="bob") == []
    assert len([one for one in peer.received if one.json["type"] == "Accept"]) == 1


async def test_signature_replay_of_what_was_taken_back(server: Server, peer: Peer) -> None:
    """security.md: Akkoma 2025.10: a Follow that was undone does not come back by the bytes that
    brought it, nor does its Undo, as long as their date counts; to that end they are remembered."""
    inbox_ = f"{server.id('ann')}/inbox"
    follow = peer.follow("carol", server.id("ann"))
    follows = await signed_once(peer, inbox_, follow)
    undoes = await signed_once(peer, inbox_, peer.activity("Undo", "carol", object=follow["id"]))
    for send in (follows, undoes, follows, undoes, follows):
        assert (await send()).status == 202
        await server.drained()
    # Another spelling of what is not signed makes no other request of it.
    assert (await follows(f"{inbox_}?again")).status in (202, 401)
    await server.drained()
    assert await server.items("ann", "followers", as_="ann") == []
    assert len([one for one in peer.received if one.json["type"] == "Accept"]) == 1
    again = await peer.send(
        inbox_, follow, by="carol", now=datetime.now(UTC) + timedelta(seconds=5)
    )
    assert again.status == 202
    await server.drained()
    assert await server.items("ann", "followers", as_="ann") == [peer.id("carol")]
    await undoes()
    await server.drained()
    assert await server.items("ann", "followers", as_="ann") == [peer.id("carol")]


async def test_CVE_2024_52593_a_url_is_no_identity(server: Server, start_peer: StartPeer) -> None:
    """CVE-2024-52593: where a note is to be seen may be anywhere: it is shown, and whoever lives
    there has nothing to say about the note, nor the note about what is there."""
    peer, third = await start_peer("carol"), await start_peer("dave")
    theirs = third.create("dave", "dave's", server.id("ann"))
    note = peer.create("carol", "carol's", server.id("ann"), url=theirs["object"]["id"])
    await accepted(server, peer, note, by="carol")
    await accepted(server, third, theirs, by="dave")
    seen = {one["actor"]: one["object"] for one in await inbox(server)}
    assert seen[third.id("dave")] == theirs["object"]
    assert seen[peer.id("carol")]["url"] == theirs["object"]["id"]
    delete = peer.activity("Delete", "carol", object=theirs["object"]["id"], to=[PUBLIC])
    check_problem(await deliver(server, peer, delete, by="carol"), 403, "/object")
    delete = third.activity("Delete", "dave", object=theirs["object"]["id"], to=[PUBLIC])
    await accepted(server, third, delete, by="dave")
    assert "carol's" in str(await inbox(server))
    assert "dave's" not in str(await inbox(server))


async def test_an_accept_by_an_id_that_two_used(server: Server, start_peer: StartPeer) -> None:
    """AP-S2S-43, GHSA-4qhx-hhwf-8685: mallory asks lea under the id of carol's Follow. Lea's Accept
    of that id does not let mallory in for carol."""
    locked = await server.create_actor("lea", manual_approval=True)
    peer = await start_peer("carol", "mallory")
    follow = peer.follow("carol", locked)
    await accepted(server, peer, follow, by="carol", to="lea")
    squat = {**follow, "actor": peer.id("mallory")}
    await accepted(server, peer, squat, by="mallory", to="lea")
    by_id = await server.post("lea", {"type": "Accept", "object": follow["id"]})
    assert by_id.status == 404, by_id.text
    named = {key: value for key, value in follow.items() if key != "@context"}
    reply = await server.post("lea", {"type": "Accept", "object": named})
    assert reply.status == 201, reply.text
    assert await server.items("lea", "followers", as_="lea") == [peer.id("carol")]


@pytest.mark.parametrize("type_", ["Accept", "Reject"])
async def test_nobody_answers_for_another(
    server: Server, start_peer: StartPeer, type_: str
) -> None:
    """security.md: rule 6, AP-S2S-37: with forged Follows inside, in the name of ours and of
    others; not even where the pair is one that there is."""
    peer, third = await start_peer("carol", "mallory"), await start_peer("dave")
    asked = await server.post("ann", {"type": "Follow", "object": peer.id("carol")})
    await peer.wait("Follow")
    await follow_from(third, "dave", server, "bob")
    await server.drained()
    before = await server.rows("SELECT object, subject, kind, state FROM relation ORDER BY 1, 2")
    ann, bob, carol, dave = server.id("ann"), server.id("bob"), peer.id("carol"), third.id("dave")
    for follower, followed in ((ann, carol), (dave, bob), (ann, bob), (bob, ann), (dave, carol)):
        for id_ in (asked.json["id"], peer.new_id(), third.new_id(), None):
            inner = {"id": id_, "type": "Follow", "actor": follower, "object": followed}
            forged = peer.activity(type_, "mallory", object=inner, to=[ann, bob])
            await accepted(server, peer, forged, by="mallory", to="")
    after = await server.rows("SELECT object, subject, kind, state FROM relation ORDER BY 1, 2")
    assert after == before
    assert await server.items("bob", "followers", as_="bob") == [dave]
    assert await server.items("ann", "following", as_="ann") == []
    assert await inbox(server) == []


async def test_fault_16_an_early_undo_is_ones_own(server: Server, start_peer: StartPeer) -> None:
    """AP-S2S-43: an Undo of what is not here leaves nothing behind about other origins."""
    peer, third = await start_peer("mallory"), await start_peer("dave")
    follow = third.follow("dave", server.id("ann"))
    before = await known_of(server, third)
    for object_ in (follow["id"], follow, {**follow, "actor": peer.id("mallory")}):
        undo = peer.activity("Undo", "mallory", object=object_, to=[PUBLIC])
        await accepted(server, peer, undo, by="mallory")
    assert await known_of(server, third) == before
    await accepted(server, third, follow, by="dave")
    assert await server.items("ann", "followers", as_="ann") == [third.id("dave")]
    assert FORGED not in str(await inbox(server))


@pytest.mark.parametrize("type_", ["Note", "Person", ["Group", "Page"], "Collection", "Tombstone"])
async def test_CVE_2025_54888_what_is_no_activity(
    server: Server, start_peer: StartPeer, type_: Any
) -> None:
    """CVE-2025-54888, AP-S2S-04: an object, an actor or a collection that says who its actor is
    has still done nothing; sent by itself, or found at the origin of somebody else's."""
    peer, carrier = await start_peer("dave"), await start_peer("carol")
    thing = {**peer.activity("x", "dave", content=FORGED, object=peer.id("eve")), "type": type_}
    before = await server.contents()
    check_problem(await deliver(server, peer, thing, by="dave"), 400, "/type")
    peer.documents[thing["id"].removeprefix(peer.origin)] = thing
    check_problem(await deliver(server, carrier, thing, by="carol"), 400, "/type")
    after = await server.contents()
    changed = {name for name in before if before[name] != after[name]}
    assert changed <= {"actor", "knock", "bucket"}, "dave's actor was looked up"


@pytest.mark.parametrize("signer", ["carol", "mallory"])
async def test_move_hijack(server: Server, start_peer: StartPeer, signer: str) -> None:
    """security.md: move-hijack: whoever says that carol has moved to mallory, carol herself
    included: mallory names no old account, so ann goes on following carol, and carol alone."""
    peer = await start_peer("carol", "mallory")
    follow = await server.post("ann", {"type": "Follow", "object": peer.id("carol")})
    assert follow.status == 201
    [asked] = await peer.wait("Follow")
    await accepted(server, peer, peer.activity("Accept", "carol", object=asked.json), by="carol")
    await follow_from(peer, "carol", server, "bob")
    before = await server.rows("SELECT * FROM relation ORDER BY object, subject")
    assert len(before) == 2
    move = peer.activity(
        "Move", "carol", object=peer.id("carol"), target=peer.id("mallory"), to=[PUBLIC]
    )
    for claimed in ("carol", signer):
        await deliver(server, peer, {**move, "actor": peer.id(claimed)}, by=signer)
    assert await server.items("ann", "following", as_="ann") == [peer.id("carol")]
    assert await server.rows("SELECT * FROM relation ORDER BY object, subject") == before
