"""What may be kept, by whom, and when it need not be sent again (AP-C2S-12, BP-19)."""

from __future__ import annotations

import pytest

from tests.doubles.server import AS2, PUBLIC, Reply, Server
from tests.flows.steps import check_problem

LD = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
HEADERS = ("Cache-Control", "Vary", "ETag", "Content-Type")


async def public_places(server: Server) -> list[str]:
    """URLs of documents that everybody may read, of each kind."""
    note = await server.note("ann", "for all", PUBLIC)
    ann = server.id("ann")
    return [
        ann,
        server.id("instance"),
        note["id"],
        note["object"]["id"],
        f"{ann}/outbox",
        f"{ann}/outbox?page=first",
        f"{ann}/followers",
        "/.well-known/nodeinfo",
        "/nodeinfo/2.1",
        "/.well-known/host-meta",
        f"/.well-known/webfinger?resource={ann}",
    ]


async def test_AP_C2S_12_who_has_it_is_told_304(server: Server) -> None:
    """AP-C2S-12, AP-S2S-07, BP-19: the validators and what they hang on are the same in both."""
    for place in await public_places(server):
        full = await server.get(place)
        assert full.status == 200, place
        assert full.headers["ETag"].startswith('W/"')
        assert full.headers["Cache-Control"].startswith("public, max-age=")
        assert "Accept" in full.headers["Vary"]
        held = await server.get(place, If_None_Match=full.headers["ETag"])
        assert (held.status, held.text) == (304, "")
        for name in ("ETag", "Cache-Control", "Vary"):
            assert held.headers[name] == full.headers[name]
        assert "Content-Type" not in held.headers
        again = await server.get(place, If_None_Match='"something-else"')
        assert (again.status, again.text) == (200, full.text)


async def test_AP_C2S_12_what_has_changed_is_sent_again(server: Server) -> None:
    before = await server.get("/actors/ann/outbox?page=first")
    await server.note("ann", "news", PUBLIC)
    after = await server.get("/actors/ann/outbox?page=first", If_None_Match=before.headers["ETag"])
    assert after.status == 200
    assert len(after.json["orderedItems"]) == 1


async def test_AP_GET_01_the_two_media_types_have_two_tags(server: Server) -> None:
    """AP-GET-01, AS-37: one document, but one copy must not stand for the other."""
    as2, ld = [await server.get("/actors/ann", Accept=accept) for accept in (AS2, LD)]
    assert as2.json == ld.json
    assert (as2.headers["Content-Type"], ld.headers["Content-Type"]) == (AS2, LD)
    assert as2.headers["ETag"] != ld.headers["ETag"]
    other = await server.get("/actors/ann", Accept=LD, If_None_Match=as2.headers["ETag"])
    assert other.status == 200


async def test_head_is_get_without_the_body(server: Server) -> None:
    """RFC 9110 9.3.2."""
    for place in await public_places(server):
        full, head = await server.get(place), await server.ask("HEAD", place)
        assert (head.status, head.text) == (200, "")
        assert head.headers["Content-Length"] == str(len(full.text.encode()))
        for name in HEADERS:
            assert head.headers[name] == full.headers[name]
        held = await server.ask("HEAD", place, If_None_Match=full.headers["ETag"])
        assert held.status == 304
    assert (await server.ask("HEAD", "/actors/nobody")).status == 404


async def test_what_is_not_for_all_is_kept_by_nobody(server: Server) -> None:
    """threats: caches. Its author sees it, and no cache may show it to the next one."""
    note = (await server.note("ann", "for bob", server.id("bob")))["object"]["id"]
    for place, who in (
        (note, "ann"),
        (note, "bob"),
        ("/actors/ann/outbox", "ann"),
        ("/actors/ann/outbox?page=first", "bob"),
        ("/actors/ann/inbox", "ann"),
    ):
        reply = await server.get(place, as_=who)
        assert reply.status == 200
        assert reply.headers["Cache-Control"] == "private, no-store"
        assert {"Authorization", "Signature"} <= set(reply.headers["Vary"].split(", "))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_tag_opens_nothing(server: Server, method: str) -> None:
    """CVE-2025-67500: with the right tag, a wrong one or "*", what one may not see looks like
    what is not there, in status, headers and body."""
    made = (await server.note("ann", "for bob", server.id("bob")))["object"]["id"]
    tag = (await server.get(made, as_="bob")).headers["ETag"]
    nothing = f"{server.origin}/objects/00000000-0000-7000-8000-000000000000"
    absent = await server.ask(method, nothing)
    assert absent.status == 404
    for offered in (tag, '"wrong"', "*"):
        for who in (None, "stranger"):
            if who == "stranger" and who not in server.tokens:
                await server.create_actor(who)
            hidden = await server.ask(method, made, as_=who, If_None_Match=offered)
            assert shown(hidden) == shown(absent)
    assert (await server.ask(method, made, as_="bob", If_None_Match=tag)).status == 304


async def test_refusals_are_not_kept(server: Server) -> None:
    """RFC 9111 4.2.2: a cache may keep a 404 or 410 that does not forbid it, and would then show
    it to those who may see more."""
    for place in ("/actors/nobody", "/nowhere", "/actors/ann/inbox", "/actors/ann/outbox?page=x&y"):
        reply = await server.get(place)
        assert reply.status >= 400
        assert reply.headers["Cache-Control"] == "no-store"
        assert "ETag" not in reply.headers
    check_problem(await server.get("/nowhere"), 404)


def shown(reply: Reply) -> tuple[int, dict[str, str], str]:
    """An answer without what differs from request to request."""
    unique = reply.headers["X-Request-Id"]
    headers = {
        name: value
        for name, value in reply.headers.items()
        if name.lower() not in ("date", "x-request-id")
    }
    return reply.status, headers, reply.text.replace(unique, "")
