"""Flag, whole: a report to moderators, which nobody else gets to see (IO-83).

*From elsewhere* it comes from the actor of a server, which stands for whoever reports there. It is
about an actor of ours and posts of it, in many shapes: one object or several, the addresses of
posts in the text (Misskey), the reason in ``summary`` (Lemmy), a post alone, whose author is meant
(PeerTube), no id (Mastodon up to 2.8). What is not of ours counts for nothing. Whoever reports need
not be able to read it: nothing is shown to them, and moderators see everything anyway.

*From a client of ours* it is kept here for our own moderators. Whoever shall be told elsewhere is
named as an addressee: then the instance actor sends a Flag of its own to each actor reported
there, with what is of that actor's server, and does not say who it was. All other addressees are
dropped, so that nobody but its actor can read the Flag. The actor must be able to see what it
reports (CVE-2024-23649), but need not be liked by who made it: a block is no way around a report.

Moderators keep what was reported as it was then, whatever becomes of it: so much of it as there is
room for. To undo a Flag closes the report. What is said of it here shows it to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from html import escape, unescape
from typing import Any

from apserver.core import limits
from apserver.core.audience import Audience, audience_of, with_addressing
from apserver.core.document import encoded, parse
from apserver.core.effects import Effects, PutReport, Refuse, Send, TakeBackReport
from apserver.core.facts import ActivityNeed, ActorNeed, Facts, Need, ObjectNeed
from apserver.core.model import Activity, VerifiedActivity
from apserver.core.names import instance_of
from apserver.core.origin import same_origin
from apserver.core.rules import concerning
from apserver.errors import BadInput

_ADDRESS = re.compile(r"https?://[^\s\"'<>]{1,2000}")
# Linear: after "<" each matches a class that ends where the next may begin. A text that calls
# itself no HTML is not cleaned, and may hold as many "<" as there is room for.
_BREAK = re.compile(r"<br\s*/?>|</p>\s*<p[^<>]*>", re.IGNORECASE)
_TAG = re.compile(r"<[^<>]*>")
#: What a terminal would take for a command: moderators read reports in one.
_CONTROL = re.compile(r"[^\S\n]|[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
#: What is kept of a thing that is too big to be kept whole.
_BRIEF = ("id", "type", "name", "preferredUsername", "published", "summary", "content")


def needs(flag: Activity, facts: Facts) -> Iterable[Need]:
    """What is reported, as an actor, an object and an activity; then whose it is."""
    yield from concerning.needs(flag, facts)
    for id_ in _named(flag):
        yield ActorNeed(id_)
        yield ObjectNeed(id_)
        yield ActivityNeed(id_)
        owner = _whose(id_, facts)
        if owner is not None:
            yield ActorNeed(owner)


def about(flag: Activity, facts: Facts) -> tuple[str, ...]:
    """Who of ours is reported, so that it counts at whatever inbox it comes; they do not hear of
    it."""
    return tuple(one for one in _subjects(flag, facts) if _is_ours(one, facts))


def complete(flag: Activity, facts: Facts) -> Activity:
    """The Flag of a client as its actor alone can read it: ``to`` names who shall be told, and it
    goes to nobody itself."""
    if _is_from_here(flag):
        return flag
    told = [one for one in _subjects(flag, facts) if not _is_ours(one, facts)]
    asked = Audience(to=tuple(one for one in told if one in flag.audience.everyone))
    document = with_addressing(flag.document, asked)
    return Activity(document, flag.id, flag.type, flag.actor, Audience())


def send(flag: Activity, facts: Facts) -> Effects:
    """One of ours reports something. BadInput, Missing or Gone when there is nothing to report."""
    if _is_from_here(flag):
        return ()
    concerning.check(flag, facts, though_blocked=True)
    words, ids = _words_of(flag), concerning.objects_of(flag)
    if not ids:
        raise BadInput("A report names what it is about by ids.", pointer="/object")
    if len(words) > limits.REPORT_TEXT:
        raise BadInput(f"A report may say {limits.REPORT_TEXT} characters.", pointer="/content")
    told = audience_of(flag.document).to
    report = _report(flag, facts, ids, _subjects(flag, facts), words, told=told)
    return (report, *(Send(_passed_on(flag, one, ids, words)) for one in told))


def receive(flag: VerifiedActivity, facts: Facts) -> Effects:
    """Something of ours is reported by another server."""
    if flag.ours:
        return ()  # kept since it was sent
    subjects = about(flag, facts)
    if not subjects:
        return (Refuse("flag-not-ours"),)
    ids = [one for one in _named(flag) if _whose(one, facts) in subjects]
    report = _report(flag, facts, ids, subjects, _words_of(flag)[: limits.REPORT_TEXT])
    return (report, Refuse("kept-as-report"))  # and nowhere else


def undo(undoing: Activity, flag: Activity, facts: Facts) -> Effects:
    """Whoever reported it takes it back: the report is closed, and stays for moderators."""
    return (TakeBackReport(flag.key),)


def narrow(answer: Activity, flag: Activity, facts: Facts) -> Activity:
    """What is said of a Flag of ours names it, shows nothing of it and goes to nobody."""
    document = with_addressing({**answer.document, "object": flag.id}, Audience())
    return Activity(document, answer.id, answer.type, answer.actor, Audience())


def _is_from_here(flag: Activity) -> bool:
    """Whether the server itself passes it on."""
    return flag.actor == instance_of(flag.actor)


def _named(flag: Activity) -> tuple[str, ...]:
    """What may be reported: the objects and, in what comes from elsewhere, the addresses in the
    text."""
    ids = list(concerning.objects_of(flag))
    if isinstance(flag, VerifiedActivity):
        said = flag.document.get("content")
        ids += _ADDRESS.findall(unescape(said)) if isinstance(said, str) else ()
    return tuple(dict.fromkeys(ids))[: limits.PARTICIPANTS]


def _subjects(flag: Activity, facts: Facts) -> tuple[str, ...]:
    """Who is reported: the actors among the objects, and whose the others are. Of what a client
    of ours names and nobody knows here, it says itself by addressing it that it is an actor."""
    found = []
    for id_ in concerning.objects_of(flag):
        owner = _whose(id_, facts)
        if owner is None and not isinstance(flag, VerifiedActivity):
            owner = id_ if id_ in flag.audience.everyone else None
        if owner is not None:
            found.append(owner)
    return tuple(dict.fromkeys(found))


def _whose(id_: str, facts: Facts) -> str | None:
    """An actor is its own; None for what is not known here."""
    if facts.actor(id_) is not None:
        return id_
    stored, done = facts.object(id_), facts.activity(id_)
    if stored is not None:
        return concerning.author_of(stored)
    return None if done is None else done.actor


def _is_ours(id_: str, facts: Facts) -> bool:
    actor = facts.actor(id_)
    return actor is not None and actor.ours


def _report(
    flag: Activity,
    facts: Facts,
    ids: Iterable[str],
    subjects: tuple[str, ...],
    words: str,
    *,
    told: tuple[str, ...] = (),
) -> PutReport:
    posts = tuple(one for one in ids if one not in subjects)
    return PutReport(
        activity=flag.key,
        activity_id=flag.id,
        reporter=flag.actor,
        ours=not isinstance(flag, VerifiedActivity),
        subjects=subjects,
        posts=posts,
        evidence=tuple(_evidence((*posts, *subjects), facts)),
        content=words,
        forwarded_to=told,
    )


def _passed_on(flag: Activity, subject: str, ids: Iterable[str], words: str) -> dict[str, Any]:
    """What the server of a reported actor is told: what is of that server, and who."""
    theirs = [one for one in ids if one != subject and same_origin(one, subject)]
    return {
        "type": "Flag",
        "actor": instance_of(flag.actor),
        "object": [subject, *theirs],
        "content": escape(words, quote=False),
        "to": [subject],
    }


def _words_of(flag: Activity) -> str:
    """What the reporter says, as plain text."""
    for name in ("content", "summary"):
        said = flag.document.get(name)
        if isinstance(said, str) and said:
            return _CONTROL.sub(" ", unescape(_TAG.sub("", _BREAK.sub("\n", said)))).strip()
    return ""


def _evidence(ids: Iterable[str], facts: Facts) -> Iterator[Mapping[str, Any]]:
    """What these things are like now, as far as they are here and there is room."""
    room = limits.REPORT_EVIDENCE
    for id_ in ids:
        held = _held(id_, facts)
        if held is not None and len(encoded(held)) > room:
            held = {name: _excerpt(held[name]) for name in _BRIEF if name in held}
        if held is None or len(encoded(held)) > room:
            continue
        room -= len(encoded(held))
        yield held


def _held(id_: str, facts: Facts) -> Mapping[str, Any] | None:
    stored, done, actor = facts.object(id_), facts.activity(id_), facts.actor(id_)
    if stored is not None:
        return {"id": id_, **stored.document}
    if done is not None:
        return done.document
    if actor is None:
        return None
    profile = parse(actor.document)
    return {"id": id_, **{name: profile[name] for name in _BRIEF if name in profile}}


def _excerpt(value: Any) -> Any:
    return value[: limits.REPORT_EXCERPT] if isinstance(value, str) else None
