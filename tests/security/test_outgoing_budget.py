"""security.md 3: what one event makes this server ask of others has an end, whoever leads it on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from aiohttp import web

from apserver import telemetry
from apserver.core import limits
from tests.conftest import StartServer
from tests.doubles.peer import AS2, Peer, Responder
from tests.doubles.server import PUBLIC, Server
from tests.security.outgoing import forward, gets, guarded, redirect, send


@pytest.fixture
async def server(start_server: StartServer) -> Server:
    return await guarded(start_server)


def stubborn(then: Any) -> Responder:
    """What refuses two knocks before it answers the third; with a query all three ways to knock are
    tried. ``then`` is a document, or where it leads on to."""
    asked = Counter[str]()

    async def answer(request: web.Request) -> web.Response:
        asked[""] += 1
        if asked[""] % 3:
            return web.Response(status=401)
        if isinstance(then, str):
            return web.Response(status=302, headers={"Location": then})
        return web.json_response(then, content_type=AS2)

    return answer


def stubborn_trail(peer: Peer, name: str) -> str:
    """A URL that leads on and on, each place after three knocks."""
    peer.documents |= {
        f"/{name}{n}?q": stubborn(f"{peer.origin}/{name}{n + 1}?q") for n in range(9)
    }
    return f"{peer.origin}/{name}0?q"


async def test_CVE_2022_46405_threads_are_not_walked(server: Server, carol: Peer) -> None:
    """CVE-2022-46405, AP-SEC-04: an endless chain of `inReplyTo`, with replies and contexts without
    end, above what concerns nobody here: no step of it is taken (others: test_thread_fetches)."""

    async def note(request: web.Request) -> web.Response:
        n = int(request.path.rpartition("/")[2])
        return web.json_response(thread(n), content_type=AS2)

    def thread(n: int) -> dict[str, Any]:
        id_ = f"{carol.origin}/thread/{n}"
        more = f"{carol.origin}/thread/{n + 1}"
        replies = {"type": "Collection", "id": f"{id_}/replies", "first": f"{id_}/replies?page=1"}
        return {
            **carol.create("carol", "x", PUBLIC)["object"],
            "id": id_,
            "inReplyTo": more,
            "context": f"{more}/context",
            "conversation": f"{more}/conversation",
            "replies": replies,
        }

    carol.documents |= {f"/thread/{n}": note for n in range(100)}
    for n, object_ in ((0, thread(0)), (20, f"{carol.origin}/thread/20")):
        create = carol.activity("Create", "carol", object=object_, to=[PUBLIC])
        reply = await carol.send(f"{server.id('ann')}/inbox", create, by="carol")
        assert reply.status == 202, n
    await server.drained()
    assert gets(carol) == ["/users/carol", "/thread/20"]


async def test_one_budget_for_all_that_a_request_causes(server: Server, carol: Peer) -> None:
    """security.md 3, GHSA-97w4-f4rq-mgqm: key, owner, activity and actor, each as dear as can be,
    with all knocks and redirects, cost 16 requests at most."""
    key_id, owner = f"{carol.origin}/key?q", f"{carol.origin}/owner?q"
    actor = {**carol.add_actor("owner"), "id": owner, "publicKey": key_id}
    entry = carol.documents["/users/owner"]["publicKey"]
    carol.documents |= {
        "/key?q": stubborn({"id": key_id, "owner": owner, "publicKeyPem": entry["publicKeyPem"]}),
        "/owner?q": stubborn(actor),
    }
    activity = carol.create("somebody", "x", PUBLIC) | {
        "id": f"{carol.origin}/activity?q",
        "actor": stubborn_trail(carol, "actor"),
    }
    carol.documents["/activity?q"] = stubborn(activity)
    before = telemetry.counted(telemetry.NOT_ASKED, "over-budget")
    inbox, key = f"{server.id('ann')}/inbox", f"owner@{carol.origin}"
    reply = await carol.send(inbox, activity, by="carol", key_id=key_id, key=key)
    assert reply.status == 403, reply.text
    assert len(gets(carol)) == limits.FETCHES_PER_EVENT == 16
    assert {"/key?q", "/owner?q", "/activity?q", "/actor0?q"} <= set(gets(carol))
    assert telemetry.counted(telemetry.NOT_ASKED, "over-budget") == before + 1


async def test_CVE_2026_34148_a_key_has_a_share_of_it(server: Server, carol: Peer) -> None:
    """CVE-2026-34148: a key that costs more than eight requests is no key, and is remembered."""
    key_id = stubborn_trail(carol, "key")
    for _ in range(3):
        assert (await send(server, carol, key_id=key_id)).status == 401
    assert len(gets(carol)) == limits.KEY_REQUESTS == 8


async def test_one_budget_for_all_that_a_job_causes(
    server: Server, carol: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md 3: an activity that costs too much has no effect, and is not tried again; what
    came with it in one batch has its effect."""
    monkeypatch.setattr(limits, "FETCHES_PER_EVENT", 5)
    dear = carol.activity("Create", "carol", object=stubborn_trail(carol, "note"), to=[PUBLIC])
    fine = carol.create("carol", "fine", PUBLIC)["object"]
    carol.documents[fine["id"].removeprefix(carol.origin)] = fine
    well = carol.activity("Create", "carol", object=fine["id"], to=[PUBLIC])
    for activity in (dear, well):
        reply = await carol.send(f"{server.id('ann')}/inbox", activity, by="carol")
        assert reply.status == 202
    await server.drained()
    assert len([path for path in gets(carol) if path.startswith("/note")]) - 1 == 5
    rows = await server.rows("SELECT id, verdict FROM activity ORDER BY verdict")
    assert [(row["id"], row["verdict"]) for row in rows] == [
        (dear["id"], "over-budget"),
        (well["id"], None),
    ]
    assert await server.rows("SELECT FROM job") == []


