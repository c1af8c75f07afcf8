"""Lemmy, Mbin and PieFed (FEP-1b12): groups that pass on what others do."""

from __future__ import annotations

from tests.doubles.cavage import Dialect
from tests.doubles.server import AS2, CONTEXT, PUBLIC
from tests.interop.quirks.rows import (
    ANN,
    BOB,
    FOLLOW,
    NOTE,
    PEER,
    Asks,
    Check,
    Quirk,
    Reads,
    Sends,
    act,
    create,
    holds,
    lists,
    lists_activity,
    lists_nothing,
    note,
    reports,
    was_asked,
)

_DIALECT = Dialect(covered="(request-target) content-type date digest host")
_GROUP = {"type": "Group"}
_ELSEWHERE = "https://other.example/u/eve"
_PAGE = {
    "type": "Page",
    "name": "Tea",
    "audience": BOB,
    "to": [BOB, PUBLIC],
    "cc": [ANN],
    "attachment": [{"type": "Link", "href": "https://tea.example/"}],
}

_MEMBER = {
    "@context": [CONTEXT, "https://w3id.org/security/v1"],
    "id": f"{PEER}/u/mod",
    "type": "Person",
    "preferredUsername": "mod",
    "inbox": f"{PEER}/u/mod/inbox",
    "outbox": f"{PEER}/u/mod/outbox",
    "publicKey": {
        "id": f"{PEER}/u/mod#main-key",
        "owner": f"{PEER}/u/mod",
        "publicKeyPem": "{PEM}",
    },
}


def _announced(name: str, inner: dict[str, object]) -> Sends:
    return Sends(
        f"Announce of {name}",
        "a Group announces whole activities of others, also Dislike and Lock",
        "listed as what the group says; of a group that nobody follows nothing is looked into",
        activity=act("Announce", {"@context": CONTEXT, **inner}, to=[ANN], cc=[PUBLIC]),
        actor=_GROUP,
        signed=_DIALECT,
        then=(lists_activity(type="Announce"), holds(f"{NOTE}/likes")),
    )


def _found_out(name: str, inner: dict[str, object], then: Check) -> Sends:
    return Sends(
        f"Announce of {name} of a member",
        "a followed Group announces what its members do, and that is the only way it comes",
        "found out at the server of the member, and counted once",
        before=(act("Accept", FOLLOW, id=f"{PEER}/accept/1"),),
        activity=act("Announce", inner, to=[f"{BOB}/followers"], cc=[PUBLIC]),
        actor=_GROUP,
        documents={"/u/mod": _MEMBER, str(inner["id"]).removeprefix(PEER): inner},
        followed=True,
        signed=_DIALECT,
        then=(then,),
    )


