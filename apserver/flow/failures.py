"""What could not be had from another server, and until when nobody asks for it again.

Anybody can make us want a key, an actor or a document that is not there: without this, as often
as they like. What is remembered is bounded, and ends by itself.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from apserver.core import limits
from apserver.errors import (
    ApserverError,
    Astray,
    Busy,
    DomainBlocked,
    OverBudget,
    RemoteGone,
    RemoteTrouble,
)


class Failures:
    """A memory of failures by name; one per worker."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._failed: OrderedDict[str, tuple[float, ApserverError]] = OrderedDict()

    def check(self, name: str) -> None:
        """Raise what this failed with, as long as that counts."""
        until, error = self._failed.get(name, (0.0, None))
        if error is not None and until > self._clock():
            raise error.bare()

    def remember(
        self, name: str, error: ApserverError, *, cause: BaseException | None = None
    ) -> None:
        """This has failed. ``cause`` is what decides how long that counts, if not the error."""
        seconds = _lasts_s(cause or error)
        if not seconds:
            return
        now = self._clock()
        before = self._failed.pop(name, None)
        if before is None or now - before[0] > limits.NEGATIVE_CACHE_S:
            seconds = min(seconds, _first_s(cause or error))
        self._failed[name] = (now + seconds, error.bare())
        while len(self._failed) > limits.NEGATIVE_CACHE_ROWS:
            self._failed.popitem(last=False)

    def forget(self, name: str) -> None:
        """It has been had."""
        self._failed.pop(name, None)


def _lasts_s(cause: BaseException) -> float:
    """A server that is busy now may answer soon; what is not there may still come; what leads in a
    circle needs somebody to mend it. Whose budget is spent, or whom we do not deal with, says
    nothing about the thing itself."""
    match cause:
        case OverBudget() | DomainBlocked():
            return 0.0
        case Astray():
            return limits.NEGATIVE_CACHE_ASTRAY_S
        case RemoteGone():
            return limits.NEGATIVE_CACHE_S
        case Busy() | RemoteTrouble() | TimeoutError():
            return limits.NEGATIVE_CACHE_BUSY_S
    return limits.NEGATIVE_CACHE_S


def _first_s(cause: BaseException) -> float:
    """The first time it counts less: whoever makes us ask for a key or an actor before it is
    there must not keep it out for long. A circle is one at once."""
    return (
        limits.NEGATIVE_CACHE_ASTRAY_S
        if isinstance(cause, Astray)
        else limits.NEGATIVE_CACHE_FIRST_S
    )
