"""What an answer to a delivery means, and when the next attempt is made (interop 1.10, 1.11)."""

from __future__ import annotations

from datetime import timedelta
from itertools import accumulate

import pytest

from apserver.core.delivery import GIVE_UP_AFTER, Outcome, outcome_of, uses_shared_inbox, wait_s

DAY_S = 24 * 3600


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_IO_62_success_is_done(status: int) -> None:
    assert outcome_of(status) is Outcome.DONE


@pytest.mark.parametrize("status", [400, 403, 404, 405, 406, 409, 410, 413, 415, 422, 451, 501])
def test_IO_62_what_is_final_is_dropped(status: int) -> None:
    """IO-62: and the host is not thought to be down for it."""
    assert outcome_of(status) is Outcome.DROPPED


@pytest.mark.parametrize("status", [None, 408, 429, 500, 502, 503, 504, 520, 301, 302, 307, 308])
def test_IO_62_what_may_pass_makes_the_host_wait(status: int | None) -> None:
    """IO-62, IO-66: no redirect of a POST is followed; it is a broken server or proxy."""
    assert outcome_of(status) is Outcome.HOST_DOWN


def test_IO_62_who_could_not_verify_us_waits_alone() -> None:
    assert outcome_of(401) is Outcome.LATER


def test_AP_SEC_07_waits_grow_to_half_a_day() -> None:
    """AP-SEC-07, security 7: a minute three times, then doubled up to twelve hours."""
    minutes = [wait_s(failures, spread=0.0) / 60 for failures in range(1, 16)]
    assert minutes[:8] == [1, 1, 1, 2, 4, 8, 16, 32]
    assert minutes[-1] == minutes[-2] == 12 * 60
    assert wait_s(10_000, spread=0.0) == 12 * 3600


def test_AP_SEC_07_hosts_do_not_come_due_together() -> None:
    """The spread moves a wait by up to a fifth, either way."""
    assert wait_s(1, spread=1.0) == pytest.approx(72)
    assert wait_s(1, spread=-1.0) == pytest.approx(48)


def test_IO_62_retry_after_is_kept_when_it_asks_for_more() -> None:
    """IO-62: and never for less than we would wait anyway, nor for more than half a day."""
    assert wait_s(1, spread=0.0, retry_after_s=600.0) == 600
    assert wait_s(1, spread=0.0, retry_after_s=5.0) == 60
    assert wait_s(1, spread=0.0, retry_after_s=10.0 * DAY_S) == 12 * 3600


def test_IO_63_a_week_of_attempts() -> None:
    """IO-63: at least 12 attempts over at least 2 days, given up after 7."""
    assert timedelta(days=7) == GIVE_UP_AFTER
    due = list(accumulate(wait_s(failures, spread=0.0) for failures in range(1, 40)))
    week = [at for at in due if at <= GIVE_UP_AFTER.total_seconds()]
    assert len(week) >= 12
    assert week[-1] >= 2 * DAY_S


@pytest.mark.parametrize("type_", ["Follow", "Accept", "Reject", "Like", "Block", "Flag", "Undo"])
def test_answers_to_one_actor_go_to_its_own_inbox(type_: str) -> None:
    """Interop 1.10; but what is for many goes by the shared one (AP 7.1.3)."""
    assert not uses_shared_inbox(type_, to_many=False)
    assert uses_shared_inbox(type_, to_many=True)
    assert uses_shared_inbox("Create", to_many=False)
