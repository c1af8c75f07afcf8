"""A document is what its own server serves under its own id, as ActivityStreams (rules 1 and 5)."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from aiohttp import web

from tests.conftest import StartPeer
from tests.doubles.peer import Peer, Responder
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import check_problem
from tests.security.steps import FORGED, accepted, deliver, inbox, known_of

AS2_PROFILE = "https://www.w3.org/ns/activitystreams"


def leading_to(url: str) -> Responder:
    """A redirect."""

    async def lead(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": url})

    return lead


def served_as(content_type: str, document: Any) -> Responder:
    """A document under a media type that is written exactly so."""

    async def serve(_: web.Request) -> web.Response:
        body = json.dumps(document).encode()
        return web.Response(body=body, headers={"Content-Type": content_type})

    return serve


async def ways_to(
    server: Server, mallory: Peer, target: str, *, path: str = "/x"
) -> dict[str, tuple[int, ...]]:
    """Cause fetches of a URL in every way there is; the statuses, by way."""
    ann = server.id("ann")
    url = f"{mallory.origin}{path}"
    note = mallory.create("mallory", "hello", PUBLIC)
    key = await deliver(server, mallory, note, by="mallory", key_id=f"{url}#main-key")
    create = mallory.activity("Create", "mallory", object=url, to=[PUBLIC])
    by_id = await deliver(server, mallory, create, by="mallory")
    update = mallory.activity("Update", "mallory", object=url, to=[ann])
    changed = await deliver(server, mallory, update, by="mallory")
    brought = {**mallory.create("mallory", "x", PUBLIC), "id": url, "actor": target}
    passed_on = await deliver(server, mallory, brought, by="mallory")
    await server.note("ann", "to it", url)
    await server.drained()
    return {
        "key": (key.status,),
        "object": (by_id.status, changed.status),
        "activity": (passed_on.status,),
    }


async def test_CVE_2024_23832_the_id_inside_is_not_believed(
    server: Server, start_peer: StartPeer
) -> None:
    """CVE-2024-23832, security.md: rule 1: mallory serves a document with dave's id. dave's server
    is asked once for each cause, since the recipient might have moved; what is known stays."""
    victim, peer = await start_peer("dave"), await start_peer("mallory")
    await accepted(server, victim, victim.create("dave", "hello", server.id("ann")), by="dave")
    before = await known_of(server, victim)
    victim.asked.clear()
    forged = {**peer.documents["/users/mallory"], "id": victim.id("dave"), "name": FORGED}
    peer.documents["/x"] = forged
    statuses = await ways_to(server, peer, victim.id("dave"))
    assert statuses == {"key": (401,), "object": (202, 202), "activity": (403,)}
    assert await known_of(server, victim) == before
    asked = [one for one in victim.asked if one.startswith("GET")]
    assert set(asked) == {"GET /users/dave"}
    assert len(asked) <= len(statuses)  # once for each cause at most
    assert FORGED not in str(await server.rows("SELECT document FROM object"))
    assert victim.received == []


@pytest.mark.parametrize("where", ["a note of hers", "an actor", "the same id"])
async def test_redirects_pose_after_a_redirect_it_is_the_last_hops(
    server: Server, start_peer: StartPeer, where: str
) -> None:
    """security.md: redirects pose (Akkoma 2024.03): dave's server has an open redirect. What
    mallory serves at its end is mallory's, and never of dave's server."""
    victim, peer = await start_peer("dave"), await start_peer("mallory")
    url = f"{victim.origin}/r"
    ends: dict[str, dict[str, Any]] = {
        "a note of hers": peer.create("mallory", FORGED, PUBLIC)["object"],
        "an actor": peer.documents["/users/mallory"],
        "the same id": {**peer.documents["/users/mallory"], "id": url, "name": FORGED},
    }
    peer.documents["/end"] = ends[where] | ({} if where == "the same id" else {"id": url})
    end = ends[where]["id"] if where != "the same id" else f"{peer.origin}/end"
    peer.documents.setdefault(end.removeprefix(peer.origin), ends[where])
    victim.documents["/r"] = leading_to(end)
    before = await known_of(server, victim)
    note = victim.create("dave", FORGED, PUBLIC)
    as_key = await deliver(server, victim, note, by="dave", key_id=f"{url}#main-key")
    assert as_key.status == 401
    brought = {**note, "id": url}
    assert (await deliver(server, peer, brought, by="mallory")).status == 403
    await server.note("ann", "to it", url)
    await server.drained()
    assert await known_of(server, victim) == before
    await accepted(server, victim, victim.create("dave", "hello", PUBLIC), by="dave")
    create = victim.activity("Create", "dave", object=url, to=[PUBLIC])
    await accepted(server, victim, create, by="dave")
    assert await server.rows("SELECT id FROM object WHERE id = $1", url) == []
    assert FORGED not in str(await inbox(server))


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "text/plain",
        "application/ld+json",
        'application/ld+json; profile="https://example.org"',
        f'application/ld+json; profile="{AS2_PROFILE}x"',
        f'application/ld+json; x="profile={AS2_PROFILE}"',
        "text/html; x=activity+json",
        'text/html; x="application/activity+json"',
        "application/activity+jsonx",
        "application/activity+json, text/html",
        "image/png",
        "",
    ],
)
async def test_CVE_2024_25623_CVE_2024_25636_other_media_types(
    server: Server, start_peer: StartPeer, content_type: str
) -> None:
    """CVE-2024-25623, CVE-2024-25636, security.md: rule 5: an uploaded file is no object, no actor
    and no activity of its host."""
    victim, peer = await start_peer("dave"), await start_peer("mallory")
    upload = f"{victim.origin}/uploads/1"
    actor = {**victim.documents["/users/dave"], "id": upload}
    actor["publicKey"] = {**actor["publicKey"], "id": f"{upload}#k", "owner": upload}
    created = victim.create("dave", FORGED, PUBLIC)
    note = {**created["object"], "id": upload}
    await accepted(server, victim, victim.create("dave", "hello", PUBLIC), by="dave")
    before = await known_of(server, victim)
    victim.documents["/uploads/1"] = served_as(content_type, actor)
    as_actor = {**created, "actor": upload}
    reply = await deliver(server, victim, as_actor, by="dave", key_id=f"{upload}#k")
    assert reply.status == 401
    await server.note("ann", "to it", upload)
    await server.drained()
    victim.documents["/uploads/1"] = served_as(content_type, {**created, "id": upload})
    check_problem(await deliver(server, peer, {**created, "id": upload}, by="mallory"), 403)
    assert await known_of(server, victim) == before
    victim.documents["/uploads/1"] = served_as(content_type, note)
    create = victim.activity("Create", "dave", object=upload, to=[PUBLIC])
    await accepted(server, victim, create, by="dave")
    assert await server.rows("SELECT id FROM object WHERE id = $1", upload) == []
    assert FORGED not in str(await inbox(server))


@pytest.mark.parametrize(
    "content_type",
    [
        "application/activity+json",
        "Application/Activity+JSON; charset=utf-8",
        f'application/ld+json; profile="{AS2_PROFILE}"',
        f'application/ld+json;charset=utf-8; Profile="https://example.org {AS2_PROFILE}"',
        f"application/ld+json; profile={AS2_PROFILE}",
    ],
)
async def test_interop_guard_media_types_of_the_field(
    server: Server, peer: Peer, content_type: str
) -> None:
    """AS2 Core 8.1; interop 1.4: how other servers write it."""
    note = peer.create("carol", "by id", PUBLIC)["object"]
    peer.documents[note["id"].removeprefix(peer.origin)] = served_as(content_type, note)
    create = peer.activity("Create", "carol", object=note["id"], to=[PUBLIC])
    await accepted(server, peer, create, by="carol")
    assert [row["id"] for row in await server.rows("SELECT id FROM object")] == [note["id"]]


async def test_own_domain_fetch(
    server: Server, peer: Peer, caplog: pytest.LogCaptureFixture
) -> None:
    """security.md: own-domain fetch (Akkoma 2024.03): nothing that others send makes the server
    ask itself, straight or by a detour."""
    ann, own = server.id("ann"), f"{server.origin}/objects/01890000-0000-7000-8000-000000000000"
    await accepted(server, peer, peer.create("carol", "hello", PUBLIC), by="carol")
    peer.documents["/r"] = leading_to(own)
    peer.documents["/other"] = {**peer.documents["/users/carol"], "id": own}
    caplog.set_level(logging.DEBUG, "apserver")
    caplog.clear()
    for url in (own, f"{server.origin}/actors/none", f"{peer.origin}/r", f"{peer.origin}/other"):
        note = peer.create("carol", "hello", PUBLIC, inReplyTo=url, context=url)
        assert (await deliver(server, peer, note, by="carol", key_id=f"{url}#k")).status == 401
        await deliver(server, peer, note, by="carol")
        for type_ in ("Create", "Update", "Announce", "Follow", "Undo"):
            made = peer.activity(type_, "carol", object=url, to=[ann])
            await deliver(server, peer, made, by="carol")
            await deliver(server, peer, {**made, "id": url, "actor": url}, by="carol")
        await server.note("ann", "to it", url)
        await server.drained()
    requests = [vars(one)["fields"] for one in caplog.records if one.getMessage() == "request"]
    assert len(requests) > 40
    assert [one for one in requests if one["method"] == "GET"] == []
