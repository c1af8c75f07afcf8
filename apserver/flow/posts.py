"""Posts of other servers that nobody sent us: each from its own server, one fetch for all who ask.

What the server shows to us as a server is what it shows to everybody, and only what says that it is
for everybody is kept (`core.rules.fetched`). What cannot be had is remembered (`flow.remote`), and
so is what is not kept: the next post that names it does not ask again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from apserver.core import notes
from apserver.core.effects import Put
from apserver.core.rules.fetched import kept
from apserver.errors import Astray, BadInput, DomainBlocked, OverBudget
from apserver.flow.asked import Asked
from apserver.flow.failures import Failures
from apserver.flow.live_rules import LiveRules
from apserver.flow.remote import Remote
from apserver.net.budget import Budget


class Posts:
    """Fetches posts by their ids; one per worker."""

    def __init__(self, remote: Remote, live: LiveRules, asked: Asked):
        self._remote = remote
        self._live = live
        self._asked = asked
        self._failures = Failures()
        self._running: dict[str, asyncio.Task[Put]] = {}

    async def post(self, id_: str, budget: Budget, *, by: str) -> Put:
        """The post with this id, which the thing with the id ``by`` names. RemoteGone, BadInput or
        DomainBlocked when there is none for us; OverBudget or Astray when it is too dear;
        RemoteTrouble when it cannot be had now."""
        running = self._running.get(id_)
        if running is not None:
            try:
                return await asyncio.shield(running)
            except (OverBudget, Astray):
                pass  # that was the account of whoever came first
        self._failures.check(id_)
        self._asked.check(id_, by=by)
        task = asyncio.create_task(self._fetch(id_, budget))
        self._running[id_] = task
        task.add_done_callback(lambda task: self._ended(id_, task))
        return await asyncio.shield(task)

    def _ended(self, id_: str, task: asyncio.Task[Put]) -> None:
        if self._running.get(id_) is task:
            del self._running[id_]
        if not task.cancelled():
            task.exception()  # whoever waited has heard of it, or has given up

    async def _fetch(self, id_: str, budget: Budget) -> Put:
        document = await self._remote.document(id_, budget)
        try:
            return self._kept(document, id_)
        except BadInput as error:
            self._failures.remember(id_, error)
            raise

    def _kept(self, document: Mapping[str, Any], id_: str) -> Put:
        found = kept(document, id_, now=datetime.now(UTC), is_found=True)
        if not isinstance(found, Put):
            reason = "no object" if found is None else found.reason
            raise BadInput(f"{id_} is not kept: {reason}")
        if not notes.is_post(found.document):
            raise BadInput(f"{id_} is no post.")
        if self._live.barred(found.author) is not None:
            raise DomainBlocked(found.author)
        return found
