"""Pictures with a post, as others read them (issue 7; interop 3.4)."""

from __future__ import annotations

from typing import Any

from apserver.core import limits
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import check_problem
from tests.flows.test_notes import posted
from tests.security.steps import accepted

URL = "https://media.example/cat.png"
#: The example of https://blurha.sh: four components by three.
BLURHASH = "LEHV6nWB2yk8pyo0adR*.7kCMdnj"
PICTURE = {
    "type": "Image",
    "url": URL,
    "mediaType": "image/png",
    "name": "A cat",
    "width": 800,
    "height": 600,
    "blurhash": BLURHASH,
    "focalPoint": [0.1, -1],
}


async def test_IO_38_attachments_as_others_read_them(server: Server, peer: Peer) -> None:
    """IO-38, IO-54, interop 3.4: an array even for one, all members kept, a type for what has
    none, and definitions of the terms that Activity Streams has not."""
    made = await posted(server, "<p>hi</p>", PUBLIC, peer.id("carol"), attachment=PICTURE)
    assert made["attachment"] == [PICTURE]
    [sent] = await peer.wait("Create")
    assert sent.json["object"]["attachment"] == [PICTURE]
    [terms] = [one for one in sent.json["@context"] if "blurhash" in one]
    assert terms == {
        "blurhash": "http://joinmastodon.org/ns#blurhash",
        "focalPoint": {"@id": "http://joinmastodon.org/ns#focalPoint", "@container": "@list"},
    }
    links = [{"type": "Link", "href": URL, "mediaType": "image/png"}]
    card = {"type": "Link", "href": "https://a.example/page"}
    patch = {"id": made["id"], "attachment": [{"url": links}, card]}
    changed = await server.post("ann", {"type": "Update", "object": patch})
    assert changed.json["object"]["attachment"] == [{"type": "Document", "url": links}, card]


#: What one member may not be.
WRONG: list[tuple[str, Any]] = [
    ("url", None),
    ("url", "javascript:alert(1)"),
    ("url", "file:///etc/passwd"),
    ("url", [{"type": "Link", "href": "data:image/png;base64,AA"}]),
    ("mediaType", "a picture"),
    ("name", "x" * (limits.DESCRIPTION + 1)),
    ("width", 0),
    ("width", limits.PIXELS + 1),
    ("height", "600"),
    ("height", True),
    ("blurhash", BLURHASH[:-1]),
    ("blurhash", f"{BLURHASH[:-1]}é"),
    ("blurhash", f"~{BLURHASH[1:]}"),
    ("blurhash", 7),
    ("focalPoint", [0]),
    ("focalPoint", [0, 1.5]),
    ("focalPoint", ["0", "0"]),
    ("focalPoint", "0,0"),
]


def wrong(member: str, value: Any) -> dict[str, Any]:
    return {name: one for name, one in {**PICTURE, member: value}.items() if one is not None}


async def test_IO_38_what_is_not_sound_is_refused(server: Server) -> None:
    """Interop 3.4: our client is told which member it is. Readers decode these and allocate by
    them."""
    for member, value in WRONG:
        attached = [PICTURE, wrong(member, value)]
        note = {"type": "Note", "content": "hi", "to": [PUBLIC], "attachment": attached}
        reply = await server.post("ann", note)
        assert reply.status == 400, (member, value)
        assert reply.json["pointer"].endswith(f"/attachment/1/{member}")


async def test_IO_38_what_is_not_sound_is_left_out(server: Server, peer: Peer) -> None:
    """Interop 3.4, CVE-2026-23962: of what others send the member is left out, or the attachment
    when it leads nowhere, and the rest is kept."""
    for n, (member, value) in enumerate(WRONG):
        attached = [wrong(member, value), PICTURE]
        create = peer.create("carol", str(n), PUBLIC, server.id("ann"), attachment=attached)
        await accepted(server, peer, create, by="carol")
    kept = (await server.get("/inbox?page=first")).json["orderedItems"]
    for (member, _), shown in zip(reversed(WRONG), kept, strict=True):
        rest = {name: one for name, one in PICTURE.items() if name != member}
        assert shown["attachment"] == ([PICTURE] if member == "url" else [rest, PICTURE])


async def test_attachments_are_bounded(server: Server, peer: Peer) -> None:
    """CVE-2026-23962: sixteen, and so many links of one; ours are refused beyond, those of others
    cut off."""
    many = [PICTURE] * (limits.ATTACHMENTS + 1)
    links = [{"type": "Link", "href": f"{URL}?{n}"} for n in range(limits.LINKS + 1)]
    for given, at in ((many, ""), ([{"type": "Video", "url": links}], "/0/url")):
        note = {"type": "Note", "content": "hi", "to": [PUBLIC], "attachment": given}
        check_problem(await server.post("ann", note), 400, f"/attachment{at}")
        create = peer.create("carol", "hi", PUBLIC, server.id("ann"), attachment=given)
        await accepted(server, peer, create, by="carol")
    film, pictures = (await server.get("/inbox?page=first")).json["orderedItems"]
    assert len(pictures["attachment"]) == limits.ATTACHMENTS
    assert len(film["attachment"][0]["url"]) == limits.LINKS
