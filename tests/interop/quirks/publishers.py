"""Threads, WordPress, Ghost and what is made with Fedify."""

from __future__ import annotations

from tests.doubles.server import AS2
from tests.interop.quirks.rows import (
    ANN,
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
)

_SIGNED = ("@method", "@target-uri", "content-digest")


def _follow(by: str) -> dict[str, object]:
    return act("Follow", ANN, actor=by, id=f"{PEER}/follow-1")


THREADS: tuple[Quirk, ...] = (
    Sends(
        "trailing slash",
        "ids of actors end in a slash",
        "ids are compared as they are",
        by=f"{PEER}/ap/users/1/",
        activity=_follow(f"{PEER}/ap/users/1/"),
        then=(holds("followers", f"{PEER}/ap/users/1/"),),
    ),
    Asks(
        "instance actor",
        "asks for our keys signed, and is asked for its own by who verifies that",
        "the instance actor is there for everybody, unsigned",
        url="https://me.example/actors/instance",
        holds=lambda reply, url: reply.status == 200 and reply.json["id"] == url,
    ),
    Reads(
        "upper-case SHA-256",
        "the algorithm in `Digest` must be in capitals",
        "it is",
        types=("Create", "Follow", "Undo"),
        holds=lambda sent: sent.headers["Digest"].startswith("SHA-256="),
    ),
    Reads(
        "actor by id",
        "an embedded `actor` fails",
        "`actor` and `attributedTo` are strings",
        types=("Create", "Follow", "Undo", "Like", "Announce"),
        holds=lambda sent: (
            isinstance(sent.json["actor"], str)
            and isinstance(_object(sent.json).get("attributedTo", ""), str)
        ),
    ),
    Reads(
        "Undo of a Follow",
        "answers 500 to an Undo without the whole Follow",
        "it is embedded",
        types=("Undo",),
        holds=lambda sent: {"id", "type", "actor", "object"} <= sent.json["object"].keys(),
    ),
)


def _object(activity: dict[str, object]) -> dict[str, object]:
    value = activity.get("object")
    return value if isinstance(value, dict) else {}


WORDPRESS: tuple[Quirk, ...] = (
    *(
        Sends(
            f"actor at {path}",
            "ids of actors have a query, an `@`, or a slash at the end",
            "ids are opaque: the query is asked for, and compared",
            by=f"{PEER}{path}",
            activity=_follow(f"{PEER}{path}"),
            then=(holds("followers", f"{PEER}{path}"),),
        )
        for path in ("/?author=1", "/@bob", "/author/bob/")
    ),
    Sends(
        "label wp",
        "signs by RFC 9421 under the label `wp`, with `@authority` and `alg`",
        "any label is read",
        activity=create(),
        signed=(
            "wp",
            ("@method", "@target-uri", "@authority", "content-digest"),
            ';alg="rsa-v1_5-sha256"',
        ),
        then=(lists(content="<p>tea</p>"),),
    ),
    Sends(
        "Article",
        "a post is an `Article` or a `Note`, with `contentMap`",
        "kept as it is",
        activity=create(
            type="Article", name="Tea", contentMap={"en": "<p>tea</p>"}, summary="about tea"
        ),
        then=(lists(type="Article", name="Tea", contentMap={"en": "<p>tea</p>"}),),
    ),
    Reads(
        "algorithm",
        "needs `algorithm` in the signature",
        "it says `rsa-sha256`",
        types=("Create", "Follow"),
        holds=lambda sent: 'algorithm="rsa-sha256"' in sent.headers["Signature"],
    ),
    Asks(
        "key by the actor",
        "takes the key from the actor that is found under the key id without its fragment",
        "it is there, as `publicKey.publicKeyPem`",
        url=ANN,
        holds=lambda reply, url: reply.json["publicKey"]["id"].partition("#")[0] == url,
    ),
)

GHOST: tuple[Quirk, ...] = (
    Sends(
        "Article with a preview",
        "a post is an `Article` with `preview`, a Note, and `image`",
        "kept as it is",
        activity=create(
            type="Article",
            name="Tea",
            image=f"{PEER}/1.png",
            preview={"type": "Note", "content": "<p>te</p>"},
        ),
        then=(lists(type="Article", preview={"type": "Note", "content": "<p>te</p>"}),),
    ),
    Asks(
        "asks for what it was sent",
        "fetches every object of a Create by its id before it believes it",
        "a public object is there for everybody",
        url=NOTE,
        accept=f"{AS2}, application/ld+json",
        holds=lambda reply, url: (reply.status, reply.json["id"]) == (200, url),
    ),
)

FEDIFY: tuple[Quirk, ...] = (
    Sends(
        "RFC 9421 first",
        "knocks by RFC 9421 first",
        "verified",
        activity=create(),
        signed=("sig1", _SIGNED, ""),
        then=(lists(content="<p>tea</p>"),),
    ),
    Sends(
        "401 for a second knock",
        "knocks again by draft-cavage only after an error",
        "what cannot be verified is 401, never 202",
        activity=create(),
        signed=("sig1", ("@method", "@target-uri"), ""),
        status=401,
    ),
    Sends(
        "urn:uuid",
        "ids inside of an activity may be no URLs (`urn:uuid:`)",
        "compared as strings, never asked for",
        activity=create(
            attachment=[{"type": "Document", "id": "urn:uuid:1", "url": f"{PEER}/1.png"}]
        ),
        then=(lists(content="<p>tea</p>"),),
    ),
    Covered(
        "proof and LD signature",
        "an activity has both an LD signature and an integrity proof",
        "not needed when its own actor signs the request; read when another brings it",
        (
            "interop/test_fedify_forwarding.py::test_IO_97_we_take_what_another_brings",
            "interop/test_other_servers.py::test_what_fedify_sent_is_taken",
        ),
    ),
)
