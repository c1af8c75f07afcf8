"""security.md 3: who writes ids into a post makes us ask for little, of few; nobody is believed."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from apserver.core import limits
from tests.conftest import StartPeer, StartServer
from tests.doubles.peer import AS2, Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server, until
from tests.flows.test_reply_trees import LONG_AGO, fetched, put_up, stored
from tests.flows.verb_steps import collected, public_note
from tests.security.outgoing import gets, guarded, public_peer


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await guarded(start_server)


async def arrive(server: Server, peer: Peer, **members: Any) -> dict[str, Any]:
    """A post of carol's to ann, as old as the hills."""
    create = peer.create("carol", "hm", PUBLIC, server.id("ann"), published=LONG_AGO, **members)
    reply = await peer.send(f"{server.id('ann')}/inbox", create, by="carol")
    assert reply.status == 202, reply.text
    return create


def endless(peer: Peer) -> None:
    """A thread without an end in any direction: each post, page and context leads to new ones."""

    async def answer(request: web.Request) -> web.Response:
        path = request.path_qs
        n = len(peer.asked)
        document: dict[str, Any] = {"@context": CONTEXT, "id": peer.origin + path}
        if path.startswith("/deep/"):
            document |= {
                "type": "Note",
                "attributedTo": peer.id("carol"),
                "content": "x",
                "to": [PUBLIC],
                "inReplyTo": f"{peer.origin}/deep/{n}",
                "replies": f"{peer.origin}/wide/{n}",
                "context": f"{peer.origin}/wide/{n}",
            }
        else:
            document |= {
                "type": "OrderedCollection",
                "first": f"{peer.origin}/wide/{n}",
                "next": f"{peer.origin}/wide/{n}x",
                "orderedItems": [f"{peer.origin}/deep/{n}i{i}" for i in range(3)],
            }
        return web.json_response(document, content_type=AS2)

    for where in ("deep", "wide"):
        for n in range(100):
            for end in ("", "x", "i0", "i1", "i2"):
                peer.documents[f"/{where}/{n}{end}"] = answer


async def test_CVE_2022_46405_CVE_2025_32947_a_thread_has_an_end(
    server: Server, carol: Peer
) -> None:
    """CVE-2022-46405, CVE-2025-32947, AP-SEC-04: a thread without end above, below and beside a
    post that concerns ann costs one budget, and once."""
    endless(carol)
    members = {
        "inReplyTo": f"{carol.origin}/deep/0",
        "replies": f"{carol.origin}/wide/0",
        "context": f"{carol.origin}/wide/1",
    }
    create = await arrive(server, carol, **members)
    await server.drained()
    asked = [path for path in gets(carol) if path.startswith(("/deep", "/wide"))]
    assert limits.PARENTS < len(asked) <= limits.FETCHES_PER_EVENT == 16
    assert len(set(asked)) == len(asked)
    assert (await carol.send(f"{server.id('ann')}/inbox", create, by="carol")).status == 202
    await server.drained()
    assert len([path for path in gets(carol) if path.startswith(("/deep", "/wide"))]) == len(asked)
    assert await server.rows("SELECT FROM job") == []


async def test_CVE_2022_46405_others_are_hardly_asked(
    server: Server, carol: Peer, start_peer: StartPeer
) -> None:
    """CVE-2022-46405: replies and conversations count where the post is at home; of those whom they
    name elsewhere each is asked twice at most, and a post of somebody who concerns nobody here not
    at all."""
    victim = await public_peer(start_peer, host="127.5.0.2")
    far = [put_up(victim, {}) for _ in range(6)]
    for name in ("replies", "context"):
        victim.documents[f"/{name}"] = {
            "id": f"{victim.origin}/{name}",
            "type": "OrderedCollection",
            "orderedItems": [far[0]],
        }
    await arrive(
        server, carol, replies=f"{victim.origin}/replies", context=f"{victim.origin}/context"
    )
    carol.documents["/context"] = {
        "id": f"{carol.origin}/context",
        "type": "OrderedCollection",
        "orderedItems": far,
    }
    replies = {"type": "Collection", "first": {"type": "CollectionPage", "items": far}}
    await arrive(server, carol, replies=replies)
    await server.drained()
    assert gets(victim) == []
    await arrive(server, carol, context=f"{carol.origin}/context")
    await server.drained()
    assert len(gets(victim)) == limits.THREAD_ITEMS_OF_HOST == 2
    assert await stored(server, *far) == [False] * 6  # they do not answer anything there


async def test_security_md_rule_2_what_is_found_speaks_for_itself_alone(
    server: Server, carol: Peer, start_peer: StartPeer
) -> None:
    """security.md: rule 2, rule 1: a parent is what its own server shows under its id, of an author
    there, for everybody; replies must answer what they are said to answer."""
    note = await public_note(server, "ann")
    other = await public_peer(start_peer, host="127.5.0.2")
    lies = [
        put_up(carol, {"inReplyTo": note, "attributedTo": other.id("dave")}),
        put_up(carol, {"inReplyTo": note, "attributedTo": server.id("ann")}),
        put_up(carol, {"inReplyTo": note, "to": [server.id("ann")]}),
        put_up(carol, {"inReplyTo": note, "type": "Like"}),
        put_up(carol, {"inReplyTo": note, "type": "Person", "inbox": carol.origin}),
        put_up(carol, {"inReplyTo": note, "type": "Place"}),
        f"{carol.origin}/users/carol",
    ]
    moved = put_up(carol, {"inReplyTo": note})
    carol.documents["/elsewhere"] = carol.documents[moved.removeprefix(carol.origin)]
    lies.append(f"{carol.origin}/elsewhere")
    posts = [(await arrive(server, carol, inReplyTo=one))["object"]["id"] for one in lies]
    unrelated, related = put_up(carol, {}), carol.new_id("notes")
    page = {"type": "CollectionPage", "items": [unrelated, related, note]}
    last = await arrive(server, carol, replies={"type": "Collection", "first": page})
    put_up(carol, {"id": related, "inReplyTo": last["object"]["id"]})
    await server.drained()
    assert await stored(server, *lies[:7], unrelated) == [False] * 8
    assert await stored(server, *posts, related) == [True] * 9
    assert await collected(server, f"{note}/replies") in ([], [moved])
    assert await collected(server, f"{note}/context") in ([note], [note, moved])


