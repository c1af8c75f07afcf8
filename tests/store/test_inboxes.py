"""The accepting statement, and what is dropped again because it concerns nobody here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from apserver.core.origin import activity_key, key_of
from apserver.identifiers import uuid7
from apserver.store import inboxes
from apserver.store.db import Database
from apserver.store.inboxes import Arrival

CAROL = "https://far.example/users/carol"
ANN, BOB = (key_of(f"https://here.example/actors/{name}") for name in ("ann", "bob"))


@pytest.fixture
async def db(database: Callable[[], Awaitable[str]]) -> AsyncIterator[Database]:
    """An empty database."""
    made = Database(await database(), connections=4)
    await made.open()
    yield made
    await made.close()


def arrival(owner: UUID | None, *, number: int = 1, type_: str = "Create") -> Arrival:
    """An activity of carol at an inbox, or at the shared one."""
    id_ = f"https://far.example/activities/{number}"
    return Arrival(
        key=activity_key(CAROL, id_),
        id=id_,
        actor=key_of(CAROL),
        actor_id=CAROL,
        type=type_,
        visibility=0,
        audience=[],
        spliced=None,
        context=None,
        envelope=b'{"type":"Create"}',
        published_at=datetime(2026, 1, 1, tzinfo=UTC),
        body=b"{}",
        owner=owner,
        bucket=3,
        signature=uuid4(),
        apply_job=uuid7(),
        list_job=uuid7(),
    )


async def accept(db: Database, *arrivals: Arrival) -> None:
    async with db.connection() as conn:
        await inboxes.accept(conn, arrivals)


async def rows(db: Database, query: str) -> list[Any]:
    async with db.connection() as conn:
        return [tuple(row) for row in await conn.fetch(query)]


JOBS = "SELECT kind, owner FROM job ORDER BY id"
FOUND = "SELECT in_person FROM activity"


async def test_AP_COL_08_jobs_come_of_what_is_new(db: Database) -> None:
    """AP-COL-07, AP-COL-08: apply once for the activity, list once for each inbox."""
    await accept(db, arrival(ANN))
    await accept(db, arrival(ANN), arrival(None))
    await accept(db, arrival(BOB), arrival(ANN), arrival(BOB))
    assert await rows(db, JOBS) == [("apply", None), ("list", ANN), ("list", BOB)]
    assert len(await rows(db, "SELECT 1 FROM activity")) == 1
    assert len(await rows(db, "SELECT 1 FROM raw")) == 1
    assert len(await rows(db, "SELECT 1 FROM receipt")) == 2


async def test_a_round_with_the_same_twice(db: Database) -> None:
    """Copies in one round count as copies, whichever comes first."""
    await accept(db, arrival(None), arrival(ANN), arrival(None, number=2), arrival(BOB))
    assert sorted(await rows(db, "SELECT kind FROM job")) == [("apply",)] * 2 + [("list",)] * 2
    assert await rows(db, f"{FOUND} ORDER BY id") == [(True,), (False,)]


async def test_IO_32_only_a_follow_is_applied_again(db: Database) -> None:
    """IO-32: its rule knows whether it still stands."""
    for _ in range(2):
        await accept(db, arrival(ANN, type_="Follow"))
    assert await rows(db, JOBS) == [("apply", None), ("list", ANN), ("apply", None)]


async def test_what_came_to_an_actor_is_not_dropped(db: Database) -> None:
    """Decision 4: first at the shared inbox, then at ann's, in two rounds."""
    one, other = arrival(None), arrival(None, number=2)
    await accept(db, one, other)
    assert await rows(db, FOUND) == [(False,), (False,)]
    await accept(db, arrival(ANN))
    async with db.connection() as conn:
        assert await inboxes.in_person(conn, [one.key, other.key]) == {one.key}
        assert await inboxes.drop(conn, sorted([one.key, other.key])) == {other.key}
    assert await rows(db, FOUND) == [(True,)]
    assert len(await rows(db, "SELECT 1 FROM raw")) == 1


@pytest.mark.parametrize("first", ["drop", "accept"])
async def test_dropping_and_accepting_at_once(db: Database, first: str) -> None:
    """Decision 4: whoever is later waits: either it is kept, or it is gone and taken as new."""
    one = arrival(None)
    await accept(db, one)
    await rows(db, "DELETE FROM job RETURNING 1")
    async with db.connection() as conn, db.connection() as other:
        transaction = conn.transaction()
        await transaction.start()
        if first == "drop":
            assert await inboxes.drop(conn, [one.key]) == {one.key}
            late: asyncio.Task[Any] = asyncio.create_task(inboxes.accept(other, [arrival(ANN)]))
        else:
            await inboxes.accept(conn, [arrival(ANN)])
            late = asyncio.create_task(inboxes.drop(other, [one.key]))
        await asyncio.sleep(0.2)
        assert not late.done()
        await transaction.commit()
        result = await late
    assert await rows(db, FOUND) == [(True,)]
    if first == "drop":
        assert await rows(db, JOBS) == [("apply", None), ("list", ANN)]
    else:
        assert result == set()
        assert await rows(db, JOBS) == [("list", ANN)]


async def test_signature_replay_a_follow_counts_once_for_each_signature(db: Database) -> None:
    """security.md: signature-replay: Follow and Undo are applied again when they are signed anew,
    also in one round with the replay; others never are."""
    for type_, anew in (("Follow", 1), ("Undo", 1), ("Create", 0)):
        number = ["Follow", "Undo", "Create"].index(type_)
        first = arrival(None, number=number, type_=type_)
        again = arrival(None, number=number, type_=type_)
        await accept(db, first)
        await accept(db, replace(first, apply_job=uuid7()))
        assert len(await rows(db, JOBS)) == 1
        await accept(db, replace(first, owner=ANN, apply_job=uuid7(), list_job=uuid7()), again)
        found = await rows(db, JOBS)
        assert [kind for kind, _ in found].count("apply") == 1 + anew, type_
        await rows(db, "DELETE FROM job RETURNING id")
