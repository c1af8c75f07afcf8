"""Questions as documents: options, the numbers of votes in them, and when they end.

The numbers are the server's: what a client says of them is not kept. Others are told them by an
Update of the Question that has no new `updated` (interop 2.7), so what a Question says and how it
stands are two things, told apart here.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list, first, id_of
from apserver.core.times import published_at, read_time

KINDS = ("oneOf", "anyOf")
VOTERS = "votersCount"


def asked_in(document: Mapping[str, Any]) -> str | None:
    """The Question that a document answers, when it has the form of a vote: a name, no content."""
    if not isinstance(document.get("name"), str) or document.get("content"):
        return None
    return id_of(first(document.get("inReplyTo")))


def ballot_of(activity: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """The votes, one for each choice, that GoToSocial sends in one Create; empty for all else.

    They are for one Question, each with an id of its own.
    """
    values = as_list(activity.get("object"))
    if not 2 <= len(values) <= limits.OPTIONS:
        return ()
    votes = tuple(one for one in values if isinstance(one, dict) and asked_in(one) is not None)
    same = len({asked_in(one) for one in votes}) == 1
    return votes if same and len(votes) == len(values) else ()


def options_of(document: Mapping[str, Any]) -> tuple[list[Any], bool]:
    """The names of the options, and whether only one may be chosen."""
    is_single = "anyOf" not in document
    values = as_list(document.get("oneOf" if is_single else "anyOf"))[: limits.OPTIONS]
    return [one.get("name") if isinstance(one, dict) else None for one in values], is_single


def end_of(document: Mapping[str, Any]) -> datetime | None:
    """When it ends, or has ended; None when it goes on until somebody closes it."""
    return read_time(document.get("endTime"))


def has_ended(document: Mapping[str, Any], now: datetime) -> bool:
    """Whether votes come too late. `closed` is a date, or true."""
    end = end_of(document)
    return bool(document.get("closed")) or (end is not None and end <= now)


def without_counts(document: Mapping[str, Any]) -> dict[str, Any]:
    """What a client posted, without what only the server says."""
    whole = {name: value for name, value in document.items() if name != VOTERS}
    for name in KINDS:
        if name in document:
            whole[name] = [
                {key: value for key, value in {"type": "Note", **one}.items() if key != "replies"}
                if isinstance(one, dict)
                else one
                for one in as_list(document[name])
            ]
    return whole


def has_counts(document: Mapping[str, Any]) -> bool:
    """Whether it says how many have voted."""
    return isinstance(document.get(VOTERS), int)


def with_counts(
    document: Mapping[str, Any], counts: Mapping[str, int], voters: int
) -> dict[str, Any]:
    """The Question with these numbers, by the name of the option."""
    whole = dict(document)
    for name in KINDS:
        if name in document:
            whole[name] = [
                {**one, "replies": {"type": "Collection", "totalItems": counts.get(key, 0)}}
                if isinstance(one, dict) and isinstance(key := first(one.get("name")), str)
                else one
                for one in as_list(document[name])
            ]
    return {**whole, VOTERS: voters}


def counts_of(document: Mapping[str, Any]) -> tuple[dict[str, int], int]:
    """What a Question says: how many chose each option, by name, and how many voted."""
    counts = {}
    for name in KINDS:
        for one in as_list(document.get(name))[: limits.OPTIONS]:
            if isinstance(one, dict) and isinstance(one.get("name"), str):
                counts[one["name"]] = _number(one.get("replies"))
    return counts, _number({"totalItems": document.get(VOTERS)})


def _number(replies: Any) -> int:
    value = replies.get("totalItems") if isinstance(replies, Mapping) else None
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and value is not None and value >= 0 else 0


def as_it_stands(stored: Mapping[str, Any], told: Mapping[str, Any]) -> dict[str, Any]:
    """A Question of somebody else with the numbers and the end that its author tells now."""
    counts, voters = counts_of(told)
    if not has_counts(told):
        _, voters = counts_of(stored)
    standing = {name: told[name] for name in ("closed", "endTime") if name in told}
    return {**with_counts(stored, counts, voters), **standing}


def tell_at(document: Mapping[str, Any], now: datetime) -> datetime:
    """When a vote that comes now is to be told of, with all that come until then: after three
    minutes, and of an old Question after a twentieth of its age, so that there are few Updates
    however many vote, and for however long."""
    age = now - published_at(document.get("published"), now)
    return now + max(timedelta(seconds=limits.TALLY_S), age / limits.TALLIES)
