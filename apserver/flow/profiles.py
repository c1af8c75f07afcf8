"""Profiles of actors elsewhere, looked at again, with what they have pinned (interop 1.2, IO-84).

A profile changes without a word when an Update is lost, or is sent to followers alone while nobody
here follows yet. So it is looked at when somebody here begins to follow, after an Update or a
change of what is pinned, when its actor has to do with us again after a day, and each week for
those who are followed (`flow.later`, `work.profiles`). All of it is done in the background; what
came in waits for none of it.

Pinned posts are fetched by their ids, whatever the collection says of them, and are in nobody's
inbox. Only the actor's own count, and only a few.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from apserver import telemetry
from apserver.core import limits
from apserver.core.actors import Profile, parse_actor
from apserver.core.document import id_of, parse
from apserver.core.effects import Put, PutActor
from apserver.core.origin import key_of, same_origin
from apserver.core.rules.add import featured_of
from apserver.errors import ApserverError, Astray, BadInput, DomainBlocked, OverBudget, RemoteGone
from apserver.flow.beside import Beside
from apserver.flow.live_rules import LiveRules
from apserver.flow.paging import Document, items_of, pages_of
from apserver.flow.posts import Posts
from apserver.flow.put_off import put_off
from apserver.flow.remote import Remote
from apserver.net.budget import Budget
from apserver.store import actors, jobs, objects, profiles
from apserver.store.actors import Actor
from apserver.store.db import Connection, Database
from apserver.store.effects import perform
from apserver.store.jobs import Job
from apserver.store.others import put_actor

_NEVER = (RemoteGone, BadInput, DomainBlocked, OverBudget, Astray)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen: the document when it was asked for; the pinned posts when somebody here
    follows, those that are not here yet in full."""

    actor: Actor
    document: tuple[Profile, Mapping[str, Any]] | None
    pinned: Sequence[str | Put] | None


class ProfileReader:
    """Does ``profile`` jobs in the background; one per worker."""

    def __init__(
        self, db: Database, remote: Remote, posts: Posts, live: LiveRules, *, allow_http: bool
    ):
        self._db = db
        self._remote = remote
        self._posts = posts
        self._live = live
        self._allow_http = allow_http
        self._beside = Beside(db, most=limits.PROFILES)

    def start(self, batch: Sequence[Job]) -> None:
        """Begin these jobs, which were put off by `jobs.reserve`."""
        for job in batch:
            self._beside.start(job, self._read(job))

    async def close(self) -> None:
        """Give up what is under way; it is due again at once."""
        await self._beside.close()

    async def _read(self, job: Job) -> None:
        [id_] = job.recipients or ("",)
        seen = None
        try:
            async with asyncio.timeout(limits.LEASE_S - 2 * limits.GET_S):
                seen = await self._look(id_)
        except _NEVER as error:
            telemetry.event("profile not read", actor=id_, reason=error)
        except (ApserverError, TimeoutError) as error:
            if job.attempt + 1 < limits.PROFILE_ATTEMPTS:
                await put_off(self._db, job, error)
                return
            telemetry.event("profile not read", actor=id_, reason=error)

        async def work(conn: Connection) -> None:
            await jobs.lock_bucket(conn, job.bucket)
            if seen is not None:
                await _keep(conn, seen)
            await jobs.finish_jobs(conn, [job])

        await self._db.transaction(work, durable=False)
        telemetry.count(telemetry.JOBS, job.kind, "done")

    async def _look(self, id_: str) -> _Seen | None:
        key = key_of(id_)
        async with self._db.connection() as conn:
            actor = await actors.actor_by_key(conn, key)
            is_followed = await profiles.is_followed(conn, key)
        if actor is None or actor.ours or not actor.is_active or self._live.barred(id_):
            return None
        budget = Budget()
        document, found = parse(actor.document), None
        if _is_stale(actor):
            document = dict(await self._remote.document(id_, budget, anew=True))
            found = (parse_actor(document, allow_http=self._allow_http), document)
        if not is_followed:
            return _Seen(actor, found, None)
        try:
            pinned = await self._pinned(id_, featured_of(document, id_), budget)
        except RemoteGone:
            pinned = []
        except ApserverError as error:
            telemetry.event("pinned posts not read", actor=id_, reason=error)
            return _Seen(actor, found, None)
        return _Seen(actor, found, pinned)

    async def _pinned(self, actor: str, featured: str | None, budget: Budget) -> list[str | Put]:
        if featured is None:
            return []

        async def get(id_: str) -> Document:
            return await self._remote.document(id_, budget)

        pages = await pages_of(
            await get(featured), featured, get, items=limits.PINNED, pages=limits.PINNED_PAGES
        )
        items = [one for page in pages for one in items_of(page)][: limits.PINNED]
        named = map(id_of, items)
        ids = [id_ for id_ in dict.fromkeys(named) if id_ and same_origin(id_, actor)]
        async with self._db.connection() as conn:
            rows = await objects.objects_by_key(conn, map(key_of, ids))
        return [
            post
            for id_ in ids
            if (post := id_ if key_of(id_) in rows else await self._post(id_, actor, budget))
        ]

    async def _post(self, id_: str, actor: str, budget: Budget) -> Put | None:
        """A pinned post; None for what is no post of the actor."""
        try:
            put = await self._posts.post(id_, budget, by=actor)
        except OverBudget:
            raise
        except ApserverError as error:
            telemetry.detail("pinned post not found", post=id_, reason=error)
            return None
        return put if put.author == actor else None


async def _keep(conn: Connection, seen: _Seen) -> None:
    """Store what was seen, unless more has been heard of the actor meanwhile."""
    now = await actors.actor_by_key(conn, seen.actor.key)
    if now is None or not now.is_active:
        return
    if seen.document is not None and now.fetched_at == seen.actor.fetched_at:
        await put_actor(conn, PutActor(*seen.document))
    if seen.pinned is None:
        return
    await perform(conn, [one for one in seen.pinned if isinstance(one, Put)])
    ids = [one.id if isinstance(one, Put) else one for one in seen.pinned]
    rows = await objects.objects_by_key(conn, map(key_of, ids))
    there = [rows[key] for key in map(key_of, ids) if key in rows]
    posts = [
        (row.id, row.visibility)
        for row in there
        if row.author == now.key and row.deleted_at is None
    ]
    await profiles.pin(conn, now.id, posts)


def _is_stale(actor: Actor) -> bool:
    fresh = timedelta(seconds=limits.PROFILE_FRESH_S)
    return actor.fetched_at is None or datetime.now(UTC) - actor.fetched_at >= fresh
