"""The documents that keys lie in, fetched for whoever names one, which anybody can.

A key is looked for before anybody has proved anything, so each look-up is a request that a stranger
makes us send to a host of his choice. Remembering what failed under the name of the key is not
enough: one document has endless names, as the part behind # is not sent, and one host has endless
documents. So, too,

* of those who want keys of one document at the same time one fetches it;
* what a document lists is known for `limits.NEGATIVE_CACHE_FIRST_S`, and in that time what it does
  not list is looked for in it `limits.KEY_DOCUMENT_FETCHES` times, whatever it is called: a few, as
  its owner may just have put it there;
* a host where so many look-ups have failed (`limits.KEY_FAILURES_OF_HOST` in a minute) is asked for
  no further key in that minute. The answer is 503 then, not 401: it says nothing about the key, and
  whoever has one there comes again (IO-20, KEY-05, KEY-08). Known keys count all the time.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from apserver.core import limits
from apserver.core.key_documents import is_same_key_id, key_document_url, parse_key_document
from apserver.core.origin import host_of
from apserver.errors import ApserverError, Busy, NotTrusted
from apserver.flow.failures import Failures
from apserver.net.budget import Budget
from apserver.net.fetch import Fetcher


@dataclass(frozen=True, slots=True)
class _Listed:
    """The keys that a document held when it was fetched last, and how often it was until then."""

    until: float
    ids: tuple[str, ...] = ()
    times: int = 0

    def rules_out(self, key_id: str, now: float) -> bool:
        """Whether it is not worth a fetch to look for the key there."""
        if self.until <= now or self.times < limits.KEY_DOCUMENT_FETCHES:
            return False
        return not any(is_same_key_id(one, key_id) for one in self.ids)


class KeyDocuments:
    """One per worker. What failed is kept in ``failures``, with the reason."""

    def __init__(
        self, fetcher: Fetcher, failures: Failures, *, clock: Callable[[], float] = time.monotonic
    ):
        self._fetcher = fetcher
        self._failures = failures
        self._clock = clock
        self._running: dict[str, asyncio.Task[Mapping[str, Any]]] = {}
        self._listed: OrderedDict[str, _Listed] = OrderedDict()
        self._failed: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def check(self, key_id: str) -> None:
        """Raise when nothing is to be fetched for this key now: NotTrusted when it is known not to
        be where it says, Busy when too much has failed at its host."""
        url = key_document_url(key_id)
        self._failures.check(_name(url))
        listed = self._listed.get(url)
        if listed is not None and listed.rules_out(key_id, self._clock()):
            raise NotTrusted("The document at keyId does not hold the key named, as of just now.")
        since, times = self._failed.get(host_of(url), (0.0, 0))
        left = since + limits.KEY_FAILURES_S - self._clock()
        if times >= limits.KEY_FAILURES_OF_HOST and left > 0:
            raise Busy(
                f"{times} look-ups of keys at {host_of(url)} have just failed",
                public="Too many keys of this host could not be found. Try again later.",
                retry_after_s=int(left) + 1,
            )

    async def document(self, url: str, budget: Budget) -> Mapping[str, Any]:
        """What lies at the URL of a key, which is without fragment; as `Fetcher.any_document`."""
        task = self._running.get(url)
        if task is None:
            task = asyncio.create_task(self._fetch(url, budget))
            self._running[url] = task
            task.add_done_callback(lambda ended: self._ended(url, ended))
        return await asyncio.shield(task)

    def _ended(self, url: str, task: asyncio.Task[Mapping[str, Any]]) -> None:
        self._running.pop(url, None)
        if not task.cancelled():
            task.exception()  # known to whoever still waits; nobody may

    def found(self, key_id: str) -> None:
        """A look-up of this key has led to its owner: what was fetched for it is no failure."""
        host = host_of(key_id)
        since, times = self._failed.get(host, (0.0, 0))
        if times:
            self._failed[host] = (since, times - 1)

    def _count(self, url: str) -> None:
        """A fetch is a failure until something was found by it."""
        host, now = host_of(url), self._clock()
        since, times = self._failed.pop(host, (now, 0))
        if now - since >= limits.KEY_FAILURES_S:
            since, times = now, 0
        self._failed[host] = (since, times + 1)
        _bound(self._failed)

    async def _fetch(self, url: str, budget: Budget) -> Mapping[str, Any]:
        self._count(url)
        try:
            document = await self._fetcher.any_document(url, budget)
        except ApserverError as error:
            self._failures.remember(_name(url), error)
            raise
        self._failures.forget(_name(url))
        ids = tuple(entry.id for entry in parse_key_document(document))
        now, before = self._clock(), self._listed.pop(url, None)
        if before is None or before.until <= now:
            before = _Listed(now + limits.NEGATIVE_CACHE_FIRST_S)
        self._listed[url] = replace(before, ids=ids, times=before.times + 1)
        _bound(self._listed)
        return document


def _name(url: str) -> str:
    return f"keys at {url}"


def _bound(remembered: OrderedDict[str, Any]) -> None:
    while len(remembered) > limits.NEGATIVE_CACHE_ROWS:
        remembered.popitem(last=False)
