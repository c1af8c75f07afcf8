"""Domain rules and suspended actors at every door, as an admin sets them while the server runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from apserver.core import limits
from tests.cli.program import command
from tests.conftest import StartPeer, StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.steps import check_problem, follow_from, stored
from tests.flows.test_received import deliver, follow, listed

BAD = "127.0.0.2"  # the server itself is 127.0.0.1, which no rule can be made against
GOOD = "127.0.0.3"


@pytest.fixture(autouse=True)
def workers_look_often(monkeypatch: pytest.MonkeyPatch) -> None:
    """For new rules; else each of these tests waits for seconds."""
    monkeypatch.setattr(limits, "POLL_S", 0.05)


@pytest.fixture
async def bad(start_peer: StartPeer) -> Peer:
    """A peer with carol and dave on the host that is blocked here."""
    return await start_peer("carol", "dave", host=BAD)


@pytest.fixture
async def good(start_peer: StartPeer) -> Peer:
    """A peer with erin on a host that is not."""
    return await start_peer("erin", host=GOOD)


async def run(server: Server, *arguments: str) -> dict[str, Any]:
    """A command of the admin; its result."""
    done = await command(server, *arguments, "--json")
    assert done.code == 0, done.err
    result: dict[str, Any] = json.loads(done.out)
    return result


async def status_for(server: Server, peer: Peer, *, by: str = "carol") -> int:
    """What a signed GET of an actor is answered with. It needs no key, so nothing is fetched."""
    return (await peer.get(server.id("ann"), by=by)).status


async def rule(
    server: Server, peer: Peer, *arguments: str, then: int, by: str = "carol"
) -> dict[str, Any]:
    """An act on domains, and the moment when workers know; ``then`` is what the peer gets."""
    result = await run(server, "domain", *arguments)

    async def known() -> bool:
        return await status_for(server, peer, by=by) == then

    await until(known)
    return result


async def block(server: Server, peer: Peer) -> dict[str, Any]:
    """Block the host of a peer."""
    return await rule(server, peer, "block", BAD, then=403)


async def inbox_status(
    server: Server, peer: Peer, activity: Mapping[str, Any], *, by: str = "carol", to: str = "ann"
) -> int:
    """POST to somebody's inbox, or with ``to=""`` to the shared one; the status."""
    inbox = f"{server.id(to)}/inbox" if to else f"{server.origin}/inbox"
    return (await peer.send(inbox, activity, by=by)).status


# --- Inbox and keys --------------------------------------------------------------------------


async def test_IO_26_a_blocked_domain_is_refused_before_any_key_fetch(
    server: Server, bad: Peer
) -> None:
    """IO-26, KEY-08: 403 that says why, nothing asked of the host, nothing stored."""
    await block(server, bad)
    before = await stored(server)
    follow_ = bad.follow("carol", server.id("ann"))
    gone = bad.activity("Delete", "carol", object=bad.id("carol"))
    for inbox in (f"{server.id('ann')}/inbox", f"{server.origin}/inbox"):
        for activity in (follow_, bad.create("carol", "hello", PUBLIC), gone):
            reply = await bad.send(inbox, activity, by="carol")
            check_problem(reply, 403)
            assert reply.json["kind"] == "domain-blocked"
            assert BAD in reply.json["detail"]
    assert bad.asked == []
    assert await stored(server) == before


async def test_IO_26_a_key_that_is_known_opens_nothing_either(server: Server, bad: Peer) -> None:
    await deliver(server, bad, bad.create("carol", "hello", server.id("ann")))
    await block(server, bad)
    bad.asked.clear()
    assert await inbox_status(server, bad, bad.create("carol", "again", server.id("ann"))) == 403
    assert bad.asked == []


async def test_IO_26_a_refused_key_is_not_remembered_as_bad(server: Server, bad: Peer) -> None:
    """Unblocking restores at once: no negative cache stands in the way."""
    await block(server, bad)
    note = bad.create("carol", "hello", server.id("ann"))
    assert await inbox_status(server, bad, note) == 403
    await rule(server, bad, "remove", BAD, then=200)
    await deliver(server, bad, note)
    assert await listed(server) == [note["id"]]


