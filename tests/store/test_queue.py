"""Leases of buckets and hosts, and the jobs and deliveries that wait under them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from apserver.core import limits
from apserver.errors import LeaseLost
from apserver.identifiers import uuid7
from apserver.store import deliveries, jobs
from apserver.store.db import Connection, Database
from apserver.store.deliveries import Delivery, HostLease, Settlement, Target
from apserver.store.jobs import Job, Lease

BUCKET = 7
HOST = "far.example"
WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Queue:
    """A database and short ways to look into it."""

    db: Database

    async def rows(self, query: str, *arguments: object) -> list[Any]:
        async with self.db.connection() as conn:
            return list(await conn.fetch(query, *arguments))

    async def enqueue(self, *kinds: str, bucket: int = BUCKET) -> list[Job]:
        """One job of each kind, in this order."""
        made = [Job(bucket, uuid7(), kind, uuid4()) for kind in kinds]
        async with self.db.connection() as conn:
            await jobs.enqueue(conn, made)
        return made

    async def lease(self, holder: str = "one") -> Lease | None:
        async with self.db.connection() as conn:
            return await jobs.lease_buckets(conn, holder)

    async def hold(self, lease: Lease) -> bool:
        async with self.db.connection() as conn:
            try:
                await jobs.hold(conn, lease)
            except LeaseLost:
                return False
            return True

    async def release(self, lease: Lease) -> None:
        async with self.db.connection() as conn:
            await jobs.release_buckets(conn, lease)

    async def expire(self) -> None:
        """All leases are over, as after a long sleep of their holders."""
        await self.rows("UPDATE bucket SET lease_until = now() - interval '1 s' RETURNING 1")
        await self.rows("UPDATE host SET lease_until = now() - interval '1 s' RETURNING 1")

    async def owe(self, *inboxes: str, activity: UUID | None = None) -> None:
        """Deliveries to these inboxes of one host, in one fan-out."""
        async with self.db.connection() as conn:
            await deliveries.queue(
                conn,
                activity=activity or uuid4(),
                sender=uuid4(),
                order=uuid7(),
                targets=[Target(f"https://{HOST}/{one}", HOST, BUCKET) for one in inboxes],
                to_followers=False,
            )

    async def lease_host(self, holder: str = "one") -> HostLease | None:
        async with self.db.connection() as conn:
            leased = await deliveries.lease_hosts(conn, 10, holder)
        return leased[0] if leased else None

    async def waiting(self, host: HostLease) -> list[Delivery]:
        async with self.db.connection() as conn:
            return await deliveries.deliveries_of(conn, [host])

    async def settle(
        self,
        host: HostLease,
        finished: list[Delivery],
        *,
        waits: dict[str, float] | None = None,
        down_s: float | None = None,
    ) -> bool:
        settlement = Settlement(host, finished, waits or {}, down_s, "500" if down_s else None)

        async def work(conn: Connection) -> bool:
            return await deliveries.settle(conn, settlement, give_up=WEEK)

        return await self.db.transaction(work)


@pytest.fixture
async def queue(database: Callable[[], Awaitable[str]]) -> AsyncIterator[Queue]:
    """An empty queue."""
    db = Database(await database(), connections=4)
    await db.open()
    yield Queue(db)
    await db.close()


# Buckets and jobs -------------------------------------------------------------------------


async def test_a_bucket_has_one_holder(queue: Queue) -> None:
    await queue.enqueue("apply")
    lease = await queue.lease("one")
    assert lease is not None
    assert await queue.hold(lease)
    assert await queue.lease("two") is None


async def test_only_a_bucket_with_work_is_leased(queue: Queue) -> None:
    """Work that is not due yet, or given up, is none."""
    assert await queue.lease() is None
    await queue.enqueue("apply", "apply")
    await queue.rows("UPDATE job SET run_at = now() + interval '1 h' RETURNING 1")
    assert await queue.lease() is None
    await queue.rows("UPDATE job SET run_at = now(), parked_at = now() RETURNING 1")
    assert await queue.lease() is None
    await queue.rows("UPDATE job SET parked_at = NULL RETURNING 1")
    assert await queue.lease() is not None


async def test_buckets_are_leased_together_and_those_that_waited_longest_first(
    queue: Queue,
) -> None:
    """As many as one worker may hold; a bucket that always has work comes after the others."""
    for bucket in range(limits.BUCKETS):
        await queue.enqueue("apply", bucket=bucket)
    seen: list[int] = []
    for _ in range(limits.BUCKETS // limits.BUCKETS_PER_LEASE):
        lease = await queue.lease()
        assert lease is not None
        assert len(lease.fences) == limits.BUCKETS_PER_LEASE
        seen += lease.fences
        await queue.release(lease)
    assert sorted(seen) == list(range(limits.BUCKETS))


async def test_fault_17_who_slept_through_the_lease_must_not_commit(queue: Queue) -> None:
    """Fault 17: one of the buckets is another's now, and its number tells; what the late one does
    to it changes nothing, and the bucket that is nobody's is free."""
    await queue.enqueue("apply")
    await queue.enqueue("apply", bucket=BUCKET + 1)
    late = await queue.lease("one")
    assert late is not None
    await queue.expire()
    assert not await queue.hold(late), "over, though nobody else has it yet"
    await queue.rows("DELETE FROM job WHERE bucket = $1 RETURNING 1", BUCKET + 1)
    other = await queue.lease("two")
    assert other is not None
    assert list(other.fences) == [BUCKET]
    assert other.fences[BUCKET] > late.fences[BUCKET]
    await queue.release(late)
    assert not await queue.hold(late)
    assert await queue.hold(other)
    await queue.enqueue("apply", bucket=BUCKET + 1)
    third = await queue.lease("three")
    assert third is not None
    assert list(third.fences) == [BUCKET + 1]


