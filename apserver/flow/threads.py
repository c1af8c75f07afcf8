"""What stands around a post that came to us: fetched, kept, and put where it belongs (IO-44).

A post is stored as it comes, whatever it answers. Then this looks, in the background, for

* what it answers, and what that answers, upwards to a bounded height;
* the first answers that its own server lists;
* what its server lists of the conversation that it is in.

Each post comes from its own server, and is believed about itself alone. All of it is paid from one
budget (`net.budget`), and nothing that was found leads any further: who writes ids into a post
makes us ask for a few things, once. What is found is listed in no inbox, and nobody is told. What
of it answers something of ours joins its replies and its conversation, by the same rule as if it
had been sent (`core.rules.replies`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from apserver import telemetry
from apserver.core import limits
from apserver.core.audience import Visibility
from apserver.core.document import ids_of, parse, types_of
from apserver.core.origin import key_of, same_origin
from apserver.core.threads import connected, context_of, parent_of, replies_of, to_fetch
from apserver.core.vocabulary import COLLECTION_TYPES
from apserver.errors import ApserverError, Astray, BadInput, DomainBlocked, OverBudget, RemoteGone
from apserver.flow.beside import Beside
from apserver.flow.found import FoundPost, keep
from apserver.flow.paging import Document, items_of, pages_of
from apserver.flow.posts import Posts
from apserver.flow.put_off import put_off
from apserver.flow.remote import Remote
from apserver.net.budget import Budget
from apserver.store import jobs, objects
from apserver.store.db import Database
from apserver.store.jobs import Job

#: It is not there for us, and will not be.
_NEVER = (RemoteGone, BadInput, DomainBlocked)
_TOO_DEAR = (OverBudget, Astray)


@dataclass(slots=True)
class _Around:
    """What was found, what is answered before what answers it. ``trouble`` is why the height may
    not be all that there is."""

    posts: list[FoundPost]
    trouble: Exception | None = None
    known: set[str] = field(default_factory=set)  #: ids of what is here, or was looked for


class ThreadReader:
    """Does ``thread`` jobs in the background; one per worker."""

    def __init__(self, db: Database, remote: Remote, posts: Posts, *, origin: str):
        self._db = db
        self._remote = remote
        self._posts = posts
        self._origin = origin
        self._beside = Beside(db, most=limits.THREADS)

    def start(self, batch: Sequence[Job]) -> None:
        """Begin these jobs, which were put off by `jobs.reserve`."""
        for job in batch:
            self._beside.start(job, self._read(job))

    async def close(self) -> None:
        """Give up what is under way; it is due again at once."""
        await self._beside.close()

    async def _read(self, job: Job) -> None:
        [id_] = job.recipients or ("",)
        try:
            async with asyncio.timeout(limits.LEASE_S - 2 * limits.GET_S):
                around = await self._around(id_)
        except (ApserverError, TimeoutError) as error:
            around = _Around([], trouble=error)
        for post in around.posts:
            await keep(self._db, post)
        if around.trouble is not None and job.attempt + 1 < limits.THREAD_ATTEMPTS:
            await put_off(self._db, job, around.trouble)
            return
        await self._db.transaction(lambda conn: jobs.finish_jobs(conn, [job]))
        telemetry.count(telemetry.JOBS, job.kind, "done")

    async def _around(self, id_: str) -> _Around:
        post = (await self._stored([id_])).get(id_)
        if post is None:
            return _Around([])
        budget = Budget()
        around = _Around([post], known={id_})
        await self._climb(around, budget)
        if post.visibility <= Visibility.UNLISTED:
            lacks_parent = len(around.posts) > 1 or around.trouble is not None
            try:
                await self._replies(around, post, budget)
                await self._conversation(around, post, budget, lacks_parent=lacks_parent)
            except (*_NEVER, *_TOO_DEAR) as error:
                telemetry.detail("conversation not read", post=id_, reason=error)
            except ApserverError as error:
                telemetry.event("conversation not read", post=id_, reason=error)
        return around

    async def _climb(self, around: _Around, budget: Budget) -> None:
        """Go up by `inReplyTo`, until something of ours, a beginning, a circle or an end."""
        share = budget.part(limits.PARENTS)
        for _ in range(limits.PARENTS):
            parent = parent_of(around.posts[0].document)
            if parent is None or parent in around.known or same_origin(parent, self._origin):
                return
            around.known.add(parent)
            post = (await self._stored([parent])).get(parent)
            if post is None:
                try:
                    post = FoundPost.of(
                        await self._posts.post(parent, share, by=around.posts[-1].id)
                    )
                except (*_NEVER, *_TOO_DEAR) as error:
                    telemetry.detail("parent not found", post=parent, reason=error)
                    return
                except ApserverError as error:
                    around.trouble = error
                    return
            around.posts.insert(0, post)

    async def _replies(self, around: _Around, post: FoundPost, budget: Budget) -> None:
        """The first answers that the author's own server lists, of that server."""
        named = replies_of(post.document, post.id, now=datetime.now(UTC))
        if named is None:
            return
        get = self._getter(budget)
        collection = await get(named) if isinstance(named, str) else named
        pages = await pages_of(
            collection, post.id, get, items=limits.REPLIES, pages=limits.REPLY_PAGES
        )
        items = [one for page in pages for one in items_of(page)][: limits.THREAD_ITEMS]
        own = [one for one in items if any(same_origin(id_, post.id) for id_ in ids_of(one))]
        found = await self._fetch(around, own, budget, at=post.id, most=limits.REPLIES)
        around.posts += [one for one in found if post.id in ids_of(one.document.get("inReplyTo"))]

    async def _conversation(
        self, around: _Around, post: FoundPost, budget: Budget, *, lacks_parent: bool
    ) -> None:
        """What is listed of the conversation by whose it is (FEP-f228)."""
        now = datetime.now(UTC)
        context = context_of(post.document, post.id, now=now, lacks_parent=lacks_parent)
        if context is None:
            return
        get = self._getter(budget)
        collection = await get(context)
        if COLLECTION_TYPES.isdisjoint(types_of(collection)):
            return
        pages = await pages_of(
            collection, context, get, items=limits.CONTEXT_POSTS, pages=limits.REPLY_PAGES
        )
        items = [one for page in pages for one in items_of(page)][: limits.THREAD_ITEMS]
        found = await self._fetch(around, items, budget, at=context, most=limits.CONTEXT_POSTS)
        by_id = {one.id: one for one in found}
        inside = [one.id for one in around.posts]
        documents = {one.id: one.document for one in found}
        around.posts += [by_id[id_] for id_ in connected(documents, inside, context=context)]

    def _getter(self, budget: Budget) -> Any:
        async def get(id_: str) -> Document:
            return await self._remote.document(id_, budget)

        return get

    async def _fetch(
        self, around: _Around, items: Iterable[Any], budget: Budget, *, at: str, most: int
    ) -> list[FoundPost]:
        """Those posts of a list that are not here yet, one after the other; the others are passed
        over. Raises when the budget is spent with nothing found."""
        ids = to_fetch(items, around.known, at=at, most=most)
        here = await self._stored(ids)
        found: list[FoundPost] = []
        for id_ in ids:
            around.known.add(id_)
            if id_ in here or same_origin(id_, self._origin):
                continue
            try:
                found.append(FoundPost.of(await self._posts.post(id_, budget, by=at)))
            except _TOO_DEAR:
                break
            except ApserverError as error:
                telemetry.detail("post not found", post=id_, reason=error)
        return found

    async def _stored(self, ids: Sequence[str]) -> dict[str, FoundPost]:
        """Those of these posts of others that are here."""
        async with self._db.connection() as conn:
            rows = await objects.objects_by_key(conn, map(key_of, ids))
        found = {}
        for row in rows.values():
            document = parse(row.document)
            authors = ids_of(document.get("attributedTo"))
            author = next((one for one in authors if key_of(one) == row.author), None)
            if row.kind == "remote" and row.deleted_at is None and author is not None:
                found[row.id] = FoundPost(row.id, author, Visibility(row.visibility), document)
        return found
