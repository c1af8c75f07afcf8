"""What moderation says, in the memory of a worker: domain rules and suspended actors.

Every door asks here: the inbox and signed GET before they look for a key, the client before it
opens a connection, the deliverer, the rules, the pages. So an answer must cost nothing. What is
held is a value that is replaced as a whole when the database counts a new act; it is a second old
at most, and stays as it is while the database is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Literal, TypeAlias
from uuid import UUID

from apserver import telemetry
from apserver.core import limits
from apserver.core.audience import Viewer
from apserver.core.document import ids_of
from apserver.core.domains import DomainRules, Verdict
from apserver.core.model import Activity, VerifiedActivity
from apserver.core.origin import host_of, key_of
from apserver.core.rules import move
from apserver.errors import BadInput, Busy, DomainBlocked, Gone, Missing
from apserver.store import moderation
from apserver.store.db import Connection, Database

#: Reason codes, in logs and on the rows of activities that had no effect.
Barred: TypeAlias = Literal["domain-blocked", "actor-suspended"]


_FREE = Verdict()


class LiveRules:
    """The rules as they are now; one per worker."""

    def __init__(self, db: Database, *, own_hosts: Iterable[str], closed: bool):
        self._db = db
        self._own_hosts = tuple(own_hosts)
        self._closed = closed
        self._stopping = asyncio.Event()
        self._acts = -1
        self._domains = DomainRules.of((), own_hosts=self._own_hosts, closed=True)
        self._suspended: frozenset[UUID] = frozenset()
        self._ending: frozenset[UUID] = frozenset()  #: of ours, deleted

    async def refresh(self) -> None:
        """Load what is new. Busy when the database is away. Until the first time all is closed."""
        async with self._db.connection() as conn:
            acts = await moderation.acts(conn)  # first: what changes meanwhile is loaded again
            if acts == self._acts:
                return
            rules = await moderation.rules(conn)
            ending = await moderation.ending_actors(conn)
            suspended = ending | await moderation.suspended_actors(conn)
        self._domains = DomainRules.of(rules, own_hosts=self._own_hosts, closed=self._closed)
        self._suspended = suspended
        self._ending = ending
        self._acts = acts

    async def run(self) -> None:
        """Stay up to date until `stop`."""
        while not self._stopping.is_set():
            try:
                async with asyncio.timeout(limits.POLL_S):
                    await self._stopping.wait()
            except TimeoutError:
                pass
            try:
                await self.refresh()
            except Busy as error:
                telemetry.detail("moderation not read", reason=error)

    def stop(self) -> None:
        """Look no more."""
        self._stopping.set()

    def check(self, iri: str) -> None:
        """Raise DomainBlocked when what lies there is on a server that we do not deal with."""
        if self._verdict(iri).suspended:
            raise DomainBlocked(host_of(iri))

    def barred(self, actor: str) -> Barred | None:
        """Why nothing of this actor, given by its id, counts or is shown; None when it does."""
        if self._suspended and key_of(actor) in self._suspended:
            return "actor-suspended"
        return "domain-blocked" if self._verdict(actor).suspended else None

    def unheard(self, activity: Activity, *, by: str) -> Literal["reports-rejected"] | None:
        """Why an activity that this actor brings is not taken, though others of it are."""
        is_rejected = activity.type == "Flag" and self._verdict(by).reject_reports
        return "reports-rejected" if is_rejected else None

    async def objections(
        self, conn: Connection, activities: Mapping[UUID, VerifiedActivity]
    ) -> dict[UUID, str]:
        """Why some of these activities of others count for nothing, by their keys: who made them
        is shut out, or whose thing they are about (CVE-2026-23961)."""
        others = {key: one for key, one in activities.items() if not one.ours}
        found = {key: why for key, one in others.items() if (why := self._objection(one))}
        if self._suspended:
            about = {key: key_of(one.object_id) for key, one in others.items() if one.object_id}
            theirs = await moderation.made_by_suspended(conn, about.values())
            suspended: dict[UUID, str] = {
                key: "object-author-suspended" for key, one in about.items() if one in theirs
            }
            found = suspended | found
        return found

    def _objection(self, activity: Activity) -> str | None:
        own = self.barred(activity.actor) or self.unheard(activity, by=activity.actor)
        if own is not None:
            return own
        if activity.object_id is not None and self._verdict(activity.object_id).suspended:
            return "object-domain-blocked"
        target = move.target_of(activity)
        if move.is_of_account(activity) and target is not None and self.barred(target):
            return "move-target-suspended"
        authors = ids_of((activity.embedded or {}).get("attributedTo"))
        return "object-author-suspended" if any(map(self.barred, authors)) else None

    @property
    def hides_nothing(self) -> bool:
        """Whether there is no rule and nobody is suspended."""
        return not self._suspended and self._domains.is_open

    def guard(self, viewer: Viewer, authors: Mapping[UUID, str]) -> Viewer:
        """The viewer who is kept from what is not shown. ``authors`` in question: ids by key."""
        return replace(
            viewer,
            hidden=viewer.hidden
            | frozenset(key for key, id_ in authors.items() if self.barred(id_)),
            limited=frozenset(key for key, id_ in authors.items() if self.is_limited(id_)),
        )

    def check_shown(self, actor: UUID) -> None:
        """Raise Missing when nothing of an actor of ours, given by its key, is shown to anybody;
        Gone when it was deleted."""
        if actor in self._ending:
            raise Gone
        if actor in self._suspended:
            raise Missing

    def is_ending(self, actor: UUID) -> bool:
        """Whether an actor of ours was deleted, and something is left of it."""
        return actor in self._ending

    def is_suspended(self, actor: UUID) -> bool:
        """Whether an actor of ours, given by its key, is suspended, or is being deleted."""
        return actor in self._suspended

    def is_limited(self, actor: str) -> bool:
        """Whether the actor is only for those who follow it."""
        return self._verdict(actor).limited

    def _verdict(self, iri: str) -> Verdict:
        if self._domains.is_open:
            return _FREE
        try:
            return self._domains.verdict(host_of(iri))
        except BadInput:
            return _FREE  # leads nowhere; whoever reads it as an id refuses it
