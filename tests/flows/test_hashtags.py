"""Hashtags as collections (issue 7, interop 3.3): what `/tags/NAME` shows, to whom, how long."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from apserver.core import limits
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.steps import check_problem
from tests.flows.test_domain_rules import run
from tests.flows.test_notes import posted
from tests.security.steps import accepted


async def contents(
    server: Server, tag: str, *, as_: str | None = None, size: int = 20
) -> list[str]:
    """The summaries of all objects with a hashtag, page by page."""
    url: str | None = f"{server.origin}/tags/{quote(tag)}?page=first&limit={size}"
    found: list[str] = []
    while url:
        page = await server.get(url, as_=as_)
        assert page.status == 200, page.text
        found += [one["summary"] for one in page.json["orderedItems"]]
        url = page.json.get("next")
    return found


def tagged(*names: str) -> list[dict[str, str]]:
    return [
        {"type": "Hashtag", "name": name, "href": f"https://far.example/tags/{quote(name)}"}
        for name in names
    ]


def theirs(peer: Peer, summary: str, *to: str, tag: Any) -> dict[str, Any]:
    """A Create of a tagged Note by carol."""
    return peer.create("carol", "<p>x</p>", *to, summary=summary, tag=tag)


async def test_IO_55_posts_with_a_hashtag_newest_first(server: Server, peer: Peer) -> None:
    """IO-55, interop 3.3: ours and received, in full, under one name however it is written; the
    collection is where posts link to, and each word has one."""
    for n in range(3):
        made = await posted(server, f"<p>#Été {n}</p>", PUBLIC, summary=str(n))
    for summary, tag in (("3", tagged("#ETE", "#ete")), ("4", tagged("été")[0])):
        create = theirs(peer, summary, PUBLIC, server.id("ann"), tag=tag)
        await accepted(server, peer, create, by="carol")
    [link] = made["tag"]
    head = await server.get(link["href"])
    assert head.json["id"] == link["href"] == f"{server.origin}/tags/ete"
    assert head.json["type"] == "OrderedCollection"
    assert (head.json["name"], "totalItems" in head.json) == ("#ete", False)
    newest = await server.get(head.json["first"])
    assert newest.headers["Cache-Control"] == "public, max-age=0"
    assert newest.json["orderedItems"][-1]["id"] != made["id"]
    for spelling in ("ete", quote("ÉTÉ"), "Ete", "%23ete"):
        assert (await server.get(f"/tags/{spelling}")).json == head.json
    assert await contents(server, "ete", size=2) == ["4", "3", "2", "1", "0"]
    assert await contents(server, "unused") == []
    for none in ("1", "a-b", "x" * (limits.HASHTAG + 1)):
        check_problem(await server.get(f"/tags/{none}"), 404)
    check_problem(await server.get("/tags/ete?page=2"), 400)
    page = await server.get("/tags/ete", Accept="text/html")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "#ete" in page.text
    assert f'href="{made["id"]}"' in page.text
    assert page.text.count('class="h-entry"') == 5
    assert page.text.count("<details>") == 5
    older = (await server.get("/tags/ete?page=first&limit=2", Accept="text/html")).text
    assert older.count('class="h-entry"') == 2
    assert 'rel="next"' in older


async def test_IO_55_a_hashtag_of_the_client_has_a_place(server: Server) -> None:
    """IO-55: one that stands in no text too; it is no other that it leads to when it says where."""
    far = tagged("#Cake")[0]
    made = await posted(server, "<p>x</p>", PUBLIC, tag=[{"type": "Hashtag", "name": "#Té"}, far])
    place = f"{server.origin}/tags/te"
    assert made["tag"] == [{"type": "Hashtag", "name": "#Té", "href": place}, far]
    for name in ("te", "cake"):
        found = (await server.get(f"/tags/{name}?page=first")).json["orderedItems"]
        assert [one["id"] for one in found] == [made["id"]]


async def test_IO_55_only_what_is_for_all_has_a_place(server: Server, peer: Peer) -> None:
    """IO-55, AP-ACT-14: neither what is unlisted, nor what is for some, also for those who may see
    it; names that are no hashtags, and those beyond the bound, have none."""
    followers = f"{server.id('ann')}/followers"
    for summary, to, cc in (
        ("unlisted", followers, [PUBLIC]),
        ("followers", followers, []),
        ("direct", server.id("bob"), []),
    ):
        await posted(server, "<p>#tea</p>", to, cc=cc, summary=summary)
    many = tagged(*(f"#n{n}" for n in range(limits.TAGS + 1)))
    odd = [{"type": "Hashtag"}, {"type": "Hashtag", "name": 7}, *tagged("#", "#a b", "#1"), "#x"]
    for summary, tag in (("many", many), ("odd", odd)):
        create = theirs(peer, summary, PUBLIC, server.id("ann"), tag=tag)
        await accepted(server, peer, create, by="carol")
    assert await contents(server, "tea", as_="bob") == await contents(server, "tea") == []
    assert await contents(server, "n0") == ["many"]
    assert await contents(server, f"n{limits.TAGS}") == []
    names = [row["tag"] for row in await server.rows("SELECT DISTINCT tag FROM hashtag")]
    assert len(names) == limits.TAGS


async def test_IO_45_edits_and_deletions_show_at_once(server: Server, peer: Peer) -> None:
    """IO-45, IO-46, IO-47: what is edited stands under the names that it has now, or under none
    when it is no longer for all; what is deleted, and all of who is gone, under none."""
    made = await posted(server, "<p>#tea</p>", PUBLIC, summary="ours")
    create = theirs(peer, "theirs", PUBLIC, server.id("ann"), tag=tagged("#tea"))
    other = theirs(peer, "other", PUBLIC, server.id("ann"), tag=tagged("#tea"))
    for one in (create, other):
        await accepted(server, peer, one, by="carol")
    assert await contents(server, "tea") == ["other", "theirs", "ours"]

    patch = {"id": made["id"], "content": "<p>#coffee</p>"}
    assert (await server.post("ann", {"type": "Update", "object": patch})).status == 201
    new = {**create["object"], "tag": tagged("#coffee"), "updated": "2030-01-01T00:00:00Z"}
    update = peer.activity("Update", "carol", to=[PUBLIC, server.id("ann")], object=new)
    await accepted(server, peer, update, by="carol")
    assert await contents(server, "tea") == ["other"]
    assert await contents(server, "coffee") == ["theirs", "ours"]

    patch = {"id": made["id"], "to": [server.id("bob")], "cc": None}
    assert (await server.post("ann", {"type": "Update", "object": patch})).status == 201
    delete = peer.activity("Delete", "carol", to=[PUBLIC], object=new["id"])
    await accepted(server, peer, delete, by="carol")
    assert await contents(server, "coffee") == []

    gone = peer.activity("Delete", "carol", to=[PUBLIC], object=peer.id("carol"))
    await accepted(server, peer, gone, by="carol")
    assert await contents(server, "tea") == []
    assert await server.rows("SELECT FROM hashtag") == []


async def test_BP_14_hidden_authors_are_hidden_here_too(server: Server, peer: Peer) -> None:
    """SEC-AC, seed: whoever blocks does not see those whom he blocks, nor they him; a blocked
    suspended actor is seen by nobody."""
    await posted(server, "<p>#tea</p>", PUBLIC, summary="ann's")
    create = theirs(peer, "carol's", PUBLIC, server.id("ann"), tag=tagged("#tea"))
    await accepted(server, peer, create, by="carol")
    for whom in (server.id("ann"), peer.id("carol")):
        assert (await server.post("bob", {"type": "Block", "object": whom})).status == 201
    assert await contents(server, "tea", as_="bob") == []
    assert await contents(server, "tea", as_="ann") == ["carol's", "ann's"]
    await run(server, "actor", "suspend", peer.id("carol"))

    async def hidden() -> bool:
        return await contents(server, "tea", as_="ann") == ["ann's"]

    await until(hidden)


async def test_IO_44_what_was_only_found_is_not_listed(server: Server, peer: Peer) -> None:
    """IO-44: what a reply made us fetch is listed when its author sends it to us."""
    create = theirs(peer, "found", PUBLIC, tag=tagged("#tea"))
    parent = create["object"]
    peer.documents[parent["id"].removeprefix(peer.origin)] = parent
    reply = peer.create("carol", "reply", PUBLIC, server.id("ann"), inReplyTo=parent["id"])
    await accepted(server, peer, reply, by="carol")
    await server.drained()
    [row] = await server.rows("SELECT is_found FROM object WHERE id = $1", parent["id"])
    assert row["is_found"]
    assert await contents(server, "tea") == []
    await accepted(server, peer, create, by="carol")
    await server.drained()
    assert await contents(server, "tea") == ["found"]


async def test_what_was_stored_before_is_indexed(server: Server) -> None:
    """Migration 0013: what is here already is gone through by a job, a batch at a time."""
    await posted(server, "<p>#tea</p>", PUBLIC, summary="old")
    await server.rows("DELETE FROM hashtag")
    await server.rows(
        "INSERT INTO job (bucket, id, kind, activity)"
        " VALUES (0, gen_random_uuid(), 'hashtags', '00000000-0000-0000-0000-000000000000')"
    )
    await server.drained()
    assert await contents(server, "tea") == ["old"]