async def test_what_was_accepted_before_the_block_has_no_effect_after(
    server: Server, bad: Peer
) -> None:
    """A job that waits is judged by the rules of the moment when it is done."""
    create = bad.activity("Create", "carol", object=bad.new_id("notes"), to=[server.id("ann")])
    path = create["object"].removeprefix(bad.origin)
    bad.documents[path] = 503  # its object cannot be had now, so the job waits
    assert await inbox_status(server, bad, create) == 202
    await server.drained()
    await block(server, bad)
    bad.asked.clear()
    await server.rows("UPDATE job SET run_at = now() RETURNING id")
    await server.drained()
    [row] = await server.rows("SELECT verdict FROM activity WHERE id = $1", create["id"])
    assert row["verdict"] == "domain-blocked"
    assert bad.asked == []


async def test_a_follow_of_somebody_who_is_blocked_is_refused(server: Server, bad: Peer) -> None:
    """It would wait for ever: 403 that says why, and nothing is stored."""
    await block(server, bad)
    before = await stored(server)
    reply = await server.post("ann", {"type": "Follow", "object": bad.id("carol")})
    check_problem(reply, 403, "/object")
    assert reply.json["kind"] == "domain-blocked"
    assert BAD in reply.json["detail"]
    assert await stored(server) == before
    assert bad.asked == []


# --- Reading ---------------------------------------------------------------------------------


async def test_IO_88_a_blocked_domain_reads_nothing(server: Server, bad: Peer) -> None:
    """IO-88, security.md: blocked-readers: a signed GET from a blocked host is 403, always (Akkoma
    2025.10); discovery and the actor of the server stay open."""
    made = await server.note("ann", "hello", PUBLIC)
    await block(server, bad)
    closed = [server.id("ann"), f"{server.id('ann')}/outbox", made["id"], made["object"]["id"]]
    for url in (*closed, f"{server.id('ann')}/outbox?page=first"):
        reply = await bad.get(url, by="carol")
        check_problem(reply, 403)
        assert (await server.get(url)).status == 200
    handle = server.handles["ann"].removeprefix("@")
    for path in (
        f"/.well-known/webfinger?resource=acct:{handle}",
        "/.well-known/nodeinfo",
        "/actors/instance",
    ):
        assert (await bad.get(server.origin + path, by="carol")).status == 200, path
    assert bad.asked == []


async def test_a_blocked_domain_is_not_shown_until_it_is_unblocked(
    server: Server, bad: Peer, good: Peer
) -> None:
    create = bad.create("carol", "rude", server.id("ann"))
    kept = good.create("erin", "kind", server.id("ann"))
    await deliver(server, bad, create)
    await deliver(server, good, kept, by="erin")
    await block(server, bad)
    assert await listed(server) == [kept["id"]]
    await rule(server, bad, "remove", BAD, then=200)
    assert await listed(server) == [kept["id"], create["id"]]


# --- Fetching and delivering -----------------------------------------------------------------


