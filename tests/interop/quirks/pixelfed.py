"""Pixelfed."""

from __future__ import annotations

from typing import Any

from tests.doubles.cavage import Dialect
from tests.doubles.peer import Received
from tests.doubles.server import AS2, PUBLIC
from tests.interop.quirks.rows import (
    ANN,
    BOB,
    LD_JSON_AS2,
    NOTE,
    Asks,
    Quirk,
    Reads,
    Sends,
    act,
    create,
    holds,
    lists,
)

_DIALECT = Dialect(fields={"content-type": LD_JSON_AS2})
_ALL = ("Follow", "Accept", "Create", "Update", "Delete", "Like", "Announce", "Undo")
_PROFILE = {"id", "type", "url", "inbox", "outbox", "followers", "following", "preferredUsername"}


def _depth(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + max(map(_depth, inner), default=0) if isinstance(value, dict | list) else 0


def _hosts(sent: Received) -> set[str]:
    key_id = sent.headers["Signature"].split('"')[1]
    ids = [key_id, sent.json["id"]]
    ids += [sent.json["object"]["id"]] if sent.json["type"] in ("Create", "Update") else []
    return {one.split("/")[2] for one in ids}


def _is_direct(sent: Received) -> bool:
    note = sent.json["object"]
    if PUBLIC in (*note["to"], *note.get("cc", [])):
        return True
    return len(note["to"]) == 1 and "cc" not in note and "cc" not in sent.json


ROWS: tuple[Quirk, ...] = (
    Sends(
        "type of its POSTs",
        "its own POSTs are `ld+json` with the profile",
        "taken, as is `activity+json`",
        activity=create(),
        signed=_DIALECT,
        then=(lists(content="<p>tea</p>"),),
    ),
    Sends(
        "one picture",
        "`attachment` is an array of pictures with `mediaType`, the text may be empty",
        "kept",
        activity=create(
            content="",
            attachment=[{"type": "Image", "mediaType": "image/jpeg", "url": f"{BOB}/1.jpg"}],
        ),
        signed=_DIALECT,
        then=(
            lists(attachment=[{"type": "Image", "mediaType": "image/jpeg", "url": f"{BOB}/1.jpg"}]),
        ),
    ),
    Sends(
        "Undo of a Follow",
        "`Undo` embeds a `Follow` with another id than the one that came",
        "the pair of actors counts",
        before=(act("Follow", ANN, id=f"{BOB}#follow/9"),),
        activity=act("Undo", act("Follow", ANN, id=f"{BOB}#follows/9"), id=f"{BOB}#follow/9/undo"),
        signed=_DIALECT,
        then=(holds("followers"),),
    ),
    Reads(
        "draft-cavage first",
        "drops what is signed by RFC 9421 with an answer of 200; it splits the header at commas",
        "draft-cavage first, with `headers`, without blanks after commas",
        types=_ALL,
        holds=lambda sent: (
            sent.scheme == "cavage"
            and 'headers="' in sent.headers["Signature"]
            and '", ' not in sent.headers["Signature"]
        ),
    ),
    Reads(
        "shallow",
        "JSON deeper than 8 is refused",
        "ours is not so deep",
        types=_ALL,
        holds=lambda sent: _depth(sent.json) <= 8,
    ),
    Reads(
        "one host",
        "key id, id and object must be of one host",
        "so they are",
        types=_ALL,
        holds=lambda sent: len(_hosts(sent)) == 1,
    ),
    Reads(
        "Accept",
        "needs the embedded Follow with id, type, actor, and the accepting actor as its object",
        "so it is",
        types=("Accept",),
        holds=lambda sent: (
            sent.json["object"]["object"] == sent.json["actor"]
            and {"id", "type", "actor"} <= sent.json["object"].keys()
        ),
    ),
    Reads(
        "objects by id",
        "the object of Follow, Like and Announce must be a URL",
        "so it is",
        types=("Follow", "Like", "Announce"),
        holds=lambda sent: isinstance(sent.json["object"], str),
    ),
    Reads(
        "Delete",
        "needs a Tombstone with an id",
        "so it is",
        types=("Delete",),
        holds=lambda sent: sent.json["object"]["type"] == "Tombstone" and sent.json["object"]["id"],
    ),
    Reads(
        "profile",
        "an Update of an actor must be the whole actor",
        "so it is",
        types=("Update",),
        holds=lambda sent: (
            sent.json["object"]["type"] != "Person" or sent.json["object"].keys() >= _PROFILE
        ),
    ),
    Reads(
        "arrays",
        "`to`, `cc`, `tag` and `attachment` must be arrays",
        "so they are, even for one",
        types=_ALL,
        holds=lambda sent: all(
            isinstance(document.get(name, []), list)
            for document in (sent.json, sent.json["object"])
            if isinstance(document, dict)
            for name in ("to", "cc", "tag", "attachment")
        ),
    ),
    Reads(
        "direct message",
        "a direct message is one with exactly one `to` and nothing in `cc`",
        "a post for one has that one in `to`, and no `cc`",
        types=("Create",),
        holds=_is_direct,
    ),
    *(
        Asks(
            f"type of {url.rpartition('/')[2]}",
            "follows no redirect, and wants one of a few exact types",
            "`activity+json`, without parameters",
            url=url,
            holds=lambda reply, url: (reply.status, reply.headers["Content-Type"]) == (200, AS2),
        )
        for url in (ANN, NOTE)
    ),
)