async def test_what_cannot_be_had_now_puts_off_its_own_job_alone(
    server: Server, carol: Peer
) -> None:
    """CVE-2023-36461, decision 5: documents of a batch are asked for side by side, and nothing is
    asked for twice because of another one that fails."""
    carol.add_actor("dave")
    carol.documents |= {"/notes/late": 503, "/notes/gone": 410}
    made = {}
    for by, name in (("carol", "late"), ("dave", "gone")):
        object_ = f"{carol.origin}/notes/{name}"
        made[name] = carol.activity("Create", by, object=object_, to=[PUBLIC])
        reply = await carol.send(f"{server.id('ann')}/inbox", made[name], by=by)
        assert reply.status == 202
    await server.drained()
    asked = Counter(gets(carol))
    assert (asked["/notes/late"], asked["/notes/gone"]) == (1, 1)
    [job] = await server.rows("SELECT attempt, error FROM job WHERE kind = 'apply'")
    assert job["attempt"] == 1
    assert "503" in job["error"]


async def test_CVE_2025_32947_collections_are_not_walked(server: Server, carol: Peer) -> None:
    """CVE-2025-32947, CVE-2025-32948, AP-SEC-09: a collection whose `next` is itself, or new each
    time. One that ann addresses is read as far as one event may ask, and of its members no more are
    looked for than she could have named; what others address is not read."""
    url = f"{carol.origin}/followers"

    def collection(n: int) -> dict[str, Any]:
        return {
            "id": url if n == 0 else f"{url}?page={n}",
            "type": "OrderedCollection" if n == 0 else "OrderedCollectionPage",
            "first": f"{url}?page=1",
            "next": f"{url}?page={n + 1}",
            "orderedItems": [f"{carol.origin}/users/{n}-{i}" for i in range(100)],
        }

    carol.documents |= {f"/followers?page={n}": collection(n) for n in range(1, 50)}
    carol.documents["/followers"] = collection(0)
    await server.note("ann", "to a collection", url, PUBLIC)
    await server.drained()
    pages = [path for path in gets(carol) if path.startswith("/followers")]
    # The collection is asked for twice: what it is, and what ann is shown of it.
    assert 1 < len(pages) == len(set(pages)) + 1 <= limits.FETCHES_PER_EVENT
    members = [path for path in gets(carol) if path not in (*pages, "/users/carol")]
    assert len(members) <= limits.RECIPIENTS
    carol.asked.clear()
    create = carol.activity("Create", "carol", object=url, to=[url])
    assert (await carol.send(f"{server.id('ann')}/inbox", create, by="carol")).status == 202
    await server.drained()
    assert set(gets(carol)) <= {"/followers", "/users/carol"}
    assert len(gets(carol)) <= 3


async def test_previews_and_media_are_not_fetched(server: Server, carol: Peer) -> None:
    """Preview stampede, CVE-2024-49363: neither links in content nor media, of notes or in an
    Announce, are fetched by anything that federation brings in; nor are media proxies."""
    media = f"{carol.origin}/media/1"
    note = carol.create(
        "carol",
        f'<p>see <a href="{media}">this</a> and {media}</p><img src="{media}">',
        PUBLIC,
        attachment=[{"type": "Document", "mediaType": "image/png", "url": media}],
        icon={"type": "Image", "url": media},
        preview={"type": "Link", "href": media},
        url=media,
    )
    announce = carol.activity("Announce", "carol", object=note["object"]["id"], to=[PUBLIC])
    carol.documents[note["object"]["id"].removeprefix(carol.origin)] = note["object"]
    for activity in (note, announce):
        reply = await carol.send(f"{server.id('ann')}/inbox", activity, by="carol")
        assert reply.status == 202
    await server.drained()
    assert [path for path in gets(carol) if path.startswith("/media")] == []


# --- What failed is remembered ---------------------------------------------------------------


async def test_documents_and_actors_that_failed_are_not_asked_again(
    server: Server, carol: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md 3: negative caches, for activities passed on and for their actors as for keys;
    bounded, and over after a while."""
    activity = carol.create("nobody", "x", PUBLIC)
    carol.documents |= {
        "/gone": 404,
        "/down": 503,
        "/loop": redirect("/loop"),
        "/text": {"type": "Note"},
        activity["id"].removeprefix(carol.origin): activity,
    }
    paths = ["/gone", "/down", "/loop", "/text"]
    for path in [*paths, *paths, *paths]:
        assert (await forward(server, carol, f"{carol.origin}{path}")).status == 403
    assert Counter(path for path in gets(carol) if path in paths) == dict.fromkeys(paths, 1)
    for _ in range(3):  # there is such an activity, but its actor is gone
        reply = await carol.send(f"{server.id('ann')}/inbox", activity, by="carol")
        assert reply.status == 403
    assert Counter(gets(carol))["/users/nobody"] == 1
    monkeypatch.setattr(limits, "NEGATIVE_CACHE_ROWS", 2)
    for path in ("/new1", "/new2", "/gone"):
        assert (await forward(server, carol, f"{carol.origin}{path}")).status == 403
    assert Counter(gets(carol))["/gone"] == 2
