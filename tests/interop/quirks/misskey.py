"""Misskey, Sharkey and what else came of it."""

from __future__ import annotations

import re

from tests.doubles.cavage import Dialect
from tests.doubles.peer import Received
from tests.doubles.server import PUBLIC
from tests.interop.quirks.rows import (
    ANN,
    BOB,
    NOTE,
    PEER,
    Asks,
    Covered,
    Quirk,
    Reads,
    Sends,
    act,
    create,
    holds,
    lists,
    lists_nothing,
    reports,
)

_DIALECT = Dialect(covered="(request-target) date host digest")
_BLOB = {
    "type": "Emoji",
    "id": f"{PEER}/emojis/blob",
    "name": ":blob:",
    "icon": {"type": "Image", "mediaType": "image/png", "url": f"{PEER}/files/blob.png"},
}
_REACTION = {"content": ":blob:", "_misskey_reaction": ":blob:", "tag": [_BLOB]}
_LIKE = act("Like", NOTE, id=f"{PEER}/likes/9", **_REACTION)
_QUOTE = {"_misskey_quote": NOTE, "quoteUrl": NOTE}
_ALL = ("Follow", "Accept", "Create", "Update", "Delete", "Like", "Announce", "Undo")


def _is_by_its_signer(sent: Received) -> bool:
    signer = re.search(r'keyId="([^"#]+)', sent.headers["Signature"])
    actor, id_ = sent.json["actor"], sent.json["id"]
    same_host = id_.split("/")[2] == actor.split("/")[2]
    return signer is not None and signer[1] == actor and same_host


