"""When a delivery is done, when it is tried again, and when it is given up.

An activity is owed to *inboxes*. Deliveries wait in line by *host*, in the order in which they
were queued, because what troubles one inbox of a host (down, overloaded, certificate expired)
troubles all of them: one dead host must cost one attempt per step, not one per activity.

Each attempt ends in one of four ways (interop 1.10, 1.11):

    done       2xx: the row goes, and the host is known to be well.
    dropped    the answer is final (400, 403, 404, 410 ...): the row goes; the host is well, it
               just does not want this.
    later      401: the host is well, but could not verify us this time (it may be fetching our
               key). This inbox alone waits, with all that is owed to it.
    host_down  no answer, 408, 429, 5xx: nothing is sent to this host until its time comes.

The wait is a minute three times, then doubles up to twelve hours; a delivery older than seven
days is given up. ``Retry-After`` of 429 and 503 is kept when it asks for more.
"""

from __future__ import annotations

from datetime import timedelta
from enum import Enum

GIVE_UP_AFTER = timedelta(days=7)
#: The same for a Delete to servers that got something once: eight tries (interop 1.10).
LAST_WORDS_AFTER = timedelta(minutes=90)
_FIRST_S = 60
_CAP_S = 12 * 3600
_QUICK_TRIES = 3


class Outcome(Enum):
    """How one attempt ended; see the head of this file."""

    DONE = "done"
    DROPPED = "dropped"
    LATER = "later"
    HOST_DOWN = "host_down"


def outcome_of(status: int | None) -> Outcome:
    """Judge the answer to a POST; None when there was none."""
    if status is None or status in (408, 429) or (status >= 500 and status != 501):
        return Outcome.HOST_DOWN
    if 200 <= status < 300:
        return Outcome.DONE
    if status == 401:
        return Outcome.LATER
    if 300 <= status < 400:
        return Outcome.HOST_DOWN  # we follow no redirect of a POST; it may be a broken proxy
    return Outcome.DROPPED


def wait_s(failures: int, *, spread: float, retry_after_s: float | None = None) -> float:
    """Seconds to wait after ``failures`` (>= 1) in a row.

    ``spread`` in -1..1 moves the time by up to 20 %, so that hosts do not come due together.
    """
    doublings = max(0, failures - _QUICK_TRIES)
    wait = min(float(_CAP_S), _FIRST_S * 2.0 ** min(doublings, 20)) * (1 + 0.2 * spread)
    return max(wait, min(retry_after_s or 0.0, float(_CAP_S)))


#: Answers to one actor, sent to its own inbox (interop 1.10): some servers look only there.
_PERSONAL = frozenset({"Follow", "Accept", "Reject", "Like", "Block", "Flag", "Undo"})


def uses_shared_inbox(type_: str, *, to_many: bool) -> bool:
    """Whether individual recipients are reached by their host's shared inbox.

    One POST then serves everybody there, also those who get it as followers (AP 7.1.3).
    ``to_many`` tells that it is for followers or for everybody.
    """
    return to_many or type_ not in _PERSONAL
