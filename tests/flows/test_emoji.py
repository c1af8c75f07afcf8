"""Emoji of this server, and of others (issue 7; interop 3.3)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apserver.core import limits
from tests.cli.program import command
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, PUBLIC, Server
from tests.flows.emoji_steps import GIF, PNG, WEBP, add_emoji
from tests.flows.steps import check_problem
from tests.flows.test_notes import posted
from tests.security.steps import accepted


def emoji_of(document: dict[str, Any]) -> list[str]:
    return [one["name"] for one in document.get("tag", []) if one["type"] == "Emoji"]


async def test_IO_55_emoji_of_the_server_in_a_post(server: Server, peer: Peer) -> None:
    """IO-55: id, name, updated, and icon with mediaType and url; in each text that people read, not
    in code and not in the middle of words; once each."""
    added = await add_emoji(server, "tea")
    await add_emoji(server, "cake", PNG)
    made = await posted(
        server,
        "<p>:tea: :tea:, <code>:cake:</code> 12:cake:30 :nobody: :x:</p>",
        PUBLIC,
        peer.id("carol"),
        cc=[],
    )
    id_ = f"{server.origin}/emoji/tea"
    [tag] = made["tag"]
    icon = {"type": "Image", "mediaType": "image/gif", "url": added["url"]}
    assert tag == {
        "id": id_,
        "type": "Emoji",
        "name": ":tea:",
        "updated": tag["updated"],
        "icon": icon,
    }
    assert made["content"].startswith("<p>:tea: :tea:, ")
    [sent] = await peer.wait("Create")
    assert {"Emoji": "http://joinmastodon.org/ns#Emoji"} in sent.json["@context"]
    shown = await server.get(id_)
    assert {**tag, "@context": shown.json["@context"]} == shown.json
    for where in ({"summary": ":cake: :tea:"}, {"contentMap": {"en": ":cake:"}, "content": None}):
        assert ":cake:" in emoji_of(await posted(server, "", PUBLIC, **where))
    poll = {"type": "Question", "oneOf": [{"name": ":tea:"}, {"name": ":cake:"}]}
    assert emoji_of(await posted(server, "?", PUBLIC, **poll)) == [":tea:", ":cake:"]


async def test_IO_55_edits_change_the_emoji(server: Server) -> None:
    """IO-55: what is said no more has no tag; what is still said keeps it, as it is now."""
    await add_emoji(server, "tea")
    await add_emoji(server, "cake")
    made = await posted(server, ":tea:", PUBLIC, summary=":cake:")
    again = await add_emoji(server, "cake", PNG)
    patch = {"id": made["id"], "content": "none"}
    reply = await server.post("ann", {"type": "Update", "object": patch})
    [tag] = reply.json["object"]["tag"]
    assert (tag["name"], tag["icon"]["url"]) == (":cake:", again["url"])
    reply = await server.post("ann", {"type": "Update", "object": patch | {"summary": None}})
    assert emoji_of(reply.json["object"]) == []


async def test_IO_55_emoji_in_a_profile(server: Server, peer: Peer) -> None:
    """IO-55, interop 1.2: name, description and fields, with the definition in the context."""
    await add_emoji(server, "tea")
    field = {"type": "PropertyValue", "name": "likes", "value": ":tea:"}
    for patch in ({"name": "Ann :tea:"}, {"name": "Ann", "attachment": [field]}):
        update = {"type": "Update", "object": {"id": server.id("ann"), **patch}}
        assert (await server.post("ann", update)).status == 201
        shown = (await server.get("/actors/ann")).json
        assert emoji_of(shown) == [":tea:"]
        assert {"Emoji": "http://joinmastodon.org/ns#Emoji"} in shown["@context"]
    update = {"type": "Update", "object": {"id": server.id("ann"), "attachment": None}}
    assert (await server.post("ann", update)).status == 201
    assert emoji_of((await server.get("/actors/ann")).json) == []


async def test_images_are_images_and_nothing_else(server: Server) -> None:
    """GHSA-jhrq-qvrm-qr36: an image has its own type whatever is asked for, is not sniffed, runs
    nothing, and is kept for ever; one that was replaced leads to its successor."""
    old = (await add_emoji(server, "tea"))["url"]
    image = await server.get(old, Accept=AS2)
    assert image.headers["Content-Type"] == "image/gif"
    assert image.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert image.headers["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in image.headers["Content-Security-Policy"]
    new = (await add_emoji(server, "tea", WEBP))["url"]
    assert old != new
    moved = await server.get(old)
    assert (moved.status, moved.headers["Location"]) == (302, new)
    done = await command(server, "emoji", "remove", "tea")
    assert done.code == 0, done.err
    for url in (old, new, "/emoji/tea", "/emoji/%00", "/emoji/tea/x.gif"):
        assert (await server.get(url)).status in (400, 404)
    assert emoji_of(await posted(server, ":tea:", PUBLIC)) == []


@pytest.mark.parametrize(
    ("shortcode", "image", "said"),
    [
        ("tea", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "no PNG, GIF or WebP"),
        ("tea", b'{"type":"Person"}', "no PNG, GIF or WebP"),
        ("tea", GIF + bytes(limits.EMOJI), "are the most"),
        ("a", GIF, "2 to 30 letters"),
        ("a-b", GIF, "2 to 30 letters"),
        ("x" * 31, GIF, "2 to 30 letters"),
    ],
)
async def test_what_is_no_emoji_is_refused(
    server: Server, shortcode: str, image: bytes, said: str
) -> None:
    """Issue 7: images by their first bytes and their size, names that posts can hold."""
    file = server.folder / "image"
    file.write_bytes(image)
    done = await command(server, "emoji", "add", shortcode, str(file))
    assert (done.code, said in done.err) == (1, True), done.err
    assert await server.rows("SELECT FROM emoji") == []


async def test_the_admin_lists_what_there_is(server: Server) -> None:
    """Issue 7: --dry-run changes nothing; what is not there cannot be removed."""
    await add_emoji(server, "tea")
    file = server.folder / "tea.image"
    dry = await command(server, "emoji", "add", "cake", str(file), "--dry-run")
    assert dry.code == 0, dry.err
    assert (await command(server, "emoji", "remove", "tea", "--dry-run")).code == 0
    listed = json.loads((await command(server, "emoji", "list", "--json")).out)
    assert [(one["shortcode"], one["media_type"]) for one in listed] == [("tea", "image/gif")]
    gone = await command(server, "emoji", "remove", "cake")
    assert (gone.code, "emoji list" in gone.err) == (1, True)
    missing = await command(server, "emoji", "add", "cake", str(server.folder / "none"))
    assert (missing.code, "cannot be read" in missing.err) == (1, True)


async def test_IO_72_received_emoji_are_kept(server: Server, peer: Peer) -> None:
    """IO-72, IO-55: also without an id (Akkoma), and no more than any tags."""
    icon = {"type": "Image", "url": "https://far.example/e/blob.png"}
    tags = [{"type": "Emoji", "id": None, "name": f":b{n}:", "icon": icon} for n in range(60)]
    create = peer.create("carol", ":b1:", PUBLIC, server.id("ann"), tag=tags)
    await accepted(server, peer, create, by="carol")
    [kept] = (await server.get("/inbox?page=first")).json["orderedItems"]
    assert len(kept["tag"]) == limits.TAGS
    assert (kept["tag"][0]["name"], kept["tag"][0]["icon"]) == (":b0:", icon)


async def test_more_emoji_than_tags_are_refused(server: Server) -> None:
    """IO-55, interop 3.3: with what else has a tag, and nothing is made."""
    await add_emoji(server, "tea")
    tags = [{"type": "Hashtag", "name": f"#n{n}", "href": "https://a.example/"} for n in range(50)]
    note = {"type": "Note", "content": ":tea:", "to": [PUBLIC], "tag": tags}
    check_problem(await server.post("ann", note), 400, "/object/tag")