async def test_fault_17_a_job_that_another_has_done_is_not_done_again(queue: Queue) -> None:
    """Fault 17: who waits for another server has no lease; ending its job tells that it is late."""
    made = await queue.enqueue("apply", "apply")
    async with queue.db.connection() as conn:
        await jobs.reserve(conn, made)
    assert await queue.lease() is None, "for as long as a lease lasts"
    await queue.rows("UPDATE job SET run_at = now() WHERE id = $1 RETURNING 1", made[0].id)
    async with queue.db.connection() as conn:
        await jobs.finish_jobs(conn, made[:1])
        with pytest.raises(LeaseLost):
            await jobs.finish_jobs(conn, made)


async def test_fault_17_a_transaction_that_holds_the_bucket_keeps_others_out(queue: Queue) -> None:
    """Fault 17: the lease may end while one commits; nobody gets in before that."""
    await queue.enqueue("apply")
    lease = await queue.lease("one")
    assert lease is not None
    async with queue.db.connection() as conn, conn.transaction():
        await jobs.hold(conn, lease)
        await conn.execute("UPDATE bucket SET lease_until = now() - interval '1 s'")
        assert await queue.lease("two") is None
    assert await queue.lease("two") is not None


async def test_a_successor_frees_what_the_killed_one_held(queue: Queue) -> None:
    """And what others hold stays theirs; the killed one, should it live, must not commit."""
    await queue.enqueue("apply")
    await queue.owe("inbox")
    lease = await queue.lease("one")
    host = await queue.lease_host("one")
    assert lease is not None
    assert host is not None
    async with queue.db.connection() as conn:
        await jobs.free_buckets(conn, "two")
        await deliveries.free_hosts(conn, "two")
    assert await queue.hold(lease)
    assert await queue.lease_host("two") is None
    async with queue.db.connection() as conn:
        await jobs.free_buckets(conn, "one")
        await deliveries.free_hosts(conn, "one")
    assert not await queue.hold(lease)
    assert not await queue.settle(host, [])
    assert await queue.lease("three") is not None
    assert await queue.lease_host("three") is not None


