"""Many activities in one POST: what becomes of each, and of all (seed scenario 39)."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from tests.conftest import StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Reply, Server
from tests.flows.site_steps import SITE, group, issue, start_site, stream, user
from tests.flows.steps import check_problem, follow_from, stored


def together(*items: Any, **members: Any) -> dict[str, Any]:
    return {
        "@context": CONTEXT,
        "type": "OrderedCollection",
        "orderedItems": list(items),
        **members,
    }


async def bulk(
    server: Server, *items: Any, by: str = "ann", atomic: bool = False, **headers: str
) -> Reply:
    """POST them to the outbox of an actor, or of the site."""
    outbox = "/outbox" if by == "site" else f"/actors/{by}/outbox"
    query = "?atomic=true" if atomic else ""
    sent = {"Content_Type": AS2, **headers}
    url = f"{outbox}/bulk{query}"
    return await server.ask("POST", url, as_=by, data=together(*items), **sent)


def kept(reply: Reply) -> list[str]:
    """The ids of what was posted; all of it was kept."""
    assert reply.status == 200, reply.text
    assert {one["status"] for one in reply.json["items"]} == {201}, reply.text
    return [one["id"] for one in reply.json["items"]]


def note(text: str, **members: Any) -> dict[str, Any]:
    return {"type": "Note", "content": text, "to": [PUBLIC], **members}


async def test_scenario_39_five_hundred_in_one_request(server: Server, peer: Peer) -> None:
    """Scenario 39: the answer is in their order, and so are outbox, streams and deliveries."""
    await follow_from(peer, "carol", server, "ann")
    followers = f"{server.id('ann')}/followers"
    items = [note(f"note {n}", cc=[followers]) for n in range(500)]
    reply = await bulk(server, *items)
    ids = kept(reply)
    assert reply.headers["Content-Type"].startswith("application/json")
    assert ids == sorted(set(ids))
    made = [one["object"] for one in reply.json["items"]]
    listed = await server.items("ann", "outbox")
    assert [one["id"] for one in listed] == ids[::-1]
    assert [one["object"]["id"] for one in listed] == made[::-1]
    assert [one["object"]["content"] for one in listed[:2]] == ["note 499", "note 498"]
    assert (await server.get(ids[7])).json["object"]["id"] == made[7]
    page = await server.get("/streams/public?page=first")
    streamed = [one["id"] for one in page.json["orderedItems"]]
    assert streamed == ids[: -len(streamed) - 1 : -1]
    await server.drained()
    creates = [one.json["id"] for one in peer.received if one.json["type"] == "Create"]
    assert creates == ids


async def test_scenario_39_each_has_its_own_status(server: Server) -> None:
    """Scenario 39: what cannot be is told where it stands, and costs the others nothing."""
    reply = await bulk(
        server,
        note("one"),
        {"type": "Note", "content": "two", "attributedTo": server.id("bob")},
        {"type": "Delete", "object": f"{server.origin}/objects/none"},
        {"type": "Like", "object": f"{server.origin}/objects/none"},
        {"type": "Follow"},
        "https://example.org/an-iri",
        {"content": "no type"},
        note("eight", startTime="soon"),
        {"type": "Follow", "object": server.id("ann")},
        note("ten"),
    )
    assert reply.status == 200, reply.text
    items = reply.json["items"]
    assert [one["status"] for one in items] == [201, 403, 404, 404, 400, 400, 400, 400, 400, 201]
    pointers = {one["problem"]["pointer"] for one in items if "problem" in one}
    assert pointers == {
        "/orderedItems/1/attributedTo",
        "/orderedItems/2/object",
        "/orderedItems/3/object",
        "/orderedItems/4/object",
        "/orderedItems/5",
        "/orderedItems/6/type",
        "/orderedItems/7/startTime",
        "/orderedItems/8/object",
    }
    for one in items:
        if "problem" in one:
            assert one["problem"]["status"] == one["status"]
            assert one["problem"]["detail"]
            assert one["problem"]["kind"]
    listed = await server.items("ann", "outbox")
    assert [one["id"] for one in listed] == [items[9]["id"], items[0]["id"]]


async def test_scenario_39_all_or_none(server: Server) -> None:
    """Scenario 39: nothing is written when one cannot be, whether that shows before or by what is
    known here; and all that cannot be are named."""
    before = await stored(server)
    for bad, pointer, status in (
        ({"type": "Follow"}, "/object", 400),
        ({"type": "Like", "object": f"{server.origin}/objects/none"}, "/object", 404),
    ):
        reply = await bulk(server, note("one"), bad, note("two"), bad, atomic=True)
        check_problem(reply, 422)
        assert [(one["pointer"], one["status"]) for one in reply.json["errors"]] == [
            (f"/orderedItems/1{pointer}", status),
            (f"/orderedItems/3{pointer}", status),
        ]
        assert await stored(server) == before
    assert len(kept(await bulk(server, note("one"), note("two"), atomic=True))) == 2
    refused = await server.ask(
        "POST", "/actors/ann/outbox/bulk?atomic=maybe", as_="ann", data="{}", Content_Type=AS2
    )
    check_problem(refused, 400)


async def test_scenario_39_as_if_posted_one_after_the_other(server: Server) -> None:
    """Scenario 39: what hangs on an earlier one of the same request finds its effects."""
    await server.create_actor("cy")
    poll = await server.post("bob", {
        "type": "Question", "content": "?", "to": [PUBLIC],
        "oneOf": [{"type": "Note", "name": "yes"}, {"type": "Note", "name": "no"}],
    })  # fmt: skip
    asked = poll.json["object"]["id"]
    liked = (await server.note("bob", "to be liked", PUBLIC))["object"]["id"]
    follow = {"type": "Follow", "object": server.id("bob")}
    like = {"type": "Like", "object": liked}
    vote = {"type": "Note", "inReplyTo": asked}
    steps: list[dict[str, Any]] = [
        follow,
        {"type": "Undo", "object": {**follow, "actor": None}},
        {"type": "Undo", "object": {**follow, "actor": None}},
        follow,
        like,
        like,
        {"type": "Undo", "object": like},
        like,
        {"type": "Block", "object": server.id("bob")},
        {**follow, "followFlag": "again"},
        {"type": "Undo", "object": {"type": "Block", "object": server.id("bob")}},
        {**vote, "name": "yes"},
        {**vote, "name": "no"},
        {"type": "Update", "object": {"id": "me", "name": "Somebody"}},
        {"type": "Update", "object": {"id": "me", "summary": "else"}},
    ]
    alone = []
    for step in as_actor(server, "cy", steps):
        reply = await server.post("cy", step)
        alone.append((reply.status, reply.json.get("pointer")))
    reply = await bulk(server, *as_actor(server, "ann", steps))
    assert reply.status == 200, reply.text
    items = reply.json["items"]
    assert [(one["status"], told_by(n, one)) for n, one in enumerate(items)] == alone
    assert items[4]["id"] == items[5]["id"] != items[7]["id"]
    await server.drained()
    shown = (await server.get(server.id("ann"))).json
    assert (shown["name"], shown["summary"]) == ("Somebody", "else")
    shown_to_ann = await server.collected(f"{liked}/likes", as_="ann")
    assert [one["id"] for one in shown_to_ann] == [items[7]["id"]]
    question = (await server.get(asked)).json
    assert question["votersCount"] == 2


def as_actor(server: Server, name: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps for this actor, whose id is "me" in them."""
    return json.loads(json.dumps(steps).replace('"me"', json.dumps(server.id(name))))  # type: ignore[no-any-return]