ROWS: tuple[Quirk, ...] = (
    Sends(
        "dialect",
        "signs `(request-target) date host digest`",
        "verified",
        activity=create(),
        signed=_DIALECT,
        then=(lists(content="<p>tea</p>"),),
    ),
    Sends(
        "dialect with Accept and length",
        "any other header may be covered, as `accept` and `content-length`",
        "verified over the header as it came",
        activity=create(),
        signed=Dialect(
            covered="(request-target) date host digest accept content-length",
            fields={"accept": "*/*"},
        ),
        then=(lists(content="<p>tea</p>"),),
    ),
    *(
        Asks(
            f"signed GET {name}",
            "signs GETs by `(request-target) date host accept`, the path without the query",
            "verified, with the query signed and without it",
            url=f"{ANN}/outbox?page=first",
            covered="(request-target) date host accept",
            target=target,
            holds=lambda reply, url: reply.status == 200 and "orderedItems" in reply.json,
        )
        for name, target in (("with query", None), ("without query", "/actors/ann/outbox"))
    ),
    Sends(
        "reaction",
        "a reaction is a `Like` with `content` and `_misskey_reaction`",
        "a reaction, and a like that is counted once",
        activity=_LIKE,
        signed=_DIALECT,
        then=(
            holds(f"{NOTE}/likes", f"{PEER}/likes/9"),
            holds(f"{NOTE}/emojiReactions", f"{PEER}/likes/9"),
        ),
    ),
    Sends(
        "taken back and given again",
        "`Undo` of a reaction embeds the `Like`, and the same id may come again later",
        "the like ends",
        before=(_LIKE,),
        activity=act("Undo", _LIKE, id=f"{PEER}/likes/9/undo"),
        signed=_DIALECT,
        then=(holds(f"{NOTE}/likes"),),
    ),
    Sends(
        "isCat and own members",
        "actors and notes have members of its own (`isCat`, `_misskey_summary`)",
        "kept as data, and obeyed by nobody",
        activity=create(_misskey_content="tea"),
        actor={"isCat": True, "_misskey_summary": "cat"},
        signed=_DIALECT,
        then=(lists(_misskey_content="tea"),),
    ),
    Sends(
        "empty warning",
        "an empty content warning is a space of no width",
        "no warning: the note is taken like any other",
        activity=create(summary="\u200b", sensitive=True),
        signed=_DIALECT,
        then=(lists(content="<p>tea</p>", sensitive=True),),
    ),
    Sends(
        "followers-only",
        "`to` is the followers alone, with the mentioned in `cc`",
        "for followers and the mentioned",
        activity=create(to=[f"{BOB}/followers"], cc=[ANN]),
        signed=_DIALECT,
        then=(lists(to=[f"{BOB}/followers"], cc=[ANN]),),
    ),
    Sends(
        "home",
        "posts to `home` have the followers in `to` and Public in `cc`",
        "unlisted",
        activity=create(to=[f"{BOB}/followers"], cc=[PUBLIC, ANN]),
        signed=_DIALECT,
        then=(lists(cc=[PUBLIC, ANN]),),
    ),
    Sends(
        "quote",
        "a quote is `_misskey_quote` with `quoteUrl`",
        "kept; nothing is fetched for it at the door",
        activity=create(**_QUOTE),
        signed=_DIALECT,
        then=(lists(**_QUOTE),),
    ),
    Sends(
        "Question that is closed",
        "a poll has `closed` in place of `endTime`",
        "taken as it is",
        activity=act(
            "Create",
            {
                **create()["object"],
                "type": "Question",
                "closed": "2026-03-02T10:20:30Z",
                "oneOf": [{"type": "Note", "name": "tea"}],
            },
            to=[PUBLIC],
            cc=[ANN],
        ),
        signed=_DIALECT,
        then=(lists(closed="2026-03-02T10:20:30Z"),),
    ),
    Sends(
        "report with addresses",
        "a report names one actor, and posts by their addresses in `content`",
        "a report",
        activity=act("Flag", ANN, content=f"Note: {NOTE} spam", id=f"{PEER}/reports/1"),
        signed=_DIALECT,
        then=(reports(f"Note: {NOTE} spam"), lists_nothing()),
    ),
    Covered(
        "order of quote members",
        "a quote may be in `quote`, `_misskey_quote`, `quoteUrl` or `quoteUri`",
        "read in this order",
        ("flows/test_quotes.py::test_IO_92_quotes_are_read_in_one_order",),
    ),
    Reads(
        "one digest",
        "needs `host` and `digest` covered, and `Digest` to be one `SHA-256=`",
        "exactly that",
        types=_ALL,
        holds=lambda sent: (
            re.fullmatch(r"SHA-256=[A-Za-z0-9+/]{43}=", sent.headers["Digest"])
            and re.search(r'headers="[^"]*\bhost date digest', sent.headers["Signature"])
        ),
    ),
    Reads(
        "signer, actor and id",
        "the signer must be `actor`, a string, and the id be of its host",
        "so it is",
        types=_ALL,
        holds=_is_by_its_signer,
    ),
    Reads(
        "no fragments",
        "cannot resolve an id with `#`, so cannot undo it by its id",
        "ids of ours have no fragment, and what is meant is embedded",
        types=_ALL,
        holds=lambda sent: "#" not in sent.json["id"],
    ),
    Reads(
        "small bodies",
        "a body over 64 KiB is refused",
        "ours are smaller",
        types=_ALL,
        holds=lambda sent: len(sent.body) < 65_536,
    ),
    Asks(
        "actor",
        "`icon` and `image` must be single, `preferredUsername` a word, `inbox` a string",
        "so they are",
        url=ANN,
        holds=lambda reply, url: (
            not isinstance(reply.json.get("icon"), list)
            and re.fullmatch(r"\w{1,128}", reply.json["preferredUsername"])
            and isinstance(reply.json["inbox"], str)
        ),
    ),
    Asks(
        "id and url",
        "the final URL must be the `id` or the `url`, both of one host",
        "both are the URL that was asked for",
        url=NOTE,
        holds=lambda reply, url: reply.json["id"] == reply.json["url"] == url,
    ),
)