async def test_jobs_come_in_order_and_one_that_waits_lets_others_pass(queue: Queue) -> None:
    made = await queue.enqueue("apply", "list", "fan_out")
    async with queue.db.connection() as conn:
        assert await jobs.due_jobs(conn, [BUCKET]) == made
        assert not await jobs.fail_job(conn, made[0], error="no", wait_s=60)
        assert await jobs.due_jobs(conn, [BUCKET]) == made[1:]
        await jobs.finish_jobs(conn, made[1:])
        assert await jobs.due_jobs(conn, [BUCKET]) == []
        assert await jobs.is_there(conn, made[0])
        assert not await jobs.is_there(conn, made[1])
    [row] = await queue.rows("SELECT attempt, error, run_at > now() AS later FROM job")
    assert (row["attempt"], row["error"], row["later"]) == (1, "no", True)


async def test_jobs_of_many_buckets_come_in_order_and_none_crowds_the_others_out(
    queue: Queue,
) -> None:
    """The oldest first, of each bucket a like number; of one alone as many as a batch has."""
    crowd = await queue.enqueue(*["apply"] * (limits.JOB_BATCH + 1))
    late = await queue.enqueue("apply", "list", bucket=BUCKET + 1)
    share = limits.JOB_BATCH // 2
    async with queue.db.connection() as conn:
        assert await jobs.due_jobs(conn, [BUCKET + 1, BUCKET]) == crowd[:share] + late
        assert await jobs.due_jobs(conn, [BUCKET]) == crowd[: limits.JOB_BATCH]


async def test_fault_18_given_up_after_ten_failures(queue: Queue) -> None:
    """Fault 18: parked with the error, and not due any more."""
    [job] = await queue.enqueue("apply")
    async with queue.db.connection() as conn:
        parked = [
            await jobs.fail_job(conn, job, error=f"failure {n}", wait_s=0)
            for n in range(limits.JOB_ATTEMPTS)
        ]
    assert parked == [False] * (limits.JOB_ATTEMPTS - 1) + [True]
    [row] = await queue.rows("SELECT error, parked_at FROM job")
    assert row["error"] == f"failure {limits.JOB_ATTEMPTS - 1}"
    assert row["parked_at"] is not None
    assert await queue.lease() is None


async def test_what_is_not_applied_yet_is_not_listed(queue: Queue) -> None:
    """A list job waits for the apply job of its activity, and for no other."""
    apply, list_ = await queue.enqueue("apply", "list")
    [other] = await queue.enqueue("list")
    await queue.rows(
        "UPDATE job SET activity = $1 WHERE id = $2 RETURNING 1", apply.activity, list_.id
    )
    listing = [Job(BUCKET, list_.id, "list", apply.activity), other]
    async with queue.db.connection() as conn:
        await jobs.fail_job(conn, apply, error="later", wait_s=60)
        assert await jobs.put_behind_apply(conn, listing) == {list_.id}
        assert await jobs.due_jobs(conn, [BUCKET]) == [other]
        await jobs.finish_jobs(conn, [apply])
        await jobs.wake_lists(conn, apply)
        assert await jobs.due_jobs(conn, [BUCKET]) == listing
        assert await jobs.put_behind_apply(conn, listing) == set()


# Hosts and deliveries ---------------------------------------------------------------------


async def test_AP_S2S_12_an_inbox_is_owed_an_activity_once(queue: Queue) -> None:
    async with queue.db.connection() as conn:
        target = Target(f"https://{HOST}/inbox", HOST, BUCKET)
        order = uuid7()
        for _ in range(2):
            await deliveries.queue(
                conn,
                activity=uuid4(),
                sender=uuid4(),
                order=order,
                targets=[target, target],
                to_followers=False,
            )
        assert await deliveries.owed(conn, order, [(BUCKET, HOST)]) == [target.inbox]


async def test_a_host_has_one_holder_and_is_idle_when_nothing_waits(queue: Queue) -> None:
    await queue.owe("a", "b")
    host = await queue.lease_host("one")
    assert host is not None
    assert await queue.lease_host("two") is None
    waiting = await queue.waiting(host)
    assert [one.inbox for one in waiting] == [f"https://{HOST}/a", f"https://{HOST}/b"]
    assert await queue.settle(host, waiting)
    [row] = await queue.rows("SELECT next_at = 'infinity' AS idle, failures FROM host")
    assert (row["idle"], row["failures"]) == (True, 0)
    assert await queue.lease_host() is None
    await queue.owe("a")
    assert await queue.lease_host() is not None


