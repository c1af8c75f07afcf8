"""Rule 12: what is not for everybody stays so, by whichever of the newer doors it is tried
(docs/decisions/0013)."""

from __future__ import annotations

import json

import pytest

from tests.conftest import StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.site_steps import SITE, TYPES, start_site, tell, user
from tests.flows.steps import check_problem, follow_here
from tests.flows.stream_steps import act, follow, ids, of, read
from tests.security.steps import accepted


async def test_rule_12_what_is_narrowed_later_is_shown_by_no_door(server: Server) -> None:
    """A note that was for all and is now for one is nowhere in what told of its making."""
    made = await server.note("ann", "hello", PUBLIC)
    note = made["object"]["id"]
    to_bob = [server.id("bob")]
    update = {"type": "Update", "to": to_bob, "object": {"id": note, "content": "for bob"}}
    update["object"]["to"] = to_bob  # type: ignore[index]
    assert (await server.post("ann", update)).status == 201
    await server.drained()
    assert (await server.get(note)).status == 404
    doors = [
        made["id"],
        "/streams/public?page=first",
        "/streams/public?page=first&expand=full",
        of("actor", server.id("ann")) + "&page=first",
        "/actors/ann/outbox?page=first",
        "/inbox?page=first",
    ]
    for door in doors:
        reply = await server.get(door)
        assert reply.status == 200, door
        assert "for bob" not in reply.text, door
    assert (await server.get(made["id"])).json["object"] == note
    assert (await server.get(note, as_="bob")).json["content"] == "for bob"
    page = await server.get("/streams/public?page=first&expand=full", as_="bob")
    assert page.json["orderedItems"][0]["object"]["content"] == "for bob"


async def test_rule_12_what_is_for_another_now_is_not_for_the_first(server: Server) -> None:
    """The same from one reader to another, who share no public part."""
    await server.create_actor("eve")
    made = await server.note("ann", "hello", server.id("bob"))
    to_eve = [server.id("eve")]
    patch = {"id": made["object"]["id"], "content": "for eve", "to": to_eve}
    assert (
        await server.post("ann", {"type": "Update", "to": to_eve, "object": patch})
    ).status == 201
    await server.drained()
    seen = await server.get(made["id"], as_="bob")
    assert seen.status == 200
    assert "for eve" not in seen.text
    assert "for eve" not in str(await server.items("bob", "inbox", as_="bob"))
    assert "for eve" in str(await server.items("eve", "inbox", as_="eve"))


async def test_CVE_2025_67500_follow_tells_nothing_of_private_objects(
    server: Server, peer: Peer
) -> None:
    """To follow what one may not read is as to follow what is not there, here and elsewhere."""
    note = (await server.note("ann", "secret", server.id("ann")))["object"]["id"]
    absent = note[:-12] + "000000000000"
    for object_ in (note, absent):
        reply = await server.post("bob", {"type": "Follow", "object": object_})
        check_problem(reply, 404, "/object")
    sent = peer.create("carol", "secret", server.id("ann"))
    await accepted(server, peer, sent, by="carol")
    there, nowhere = sent["object"]["id"], sent["object"]["id"] + "0"
    replies = [
        await server.post("bob", {"type": "Follow", "object": object_})
        for object_ in (there, nowhere)
    ]
    assert [one.status for one in replies] == [201, 201]
    assert [one.json["to"] for one in replies] == [[there], [nowhere]]
    assert await server.items("bob", "following", as_="bob") == []


async def test_what_one_may_read_can_be_followed(server: Server) -> None:
    """By whom it is addressed to, and for followers by followers."""
    to_bob = (await server.note("ann", "one", server.id("bob")))["object"]["id"]
    for_followers = await server.note("ann", "two", f"{server.id('ann')}/followers")
    object_ = for_followers["object"]["id"]
    check_problem(await server.post("bob", {"type": "Follow", "object": object_}), 404, "/object")
    await follow_here(server, "bob", "ann")
    for one in (to_bob, object_):
        await follow(server, "bob", one)
    assert {to_bob, object_} <= set(await server.items("bob", "following", as_="bob"))


async def test_rule_12_a_facade_tells_no_more_than_its_thing(start_server: StartServer) -> None:
    """A thing that nobody sees can be followed, and its name stays with the site."""
    hidden = {
        "iri": f"{SITE}/plans/{{id}}",
        "type": "Group",
        "followable": True,
        "approval": True,
        "facade": "Group",
        "handle": "plan_{id}",
        "members": ["name"],
    }
    server = await start_site(start_server, things=json.dumps({**TYPES, "plan": hidden}))
    for name in ("To lay off", "To lay off all"):
        plan = {"id": f"{SITE}/plans/1", "type": "Group", "name": name}
        made = {"verbPhrase": "made", "actor": user("mit"), "object": plan, "to": [PUBLIC]}
        reply = await tell(server, made)
        assert reply.status == 201, reply.text
        assert "lay off" not in reply.text
    await server.drained()
    facade = await server.get("/actors/plan_1")
    assert facade.status == 200
    assert facade.json["manuallyApprovesFollowers"] is True
    for path in (
        "/actors/plan_1",
        "/actors/plan_1/outbox?page=first",
        "/streams/public?page=first",
    ):
        assert "lay off" not in (await server.get(path)).text, path
    assert (await server.get(f"/things?id={SITE}/plans/1")).status == 404


