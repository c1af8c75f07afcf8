"""Things of others that a client names and nobody here has met, made known before it is published.

A Like that addresses nobody is for whoever made what is liked (`core.rules.unaddressed`). When that
is not known here, it is fetched from its own server, as what is shared or answered is, and stored:
then the rule finds the author. A client waits for that, but not for long: what does not come in
`limits.INTRODUCTION_S` is published without, as it is when nothing comes at all, and goes to
nobody; the fetch goes on, so that a later activity finds it. No connection to the database is held
meanwhile, and what names nothing unknown waits for nothing.

Few are fetched for one request, however many activities it has, from one account (`net.budget`);
each is fetched once for all who wait; what cannot be had is remembered (`flow.remote`); and all
clients together make us ask one server only so often (`flow.asked`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from apserver import telemetry
from apserver.core import limits
from apserver.core.document import types_of
from apserver.core.effects import Put
from apserver.core.model import Activity
from apserver.core.origin import check_id, key_of, same_origin
from apserver.core.registry import Registry
from apserver.core.rules.fetched import kept
from apserver.core.rules.unaddressed import named
from apserver.core.vocabulary import ACTOR_TYPES
from apserver.errors import ApserverError, BadInput, RemoteTrouble
from apserver.flow.asked import Asked
from apserver.flow.failures import Failures
from apserver.flow.found import FoundPost, keep
from apserver.flow.live_rules import LiveRules
from apserver.flow.remote import Remote
from apserver.net.budget import Budget
from apserver.store.db import Database
from apserver.store.known import known_keys


class Introductions:
    """Makes things known; one per worker."""

    def __init__(
        self, db: Database, remote: Remote, live: LiveRules, registry: Registry, *, origin: str
    ):
        self._db = db
        self._remote = remote
        self._live = live
        self._registry = registry
        self._origin = origin
        self._asked = Asked()
        self._failures = Failures()  # of what lies there and is of no use
        self._running: dict[str, asyncio.Task[None]] = {}

    async def make(self, activities: Iterable[Activity]) -> None:
        """Fetch what these activities, which are to be published, hang on and nobody here knows.
        It raises for nothing that goes wrong elsewhere."""
        ids = dict.fromkeys(id_ for one in activities for id_ in named(one) if self._is_abroad(id_))
        unknown = await self._unknown(list(ids)) if ids else []
        if not unknown:
            return
        budget = Budget()
        tasks = [self._begun(id_, budget) for id_ in unknown[: limits.INTRODUCTIONS]]
        waited = [task for task in tasks if task is not None]
        if waited:
            await asyncio.wait(waited, timeout=limits.INTRODUCTION_S)

    def _is_abroad(self, id_: str) -> bool:
        try:
            check_id(id_, allow_http=True)  # whether http is allowed is for whoever connects
        except BadInput:
            return False
        return not same_origin(id_, self._origin) and self._registry.things.find(id_) is None

    async def _unknown(self, ids: Sequence[str]) -> list[str]:
        keys = {id_: key_of(id_) for id_ in ids}
        async with self._db.connection() as conn:
            known = await known_keys(conn, keys.values())
        return [id_ for id_, key in keys.items() if key not in known]

    def _begun(self, id_: str, budget: Budget) -> asyncio.Task[None] | None:
        task = self._running.get(id_)
        if task is None and len(self._running) < limits.INTRODUCTIONS_AT_ONCE:
            try:
                self._asked.check(id_, by=self._origin)
            except RemoteTrouble as error:
                telemetry.detail("thing not met", id=id_, reason=error)
                return None
            share = budget.part(limits.INTRODUCTION_REQUESTS)
            task = self._running[id_] = asyncio.create_task(self._meet(id_, share))
            task.add_done_callback(lambda task: self._ended(id_, task))
        return task

    def _ended(self, id_: str, task: asyncio.Task[None]) -> None:
        del self._running[id_]
        if not task.cancelled() and (error := task.exception()) is not None:
            telemetry.fault("thing could not be met", error, id=id_)

    async def _meet(self, id_: str, budget: Budget) -> None:
        try:
            self._failures.check(id_)
            async with asyncio.timeout(limits.GET_S):
                document = await self._remote.document(id_, budget)
            if document.get("id") != id_:
                raise BadInput(f"what lies there is {document.get('id')}")
            if not ACTOR_TYPES.isdisjoint(types_of(document)):
                await self._remote.keep_actor(document)
                return
            found = kept(document, id_, now=datetime.now(UTC), is_found=True)
            if not isinstance(found, Put):
                raise BadInput("no object" if found is None else found.reason)
            if self._live.barred(found.author) is None:
                await keep(self._db, FoundPost.of(found))
        except TimeoutError as error:
            telemetry.detail("thing not met", id=id_, reason=error)
        except ApserverError as error:
            self._failures.remember(id_, error)
            telemetry.detail("thing not met", id=id_, reason=error)
