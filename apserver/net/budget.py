"""What one root event may cost, in requests, bytes and seconds.

Nearly everything that we fetch was named by somebody else: a key by a signature, its owner by the
key, an object by an activity, the next place by a redirect. Each step has limits of its own, but
whoever names them can put many in a row: redirects, the id that a document claims, repeated
knocks, one document after the other (CVE-2022-46405, GHSA-97w4-f4rq-mgqm). So all that follows
from one root event is paid from one account, whichever part of the program asks, and nothing can
be asked without one: `net.client.Client.send` takes a `Budget`, and takes from it.

Root events are: a request to an inbox, or any other signed one; the work of a job on one activity,
from one try to the next; the search for one recipient; one attempt to deliver; a question asked on
the command line. Every request on the wire counts, also when it gets no answer. Seconds are those
spent waiting for other servers, so that an event which waits for its turn loses nothing.
"""

from __future__ import annotations

from apserver.core import limits
from apserver.errors import Astray, OverBudget


class Budget:
    """The account of one root event. It is handed down, shared, and used up; never copied."""

    __slots__ = ("_whole", "bytes_left", "requests_left", "seconds_left")

    def __init__(self) -> None:
        self.requests_left = limits.FETCHES_PER_EVENT
        self.bytes_left = limits.BYTES_PER_EVENT
        self.seconds_left = limits.SECONDS_PER_EVENT
        self._whole: Budget | None = None

    def part(self, requests: int) -> Budget:
        """A share for one look-up: what it takes is taken from the whole too.

        When the share is used up and the whole is not, it is the look-up itself that leads too
        far (Astray, not OverBudget): that is worth remembering about it.
        """
        share = Budget()
        share.requests_left = requests
        share._whole = self
        return share

    def begin(self, url: str) -> float:
        """Pay for one request; the seconds that it may take.

        OverBudget when nothing is left, Astray when nothing is left of this part alone.
        """
        if min(self.requests_left, self.bytes_left, self.seconds_left) <= 0:
            spent = OverBudget if self._whole is None else Astray
            raise spent(f"{url} is not asked: this has cost too many requests already")
        seconds = self.seconds_left
        if self._whole is not None:
            seconds = min(seconds, self._whole.begin(url))
        self.requests_left -= 1
        return seconds

    def read(self, count: int) -> None:
        """So many bytes came. OverBudget when they are too many."""
        self.bytes_left -= count
        if self._whole is not None:
            self._whole.read(count)
        if self.bytes_left < 0:
            raise OverBudget("the answers to this are too long, taken together")

    def waited(self, seconds: float) -> None:
        """So long it took."""
        self.seconds_left -= seconds
        if self._whole is not None:
            self._whole.waited(seconds)
