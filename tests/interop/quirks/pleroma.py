"""Pleroma and Akkoma."""

from __future__ import annotations

from tests.doubles.cavage import Dialect
from tests.doubles.server import CONTEXT, PUBLIC
from tests.interop.quirks.rows import (
    ANN,
    BOB,
    NOTE,
    PEER,
    Asks,
    Quirk,
    Reads,
    Sends,
    act,
    create,
    holds,
    lists,
    lists_activity,
    was_asked,
)

_DIALECT = Dialect(covered="(request-target) content-length date digest host")
_LITEPUB = [CONTEXT, f"{PEER}/schemas/litepub-0.1.jsonld", {"@language": "und"}]
_BLOB = {
    "type": "Emoji",
    "id": None,
    "name": ":blob:",
    "icon": {"type": "Image", "url": f"{PEER}/emoji/blob.png"},
}
_OBJECT = f"{PEER}/objects/0b9f0f5c-6f3a-4b57-9a0e-1d1a6a0f2c11"


ROWS: tuple[Quirk, ...] = (
    Sends(
        "litepub context",
        "the context is a file of its own host, with `@language` `und`",
        "not fetched; read as plain JSON",
        activity=create() | {"@context": _LITEPUB},
        signed=_DIALECT,
        then=(lists(content="<p>tea</p>"), was_asked("GET /users/bob")),
    ),
    Sends(
        "content-length covered",
        "signs `content-length`",
        "verified over the header as it came",
        activity=create(),
        signed=_DIALECT,
        then=(lists(content="<p>tea</p>"),),
    ),
    Sends(
        "anonymous emoji",
        "an `Emoji` has `id: null`",
        "the null is as if it were not there",
        activity=create(content="<p>:blob:</p>", tag=[_BLOB]),
        signed=_DIALECT,
        then=(lists(tag=[{key: value for key, value in _BLOB.items() if value}]),),
    ),
    Sends(
        "EmojiReact",
        "a reaction is an `EmojiReact` with `content`",
        "a reaction, and a like that is counted once",
        activity=act("EmojiReact", NOTE, content="\N{HOT BEVERAGE}", to=[ANN]),
        signed=_DIALECT,
        then=(
            holds(f"{NOTE}/likes", f"{BOB}/activities/1"),
            holds(f"{NOTE}/emojiReactions", f"{BOB}/activities/1"),
        ),
    ),
    Sends(
        "ChatMessage",
        "a direct message may be a `ChatMessage`",
        "a post for its recipient alone",
        activity=create(type="ChatMessage", to=[ANN], cc=None, content="tea?"),
        signed=_DIALECT,
        then=(lists(type="ChatMessage", to=[ANN]),),
    ),
    Sends(
        "Listen",
        "`Listen` tells of music, with an embedded `Audio`",
        "listed like any activity",
        activity=act(
            "Listen",
            {"type": "Audio", "id": _OBJECT, "title": "Tea", "artist": "Bob"},
            to=[PUBLIC],
            cc=[ANN],
        ),
        signed=_DIALECT,
        then=(lists_activity(type="Listen"),),
    ),
    Sends(
        "actor on notes",
        "a `Note` has `actor` beside `attributedTo`, and lives at `/objects/UUID`",
        "one author, by both names",
        activity=create(id=_OBJECT, actor=BOB, context=f"{PEER}/contexts/1"),
        signed=_DIALECT,
        then=(lists(id=_OBJECT, attributedTo=BOB),),
    ),
    Sends(
        "rewritten cc",
        "`cc` is another for each recipient, so an LD signature holds no more",
        "the HTTP signature of its own actor decides",
        activity=create() | {"signature": {"type": "RsaSignature2017", "signatureValue": "AAAA"}},
        signed=_DIALECT,
        then=(lists(content="<p>tea</p>"),),
    ),
    *(
        Asks(
            f"resolves {name}",
            "asks actors for `followers` and `following`, which must resolve",
            "both answer, with a total",
            url=f"{ANN}/{name}",
            holds=lambda reply, url: (
                reply.status == 200
                and reply.json["id"] == url
                and isinstance(reply.json["totalItems"], int)
            ),
        )
        for name in ("followers", "following")
    ),
    Reads(
        "Accept has the same Follow",
        "looks for the exact id of its Follow in an Accept or Reject",
        "the embedded Follow has its id unchanged",
        types=("Accept",),
        holds=lambda sent: (
            "/activities/" in sent.json["object"]["id"]
            and sent.json["object"]["object"] == sent.json["actor"]
        ),
    ),
    Reads(
        "who is meant is addressed",
        "a personal inbox answers 400 to what does not address its owner",
        "Follow, Accept, Like and Undo have whom they concern in `to` or `cc`",
        types=("Follow", "Accept", "Like", "Undo"),
        holds=lambda sent: any(
            one.endswith("/users/bob") for one in (*sent.json["to"], *sent.json.get("cc", []))
        ),
    ),
)