def told_by(number: int, item: dict[str, Any]) -> str | None:
    """The pointer that an item alone would have had."""
    pointer = item.get("problem", {}).get("pointer", "").removeprefix(f"/orderedItems/{number}")
    return pointer or None


async def test_fault_02_many_count_once(server: Server) -> None:
    """Fault 2: under one Idempotency-Key the same request is answered as it was, and done once;
    another, or the same in another manner, is refused. What was not kept uses up no key."""
    items = [note("one"), {"type": "Follow"}, note("two")]
    refused = await bulk(server, *items, atomic=True, Idempotency_Key="k")
    check_problem(refused, 422)
    first = await bulk(server, *items, Idempotency_Key="k")
    assert [one["status"] for one in first.json["items"]] == [201, 400, 201]
    before = await stored(server)
    again = await bulk(server, *items, Idempotency_Key="k")
    assert (again.status, again.json) == (200, first.json)
    check_problem(await bulk(server, note("three"), Idempotency_Key="k"), 422)
    check_problem(await bulk(server, *items, atomic=True, Idempotency_Key="k"), 422)
    check_problem(await server.post("ann", note("one"), Idempotency_Key="k"), 422)
    assert await stored(server) == before
    single = await server.post("ann", note("four"), Idempotency_Key="s")
    assert single.status == 201
    check_problem(await bulk(server, note("four"), Idempotency_Key="s"), 422)


async def test_scenario_39_what_the_database_refuses_costs_nobody_else(server: Server) -> None:
    """Scenario 39: what fails only when it is written, as by a fault of ours, is found and told."""
    await server.rows(
        "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE 'cannot be written'; END $$"
    )
    await server.rows(
        "CREATE TRIGGER unlucky BEFORE INSERT ON activity FOR EACH ROW "
        "WHEN (NEW.verb = 'unlucky') EXECUTE FUNCTION fail()"
    )
    try:
        items = [note("one"), {"verbPhrase": "unlucky"}, note("two")]
        before = await stored(server)
        check_problem(await bulk(server, *items, atomic=True), 422)
        assert await stored(server) == before
        reply = await bulk(server, *items)
        assert [one["status"] for one in reply.json["items"]] == [201, 500, 201]
        assert len(await server.items("ann", "outbox")) == 2
    finally:  # the database is used again
        await server.rows("DROP FUNCTION fail CASCADE")