async def test_nothing_is_fetched_from_or_delivered_to_a_blocked_domain(
    server: Server, bad: Peer, good: Peer
) -> None:
    """Recipients that are unknown, known, or reached by another host's redirect."""
    await server.note("ann", "nice to meet you", bad.id("dave"))
    await server.drained()
    await block(server, bad)
    bad.asked.clear()

    async def lead_away(request: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": bad.id("carol")})

    good.documents["/users/guide"] = lead_away
    await server.note("ann", "to all", bad.id("carol"), bad.id("dave"), good.id("guide"), PUBLIC)
    await server.note("ann", "to one who is heard", good.id("erin"))
    await good.wait("Create")
    await server.drained()
    assert "GET /users/guide" in good.asked
    assert bad.asked == []
    assert await server.rows("SELECT * FROM delivery") == []
    assert await server.rows("SELECT kind, error FROM job") == []


async def test_what_is_queued_in_the_moment_of_the_block_is_dropped(
    server: Server, bad: Peer
) -> None:
    """By a worker that does not know yet; whoever delivers it does."""
    await server.note("ann", "hello", bad.id("carol"))
    await bad.wait("Create")
    await server.drained()
    await block(server, bad)
    bad.asked.clear()
    await server.rows(
        "INSERT INTO delivery (bucket, host, id, inbox, activity, sender) SELECT b.bucket, b.host, "
        "gen_random_uuid(), b.inbox, a.key, a.actor FROM activity a, actor b WHERE b.id = $1 "
        "RETURNING id",
        bad.id("carol"),
    )
    await server.rows("UPDATE host SET next_at = now() RETURNING host")

    async def is_dropped() -> bool:
        return await server.rows("SELECT 1 FROM delivery") == []

    await until(is_dropped)
    assert bad.asked == []
    assert await server.rows("SELECT 1 FROM host WHERE failures > 0") == []


async def test_an_announced_thing_of_a_blocked_domain_is_not_brought_in(
    server: Server, bad: Peer, good: Peer
) -> None:
    """CVE-2026-23961: what is shut out does not come back by another."""
    await block(server, bad)
    note = bad.create("carol", "rude", PUBLIC)["object"]
    for thing in (note["id"], note, {**note, "id": good.new_id("notes")}):
        announce = good.activity("Announce", "erin", object=thing, to=[server.id("ann")])
        await deliver(server, good, announce, by="erin")
    assert await listed(server) == []
    assert bad.asked == []
    # Passed on as it is: its origin would have to be asked, and is not.
    passed_on = bad.create("carol", "rude", PUBLIC, server.id("ann"))
    assert await inbox_status(server, good, passed_on, by="erin") == 202
    await server.drained()
    assert await listed(server) == []
    assert bad.asked == []


# --- What a block cuts off -------------------------------------------------------------------


async def test_a_block_ends_follows_both_ways_and_drops_what_waits(
    server: Server, bad: Peer, good: Peer
) -> None:
    await follow_from(bad, "carol", server, "ann")
    await follow_from(bad, "dave", server, "ann")
    await follow_from(good, "erin", server, "ann")
    await follow(server, bad, "bob")
    await server.drained()
    bad.answers[:] = [503]
    await server.note("ann", "to followers", PUBLIC, cc=[f"{server.id('ann')}/followers"])
    await good.wait("Create")
    await until(lambda: server.rows("SELECT 1 FROM host WHERE failures > 0"))
    told = {"accounts_there": 2, "follows_ended": 3, "deliveries_dropped": 1}
    before = await stored(server)
    dry = await run(server, "domain", "block", BAD, "--dry-run")
    assert dry | told == dry
    assert await stored(server) == before
    done = await block(server, bad)
    assert done | told == done
    assert await server.items("ann", "followers", as_="ann") == [good.id("erin")]
    assert await server.items("bob", "following", as_="bob") == []
    for name, collection, total in (("ann", "followers", 1), ("bob", "following", 0)):
        head = await server.get(f"/actors/{name}/{collection}", as_=name)
        assert head.json["totalItems"] == total
    inboxes = await server.rows("SELECT inbox, n FROM follower_inbox")
    assert inboxes == [{"inbox": f"{good.origin}/inbox", "n": 1}]
    assert (
        await server.rows(
            "SELECT * FROM relation r JOIN actor a ON a.domain = $1 "
            "AND a.key IN (r.subject, r.object)",
            BAD,
        )
        == []
    )
    assert await server.rows("SELECT * FROM delivery") == []
    bad.asked.clear()
    await server.note("ann", "to those who stayed", f"{server.id('ann')}/followers")
    await good.wait("Create", times=2)
    await server.drained()
    assert bad.asked == []


async def test_a_follow_can_be_made_anew_after_the_block(server: Server, bad: Peer) -> None:
    await follow_from(bad, "carol", server, "ann")
    await block(server, bad)
    await rule(server, bad, "remove", BAD, then=200)
    assert await server.items("ann", "followers", as_="ann") == []
    await follow_from(bad, "carol", server, "ann")
    await bad.wait("Accept", times=2)
    assert await server.items("ann", "followers", as_="ann") == [bad.id("carol")]


# --- Allow, closed mode, limit ---------------------------------------------------------------


async def test_allow_beats_block(server: Server, bad: Peer) -> None:
    await block(server, bad)
    await rule(server, bad, "allow", BAD, then=200)
    await deliver(server, bad, bad.create("carol", "hello", server.id("ann")))
    assert len(await listed(server)) == 1


async def test_closed_mode_deals_with_allowed_domains_only(
    start_server: StartServer, bad: Peer, good: Peer
) -> None:
    server = await start_server("ann", federation__mode="closed")
    await rule(server, good, "allow", GOOD, then=200, by="erin")
    assert await inbox_status(server, bad, bad.create("carol", "hello", PUBLIC)) == 403
    check_problem(await bad.get(server.id("ann"), by="carol"), 403)
    await deliver(server, good, good.create("erin", "hello", server.id("ann")), by="erin")
    assert len(await listed(server)) == 1
    await server.note("ann", "to both", bad.id("carol"), good.id("erin"))
    await good.wait("Create")
    await server.drained()
    assert bad.asked == []
    assert (await server.get("/actors/ann")).status == 200


async def test_a_limited_domain_is_shown_to_followers_only(server: Server, bad: Peer) -> None:
    """Interop 2.1: a Follow by a limited sender waits for its answer, which must be possible."""
    await follow(server, bad, "bob")
    await run(server, "domain", "limit", BAD)

    async def told(text: str) -> list[bool]:
        create = bad.create("carol", text, server.id("ann"), server.id("bob"))
        await deliver(server, bad, create, to="")
        return [create["id"] in await listed(server, name) for name in ("ann", "bob")]

    async def is_limited() -> bool:
        return await told("hello") == [False, True]

    await until(is_limited)
    asked = bad.follow("carol", server.id("ann"))
    await deliver(server, bad, asked)
    assert await listed(server) == [asked["id"]]
    assert await server.items("ann", "followers", as_="ann") == []
    accept = await server.post("ann", {"type": "Accept", "object": asked["id"]})
    assert accept.status == 201, accept.text
    assert await server.items("ann", "followers", as_="ann") == [bad.id("carol")]
    assert await status_for(server, bad) == 200
    await run(server, "domain", "remove", BAD)

    async def is_back() -> bool:
        return await told("hello again") == [True, True]

    await until(is_back)


# --- Suspended actors ------------------------------------------------------------------------


async def suspend(server: Server, peer: Peer, *, undo: bool = False) -> dict[str, Any]:
    """Suspend carol, or take it back, and wait until workers know."""
    act = "unsuspend" if undo else "suspend"
    result = await run(server, "actor", act, peer.id("carol"))

    async def known() -> bool:
        reply = await peer.get(f"{server.id('ann')}/outbox", by="carol")
        return reply.status == (200 if undo else 403)

    await until(known)
    return result


async def test_CVE_2026_23961_a_suspended_actor_does_not_come_back(
    server: Server, bad: Peer, good: Peer
) -> None:
    """CVE-2026-23961, IO-26: by inbox, by Announce, by being passed on, by a fetch: 202, and
    nothing stored or shown."""
    seen = bad.create("carol", "before", server.id("ann"))
    await deliver(server, bad, seen)
    # The hosts get to know each other, so that nothing is stored for that later.
    await deliver(server, good, good.create("erin", "hello", server.id("ann")), by="erin")
    await deliver(server, bad, bad.create("dave", "hello", server.id("ann")), by="dave")
    friends = await listed(server)
    friends.remove(seen["id"])
    await suspend(server, bad)
    assert await listed(server) == friends
    before = await stored(server)
    rude = bad.create("carol", "rude", PUBLIC, server.id("ann"))
    bad.documents[rude["id"].removeprefix(bad.origin)] = rude
    bad.documents[rude["object"]["id"].removeprefix(bad.origin)] = rude["object"]
    assert await inbox_status(server, bad, rude) == 202
    assert await inbox_status(server, bad, rude, to="") == 202
    assert await inbox_status(server, good, rude, by="erin") == 202
    follow_ = bad.follow("carol", server.id("ann"))
    assert await inbox_status(server, bad, follow_) == 202
    await server.drained()
    assert await stored(server) == before
    for thing in (seen["object"]["id"], rude["object"]):
        announce = good.activity("Announce", "erin", object=thing, to=[server.id("ann")])
        await deliver(server, good, announce, by="erin")
        [row] = await server.rows("SELECT verdict FROM activity WHERE id = $1", announce["id"])
        assert row["verdict"] == "object-author-suspended"
    assert await listed(server) == friends
    check_problem(await bad.get(f"{server.id('ann')}/outbox", by="carol"), 403)
    assert (await bad.get(f"{server.id('ann')}/outbox", by="dave")).status == 200
    await suspend(server, bad, undo=True)
    assert sorted(await listed(server)) == sorted([*friends, seen["id"]])
    await deliver(server, bad, rude)
    assert rude["id"] in await listed(server)


async def test_suspending_an_actor_ends_its_follows_and_nobody_elses(
    server: Server, bad: Peer
) -> None:
    await follow_from(bad, "carol", server, "ann")
    await follow_from(bad, "dave", server, "ann")
    await follow(server, bad, "ann")
    done = await suspend(server, bad)
    assert done == {"actor": bad.id("carol"), "follows_ended": 2, "deliveries_dropped": 0}
    assert await server.items("ann", "followers", as_="ann") == [bad.id("dave")]
    assert await server.items("ann", "following", as_="ann") == []
    [inbox] = await server.rows("SELECT inbox, n FROM follower_inbox")
    assert inbox == {"inbox": f"{bad.origin}/inbox", "n": 1}
    bad.asked.clear()
    await server.note("ann", "to two", bad.id("carol"))
    await server.drained()
    assert bad.asked == []


async def test_a_suspended_actor_of_ours_is_out_until_it_is_taken_back(
    server: Server, peer: Peer
) -> None:
    made = await server.note("ann", "hello", PUBLIC, server.id("bob"))
    await server.drained()
    urls = ["/actors/ann", "/actors/ann/outbox", made["id"], made["object"]["id"]]
    urls.append(f"/.well-known/webfinger?resource=acct:{server.handles['ann'].removeprefix('@')}")

    async def all_are(status: int) -> bool:
        return {(await server.get(url)).status for url in urls} == {status}

    assert await all_are(200)
    await run(server, "actor", "suspend", "ann")
    assert (await server.get("/actors/ann/inbox", as_="ann")).status == 401
    assert (await server.post("ann", {"type": "Note", "content": "x"})).status == 401
    await until(lambda: all_are(404))
    assert await listed(server, "bob") == []
    follow_ = peer.follow("carol", server.id("ann"))
    assert await inbox_status(server, peer, follow_) == 404
    assert await inbox_status(server, peer, follow_, to="") == 202
    await server.drained()
    assert await server.rows("SELECT * FROM relation") == []
    await run(server, "actor", "unsuspend", "ann")
    await until(lambda: all_are(200))
    assert await listed(server, "bob") == [made["id"]]
    assert await server.items("ann", "followers", as_="ann") == []


async def test_every_act_is_in_the_audit(server: Server, bad: Peer) -> None:
    await deliver(server, bad, bad.create("carol", "hello", server.id("ann")))
    await run(server, "domain", "block", "bad.example", "--comment", "Harassment")
    await run(server, "domain", "remove", "bad.example")
    await run(server, "domain", "block", "other.example", "--dry-run")
    await run(server, "actor", "suspend", bad.id("carol"))
    rows = await server.rows("SELECT who, act, subject, detail, at FROM audit ORDER BY id")
    assert [(row["who"], row["act"], row["subject"]) for row in rows] == [
        ("cli", "domain block", "bad.example"),
        ("cli", "domain remove", "bad.example"),
        ("cli", "actor suspend", bad.id("carol")),
    ]
    assert json.loads(rows[0]["detail"])["public_comment"] == "Harassment"
    assert json.loads(rows[0]["detail"])["severity"] == "suspend"
    assert [rows[1]["detail"], rows[2]["detail"]] == [None, None]


async def test_answers_of_the_limited_and_the_suspended(server: Server, bad: Peer) -> None:
    """IO-99, IO-26: in replies and conversations, too, what is of a limited domain is for those who
    follow its author, and what is of a suspended actor for nobody."""
    await follow(server, bad, "bob")
    note = (await server.note("ann", "tea?", PUBLIC))["object"]["id"]
    answer = bad.create("carol", "yes", PUBLIC, server.id("ann"), inReplyTo=note)
    await deliver(server, bad, answer)
    id_ = answer["object"]["id"]

    async def shown() -> list[list[bool]]:
        return [
            [id_ in await server.collected(f"{note}/{name}", as_=who) for who in (None, "bob")]
            for name in ("replies", "context")
        ]

    assert await shown() == [[True, True]] * 2
    await run(server, "domain", "limit", BAD)

    async def is_limited() -> bool:
        return await shown() == [[False, True]] * 2

    await until(is_limited)
    await run(server, "domain", "remove", BAD)
    await suspend(server, bad)
    assert await shown() == [[False, False]] * 2
    assert id_ not in await server.collected(f"{note}/replies", as_="ann")
