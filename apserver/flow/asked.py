"""How often one server makes us ask another.

Posts name things of other servers: what they answer, what they quote, and who agreed to it. Each
is asked for once, and what cannot be had is remembered. But whoever writes many posts, each with
another name in it, would still have us ask one server for as much as it likes (CVE-2022-46405). So
what is named is counted, by who names it and by who is asked: each as the domain that somebody
registered. What a server names of its own is its own affair.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from apserver.core import limits
from apserver.core.origin import origin_of
from apserver.core.rate_limit import RateLimiter, policies_of_signers
from apserver.core.reach import registered_domain
from apserver.errors import RemoteTrouble


class Asked:
    """Counts what is asked of one server because another named it; one per worker."""

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._rate = RateLimiter(policies_of_signers("asked", limits.ASKED_OF_OTHERS))

    def check(self, url: str, *, by: str) -> None:
        """Count that something at ``by`` names this. RemoteTrouble when it is too much for now."""
        namer, named = (registered_domain(origin_of(one).host) for one in (by, url))
        if namer == named:
            return
        if self._rate.take(f"{namer} {named}", self._clock()).violated:
            raise RemoteTrouble(f"{url} is not asked: {namer} has named too much of {named}")