async def test_fault_17_a_late_settlement_is_refused(queue: Queue) -> None:
    """Fault 17: another worker has the host; what the late one did is not recorded twice."""
    await queue.owe("a")
    late = await queue.lease_host("one")
    assert late is not None
    waiting = await queue.waiting(late)
    await queue.expire()
    other = await queue.lease_host("two")
    assert other is not None
    assert not await queue.settle(late, waiting)
    assert not await queue.settle(late, [], down_s=60)
    assert await queue.waiting(other) == waiting
    [row] = await queue.rows("SELECT failures FROM host")
    assert row["failures"] == 0
    assert await queue.settle(other, waiting)


async def test_what_is_queued_while_a_host_is_served_is_not_missed(queue: Queue) -> None:
    """Settling looks again: the new delivery is due at once."""
    await queue.owe("a")
    host = await queue.lease_host()
    assert host is not None
    waiting = await queue.waiting(host)
    await queue.owe("b")
    assert await queue.settle(host, waiting)
    again = await queue.lease_host()
    assert again is not None
    assert [one.inbox for one in await queue.waiting(again)] == [f"https://{HOST}/b"]


async def test_IO_63_a_host_that_is_down_keeps_all_in_order(queue: Queue) -> None:
    """AP-SEC-07, IO-63: new posts do not hurry it; at its time the oldest comes first."""
    await queue.owe("a")
    host = await queue.lease_host()
    assert host is not None
    assert await queue.settle(host, [], down_s=600)
    await queue.owe("b")
    assert await queue.lease_host() is None
    await queue.rows("UPDATE host SET next_at = now() RETURNING 1")
    again = await queue.lease_host()
    assert again is not None
    assert again.failures == 1
    assert [one.inbox[-1] for one in await queue.waiting(again)] == ["a", "b"]


async def test_an_inbox_that_waits_holds_back_its_own_alone(queue: Queue) -> None:
    """401: what is owed to it waits, in order; the host is due when the wait is over."""
    await queue.owe("a", "b")
    host = await queue.lease_host()
    assert host is not None
    first, second = await queue.waiting(host)
    assert await queue.settle(host, [second], waits={first.inbox: 600.0})
    [row] = await queue.rows("SELECT extract(epoch FROM next_at - now()) AS s, failures FROM host")
    assert 500 < row["s"] <= 600
    assert row["failures"] == 0
    await queue.owe("a", "b")
    again = await queue.lease_host()
    assert again is not None
    waiting = await queue.waiting(again)
    assert [one.inbox for one in waiting] == [second.inbox]
    assert await queue.settle(again, waiting)
    await queue.rows("UPDATE waiting_inbox SET until = now() RETURNING 1")
    await queue.rows("UPDATE host SET next_at = now() RETURNING 1")
    third = await queue.lease_host()
    assert third is not None
    waiting = await queue.waiting(third)
    assert [(one.inbox, one.failures) for one in waiting] == [(first.inbox, 1)] * 2
    assert await queue.settle(third, waiting)
    assert await queue.rows("SELECT 1 FROM waiting_inbox") == []


@pytest.mark.parametrize("how", ["host down", "inbox waits"])
async def test_given_up_after_a_week(queue: Queue, how: str) -> None:
    await queue.owe("a")
    await queue.rows("UPDATE delivery SET since = now() - interval '7 days 1 s' RETURNING 1")
    await queue.owe("a")
    host = await queue.lease_host()
    assert host is not None
    old, young = await queue.waiting(host)
    if how == "host down":
        assert await queue.settle(host, [], down_s=60)
    else:
        assert await queue.settle(host, [], waits={old.inbox: 60.0})
    assert [row["id"] for row in await queue.rows("SELECT id FROM delivery")] == [young.id]
