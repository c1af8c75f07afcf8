"""The hot paths: what is sent, what must come of it, and the limit that it is held against.

A limit is CPU time for one operation (microseconds, PostgreSQL included): what a program that
does only this, in the design we chose, was measured to need on this kind of machine. Where no
single measurement fits, it is a sum of measured parts, and the source says so.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

from apserver.core import limits
from bench.instance import BenchFailed
from bench.load import Load
from bench.scene import Scene, activities, drop_jobs, hold_jobs, listed, settled


@dataclass(frozen=True, slots=True)
class Work:
    """What is measured: requests, the status that all must get, and how much that makes.

    ``finish`` is awaited after the last answer and is part of the measurement.
    """

    requests: Sequence[bytes]
    status: int
    operations: int
    finish: Callable[[], Awaitable[None]] | None = None


Prepare = Callable[[Scene, Load, int], AbstractAsyncContextManager[Work]]


@dataclass(frozen=True, slots=True, kw_only=True)
class HotPath:
    """A row of the table. ``work`` is a context: checked at its end, outside of the figures."""

    name: str
    title: str
    limit_us: float
    source: str
    operations: int  #: in one repeat, unless asked otherwise
    smoke_operations: int
    work: Prepare


@asynccontextmanager
async def _actor(scene: Scene, load: Load, n: int) -> AsyncIterator[Work]:
    url = scene.instance.actor("ann")
    await _check_served(scene, load, url, expected=url)
    yield Work([scene.get(url)] * n, 200, n)


@asynccontextmanager
async def _object(scene: Scene, load: Load, n: int) -> AsyncIterator[Work]:
    asked = [scene.objects[i % len(scene.objects)] for i in range(n)]
    await _check_served(scene, load, asked[0], expected=asked[0])
    yield Work([scene.get(url) for url in asked], 200, n)


@asynccontextmanager
async def _page(scene: Scene, load: Load, n: int) -> AsyncIterator[Work]:
    url = f"{scene.instance.actor('ann')}/outbox?page=first"
    page = json.loads((await load.fire([scene.get(url)])).last_body)
    items = page.get("orderedItems", [])
    if len(items) != limits.PAGE or not all(item["object"]["content"] for item in items):
        raise BenchFailed(f"The page has {len(items)} items and not {limits.PAGE} whole notes.")
    yield Work([scene.get(url)] * n, 200, n)


async def _check_served(scene: Scene, load: Load, url: str, *, expected: str) -> None:
    served = json.loads((await load.fire([scene.get(url)])).last_body)
    if served.get("id") != expected:
        raise BenchFailed(f"{url} is answered with {served}.")


@asynccontextmanager
async def _stored(scene: Scene, load: Load, n: int) -> AsyncIterator[Work]:
    """Background work is held up, so that it is not in the figures."""
    before = await activities(scene.instance)
    requests = [scene.delivery() for _ in range(n)]
    await hold_jobs(scene.instance)
    yield Work(requests, 202, n)
    _check_equal("activities stored", await activities(scene.instance) - before, n)
    _check_equal("jobs", await drop_jobs(scene.instance), n)


@asynccontextmanager
async def _applied(scene: Scene, load: Load, n: int) -> AsyncIterator[Work]:
    before = await listed(scene.instance, "reader", "inbox")
    requests = [scene.delivery() for _ in range(n)]
    yield Work(requests, 202, n, lambda: settled(scene.instance))
    after = await listed(scene.instance, "reader", "inbox")
    _check_equal("activities in the inbox", after - before, n)


def _posted(by: str) -> Prepare:
    """Posts of this actor. The fan-out is a job and is held up."""

    @asynccontextmanager
    async def work(scene: Scene, load: Load, n: int) -> AsyncIterator[Work]:
        before = await listed(scene.instance, by, "outbox")
        requests = [scene.post(by) for _ in range(n)]
        await hold_jobs(scene.instance)
        yield Work(requests, 201, n)
        after = await listed(scene.instance, by, "outbox")
        _check_equal("activities in the outbox", after - before, n)
        _check_equal("jobs", await drop_jobs(scene.instance), n)

    return work


@asynccontextmanager
async def _posted_together(scene: Scene, load: Load, n: int) -> AsyncIterator[Work]:
    """The same posts, as many in each request as it may hold."""
    before = await listed(scene.instance, "ann", "outbox")
    sizes = [min(limits.BULK_ITEMS, n - done) for done in range(0, n, limits.BULK_ITEMS)]
    requests = [scene.post_together("ann", size) for size in sizes]
    await hold_jobs(scene.instance)
    yield Work(requests, 200, n)
    after = await listed(scene.instance, "ann", "outbox")
    _check_equal("activities in the outbox", after - before, n)
    _check_equal("jobs", await drop_jobs(scene.instance), n)


@asynccontextmanager
async def _delivered(scene: Scene, load: Load, n: int) -> AsyncIterator[Work]:
    posts = max(1, n // scene.followers)
    owed = posts * scene.followers
    before = scene.sinks.taken
    requests = [scene.post("star") for _ in range(posts)]
    yield Work(requests, 201, owed, lambda: settled(scene.instance))
    _check_equal("deliveries", scene.sinks.taken - before, owed)


def _check_equal(what: str, found: int, wanted: int) -> None:
    if found != wanted:
        raise BenchFailed(f"There should be {wanted} {what}, and there are {found}.")


PATHS = (
    HotPath(
        name="actor",
        title="GET actor",
        limit_us=27.8,
        source="ready bytes from a cache in the process, by aiohttp on uvloop, dynamic route",
        operations=3_000,
        smoke_operations=40,
        work=_actor,
    ),
    HotPath(
        name="object",
        title="GET object, from PostgreSQL",
        limit_us=109,
        source="81 + 28: the same, one read by key through the pool",
        operations=3_000,
        smoke_operations=40,
        work=_object,
    ),
    HotPath(
        name="page",
        title="GET outbox page, 20 activities of 2.7 KB",
        limit_us=352,
        source="155 + 197: 20 documents read and joined as bytes",
        operations=600,
        smoke_operations=10,
        work=_page,
    ),
    HotPath(
        name="inbox",
        title="POST inbox, stored",
        limit_us=108,
        source="82 + 26: digest, RSA-2048 verify, one row, group commit",
        operations=1_000,
        smoke_operations=20,
        work=_stored,
    ),
    HotPath(
        name="inbox-applied",
        title="POST inbox, stored and applied",
        limit_us=165,
        source="sum of parts: stored 108, object by batched INSERT 45, job claimed and deleted 12",
        operations=1_000,
        smoke_operations=20,
        work=_applied,
    ),
    HotPath(
        name="outbox",
        title="POST outbox, no followers, until 201",
        limit_us=268,
        source="168 + 100: one durable INSERT for each POST (the nearest that was measured)",
        operations=300,
        smoke_operations=10,
        work=_posted("ann"),
    ),
    HotPath(
        name="outbox-followers",
        title="POST outbox, 1000 followers on 50 hosts, until 201",
        limit_us=268,
        source="the same: how many follow must not matter here",
        operations=300,
        smoke_operations=10,
        work=_posted("star"),
    ),
    HotPath(
        name="outbox-bulk",
        title="one of 500 posts in one request, no followers, until 200",
        limit_us=71,
        source="sum of parts: object by batched INSERT 45, one row in a group commit 26",
        operations=2_000,
        smoke_operations=10,
        work=_posted_together,
    ),
    HotPath(
        name="delivery",
        title="one delivery of a post to 1000 inboxes on 50 hosts, end to end",
        limit_us=282,
        source="277 + 5: claim, RSA-2048 sign (243), POST by a client of our own, delete",
        operations=2_000,
        smoke_operations=1,
        work=_delivered,
    ),
)
