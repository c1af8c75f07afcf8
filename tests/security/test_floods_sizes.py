"""Much of everything in one document: of others it is clipped, of our own clients refused."""

from __future__ import annotations

import time
from typing import Any

import pytest

from apserver.core import limits
from apserver.core.intake import take_in
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import check_problem

ELSEWHERE = "https://elsewhere.example"


def iris(count: int) -> list[str]:
    return [f"{ELSEWHERE}/{n}" for n in range(count)]


#: A hundred times what is handled, of each: the member, and how much of it stays.
FLOODS: dict[str, tuple[Any, int]] = {
    "to": ([PUBLIC, *iris(100 * limits.RECIPIENTS)], limits.RECIPIENTS),
    "cc": (iris(100 * limits.RECIPIENTS), limits.RECIPIENTS),
    "bcc": (iris(100 * limits.RECIPIENTS), limits.RECIPIENTS),
    "tag": (
        [{"type": "Mention", "href": one} for one in iris(45 * limits.TAGS)],
        limits.TAGS,
    ),
    "attachment": (
        [{"type": "Document", "url": one} for one in iris(100 * limits.ATTACHMENTS)],
        limits.ATTACHMENTS,
    ),
    "oneOf": (
        [{"type": "Note", "name": str(n)} for n in range(100 * limits.OPTIONS)],
        limits.OPTIONS,
    ),
    "content": ("x" * 15 * limits.TEXT, limits.TEXT),
    "summary": ("x" * 15 * limits.TEXT, limits.TEXT),
}


def size_in(shown: Any, name: str) -> int:
    value = shown.get(name, "")
    return len(value)


@pytest.mark.parametrize("name", FLOODS)
async def test_CVE_2026_23962_floods_are_clipped(server: Server, peer: Peer, name: str) -> None:
    """CVE-2026-23962: accepted, stored, shown and acted on no further than the limit; and what is
    shown is small, whatever came."""
    value, most = FLOODS[name]
    activity = peer.create("carol", "hello", PUBLIC)
    activity["object"] |= {"type": "Question" if name == "oneOf" else "Note", name: value}
    if name in ("to", "cc", "bcc"):
        activity[name] = value
    started = time.process_time()
    reply = await peer.send(f"{server.id('ann')}/inbox", activity, by="carol")
    assert reply.status == 202, reply.text
    await server.drained()
    assert time.process_time() - started < 5
    [shown] = await server.items("ann", "inbox", as_="ann")
    kept = size_in(shown["object"], name)
    assert kept == (0 if name == "bcc" else most)
    [row] = await server.rows(
        "SELECT cardinality(a.audience) + cardinality(o.audience) AS n"
        " FROM activity a JOIN object o ON o.key = a.spliced"
    )
    assert row["n"] <= 4 * limits.RECIPIENTS
    [stored] = await server.rows("SELECT octet_length(document) AS n FROM object")
    assert stored["n"] < 2 * limits.TEXT


async def test_CVE_2026_23962_too_many_members(server: Server, peer: Peer) -> None:
    """CVE-2026-23962: more than 5000 members in all are 400, wherever they stand."""
    activity = peer.create("carol", "hello", PUBLIC)
    activity["x:flood"] = {f"k{n}": 1 for n in range(limits.JSON_KEYS)}
    reply = await peer.send(f"{server.id('ann')}/inbox", activity, by="carol")
    check_problem(reply, 400)
    assert await server.rows("SELECT FROM activity") == []


def test_CVE_2026_23962_nothing_is_clipped_below_the_limits() -> None:
    """CVE-2026-23962: and of more the first are kept, at any depth, in any language."""
    full = {
        "to": iris(limits.RECIPIENTS),
        "object": {
            "tag": iris(limits.TAGS),
            "contentMap": {"en": "x" * limits.TEXT},
            "items": iris(1000),
            "name": "one",
        },
        "actionData": {"tag": iris(1000)},
        "@context": iris(1000),
    }
    assert take_in(full) == full
    more = {
        "to": iris(limits.RECIPIENTS + 1),
        "object": {
            "tag": iris(limits.TAGS + 1),
            "contentMap": {"en": "x" * (limits.TEXT + 1)},
            "items": [{**full["object"], "tag": iris(51)}],  # type: ignore[dict-item]
            "name": "one",
        },
    }
    clipped = take_in(more)
    assert clipped["to"] == full["to"]
    assert clipped["object"] == {**full["object"], "items": [full["object"]]}  # type: ignore[dict-item]


def test_CVE_2026_23962_a_text_is_not_cut_inside_a_tag() -> None:
    """CVE-2026-23962: half a tag would swallow what stands behind it on a page."""
    text = "x" * (limits.TEXT - 3)
    assert take_in({"content": text + "<a href='y'>z</a>"}) == {"content": text}
    assert take_in({"content": text + "<b>z</b>"}) == {"content": text + "<b></b>"}


OURS: dict[str, tuple[dict[str, Any], str]] = {
    "mention bomb": ({"to": iris(500)}, "/to"),
    "mention bomb in tags": (
        {"tag": [{"type": "Mention", "href": one} for one in iris(500)]},
        "/tag",
    ),
    "attachments": ({"attachment": iris(limits.ATTACHMENTS + 1)}, "/attachment"),
    "text": ({"content": "x" * (limits.TEXT + 1)}, "/content"),
    "text in a language": ({"contentMap": {"en": "x" * (limits.TEXT + 1)}}, "/contentMap/en"),
    "name": ({"name": "x" * (limits.TEXT + 1)}, "/name"),
}


async def test_mention_bomb_and_others_from_our_own_client(server: Server) -> None:
    """CVE-2026-23962, security.md: mention-bomb. 400 that points at it; nothing stored."""
    before = await server.contents()
    for members, pointer in OURS.values():
        reply = await server.post("ann", {"type": "Note", "content": "hi", **members})
        check_problem(reply, 400, pointer)
    assert await server.contents() == before


@pytest.mark.parametrize("name", ["name", "summary"])
async def test_CVE_2026_23963_a_profile_has_limits(server: Server, name: str) -> None:
    """CVE-2026-23963: 10 MB are 413, and what is too long for the field is 400."""
    update = {"type": "Update", "object": {"id": server.id("ann"), name: "x" * 10_000_000}}
    before = (await server.get("/actors/ann")).json
    check_problem(await server.post("ann", update), 413)
    update["object"] = {"id": server.id("ann"), name: "x" * (limits.TEXT + 1)}
    check_problem(await server.post("ann", update), 400, f"/object/{name}")
    if name == "name":
        update["object"] = {"id": server.id("ann"), name: "x" * (limits.DISPLAY_NAME + 1)}
        check_problem(await server.post("ann", update), 400, "/object/name")
    assert (await server.get("/actors/ann")).json == before
