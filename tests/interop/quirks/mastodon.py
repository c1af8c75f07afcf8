"""Mastodon and its soft forks."""

from __future__ import annotations

from tests.doubles.cavage import Dialect
from tests.doubles.server import AS2, PUBLIC
from tests.interop.quirks.rows import (
    ANN,
    BOB,
    NOTE,
    PEER,
    POLL,
    Asks,
    Covered,
    Quirk,
    Sends,
    act,
    create,
    has,
    holds,
    lists,
    lists_activity,
    lists_nothing,
    note,
    reports,
    was_asked,
)

_NUMBERED = f"{PEER}/ap/users/116000000000000001"
_DIALECT = Dialect(covered="host date content-type digest (request-target)")
_PINNED = {"featured": f"{BOB}/collections/featured"}
_LD_SIGNATURE = {
    "type": "RsaSignature2017",
    "creator": f"{BOB}#main-key",
    "created": "2026-03-01T10:20:30Z",
    "signatureValue": "AAAA",
}

ROWS: tuple[Quirk, ...] = (
    *(
        Sends(
            f"{type_} without id",
            f"`{type_}` to `featured` has no `id`, `to` or `cc`",
            "taken; whose collection it is decides",
            activity=act(type_, f"{PEER}/notes/1", id=None, target=f"{BOB}/collections/featured"),
            actor=_PINNED,
            signed=_DIALECT,
            followed=True,
        )
        for type_ in ("Add", "Remove")
    ),
    Sends(
        "FeatureRequest without actor",
        "`FeatureRequest` has no `actor`",
        "the signer is the actor",
        activity=act(
            "FeatureRequest", ANN, actor=None, instrument=f"{BOB}/collections/4", id=f"{PEER}/fr/1"
        ),
        signed=_DIALECT,
        then=(lists_activity(actor=BOB, type="FeatureRequest"),),
    ),
    Sends(
        "Follow without to",
        "`Follow` addresses nobody",
        "taken and accepted; its object is whom it is for",
        activity=act("Follow", ANN, id=f"{PEER}/0b9f0f5c-6f3a-4b57-9a0e-1d1a6a0f2c11"),
        signed=_DIALECT,
        then=(holds("followers", BOB),),
    ),
    Sends(
        "Undo without to",
        "`Undo` addresses nobody and has its own id only by a suffix",
        "taken; the embedded activity says what ends",
        before=(act("Follow", ANN, id=f"{PEER}/1"),),
        activity=act("Undo", act("Follow", ANN, id=f"{PEER}/1"), id=f"{PEER}/1/undo"),
        signed=_DIALECT,
        then=(holds("followers"),),
    ),
    Sends(
        "Accept without to",
        "`Accept` addresses nobody, and its id has a fragment",
        "taken; the Follow that it names was ours",
        activity=act("Accept", "https://me.example/activities/1", id=f"{BOB}#accepts/follows/9"),
        signed=_DIALECT,
        followed=True,
        then=(holds("following", BOB),),
    ),
    Sends(
        "Like without to",
        "`Like` addresses nobody, and its id has a fragment",
        "counted; no id with a fragment is asked for",
        activity=act("Like", NOTE, id=f"{BOB}#likes/3"),
        signed=_DIALECT,
        then=(holds(f"{NOTE}/likes", f"{BOB}#likes/3"), was_asked("GET /users/bob")),
    ),
    Sends(
        "Block without to",
        "`Block` addresses nobody",
        "ends the follow on our side, and is shown to nobody",
        before=(act("Follow", ANN, id=f"{PEER}/1"),),
        activity=act("Block", ANN, id=f"{BOB}#blocks/1"),
        signed=_DIALECT,
        then=(holds("followers"),),
    ),
    Sends(
        "numeric actor id",
        "ids of actors are numbers and tell no name",
        "the name is `preferredUsername`, never a part of the id",
        by=_NUMBERED,
        activity=act("Follow", ANN, actor=_NUMBERED, id=f"{PEER}/1"),
        signed=_DIALECT,
        then=(holds("followers", _NUMBERED), was_asked("GET /ap/users/116000000000000001")),
    ),
    Sends(
        "scalar to of a vote",
        "a vote has `to` as one string, a `name`, no `content`",
        "counted as a vote, and listed as no answer",
        activity=act(
            "Create",
            note(id=f"{BOB}#votes/8", name="tea", content=None, inReplyTo=POLL, to=ANN, cc=None),
            to=ANN,
            id=f"{BOB}#votes/8/activity",
        ),
        signed=_DIALECT,
        then=(has(POLL, votersCount=1), holds(f"{POLL}/replies")),
    ),
    Sends(
        "LD signature beside",
        "a public activity has an LD signature (`signature`) that nobody needs here",
        "the HTTP signature of its own actor decides",
        activity=create() | {"signature": _LD_SIGNATURE},
        signed=_DIALECT,
        then=(lists(content="<p>tea</p>", to=[PUBLIC]),),
    ),
    *(
        Asks(
            f"{what} as {accept}",
            "`Accept` is `ld+json` without the profile, or a list with HTML at the end",
            "ActivityStreams, under the id that was asked for",
            url=url,
            accept=accept,
            holds=lambda reply, url: (reply.status, reply.json["id"]) == (200, url),
        )
        for what, url in (("actor", ANN), ("note", NOTE))
        for accept in (
            "application/ld+json",
            "application/activity+json, application/ld+json",
            f"{AS2}, text/html;q=0.1",
        )
    ),
    *(
        Sends(
            f"Flag {what}",
            "a report comes from the server's actor, of an actor and posts; up to 2.8 without id",
            "a report for moderators, and in no inbox",
            activity=act("Flag", [ANN, NOTE], content="spam", id=id_),
            actor={"type": "Application"},
            signed=_DIALECT,
            then=(reports("spam"), lists_nothing()),
        )
        for what, id_ in (("with id", f"{PEER}/reports/5"), ("without id", None))
    ),
    Covered(
        "key outage",
        "answers 503 for five minutes when a key could not be fetched once",
        "503 is tried again, in order",
        ("flows/test_delivery_retries.py::test_IO_62_what_may_pass_is_tried_again",),
    ),
    Covered(
        "unavailable for seven days",
        "sends nothing to a host that failed on seven days, until that host posts",
        "who posts to us is tried at once; after an outage of ours we post",
        (
            "flows/test_unavailable_hosts.py::test_IO_64_who_speaks_is_tried_at_once",
            "flows/test_farewell.py::test_IO_100_after_an_outage_all_who_know_an_actor_hear_of_it",
        ),
    ),
)