async def test_unreachable_parents_are_asked_for_a_few_times(
    server: Server, carol: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md: rule 9: what is not there is remembered, however many name it; a server that
    does not answer is asked so often; both cost nobody else anything."""
    gone, busy = f"{carol.origin}/notes/gone", f"{carol.origin}/notes/busy"
    carol.documents |= {"/notes/gone": 404, "/notes/busy": 503}
    for _ in range(5):
        await arrive(server, carol, inReplyTo=gone)
        await server.drained()
    assert fetched(carol, gone) == [1]
    monkeypatch.setattr(limits, "NEGATIVE_CACHE_BUSY_S", 0.0)
    await arrive(server, carol, inReplyTo=busy)
    for _ in range(limits.THREAD_ATTEMPTS + 1):
        await server.drained()
        await server.rows("UPDATE job SET run_at = now() WHERE kind = 'thread'")
    await server.drained()
    assert fetched(carol, busy) == [limits.THREAD_ATTEMPTS]
    assert await server.rows("SELECT FROM job") == []


async def test_CVE_2022_46405_what_is_no_post_is_remembered(
    server: Server, carol: Peer, start_peer: StartPeer
) -> None:
    """CVE-2022-46405: what is there, and is not kept, is not asked for again by the next post."""
    victim = await public_peer(start_peer, "dave", host="127.5.0.2")
    private = put_up(victim, {"to": [victim.id("dave")]})
    for parent in (victim.id("dave"), private):
        for _ in range(4):
            await arrive(server, carol, inReplyTo=parent)
            await server.drained()
        assert fetched(victim, parent) == [1]


async def test_CVE_2022_46405_one_server_makes_us_ask_another_so_often(
    carol: Peer,
    start_server: StartServer,
    start_peer: StartPeer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """CVE-2022-46405: many posts of one server, each of which names something else of another: that
    is asked so often in a minute, for parents and for stamps of quotes together."""
    monkeypatch.setattr(limits, "ASKED_OF_OTHERS", 3)
    server = await guarded(start_server)
    victim = await public_peer(start_peer, host="127.5.0.2")
    for _ in range(5):
        await arrive(server, carol, inReplyTo=put_up(victim, {}))
        await server.drained()
    assert len(gets(victim)) == 3
    quoted = {"quote": f"{victim.origin}/q", "quoteAuthorization": f"{victim.origin}/stamp"}
    await arrive(server, carol, **quoted)
    await server.drained()
    assert len(gets(victim)) == 3
    other = await public_peer(start_peer, host="127.5.0.3")
    parent = put_up(other, {})
    await arrive(server, carol, inReplyTo=parent)
    await server.drained()
    assert await stored(server, parent) == [True]


async def test_CVE_2022_46405_clients_make_us_ask_a_server_so_often(
    start_server: StartServer, start_peer: StartPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2022-46405: what clients name is counted too; beyond that it is published as it is."""
    monkeypatch.setattr(limits, "ASKED_OF_OTHERS", 2)
    server = await guarded(start_server)
    victim = await public_peer(start_peer, "dave", host="127.5.0.2")
    posts = [put_up(victim, {"attributedTo": victim.id("dave")}) for _ in range(4)]
    for one in posts:
        reply = await server.post("ann", {"type": "Like", "object": one})
        assert reply.status == 201, reply.text
    assert [one for one in posts if fetched(victim, one) == [1]] == posts[:2]


async def test_slow_servers_hold_up_their_own_posts_alone(
    carol: Peer,
    start_server: StartServer,
    start_peer: StartPeer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """security.md: rule 9: parents that hang take so many places of their own bucket; posts are in
    inboxes meanwhile, and what is asked of others is had."""
    monkeypatch.setattr(limits, "THREADS", 2)
    server = await guarded(start_server)
    release = asyncio.Event()

    async def hang(request: web.Request) -> web.Response:
        await release.wait()
        return web.Response(status=404)

    carol.documents |= {f"/notes/slow{n}": hang for n in range(6)}
    for n in range(6):
        await arrive(server, carol, inReplyTo=f"{carol.origin}/notes/slow{n}")

    async def all_there() -> bool:
        return len(await server.items("ann", "inbox", as_="ann")) == 6

    async def two_asked() -> bool:
        return len([path for path in gets(carol) if "slow" in path]) == 2

    await until(all_there)
    await until(two_asked)
    other = await public_peer(start_peer, "carol", host="127.5.0.2")
    parent = put_up(other, {})
    await arrive(server, other, inReplyTo=parent)

    async def is_had() -> bool:
        return await stored(server, parent) == [True]

    await until(is_had)
    assert await two_asked()
    release.set()
