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

LASTS_S = [
    (RemoteGone("404"), limits.NEGATIVE_CACHE_S),
    (BadInput("no JSON"), limits.NEGATIVE_CACHE_S),
    (NotTrusted("not listed"), limits.NEGATIVE_CACHE_S),
    (RemoteTrouble("500"), limits.NEGATIVE_CACHE_BUSY_S),
    (Unreachable("no answer", why="time"), limits.NEGATIVE_CACHE_BUSY_S),
    (Busy("later"), limits.NEGATIVE_CACHE_BUSY_S),
    (Astray("in a circle"), 3600.0),
    (OverBudget("too much"), 0.0),
    (DomainBlocked("a.example"), 0.0),
]


@pytest.mark.parametrize(("error", "lasts_s"), LASTS_S)
def test_CVE_2026_34148_how_long_it_counts(error: ApserverError, lasts_s: float) -> None:
    """CVE-2026-34148: up to 60 minutes; not at all what says nothing about the thing itself."""
    now = 1000.0
    failures = Failures(lambda: now)
    failures.remember("x", error)
    if lasts_s:
        now = 1000.0 + lasts_s - 1
        with pytest.raises(type(error), match=str(error)):
            failures.check("x")
        failures.check("y")
    now = 1000.0 + lasts_s + 1
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
