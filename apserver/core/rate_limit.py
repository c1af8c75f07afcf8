"""How many requests one client, actor or host may make.

Each policy is a bucket of so many requests that fills up again evenly in its window. Two of them
together tell bursts from what goes on for long: a client may ask a minute's worth at once, and not
keep that up for an hour. What is left is told in the fields of draft-ietf-httpapi-ratelimit-headers
(revision 10), which are lists of structured fields (RFC 9651):

    RateLimit-Policy: "burst";q=3000;w=60, "sustained";q=90000;w=3600
    RateLimit: "burst";r=2999;t=1, "sustained";r=2999;t=1

``r`` is what is left, ``t`` the seconds until there is one more. Of a long window no more is told
than may be asked at once: a client that divides r by t must not flood us (section 8.5).
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from apserver.core import limits
from apserver.errors import RateLimited

_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Policy:
    """So many requests in a window of so many seconds."""

    name: str
    quota: int
    window_s: int


@dataclass(frozen=True, slots=True)
class Taken:
    """How a request was counted: what is left of each policy, and of which ones too little was.
    Then so many had been ``wanted``."""

    policies: Sequence[Policy]
    left: Sequence[float]
    violated: tuple[str, ...]
    wanted: int = 1

    def check(self) -> None:
        """RateLimited when it was one too many; it says when the next is there."""
        if self.violated:
            # Not before any t of the same answer (section 6).
            raise RateLimited(violated=self.violated, retry_after_s=max(self._waits()))

    @property
    def field(self) -> str:
        """The value of `RateLimit` (section 4); empty when there is no limit."""
        told, at_once = [], math.inf
        for one, left, wait in zip(self.policies, self.left, self._waits(), strict=True):
            at_once = min(at_once, left)
            told.append(f'"{one.name}";r={max(int(at_once), 0)};t={wait}')
        return ", ".join(told)

    def _waits(self) -> list[int]:
        return [
            _wait_s(one, left, self.wanted)
            for one, left in zip(self.policies, self.left, strict=True)
        ]


def _wait_s(policy: Policy, left: float, wanted: int) -> int:
    """In how many seconds there are so many, or else one more than there is."""
    quota, window_s = policy.quota, policy.window_s
    if left < wanted:
        return math.ceil((min(wanted, quota) - left) * window_s / quota)
    return 1 if quota >= window_s else math.ceil((1 - left % 1) * window_s / quota)


class RateLimiter:
    """Counts requests under names, by policies in the order of their windows, if there are any."""

    def __init__(self, policies: Sequence[Policy]):
        self.policies = policies
        self._full = [float(one.quota) for one in policies]
        self._rates = [one.quota / one.window_s for one in policies]
        self._left: OrderedDict[str, tuple[list[float], float]] = OrderedDict()

    def take(self, name: str, now: float, *, weight: int = 1, taken: int = 0) -> Taken:
        """Count a request at a time in seconds. One that is refused takes nothing.

        It may weigh as much as many, of which some are ``taken`` already. What weighs more than a
        whole quota is taken when the quota is whole; what it owes then has to come back first.
        """
        if not self.policies:
            return Taken((), (), ())
        left, at = self._left.pop(name, (self._full, now))
        pause_s = now - at
        left = [
            min(quota, some + pause_s * rate)
            for quota, rate, some in zip(self._full, self._rates, left, strict=True)
        ]
        violated: tuple[str, ...] = ()
        if min(left) + taken < weight:  # seldom; the names are made only then
            violated = tuple(
                one.name
                for one, some in zip(self.policies, left, strict=True)
                if some + taken < min(weight, one.quota)
            )
        if not violated:
            left = [some + taken - weight for some in left]
        self._left[name] = (left, now)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        return Taken(self.policies, left, violated, wanted=weight if violated else 1)


def policies_of_clients(per_minute: int) -> tuple[Policy, ...]:
    """What one client may ask in a minute, and in an hour; 0 sets no limit."""
    if not per_minute:
        return ()
    an_hour = per_minute * limits.SUSTAINED_MINUTES
    return Policy("burst", per_minute, 60), Policy("sustained", an_hour, 3600)


def policies_of_signers(name: str, per_minute: int) -> tuple[Policy, ...]:
    """What one actor, or one host, may send in a minute; 0 sets no limit."""
    return (Policy(name, per_minute, 60),) if per_minute else ()


def policy_field(policies: Sequence[Policy]) -> str:
    """The value of `RateLimit-Policy` (section 3); empty when there is no limit."""
    return ", ".join(f'"{one.name}";q={one.quota};w={one.window_s}' for one in policies)
