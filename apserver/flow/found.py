"""Posts that were found at their own servers, kept here as if each had been sent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from apserver.core.audience import Visibility
from apserver.core.effects import Effect, Put
from apserver.core.facts import ActorNeed, Facts, Need, ObjectNeed
from apserver.core.model import Activity
from apserver.core.origin import bucket_of, host_of
from apserver.core.rules import replies
from apserver.flow.facts import load_facts
from apserver.store import jobs
from apserver.store.db import Connection, Database
from apserver.store.effects import perform


@dataclass(frozen=True, slots=True)
class FoundPost:
    """A post of somebody elsewhere; ``put`` when it is not here yet."""

    id: str
    author: str
    visibility: Visibility
    document: Mapping[str, Any]
    put: Put | None = None

    @classmethod
    def of(cls, put: Put) -> FoundPost:
        """One that was just fetched."""
        return cls(put.id, put.author, put.visibility, put.document, put)


async def keep(db: Database, post: FoundPost) -> None:
    """Store a post, and let it join what it answers. What its author does about it at the same
    time comes before or after (`jobs.lock_bucket`)."""
    create = {"type": "Create", "actor": post.author, "object": dict(post.document)}
    activity = Activity(create, None, "Create", post.author)

    def needs(activity: Activity, facts: Facts) -> Iterable[Need]:
        yield ActorNeed(post.author)
        yield ObjectNeed(post.id)
        yield ObjectNeed(post.id, post.author)
        yield from replies.needs(activity, post.document, facts)

    async def work(conn: Connection) -> None:
        await jobs.lock_bucket(conn, bucket_of(host_of(post.author)))
        facts = await load_facts(conn, [activity], needs, now=datetime.now(UTC))
        stored = facts.object(post.id)
        if facts.was_deleted(post.id, post.author) or (stored and stored.deleted):
            return
        put: tuple[Effect, ...] = () if post.put is None else (post.put,)
        joined = replies.join(activity, post.document, post.visibility, facts)
        await perform(conn, [*put, *joined])

    await db.transaction(work, durable=False)
