"""GoToSocial."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from tests.doubles.cavage import Dialect
from tests.doubles.server import AS2, PUBLIC
from tests.interop.quirks.rows import (
    ANN,
    BOB,
    FOLLOW,
    LD_JSON_AS2,
    NOTE,
    PEER,
    POLL,
    Asks,
    Covered,
    Quirk,
    Reads,
    Sends,
    act,
    create,
    has,
    has_votes,
    holds,
    lists,
    note,
    was_asked,
)

_DIALECT = Dialect(covered="(request-target) host date digest", algorithm="hs2019")
_KEY_ID = f"{BOB}/main-key"
_KEY = {"id": _KEY_ID, "owner": BOB, "publicKeyPem": "{PEM}"}
_STUB = {
    "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
    "id": BOB,
    "type": "Person",
    "preferredUsername": "bob",
    "publicKey": _KEY,
}
_MENTION = {"type": "Mention", "href": ANN, "name": "@ann@me.example"}
_IMAGE = {"type": "Image", "mediaType": "image/png", "url": f"{PEER}/1.png"}


def _to_whoever_signs(place: Any) -> Callable[[web.Request], Awaitable[web.Response]]:
    """The actor, but 401 to a request without a signature of our instance actor."""
    document = place.peer.documents["/users/bob"]

    async def answer(request: web.Request) -> web.Response:
        if "/actors/instance#main-key" not in request.headers.get("Signature", ""):
            return web.Response(status=401)
        return web.json_response(document, content_type=AS2)

    return answer


ROWS: tuple[Quirk, ...] = (
    Sends(
        "signed GETs alone",
        "every GET must be signed, else 401",
        "documents are asked for in the name of the instance actor, signed",
        activity=act("Follow", ANN),
        documents={"/users/bob": _to_whoever_signs},
        signed=_DIALECT,
        then=(holds("followers", BOB),),
    ),
    Sends(
        "stub at /main-key",
        "the key id is a path, where an actor without inbox stands",
        "the key is taken from any document, and counts when its owner lists it",
        activity=act("Follow", ANN),
        key_id=_KEY_ID,
        documents={"/users/bob/main-key": _STUB},
        signed=_DIALECT,
        then=(holds("followers", BOB), was_asked("GET /users/bob/main-key", "GET /users/bob")),
    ),
    Sends(
        "hs2019 with a date",
        "`algorithm` is `hs2019`, with `date` covered",
        "the key says which algorithm it is",
        activity=create(),
        signed=_DIALECT,
        then=(lists(content="<p>tea</p>"),),
    ),
    Sends(
        "Delete without id",
        "`Delete` has no `id`, and its object is a string",
        "taken; what it names is gone when it was the sender's",
        before=(create(),),
        activity=act("Delete", f"{PEER}/notes/1", id=None, to=PUBLIC, cc=ANN),
        signed=_DIALECT,
        then=(lists(type="Tombstone"),),
    ),
    Sends(
        "single values",
        "lists of one are single values: `to`, `cc`, `tag`, `attachment`",
        "the same as lists",
        activity=create(to=PUBLIC, cc=ANN, tag=_MENTION, attachment=_IMAGE),
        signed=_DIALECT,
        then=(lists(to=[PUBLIC], cc=[ANN], tag=[_MENTION], attachment=[_IMAGE]),),
    ),
    Sends(
        "no shared inbox",
        "actors have no `endpoints`",
        "delivered to each inbox",
        activity=act("Follow", ANN),
        actor={"endpoints": None},
        signed=_DIALECT,
        then=(holds("followers", BOB),),
    ),
    Sends(
        "several votes in one Create",
        "votes for several options come as an array in `object`",
        "each counts, the voter once",
        activity=act(
            "Create",
            [
                note(id=f"{BOB}#votes/{name}", name=name, content=None, inReplyTo=POLL, to=ANN)
                for name in ("tea", "coffee", "water")
            ],
            id=f"{BOB}#votes/1/activity",
            to=ANN,
        ),
        signed=_DIALECT,
        then=(has(POLL, votersCount=1), has_votes(POLL, 1, 1), was_asked("GET /users/bob")),
    ),
    Sends(
        "post to nobody",
        "drops posts that address nobody; others send such",
        "for whom it was brought to, as by `bcc`",
        activity=create(to=None, cc=None),
        signed=_DIALECT,
        then=(lists(content="<p>tea</p>"),),
    ),
    Reads(
        "type of a delivery",
        "an inbox takes `activity+json`, or `ld+json` with the profile, else 406",
        "exactly one of these",
        types=("Follow", "Accept", "Create", "Delete"),
        holds=lambda sent: sent.headers["Content-Type"] in (AS2, LD_JSON_AS2),
    ),
    Reads(
        "whole objects",
        "Undo and Accept need the whole activity that they mean",
        "it is embedded",
        types=("Undo", "Accept"),
        holds=lambda sent: {"id", "type", "actor", "object"} <= sent.json["object"].keys(),
    ),
    *(
        Asks(
            f"handshake {url.rpartition('/')[2]}",
            "fetches the key of who asks it before it answers, and that unsigned or signed",
            "our keys are there for a request without a signature, at once",
            url=url,
            holds=lambda reply, url: (
                reply.status == 200 and reply.json["publicKey"]["publicKeyPem"]
            ),
        )
        for url in (ANN, "https://me.example/actors/instance")
    ),
    Asks(
        "no redirect on ids",
        "refuses an object that is found under another URL than its id",
        "no redirect; the id is the URL",
        url=NOTE,
        holds=lambda reply, url: (reply.status, reply.json["id"]) == (200, url),
    ),
    Sends(
        "Accept by id",
        "names our Follow by its id, or embeds it",
        "matched by id",
        activity=act("Accept", FOLLOW, id=f"{BOB}/accepts/1"),
        followed=True,
        signed=_DIALECT,
        then=(holds("following", BOB),),
    ),
    Covered(
        "Retry-After",
        "answers 429 or 503 with `Retry-After` when it is busy",
        "kept, for GETs and for deliveries",
        ("flows/test_delivery_retries.py::test_IO_62_retry_after_is_honoured",),
    ),
)
