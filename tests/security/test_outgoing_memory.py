"""security.md 3: what failed is remembered for a while, and in little space."""

from __future__ import annotations

import pytest

from apserver.core import limits
from apserver.errors import (
    ApserverError,
    Astray,
    BadInput,
    Busy,
    DomainBlocked,
    NotTrusted,
    OverBudget,
    RemoteGone,
    RemoteTrouble,
    Unreachable,
)
from apserver.flow.failures import Failures

#: How long each counts the first time, and then.
LASTS_S = [
    (RemoteGone("404"), 20.0, 300.0),
    (BadInput("no JSON"), 20.0, 300.0),
    (NotTrusted("not listed"), 20.0, 300.0),
    (RemoteTrouble("500"), 15.0, 15.0),
    (Unreachable("no answer", why="time"), 15.0, 15.0),
    (Busy("later"), 15.0, 15.0),
    (Astray("in a circle"), 3600.0, 3600.0),
    (OverBudget("too much"), 0.0, 0.0),
    (DomainBlocked("a.example"), 0.0, 0.0),
]


@pytest.mark.parametrize(("error", "first_s", "then_s"), LASTS_S)
def test_CVE_2026_34148_how_long_it_counts(
    error: ApserverError, first_s: float, then_s: float
) -> None:
    """CVE-2026-34148: up to 60 minutes; not at all what says nothing about the thing itself. At
    first it counts for less: who makes us ask before it is there keeps nobody out for long."""
    now = 5.0
    failures = Failures(lambda: now)
    for lasts_s in (first_s, then_s, then_s):
        failures.remember("x", error)
        begun = now
        if lasts_s:
            now = begun + lasts_s - 1
            with pytest.raises(type(error), match=str(error)):
                failures.check("x")
            failures.check("y")
        now = begun + lasts_s + 1
        failures.check("x")
    now += 2 * 300.0
    failures.remember("x", error)
    now += first_s + 1
    failures.check("x")


def test_success_ends_it_and_the_cause_decides() -> None:
    failures = Failures(lambda: 0.0)
    failures.remember("x", RemoteGone("404"))
    failures.forget("x")
    failures.check("x")
    failures.remember("x", NotTrusted("key"), cause=OverBudget("too much"))
    failures.check("x")


def test_only_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """security.md 0, rule 9: the oldest goes first."""
    monkeypatch.setattr(limits, "NEGATIVE_CACHE_ROWS", 3)
    failures = Failures(lambda: 0.0)
    for name in "abcd":
        failures.remember(name, RemoteGone("404"))
    failures.check("a")
    for name in "bcd":
        with pytest.raises(RemoteGone):
            failures.check(name)


def test_what_is_remembered_holds_on_to_nothing() -> None:
    """CVE-2026-96623: a trace holds what the functions had at hand, such as a megabyte of an
    answer; ten thousand of them must not stay, nor grow each time they are raised again."""
    try:
        try:
            raise ValueError("the answer is too long")
        except ValueError as cause:
            raise Unreachable("GET x", why="answer") from cause
    except Unreachable as error:
        failed = error
    failures = Failures(lambda: 0.0)
    failures.remember("x", failed)
    for _ in range(2):
        with pytest.raises(Unreachable) as raised:
            failures.check("x")
        again = raised.value
        assert (str(again), again.why, again.public) == ("GET x", "answer", failed.public)
        assert again is not failed
        assert again.__cause__ is None
        assert again.__context__ is None
        depth, trace = 0, again.__traceback__
        while trace is not None:
            depth, trace = depth + 1, trace.tb_next
        assert depth == 2  # this test and `check`
