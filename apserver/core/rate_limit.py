"""How many requests one client, actor or host may make."""

from __future__ import annotations

from collections import OrderedDict

from apserver.errors import RateLimited

_REMEMBERED = 10_000


class RateLimiter:
    """So many requests in a minute under one name; fills up again evenly. 0 sets no limit."""

    def __init__(self, per_minute: int):
        self._rate = per_minute / 60
        self._capacity = float(per_minute)
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def check(self, name: str, now: float) -> None:
        """Take one, at a time in seconds; RateLimited says when the next is there."""
        if not self._capacity:
            return
        left, at = self._left.pop(name, (self._capacity, now))
        left = min(self._capacity, left + (now - at) * self._rate)
        self._left[name] = (max(left - 1, 0.0) if left >= 1 else left, now)
        if len(self._left) > _REMEMBERED:
            self._left.popitem(last=False)
        if left < 1:
            wait_s = int((1 - left) / self._rate) + 1
            raise RateLimited("Too many requests. Slow down.", retry_after_s=wait_s)