ROWS: tuple[Quirk, ...] = (
    _found_out(
        "a Create",
        act(
            "Create",
            note(id=f"{PEER}/post/9", inReplyTo=NOTE, attributedTo=f"{PEER}/u/mod", audience=BOB),
            actor=f"{PEER}/u/mod",
            id=f"{PEER}/activities/create/9",
            to=[BOB, PUBLIC],
        ),
        holds(f"{NOTE}/replies", f"{PEER}/post/9"),
    ),
    _found_out(
        "a Like",
        act("Like", NOTE, actor=f"{PEER}/u/mod", id=f"{PEER}/activities/like/9", to=[PUBLIC]),
        holds(f"{NOTE}/likes", f"{PEER}/activities/like/9"),
    ),
    _found_out(
        "a Dislike",
        act("Dislike", NOTE, actor=f"{PEER}/u/mod", id=f"{PEER}/activities/like/9", to=[PUBLIC]),
        was_asked(),
    ),
    _announced("a Like", act("Like", NOTE, actor=_ELSEWHERE, id=f"{_ELSEWHERE}/like/1")),
    _announced("a Dislike", act("Dislike", NOTE, actor=_ELSEWHERE, id=f"{_ELSEWHERE}/d/1")),
    _announced("a Lock", act("Lock", NOTE, actor=_ELSEWHERE, id=f"{_ELSEWHERE}/lock/1")),
    _announced(
        "a Delete", act("Delete", f"{PEER}/notes/1", actor=_ELSEWHERE, id=f"{_ELSEWHERE}/del/1")
    ),
    Sends(
        "Page",
        "a post is a `Page` with `name`, `audience`, and links in `attachment`",
        "a post like any other",
        activity=create(**_PAGE),
        signed=_DIALECT,
        then=(lists(**{**_PAGE, "audience": [BOB]}),),
    ),
    Sends(
        "deleted by a moderator",
        "`Delete` comes from a moderator, who is not the author",
        "nothing is deleted on the word of another actor",
        before=(create(id=f"{PEER}/post/1"),),
        activity=act(
            "Delete",
            f"{PEER}/post/1",
            actor=f"{PEER}/u/mod",
            id=f"{PEER}/activities/delete/1",
            to=[PUBLIC],
            cc=[ANN],
        ),
        documents={"/u/mod": _MEMBER},
        signed=_DIALECT,
        signs_as=f"{PEER}/u/mod",
        then=(lists(type="Note", id=f"{PEER}/post/1"),),
    ),
    Sends(
        "banned from a community",
        "`Block` with a community as `target` bans somebody from it",
        "no block between two actors: follows stay",
        before=(act("Follow", ANN, id=f"{PEER}/1"),),
        activity=act("Block", ANN, target=f"{PEER}/c/tea", to=[PUBLIC], cc=[f"{PEER}/c/tea"]),
        signed=_DIALECT,
        then=(holds("followers", BOB),),
    ),
    Sends(
        "Note as a comment",
        "a `Note` with `inReplyTo` is a comment; it has `audience` and the author of the parent",
        "an answer in `replies`",
        activity=create(inReplyTo=NOTE, audience=f"{PEER}/c/tea"),
        signed=_DIALECT,
        then=(holds(f"{NOTE}/replies", f"{PEER}/notes/1"),),
    ),
    Sends(
        "report",
        "a report has its reason in `summary`, and one object",
        "a report that says it",
        activity=act("Flag", NOTE, summary="spam", to=[f"{PEER}/c/tea"], id=f"{PEER}/flag/1"),
        signed=_DIALECT,
        then=(reports("spam"), lists_nothing()),
    ),
    Sends(
        "private message",
        "a private message is a `Note` with one Person in `to`, or a `ChatMessage`",
        "for that person alone",
        activity=create(type="ChatMessage", to=[ANN], cc=None),
        signed=_DIALECT,
        then=(lists(to=[ANN]),),
    ),
    *(
        Asks(
            f"type for {accept[:24]}",
            "takes three exact media types, compared without case",
            "one of them, without other parameters",
            url=ANN,
            accept=accept,
            holds=lambda reply, url: (
                reply.headers["Content-Type"]
                in (AS2, f'application/ld+json; profile="{CONTEXT}"', f"{AS2}; charset=utf-8")
            ),
        )
        for accept in (AS2, "application/ld+json", f'application/ld+json; profile="{CONTEXT}"')
    ),
    Asks(
        "WebFinger",
        "takes the last link whose type is `application/…`",
        "only one is, and it is the actor",
        url="https://me.example/.well-known/webfinger?resource=acct:ann@me.example",
        accept="application/jrd+json",
        holds=lambda reply, url: (
            [
                (one["rel"], one["type"])
                for one in reply.json["links"]
                if str(one.get("type")).startswith("application/")
            ]
            == [("self", AS2)]
        ),
    ),
    Asks(
        "Person",
        "a Person needs `outbox`, `publicKey` and an inbox as a string",
        "ours has them",
        url=ANN,
        holds=lambda reply, url: (
            {"outbox", "publicKey"} <= reply.json.keys() and "#" in reply.json["publicKey"]["id"]
        ),
    ),
    Reads(
        "Public in full",
        "a public post names Public by its whole IRI",
        "never `as:Public`",
        types=("Create", "Update", "Delete", "Announce"),
        holds=lambda sent: b"as:Public" not in sent.body and b'"Public"' not in sent.body,
    ),
    Reads(
        "all digests are SHA-256",
        "every algorithm in `Digest` must be SHA-256",
        "there is one",
        types=("Create", "Follow", "Undo"),
        holds=lambda sent: (
            sent.headers["Digest"].startswith("SHA-256=") and "," not in sent.headers["Digest"]
        ),
    ),
)
