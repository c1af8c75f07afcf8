"""PeerTube."""

from __future__ import annotations

from tests.doubles.cavage import Dialect, digest_of
from tests.doubles.server import CONTEXT, PUBLIC
from tests.interop.quirks.rows import (
    ANN,
    BOB,
    PEER,
    Quirk,
    Reads,
    Sends,
    act,
    create,
    lists,
    lists_activity,
)

_DIALECT = Dialect(covered="(request-target) host date digest")
_COMMENT = {"url", "published", "content", "to", "cc"}
_VIDEO = {
    "type": "Video",
    "id": f"{PEER}/videos/watch/1",
    "name": "Tea",
    "attributedTo": [
        {"type": "Person", "id": BOB},
        {"type": "Group", "id": f"{PEER}/video-channels/tea"},
    ],
    "url": [
        {"type": "Link", "mediaType": "text/html", "href": f"{PEER}/w/1"},
        {"type": "Link", "mediaType": "video/mp4", "href": f"{PEER}/1.mp4", "height": 720},
        {
            "type": "Link",
            "mediaType": "application/x-bittorrent;x-scheme-handler/magnet",
            "href": "magnet:?xt=urn:btih:0",
            "height": 720,
        },
    ],
    "likes": f"{PEER}/videos/watch/1/likes",
    "dislikes": f"{PEER}/videos/watch/1/dislikes",
    "comments": f"{PEER}/videos/watch/1/comments",
    "duration": "PT60S",
    "mediaType": "text/markdown",
    "content": "tea",
}

ROWS: tuple[Quirk, ...] = (
    Sends(
        "Video",
        "`attributedTo` is a Person and a Group, `url` a list of links, html first",
        "a post of the Person, with all its links",
        activity=create(**_VIDEO),
        signed=_DIALECT,
        then=(lists(type="Video", name="Tea", duration="PT60S"),),
    ),
    Sends(
        "actor with several URLs",
        "`url` of an actor is a list",
        "taken",
        activity=act("Follow", ANN),
        actor={"url": [{"type": "Link", "mediaType": "text/html", "href": BOB}, f"{BOB}/2"]},
        signed=_DIALECT,
        then=(),
    ),
    Sends(
        "channel announces",
        "a channel (Group) announces the Video of an account",
        "the video is fetched by its id, and listed",
        activity=act("Announce", f"{PEER}/videos/watch/1", to=[PUBLIC], cc=[ANN]),
        actor={"type": "Group"},
        documents={"/videos/watch/1": {"@context": CONTEXT, **_VIDEO, "to": [PUBLIC], "cc": []}},
        signed=_DIALECT,
        then=(lists_activity(type="Announce"),),
    ),
    Sends(
        "View",
        "tells of each `View`, and of what nobody else knows",
        "listed or passed over, never refused",
        activity=act("View", f"{PEER}/videos/watch/1", to=[PUBLIC], cc=[ANN]),
        signed=_DIALECT,
    ),
    Reads(
        "ids and addressees are URLs",
        "`id` and whatever is in `to` and `cc` must be URLs",
        "so they are",
        types=("Create", "Update", "Delete", "Like", "Announce", "Follow", "Undo"),
        holds=lambda sent: all(
            one.startswith("http")
            for one in (sent.json["id"], *sent.json.get("to", []), *sent.json.get("cc", []))
        ),
    ),
    Reads(
        "digest",
        "`Digest` must be exactly `SHA-256=…` of the body; draft-cavage alone is read",
        "so it is",
        types=("Create", "Update", "Delete"),
        holds=lambda sent: (
            sent.headers["Digest"] == digest_of(sent.body) and sent.scheme == "cavage"
        ),
    ),
    Reads(
        "comment",
        "a comment needs `url`, `published`, `content`, and `to` and `cc` as arrays",
        "a public post of ours has them",
        types=("Create",),
        holds=lambda sent: PUBLIC not in sent.json["to"] or sent.json["object"].keys() >= _COMMENT,
    ),
    Reads(
        "Undo embeds",
        "only an embedded activity can be undone",
        "it is embedded",
        types=("Undo",),
        holds=lambda sent: sent.json["object"]["type"] in ("Follow", "Like", "Announce"),
    ),
    Sends(
        "Markdown",
        "`content` may be Markdown, told by `mediaType`",
        "text, not HTML: no tag in it counts, and its type is kept",
        activity=create(content="**tea** & more", mediaType="text/markdown"),
        signed=_DIALECT,
        then=(lists(content="**tea** & more", mediaType="text/markdown"),),
    ),
)
