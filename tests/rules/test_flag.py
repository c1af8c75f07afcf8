"""IO-83: a Flag in whatever shape it comes is a report, about what is of ours alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from apserver.core import limits, rules
from apserver.core.audience import Audience
from apserver.core.effects import Effects, PutReport, Refuse, Send
from apserver.core.facts import Facts, ObjectFact, ObjectNeed
from apserver.core.origin import key_of
from apserver.errors import BadInput
from tests.rules.facts import ANN, BOB, CAROL, MALLORY, NOW, Found, facts, reaches, received, sent

NOTE = "https://here.example/objects/1"
OTHER_NOTE = "https://here.example/objects/2"
FAR_NOTE = "https://far.example/notes/1"
SERVER = "https://far.example/actor"
INSTANCE = "https://here.example/actors/instance"


def note(id_: str, by: str, content: str = "tea") -> Found:
    """A public note that is stored."""
    document = {"type": "Note", "attributedTo": by, "content": content}
    ours = id_.startswith("https://here.example/")
    fact = ObjectFact(key_of(by), ours, "Note", document, NOW, None, deleted=False)
    return {ObjectNeed(id_): fact}


def flag(**members: Any) -> dict[str, Any]:
    """A Flag in the name of a server."""
    return {"id": f"{SERVER}/flags/1", "type": "Flag", "actor": SERVER, **members}


def receive(document: Mapping[str, Any], *known: Found) -> Effects:
    """What it does here, at an inbox of whomever."""
    found = facts(note(NOTE, ANN), note(OTHER_NOTE, BOB), note(FAR_NOTE, CAROL), *known)
    return rules.receive(received(document), reaches(document, found))


def report(document: Mapping[str, Any], *known: Found) -> PutReport:
    """The report that it makes; it is listed nowhere."""
    made, refused = receive(document, *known)
    assert isinstance(made, PutReport)
    assert refused == Refuse("kept-as-report")
    return made


@pytest.mark.parametrize(
    ("members", "posts", "words"),
    [
        ({"object": [ANN, NOTE], "content": "spam"}, (NOTE,), "spam"),  # Mastodon
        ({"object": ANN, "content": "spam"}, (), "spam"),
        ({"object": [ANN, NOTE], "id": None}, (NOTE,), ""),  # Mastodon up to 2.8
        ({"object": ANN, "content": f"Note: {NOTE}<br>spam"}, (NOTE,), f"Note: {NOTE}\nspam"),
        ({"object": NOTE, "summary": "spam"}, (NOTE,), "spam"),  # Lemmy
        ({"object": [NOTE], "content": "spam"}, (NOTE,), "spam"),  # PeerTube
        ({"object": {"type": "Note", "id": NOTE}}, (NOTE,), ""),
        ({"object": [ANN, NOTE, FAR_NOTE, CAROL]}, (NOTE,), ""),
    ],
    ids="mastodon account no-id misskey lemmy peertube embedded not-ours".split(),
)
def test_IO_83_every_shape_is_a_report(
    members: dict[str, Any], posts: tuple[str, ...], words: str
) -> None:
    """IO-83: who, what of theirs, and what is said; what is not of ours counts for nothing."""
    made = report(flag(**members))
    assert (made.subjects, made.posts, made.content) == ((ANN,), posts, words)
    assert (made.reporter, made.ours, made.forwarded_to) == (SERVER, False, ())


def test_IO_83_the_text_brings_no_third_person_in() -> None:
    """IO-83: an address in the text is a post of who is reported, or none."""
    made = report(flag(object=ANN, content=f"as in {OTHER_NOTE} and {NOTE}"))
    assert (made.subjects, made.posts) == ((ANN,), (NOTE,))


def test_IO_83_nothing_of_ours_is_no_report() -> None:
    """IO-83: ignored, with a reason."""
    for about in (CAROL, FAR_NOTE, "https://here.example/objects/9", "urn:x:1"):
        assert receive(flag(object=about)) == (Refuse("flag-not-ours"),)


def test_IO_83_evidence_is_kept_and_bounded() -> None:
    """IO-83, ux 6: what was reported as it was, cut where it is too much, and no more than so
    much of it in all."""
    made = report(flag(object=[ANN, NOTE, OTHER_NOTE]), note(NOTE, ANN, "x" * limits.TEXT))
    long, short = made.evidence[:2]
    assert long == {"id": NOTE, "type": "Note", "content": "x" * limits.REPORT_EXCERPT}
    assert short["content"] == "tea"
    many = [f"https://here.example/objects/{number}" for number in range(100, 300)]
    big: Found = {}
    for one in many:
        big |= note(one, ANN, "x" * 60_000)
    made = report(flag(object=[*many, ANN]), big)
    assert len(made.posts) <= limits.PARTICIPANTS
    kept = sum(len(str(one)) for one in made.evidence)
    assert kept <= limits.REPORT_EVIDENCE


def test_IO_83_what_is_said_is_plain_and_bounded() -> None:
    """IO-83: at most 5000 characters, and nothing that a terminal takes for a command."""
    made = report(flag(object=ANN, content="<p>a &lt;b&gt;\x1b[2J\x9b31m</p><p>c\u202ed</p>"))
    assert made.content == "a <b> [2J 31m\nc d"
    assert len(report(flag(object=ANN, content="y" * 9_000)).content) == limits.REPORT_TEXT


def post(
    document: Mapping[str, Any], *to: str, known: Found | None = None
) -> tuple[Audience, Effects]:
    """A Flag that bob posts, addressed to these: whom it goes to, and what it does."""
    found = facts(note(NOTE, ANN), note(FAR_NOTE, CAROL), known or {})
    mine = {"id": "https://here.example/activities/7", "type": "Flag", "actor": BOB, **document}
    drafted = sent({**mine, "to": list(to)})
    drafted = type(drafted)(drafted.document, drafted.id, "Flag", BOB, Audience(to=to))
    whole = rules.complete(drafted, found)
    return whole.audience, rules.send(whole, found)


def test_IO_83_a_report_of_ours_goes_nowhere_by_itself() -> None:
    """IO-83: kept here; whoever it is addressed to, nobody gets or reads it."""
    everybody = ("https://www.w3.org/ns/activitystreams#Public", f"{BOB}/followers", ANN, MALLORY)
    audience, effects = post({"object": [ANN, NOTE], "content": "spam"}, *everybody)
    assert audience == Audience()
    [made] = effects
    assert isinstance(made, PutReport)
    assert (made.reporter, made.ours, made.forwarded_to) == (BOB, True, ())


def test_IO_83_what_is_passed_on_is_the_servers_own_and_names_nobody() -> None:
    """IO-83, interop 2.3: from the instance actor to the actor reported, when it is addressed;
    only what is of its server."""
    flagged = {"object": [FAR_NOTE, NOTE, CAROL], "content": "a <b>spam</b> &lt;i&gt;"}
    audience, effects = post(flagged, CAROL, ANN)
    made, passed = effects
    assert isinstance(made, PutReport)
    assert isinstance(passed, Send)
    assert audience == Audience()
    assert (made.subjects, made.forwarded_to) == ((CAROL, ANN), (CAROL,))
    assert passed.document == {
        "type": "Flag",
        "actor": INSTANCE,
        "object": [CAROL, FAR_NOTE],
        "content": "a spam &lt;i&gt;",
        "to": [CAROL],
    }


def test_IO_83_the_server_keeps_no_report_of_what_it_passes_on() -> None:
    """IO-83: its Flag goes to whom it names, and is no second report."""
    document = {"id": "https://here.example/activities/8", "type": "Flag", "actor": INSTANCE}
    drafted = sent({**document, "object": CAROL, "to": [CAROL]})
    known: Facts = facts()
    assert rules.complete(drafted, known) == drafted
    assert rules.send(drafted, known) == ()


def test_IO_83_a_client_is_told_what_is_too_much() -> None:
    """IO-83: 5000 characters, and ids."""
    with pytest.raises(BadInput, match="5000"):
        post({"object": ANN, "content": "y" * 5_001})
    with pytest.raises(BadInput, match="ids"):
        post({"object": {"type": "Note", "content": "z"}})
