"""BookWyrm, events and forums, bridges, relays, and what is true of many."""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from tests.doubles.cavage import Dialect, joined
from tests.doubles.server import CONTEXT, PUBLIC
from tests.interop.quirks.rows import (
    ANN,
    BOB,
    FOLLOW,
    NOTE,
    PEER,
    Covered,
    Quirk,
    Reads,
    Sends,
    act,
    create,
    holds,
    lists,
    lists_activity,
    note,
    was_asked,
)

BOOKWYRM: tuple[Quirk, ...] = (
    Sends(
        "slash before the fragment",
        "the key id is `ACTOR/#main-key`, and the actor is found there too",
        "compared without that slash",
        activity=act("Follow", ANN),
        key_id=f"{BOB}/#main-key",
        documents={"/users/bob/": lambda place: place.peer.documents["/users/bob"]},
        then=(holds("followers", BOB),),
    ),
    *(
        Sends(
            type_,
            "posts are of types that nobody else has: Review, Comment, Quotation",
            "kept and listed like a Note",
            activity=create(
                type=type_, name="A book", inReplyToBook=f"{PEER}/book/1", content="<p>tea</p>"
            ),
            then=(lists(type=type_, name="A book"),),
        )
        for type_ in ("Review", "Comment", "Quotation")
    ),
    Reads(
        "date",
        "reads `Date` by one format, and takes it for 300 seconds; splits `Signature` at commas",
        "RFC 1123 with `GMT`, of the moment; no comma in a value",
        types=("Create", "Follow", "Undo"),
        holds=lambda sent: (
            parsedate_to_datetime(sent.headers["Date"]).utcoffset() is not None
            and sent.headers["Date"].endswith(" GMT")
            and sent.headers["Signature"].count(",") == 3
        ),
    ),
)

EVENTS: tuple[Quirk, ...] = (
    Sends(
        "Event",
        "a post is an `Event` with a Place and times",
        "kept as it is",
        activity=create(
            type="Event",
            name="Tea",
            startTime="2026-05-01T10:00:00Z",
            location={"type": "Place", "name": "Home", "latitude": 52.5},
        ),
        then=(lists(type="Event", location={"type": "Place", "name": "Home", "latitude": 52.5}),),
    ),
    Sends(
        "contentMap alone",
        "a `Page` has `contentMap` and no `content`",
        "taken",
        activity=create(type="Page", content=None, contentMap={"de": "<p>Tee</p>"}),
        then=(lists(type="Page", contentMap={"de": "<p>Tee</p>"}),),
    ),
    Sends(
        "Accept by id",
        "the object of `Accept` is a string",
        "matched by id",
        activity=act("Accept", FOLLOW),
        followed=True,
        then=(holds("following", BOB),),
    ),
    Sends(
        "Accept with another id",
        "the Follow in an `Accept` has an id that we never gave",
        "the pair of actors counts",
        activity=act("Accept", {"type": "Follow", "id": f"{PEER}/f", "actor": ANN, "object": BOB}),
        followed=True,
        then=(holds("following", BOB),),
    ),
    Covered(
        "Ed25519 key",
        "the key of a proof is `ACTOR#ed25519-key`, in `assertionMethod`",
        "read as a key of the actor",
        ("flows/test_signatures.py::test_KEY_04_ed25519_from_assertion_method",),
    ),
)

BRIDGES: tuple[Quirk, ...] = (
    Sends(
        "URL in a fragment",
        "an id has a URL in its fragment",
        "a string like any other",
        activity=act("Accept", FOLLOW, id=f"{BOB}#accept-https://me.example/actors/ann"),
        followed=True,
        then=(holds("following", BOB),),
    ),
    Sends(
        "at: ids",
        "objects are named by `at://` in `url` and `tag`",
        "never asked for",
        activity=create(
            url=[f"{PEER}/n/1", "at://did:plc:1/app.bsky.feed.post/1"],
            inReplyTo="at://did:plc:1/app.bsky.feed.post/0",
        ),
        then=(lists(content="<p>tea</p>"), was_asked("GET /users/bob")),
    ),
    Sends(
        "Like of an at: object",
        "likes what has no URL",
        "taken, and without effect",
        activity=act("Like", "at://did:plc:1/app.bsky.feed.post/1", to=[ANN]),
        then=(holds(f"{NOTE}/likes"), was_asked("GET /users/bob")),
    ),
)

RELAYS: tuple[Quirk, ...] = (
    Sends(
        "bare Announce",
        "a relay announces the id of a post of somebody else",
        "fetched from where it lives; what cannot be had there has no effect",
        activity=act("Announce", f"{PEER}/notes/9", to=[ANN]),
        actor={"type": "Application"},
        documents={"/notes/9": {"@context": CONTEXT, **note(id=f"{PEER}/notes/9")}},
        then=(lists_activity(type="Announce"),),
    ),
    Covered(
        "signed by the author",
        "a relay passes on what the author signed (LD signature), under its own HTTP signature",
        "the LD signature is verified",
        ("flows/test_proofs.py::test_IO_22_an_ld_signature_needs_no_fetch",),
    ),
)

GENERIC: tuple[Quirk, ...] = (
    Sends(
        "as:Public",
        "Public is `as:Public` or `Public`",
        "the same as the whole IRI",
        activity=create(to="as:Public", cc=ANN),
        then=(lists(content="<p>tea</p>"),),
    ),
    Sends(
        "types in a list",
        "`type` is a list, `actor` an object, members are null",
        "read as the one that is meant",
        activity=create(type=["Note"], summary=None)
        | {"type": ["Create"], "actor": {"id": BOB, "type": "Person"}, "target": None},
        then=(lists(content="<p>tea</p>"),),
    ),
    Sends(
        "object for an addressee",
        "`to` has an object with an id",
        "its id counts",
        activity=create(to=[{"type": "Person", "id": ANN}], cc=None),
        then=(lists(content="<p>tea</p>"),),
    ),
    Sends(
        "unknown context",
        "a context that nobody can fetch, `http://joinmastodon.org/ns`, null in the list",
        "adds nothing, and is not fetched",
        activity=create() | {"@context": [CONTEXT, "http://joinmastodon.org/ns", None, {}]},
        then=(lists(content="<p>tea</p>"), was_asked("GET /users/bob")),
    ),
    Sends(
        "blanks in the signature",
        "blanks after commas, and the word `Signature` in front",
        "read",
        activity=create(),
        signed=Dialect(write=lambda own: "Signature " + joined(own).replace('",', '", ')),
        then=(lists(to=[PUBLIC]),),
    ),
    Reads(
        "no null, no compact Public",
        "compaction by JSON-LD makes single values and `as:Public` of what we mean",
        "what we send is not compacted: arrays, whole IRIs, no null",
        types=("Create", "Update", "Announce", "Delete"),
        holds=lambda sent: b"null" not in sent.body and b"as:Public" not in sent.body,
    ),
)