async def test_scenario_39_a_site_posts_for_many(start_server: StartServer) -> None:
    """Scenario 39: users and things that are named for the first time are made, and nothing is said
    of those that only a refused item names."""
    server = await start_site(start_server)

    def did(who: str, verb: str, **members: Any) -> dict[str, Any]:
        return {"verbPhrase": verb, "actor": user(who), "to": [PUBLIC], **members}

    def named(name: str) -> dict[str, Any]:
        return {"id": issue(1), "type": "Document", "name": name}

    reply = await bulk(
        server,
        did("ann", "opened", object=named("a bug")),
        did("bob", "renamed", object=named("a feature")),
        did("ann", "closed", object=issue(1), target={"id": group(1), "type": "Group"}),
        {"type": "Undo", "actor": user("cy"), "object": f"{server.origin}/activities/none",
         "target": {"id": group(2), "type": "Group", "name": "of nobody"}},
        did("bob", "bought", object=f"{SITE}/unregistered/1"),
        {"type": "Delete", "actor": user("bob"), "object": user("bob")},
        {"verbPhrase": "waved", "to": [PUBLIC]},
        by="site",
    )  # fmt: skip
    assert reply.status == 200, reply.text
    items = reply.json["items"]
    assert [one["status"] for one in items] == [201, 201, 201, 404, 422, 422, 400]
    assert {one["problem"]["pointer"] for one in items[4:]} == {
        "/orderedItems/4/object",
        "/orderedItems/5/object",
        "/orderedItems/6/actor",
    }
    assert (await server.get("/actors/cy")).status == 404
    assert (await server.get(f"/things?id={group(2)}")).status == 404
    done = [one["id"] for one in items[:3]]
    assert await stream(server, "object", issue(1)) == done[::-1]
    told = [(await server.get(one)).json for one in done]
    assert [one["actor"] for one in told] == [server.id(who) for who in ("ann", "bob", "ann")]
    assert [one["summary"] for one in told][:2] == ["ann opened a bug", "bob renamed a feature"]
    assert {one["object"]["name"] for one in told} == {"a feature"}
    await server.drained()
    facade = await server.items("issue_1", "outbox")
    announced = [one["object"] for one in facade if one["type"] == "Announce"]
    assert [one["id"] if isinstance(one, dict) else one for one in announced] == done[::-1]


async def test_scenario_39_a_site_takes_all_or_none(start_server: StartServer) -> None:
    """Scenario 39: neither actors nor things stay of what was refused."""
    server = await start_site(start_server)
    before = await stored(server)
    opened = {
        "verbPhrase": "opened", "actor": user("ann"), "to": [PUBLIC],
        "object": {"id": issue(1), "type": "Document", "name": "a bug"},
    }  # fmt: skip
    bad = {"type": "Undo", "actor": user("ann"), "object": f"{server.origin}/activities/none"}
    check_problem(await bulk(server, opened, bad, by="site", atomic=True), 422)
    assert await stored(server) == before


async def test_BP_18_a_page_in_a_browser_may_post_many(server: Server) -> None:
    """BP-18: as for the outbox itself."""
    reply = await server.ask("OPTIONS", "/actors/ann/outbox/bulk", Origin="https://app.example")
    assert reply.status == 204
    assert "POST" in reply.headers["Access-Control-Allow-Methods"]
    assert "Idempotency-Key" in reply.headers["Access-Control-Allow-Headers"]
    posted = await bulk(server, note("one"), Origin="https://app.example")
    assert posted.headers["Access-Control-Allow-Origin"] == "*"


async def test_scenario_39_the_context_is_that_of_each(server: Server) -> None:
    """Scenario 39: what the context of the collection says holds for its items, and what theirs
    says after it."""
    ours, theirs = {"toot": "http://joinmastodon.org/ns#"}, {"ex": "https://example.org/ns#"}
    items = [note("one"), note("two", **{"@context": [CONTEXT, theirs]})]
    document = {**together(*items), "@context": [CONTEXT, ours]}
    reply = await server.ask(
        "POST", "/actors/ann/outbox/bulk", as_="ann", data=document, Content_Type=AS2
    )
    one, two = [(await server.get(id_)).json["@context"] for id_ in kept(reply)]
    assert ours in one
    assert theirs not in one
    assert [entry for entry in two if entry in (ours, theirs)] == [ours, theirs]


async def test_scenario_39_two_at_the_same_time(server: Server) -> None:
    """Scenario 39: neither waits for the other for ever, and each Like counts once."""
    await server.create_actor("cy")
    made = [(await server.note("bob", f"{n}", PUBLIC))["object"]["id"] for n in range(10)]
    likes = [{"type": "Like", "object": one, "to": [PUBLIC]} for one in made]
    replies = await asyncio.gather(
        bulk(server, *likes, *likes),
        bulk(server, *likes[::-1], by="cy"),
        bulk(server, *likes[::-1]),
        *(server.post("bob", {"type": "Update", "object": {"id": one}}) for one in made),
    )
    assert {one.status for one in replies} <= {200, 201}
    for one in replies[:3]:
        assert {item["status"] for item in one.json["items"]} <= {200, 201}
    totals = [(await server.get(f"{one}/likes")).json["totalItems"] for one in made]
    assert totals == [2] * 10
    assert len(await server.items("ann", "outbox")) == 10
