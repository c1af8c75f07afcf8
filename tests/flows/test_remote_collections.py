"""Collections among the recipients, of other servers and of the sender's own (ActivityPub 7.1).

Carol's server keeps a list. Ann, who lives here, addresses it, or one that she has made.
"""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from apserver.core import limits
from apserver.core.vocabulary import ACTIVITY_JSON
from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PATIENCE_S, PUBLIC, Server, until
from tests.flows.steps import follow_from


def put_up(peer: Peer, path: str, *members: Any, pages: int = 1) -> str:
    """A collection with these members on so many pages; its id."""
    id_ = f"{peer.origin}{path}"
    share = -(-len(members) // pages)
    for n in range(pages):
        page: dict[str, Any] = {
            "@context": CONTEXT,
            "id": f"{id_}?page={n}",
            "type": "CollectionPage",
            "partOf": id_,
            "first": f"{id_}?page=0",
            "items": list(members[n * share : (n + 1) * share]),
        }
        if n + 1 < pages:
            page["next"] = f"{id_}?page={n + 1}"
        peer.documents[f"{path}?page={n}"] = page
    peer.documents[path] = {
        "@context": CONTEXT,
        "id": id_,
        "type": "Collection",
        "totalItems": len(members),
        "first": f"{id_}?page=0",
    }
    return id_


def got(peer: Peer, activity: dict[str, Any]) -> list[str]:
    """The inboxes of a peer that an activity came to."""
    return [
        one.inbox
        for one in peer.received
        if isinstance(one.json, dict) and one.json.get("id") == activity["id"]
    ]


async def test_AP_S2S_10_all_pages_in_the_name_of_the_sender(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """AP-S2S-10, AP-S2S-13: members on every page get it, known or not; of ours too, but for ann
    herself. The list is for ann alone, so it is asked for by her."""
    daves, erins = await start_peer("dave"), await start_peer("erin")
    await server.create_actor("ben")
    await follow_from(erins, "erin", server, "ann")
    members = [daves.id("dave"), {"id": erins.id("erin")}, server.id("ann"), server.id("ben")]
    list_ = put_up(peer, "/lists/1", *members, pages=2)
    askers: list[str] = []
    for path in ("/lists/1", "/lists/1?page=0", "/lists/1?page=1"):
        document = peer.documents[path]

        async def for_ann(request: web.Request, document: Any = document) -> web.Response:
            signed = request.headers.get("Signature", "")
            askers.append(signed)
            if f"{server.id('ann')}#main-key" not in signed:
                return web.Response(status=404)
            return web.json_response(document, content_type=ACTIVITY_JSON)

        peer.documents[path] = for_ann
    note = await server.note("ann", "for the list", list_)
    await server.drained()
    assert got(daves, note) == ["/inbox"]
    assert got(erins, note) == ["/inbox"]
    assert [one["id"] for one in await server.items("ben", "inbox", as_="ben")] == [note["id"]]
    assert note["id"] not in [one["id"] for one in await server.items("ann", "inbox", as_="ann")]
    # The server itself asks first, as it does for actors, and is shown nothing.
    assert [f"{server.id('ann')}#main-key" in one for one in askers] == [False, True, True, True]


async def test_AP_S2S_11_a_collection_in_a_collection(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """AP-S2S-11: one step and no more."""
    daves, erins = await start_peer("dave"), await start_peer("erin")
    inner = put_up(peer, "/lists/inner", erins.id("erin"))
    outer = put_up(peer, "/lists/outer", inner, daves.id("dave"), "/lists/outer")
    itself = put_up(peer, "/lists/itself", f"{peer.origin}/lists/itself")
    note = await server.note("ann", "for the list", outer, itself)
    await server.drained()
    assert got(daves, note) == ["/inbox"]
    assert got(erins, note) == []
    assert not [one for one in peer.asked if "/lists/inner?" in one]
    assert await server.rows("SELECT id FROM job") == []


async def test_AP_S2S_12_whoever_is_in_several_gets_one(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """AP-S2S-12: named, following, and in two collections: one POST for each inbox."""
    daves, erins, bobs = await start_peer("dave"), await start_peer("erin"), await start_peer("bob")
    await follow_from(erins, "erin", server, "ann")
    everybody = [daves.id("dave"), erins.id("erin"), bobs.id("bob")]
    one, two = (put_up(peer, f"/lists/{n}", *everybody, *everybody) for n in (1, 2))
    followers = f"{server.id('ann')}/followers"
    note = await server.note("ann", "for all", PUBLIC, daves.id("dave"), one, two, cc=[followers])
    await server.drained()
    for their in (daves, erins, bobs):
        assert len(got(their, note)) == 1, got(their, note)


async def test_AP_S2S_10_within_the_budget_of_one_event(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """AP-S2S-10, CVE-2022-46405: a list without end is read as far as one event may ask, and those
    on the pages that were read get it."""
    daves = await start_peer("dave")
    asked = 0

    async def endless(request: web.Request) -> web.Response:
        nonlocal asked
        asked += 1
        page = {
            "@context": CONTEXT,
            "id": f"{peer.origin}{request.raw_path}",
            "type": "Collection" if request.raw_path == "/lists/0" else "CollectionPage",
            "items": [daves.id("dave")],
        }
        number = int(request.path.rpartition("/")[2]) + 1
        peer.documents[f"/lists/{number}"] = endless
        page["first" if number == 1 else "next"] = f"{peer.origin}/lists/{number}"
        return web.json_response(page, content_type=ACTIVITY_JSON)

    peer.documents["/lists/0"] = endless
    note = await server.note("ann", "for the list", f"{peer.origin}/lists/0")
    await server.drained()
    assert asked <= limits.FETCHES_PER_EVENT
    assert got(daves, note) == ["/inbox"]


async def test_AP_S2S_10_a_list_that_cannot_be_had_now(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """AP-S2S-10, AP-S2S-18: nobody of it gets it in part; it is tried again."""
    daves = await start_peer("dave")
    list_ = put_up(peer, "/lists/1", daves.id("dave"), peer.id("carol"), pages=2)
    page, peer.documents["/lists/1?page=1"] = peer.documents["/lists/1?page=1"], 503
    note = await server.note("ann", "for the list", list_)
    await server.drained()
    assert got(daves, note) == []
    peer.documents["/lists/1?page=1"] = page
    await server.rows("UPDATE job SET run_at = now()")
    await daves.wait("Create", id=note["id"])
    await peer.wait("Create", id=note["id"])


async def test_AP_S2S_20_a_collection_of_the_senders_own(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """AP-S2S-20, AP-S2S-10, AP-S2S-12: the members of a list that ann has made get what she
    addresses to it, here and elsewhere; those of a list of ben's do not get it by her."""
    daves = await start_peer("dave")
    await server.create_actor("ben")
    members = [daves.id("dave"), server.id("ben"), peer.id("carol")]

    async def made(by: str) -> str:
        reply = await server.post(by, {"type": "Collection", "name": "friends", "items": members})
        assert reply.status == 201, reply.text
        await server.drained()
        id_: str = reply.json["object"]["id"]
        return id_

    anns, bens = await made("ann"), await made("ben")
    note = await server.note("ann", "for friends", anns, peer.id("carol"))
    await server.drained()
    assert got(daves, note) == ["/inbox"]
    assert got(peer, note) == ["/inbox"]
    assert note["id"] in [one["id"] for one in await server.items("ben", "inbox", as_="ben")]
    other = await server.note("ann", "for the friends of ben", bens)
    await server.drained()
    assert got(daves, other) == []
    assert await server.rows("SELECT id FROM job") == []


async def test_AP_S2S_12_named_and_a_member_and_just_met(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """AP-S2S-12: who becomes known while he is looked for is not taken as served by the list."""
    daves = await start_peer("dave")
    actor = daves.documents["/users/dave"]
    asked, let_go = asyncio.Event(), asyncio.Event()

    async def first_slowly(request: web.Request) -> web.Response:
        if not asked.is_set():
            asked.set()
            await let_go.wait()
        return web.json_response(actor, content_type=ACTIVITY_JSON)

    daves.documents["/users/dave"] = first_slowly
    list_ = put_up(peer, "/lists/1", daves.id("dave"))
    whole = peer.documents["/lists/1"]

    async def after_they_met(_: web.Request) -> web.Response:
        await met.wait()
        return web.json_response(whole, content_type=ACTIVITY_JSON)

    met = asyncio.Event()
    peer.documents["/lists/1"] = after_they_met
    note = await server.note("ann", "for both", PUBLIC, daves.id("dave"), list_)
    await asyncio.wait_for(asked.wait(), PATIENCE_S)
    await follow_from(daves, "dave", server, "bob")
    met.set()

    async def read() -> bool:
        [job] = await server.rows("SELECT recipients FROM job WHERE kind = 'resolve'")
        return list(job["recipients"]) == [daves.id("dave")]

    await until(read)
    let_go.set()
    await server.drained()
    assert len(got(daves, note)) == 1