@pytest.mark.parametrize("query", ["flag=%00", "type=%00", "object=%00", "flag=a%00b"])
async def test_NUL_in_what_is_asked_of_follows(server: Server, query: str) -> None:
    """CVE-2024-52815: what PostgreSQL cannot hold is refused, and is no fault of ours."""
    check_problem(await server.get(f"/actors/ann/following?{query}", as_="ann"), 400)


@pytest.mark.parametrize("type_", ["Accept", "Reject", "Like", "Announce", "Flag", "Offer", "Undo"])
async def test_CVE_2024_23649_what_is_named_by_id_is_not_shown(
    server: Server, peer: Peer, type_: str
) -> None:
    """An answer embeds what it answers, and who did that is told: only to those who may read it.
    What another did in private is as if it was not there."""
    note = await server.note("ann", "secret", server.id("ann"))
    sent = peer.create("carol", "secret", server.id("ann"))
    await accepted(server, peer, sent, by="carol")
    named: list[str | dict[str, str]] = [
        note["id"],
        note["object"]["id"],
        {"id": sent["id"], "type": "Create", "actor": peer.id("carol")},
    ]
    absent = "00000000-0000-7000-8000-000000000000"
    for one in named:
        reply = await server.post("bob", {"type": type_, "object": one})
        assert "secret" not in reply.text
        assert server.id("ann") not in reply.text
        if isinstance(one, str):
            other = f"{one.rpartition('/')[0]}/{absent}"
            nothing = await server.post("bob", {"type": type_, "object": other})
            assert reply.status == nothing.status, reply.text
            if reply.status >= 400:
                assert reply.json["detail"] == nothing.json["detail"].replace(other, one)


async def test_what_is_for_one_can_be_answered(server: Server) -> None:
    """By whom it is addressed to, hidden or not, and for followers by followers."""
    offered = {"type": "Offer", "object": {"type": "Note", "content": "for you"}}
    followers = f"{server.id('ann')}/followers"
    await follow_here(server, "bob", "ann")
    for how in ({"to": [server.id("bob")]}, {"bto": [server.id("bob")]}, {"to": [followers]}):
        made = await server.post("ann", {**offered, **how})
        reply = await server.post("bob", {"type": "Accept", "object": made.json["id"]})
        assert reply.status == 201, reply.text
        assert reply.json["object"]["object"]["content"] == "for you"
        assert reply.json["to"] == [server.id("ann")]


@pytest.mark.parametrize("place", ["page=first", "after=0-00000000000000000000000000000000"])
async def test_rule_12_pages_do_not_tell_where_private_acts_stand(
    server: Server, place: str
) -> None:
    """A page with nothing on it is the same whether something hidden stands there or not."""
    await server.create_actor("eve")
    path = of("object", "https://elsewhere.example/bed")
    before = await server.get(f"{path}&limit=1&{place}", as_="eve")
    for _ in range(3):
        await act(
            server, "ann", "View", object="https://elsewhere.example/bed", to=[server.id("bob")]
        )
    await server.drained()
    assert len(await ids(server, path, as_="bob")) == 3
    after = await server.get(f"{path}&limit=1&{place}", as_="eve")
    assert after.json == before.json
    shown = await act(server, "ann", "View", object="https://elsewhere.example/bed")
    await act(server, "ann", "View", object="https://elsewhere.example/bed", to=[server.id("bob")])
    page = await read(server, f"{path}&limit=1&{place}", as_="eve")
    assert [one["id"] for one in page["orderedItems"]] == [shown]
    keys = await server.rows("SELECT key FROM activity WHERE id <> $1", shown)
    assert not any(row["key"].hex in str(page) for row in keys)


async def test_rule_12_the_type_of_what_is_private_is_not_told(server: Server) -> None:
    """An open act with a private thing is in the stream of each type but that of the thing."""
    secret = await server.note("ann", "secret", server.id("bob"))
    seen = await act(server, "ann", "View", object=secret["object"]["id"])
    assert seen in await ids(server, "/streams/public")
    assert await ids(server, "/streams/type/Note") == []
    assert seen in await ids(server, "/streams/type/Person")
    assert secret["id"] in await ids(server, "/streams/type/Note", as_="bob")
