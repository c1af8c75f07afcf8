"""What goes and what stays (issue 3, "Retention and limits"; CVE-2026-69132), over PostgreSQL.

Rows are written by SQL, as old as the test wants them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from apserver.core import limits
from apserver.core.names import collection_id
from apserver.core.origin import activity_key, key_of
from apserver.store import collections, retention
from apserver.store.collections import Membership
from apserver.store.db import Database, Rehearsal
from apserver.store.retention import Kind
from apserver.work.prune import Pruner, Retention

ANN = "https://here.example/actors/ann"
CAROL = "https://there.example/users/carol"
KEEP = Retention(remote_days=90, receipts_days=365, rows_per_host=0)


class Store:
    """A database, and the rows that a test puts into it."""

    def __init__(self, db: Database):
        self.db = db

    async def rows(self, query: str, *arguments: object) -> list[Any]:
        async with self.db.connection() as conn:
            return list(await conn.fetch(query, *arguments))

    async def value(self, query: str, *arguments: object) -> Any:
        [row] = await self.rows(query, *arguments)
        return row[0]

    async def actor(self, id_: str, *, days: float = 0, ours: bool = False) -> UUID:
        await self.rows(
            "INSERT INTO actor (key, id, ours, type, host, bucket, inbox, document, fetched_at) "
            "VALUES ($1, $2, $3, 'Person', 'x', 0, $2 || '/inbox', '{}', $4)",
            key_of(id_),
            id_,
            ours,
            _ago(days),
        )
        return key_of(id_)

    async def key(self, owner: str, name: str = "main-key", *, days: float = 0) -> None:
        id_ = f"{owner}#{name}"
        await self.rows(
            "INSERT INTO public_key (key, key_id, owner, der, fetched_at) "
            "VALUES ($1, $2, $3, 'x', $4)",
            key_of(id_),
            id_,
            owner,
            _ago(days),
        )

    async def object(
        self, id_: str, *, by: str = CAROL, days: float = 0, kind: str = "remote"
    ) -> UUID:
        await self.rows(
            "INSERT INTO object (key, id, kind, type, author, visibility, audience, document, "
            "published_at, stored_at) VALUES ($1, $2, $3, 'Note', $4, 0, '{}', '{}', now(), $5)",
            key_of(id_),
            id_,
            kind,
            key_of(by),
            _ago(days),
        )
        return key_of(id_)

    async def activity(
        self,
        id_: str,
        *,
        by: str = CAROL,
        days: float = 0,
        carries: UUID | None = None,
        ours: bool = False,
        envelope: str = '{"type":"Create"}',
    ) -> UUID:
        key = activity_key(by, id_)
        await self.rows(
            "INSERT INTO activity (key, id, local_key, actor, actor_id, type, visibility, "
            "audience, spliced, envelope, published_at, stored_at) "
            "VALUES ($1, $2, $3, $4, $5, 'Create', 0, '{}', $6, $7, now(), $8)",
            key,
            id_,
            key_of(id_) if ours else None,
            key_of(by),
            by,
            carries,
            envelope.encode(),
            _ago(days),
        )
        await self.rows("INSERT INTO raw VALUES ($1, 'x', $2)", key, _ago(days))
        return key

    async def inbox(self, id_: str = ANN) -> UUID:
        """The inbox of an actor of ours, who is made too."""
        owner = await self.actor(id_, ours=True)
        key = key_of(collection_id(id_, "inbox"))
        async with self.db.connection() as conn:
            await collections.insert_collection(
                conn, key=key, id=collection_id(id_, "inbox"), owner=owner, name="inbox"
            )
        return key

    async def receive(self, keys: Sequence[UUID], *, by: str = ANN, days: float = 0) -> None:
        """Receipts, and places in the inbox."""
        inbox = key_of(collection_id(by, "inbox"))
        await self.rows(
            "INSERT INTO receipt SELECT $1, unnest($2::uuid[]), $3", key_of(by), keys, _ago(days)
        )
        members = [Membership(inbox, key, None, key_of(CAROL), 0) for key in keys]
        await self.db.transaction(lambda conn: collections.add_members(conn, members))

    async def relate(self, subject: str, object_: str, state: str = "accepted") -> None:
        await self.rows(
            "INSERT INTO relation (object, kind, subject, subject_ours, state) "
            "VALUES ($1, 'follow', $2, true, $3)",
            key_of(object_),
            key_of(subject),
            state,
        )

    async def names(self, table: str) -> list[str]:
        """The last parts of the ids of the rows that are there."""
        return sorted(row["id"].rpartition("/")[2] for row in await self.rows(f"TABLE {table}"))

    async def prune(self, keep: Retention = KEEP) -> dict[str, int]:
        removed = await Pruner(self.db, keep).prune()
        return {kind: gone for kind, gone in removed.items() if gone}


def _ago(days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=days)


@pytest.fixture
async def store(database: Callable[[], Awaitable[str]]) -> AsyncIterator[Store]:
    db = Database(await database(), connections=4)
    await db.open()
    yield Store(db)
    await db.close()


async def test_old_documents_of_others_go_and_ours_stay(store: Store) -> None:
    await store.object("https://there.example/old", days=91)
    await store.object("https://there.example/new", days=89)
    await store.object("https://here.example/ours", by=ANN, kind="ours", days=4_000)
    await store.object("https://here.example/site", by=ANN, kind="site", days=4_000)
    await store.activity("https://here.example/act", by=ANN, ours=True, days=4_000)
    assert await store.prune() == {"objects": 1, "bodies": 1}
    assert await store.names("object") == ["new", "ours", "site"]
    assert await store.names("activity") == ["act"]


async def test_zero_keeps_for_ever(store: Store) -> None:
    await store.inbox()
    note = await store.object("https://there.example/note", days=9_000)
    key = await store.activity("https://there.example/act", days=9_000, carries=note)
    await store.receive([key], days=9_000)
    await store.actor(CAROL, days=9_000)
    for_ever = Retention(remote_days=0, receipts_days=0, rows_per_host=0)
    assert await store.prune(for_ever) == {}


@pytest.mark.parametrize("envelope", ['{"type":"Create"}', "{}"])
async def test_an_activity_names_the_object_that_went(store: Store, envelope: str) -> None:
    """What an inbox shows stays well-formed: the object by its id, as AS2 allows anywhere."""
    note = await store.object('https://there.example/a"b', days=91)
    key = await store.activity(
        "https://there.example/act", days=91, carries=note, envelope=envelope
    )
    await store.inbox()
    await store.receive([key])
    assert await store.prune() == {"bodies": 1, "objects": 1}
    row = (await store.rows("SELECT envelope::text, envelope AS e, spliced FROM activity"))[0]
    assert row["spliced"] is None
    assert row["e"].endswith(b'"object":"https://there.example/a\\"b"}')
    assert row["e"].startswith(envelope.encode()[:-1])


async def test_actors_with_a_relation_to_somebody_here_stay(store: Store) -> None:
    """Followed, following, asked, listed, suspended; and whose posts are here."""
    names = "followed follower asked listed suspended poster maker nobody".split()
    for name in names:
        await store.actor(f"https://there.example/{name}", days=91)
        await store.key(f"https://there.example/{name}", days=91)
    await store.actor("https://there.example/seen", days=89)
    inbox = await store.inbox()
    await store.relate(ANN, "https://there.example/followed")
    await store.relate("https://there.example/follower", ANN)
    await store.relate(ANN, "https://there.example/asked", "pending")
    listed = "https://there.example/listed"
    member = Membership(inbox, key_of(listed), listed, key_of(listed), 0)
    await store.db.transaction(lambda conn: collections.add_members(conn, [member]))
    await store.rows("UPDATE actor SET suspended_at = now() WHERE id LIKE '%/suspended'")
    await store.activity("https://there.example/act", by="https://there.example/poster")
    await store.object("https://there.example/note", by="https://there.example/maker")
    await store.prune()
    kept = [name for name in names if name != "nobody"]
    assert await store.names("actor") == sorted(["ann", "seen", *kept])
    owners = {row["owner"].rpartition("/")[2] for row in await store.rows("TABLE public_key")}
    assert owners == {"followed", "follower", "asked"}


async def test_keys_go_with_their_actor(store: Store) -> None:
    await store.actor(CAROL, days=91)
    await store.key(CAROL, "new", days=1)
    assert await store.prune() == {"actors": 1}
    assert await store.rows("TABLE public_key") == []


async def test_an_inbox_forgets_and_counts_right(store: Store) -> None:
    """Receipts, their places in the inbox and activities that nobody lists go together."""
    inbox = await store.inbox()
    other = await store.inbox("https://here.example/actors/bob")
    old = [await store.activity(f"https://there.example/old{n}", days=366) for n in range(3)]
    new = [await store.activity(f"https://there.example/new{n}", days=364) for n in range(2)]
    late = await store.activity("https://there.example/late", days=366)
    await store.receive([*old, late], days=366)
    await store.receive(new, days=364)
    await store.receive([late], by="https://here.example/actors/bob", days=364)
    assert await store.prune() == {"receipts": 4, "activities": 3, "bodies": 3}
    assert await store.names("activity") == ["late", "new0", "new1"]
    totals = await store.rows("SELECT key, total, public_total FROM collection")
    assert {row["key"]: (row["total"], row["public_total"]) for row in totals} == {
        inbox: (2, 2),
        other: (1, 1),
    }
    assert {row["item"] for row in await store.rows("TABLE member")} == {*new, late}
    assert {row["activity"] for row in await store.rows("TABLE receipt")} == {*new, late}


async def test_an_activity_of_ours_leaves_inboxes_and_stays(store: Store) -> None:
    await store.inbox()
    key = await store.activity("https://here.example/act", by=ANN, ours=True, days=366)
    await store.receive([key], days=366)
    assert await store.prune() == {"receipts": 1, "bodies": 1}
    assert await store.names("activity") == ["act"]
    assert await store.value("SELECT total FROM collection") == 0


async def test_an_activity_in_another_collection_stays(store: Store) -> None:
    """Such as the likes of an object of ours."""
    key = await store.activity("https://there.example/like", days=4_000)
    async with store.db.connection() as conn:
        await collections.insert_collection(
            conn, key=uuid4(), id="https://here.example/l", owner=key_of(ANN), name="likes"
        )
    likes = await store.value("SELECT key FROM collection")
    member = Membership(likes, key, None, key_of(CAROL), 0)
    await store.db.transaction(lambda conn: collections.add_members(conn, [member]))
    capped = Retention(remote_days=90, receipts_days=365, rows_per_host=1)
    await store.activity("https://there.example/newer")
    await store.activity("https://there.example/newest")
    assert await store.prune(capped) == {"activities": 1, "bodies": 1}
    assert await store.names("activity") == ["like", "newest"]


async def test_what_a_job_is_about_stays(store: Store) -> None:
    """Its body too: the job has yet to read it."""
    key = await store.activity("https://there.example/act", days=4_000)
    await store.rows(
        "INSERT INTO job (bucket, id, kind, activity) VALUES (1, $1, 'x', $2)", key, key
    )
    capped = Retention(remote_days=90, receipts_days=365, rows_per_host=1)
    assert await store.prune(capped) == {}
    await store.rows("DELETE FROM job")
    assert await store.prune(capped) == {"activities": 1}
    assert await store.rows("TABLE raw") == []


async def test_what_may_be_forwarded_yet_stays_for_a_week(store: Store) -> None:
    """A delivery waits for seven days at most (IO-63), and needs the bytes that were received."""
    for days in (6, 8):
        await store.activity(f"https://there.example/{days}", days=days)
    short = Retention(remote_days=1, receipts_days=0, rows_per_host=0)
    assert await store.prune(short) == {"bodies": 1}
    short = Retention(remote_days=1, receipts_days=1, rows_per_host=0)
    assert await store.prune(short) == {"activities": 1}
    assert await store.names("activity") == ["6"]


async def test_no_host_has_more_rows_than_the_setting_says(store: Store) -> None:
    """The oldest go first, from the inboxes too; other hosts and ours are not touched."""
    inbox = await store.inbox()
    keys = [await store.activity(f"https://there.example/{n:03}", days=30 - n) for n in range(25)]
    await store.receive(keys)
    for n in range(25):
        await store.object(f"https://there.example/o{n:03}", days=30 - n)
        await store.actor(f"https://there.example/a{n:03}", days=30 - n)
        await store.key(f"https://there.example/a{n:03}", days=30 - n)
    other = "https://elsewhere.example/users/dan"
    kept = [await store.activity(f"{other}/{n}", by=other, days=60) for n in range(9)]
    await store.receive(kept)
    capped = Retention(remote_days=90, receipts_days=365, rows_per_host=10)
    removed = await store.prune(capped)
    assert removed == {"activities": 15, "objects": 15, "actors": 15}
    assert await store.names("activity") == sorted(
        [*(f"{n:03}" for n in range(15, 25)), *map(str, range(9))]
    )
    assert await store.names("object") == [f"o{n:03}" for n in range(15, 25)]
    assert await store.names("actor") == [*(f"a{n:03}" for n in range(15, 25)), "ann"]
    assert await store.value("SELECT count(*) FROM public_key") == 10
    assert await store.value("SELECT total FROM collection WHERE key = $1", inbox) == 19
    assert await store.value("SELECT count(*) FROM member") == 19
    assert await store.value("SELECT count(*) FROM receipt") == 19
    assert await store.prune(capped) == {}


async def test_much_goes_in_many_small_transactions(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that stay do not stop the walk, and are passed once."""
    monkeypatch.setattr(limits, "PRUNE_ROWS", 7)
    await store.inbox()
    for n in range(40):
        key = await store.activity(f"https://there.example/{n:02}", days=400)
        await store.receive([key], days=400 if n % 2 else 1)
    assert await store.prune() == {"receipts": 20, "activities": 20, "bodies": 20}
    assert await store.value("SELECT count(*) FROM activity") == 20
    assert await store.value("SELECT total FROM collection") == 20


async def test_CVE_2026_69132_hosts_are_forgotten(store: Store) -> None:
    """10 000 fake inboxes, and more: what nothing waits for is bounded in age and in number."""
    await store.rows(
        "INSERT INTO host (bucket, host, next_at, failures, tried_at) "
        "SELECT n % 64, 'fake' || n, 'infinity', 1, now() - n * interval '1 second' "
        "FROM generate_series(1, 12000) n"
    )
    for name, next_at, failures, days, lease in (
        ("waiting", "now", 3, 30, "-infinity"),
        ("held", "infinity", 0, 30, "now"),
        ("well", "infinity", 0, 2, "-infinity"),
        ("failed", "infinity", 2, 8, "-infinity"),
    ):
        await store.rows(
            "INSERT INTO host (bucket, host, next_at, failures, tried_at, lease_until) VALUES "
            "(1, $1, $2::text::timestamptz, $3, $4, $5::text::timestamptz + interval '1 minute')",
            name,
            next_at,
            failures,
            _ago(days),
            lease,
        )
    await store.rows(
        "INSERT INTO waiting_inbox (bucket, host, inbox, until) VALUES "
        "(1, 'failed', 'https://failed/inbox', now()), (1, 'held', 'https://held/inbox', now())"
    )
    assert await store.prune() == {"hosts": 2_002}
    assert [row["host"] for row in await store.rows("TABLE waiting_inbox")] == ["held"]
    names = {row["host"] for row in await store.rows("TABLE host")}
    assert {"waiting", "held"} <= names
    assert "fake12000" not in names
    assert "fake1" in names
    assert len(names) == 10_002
    assert await store.prune() == {}


async def test_jobs_that_were_given_up_go_after_a_month(store: Store) -> None:
    for days in (29, 31):
        await store.rows(
            "INSERT INTO job (bucket, id, kind, activity, parked_at) VALUES (1, $1, 'x', $1, $2)",
            uuid4(),
            _ago(days),
        )
    await store.rows(
        "INSERT INTO job (bucket, id, kind, activity) VALUES (1, $1, 'x', $1)", uuid4()
    )
    assert await store.prune() == {"jobs": 1}
    assert await store.value("SELECT count(*) FROM job") == 2


async def test_what_counts_once_is_known_as_long_as_it_can_come_again(store: Store) -> None:
    """security.md: signature-replay, fault 2, fault 16: signatures as long as their date counts,
    keys of requests a day, early Undos a week; those keep their actor no longer either."""
    await store.actor(CAROL, days=91)
    for days, left in ((8, 0), (6, 1)):
        await store.rows(
            "INSERT INTO relation (object, kind, subject, subject_ours, state, changed_at) "
            "VALUES ($1, 'undone', $2, false, 'accepted', $3)",
            uuid4(),
            key_of(CAROL),
            _ago(days),
        )
        await store.rows("INSERT INTO heard VALUES ($1, $2)", uuid4(), _ago(days / 48))
        await store.rows(
            "INSERT INTO posted VALUES ($1, $1, $1, $1, false, $2)",
            uuid4(),
            _ago(1.1 if left else 0.9),
        )
    assert await store.prune() == {"signatures": 1, "posted": 1, "undone": 1}
    assert await store.value("SELECT count(*) FROM actor") == 1
    await store.rows("UPDATE relation SET changed_at = $1", _ago(8))
    assert await store.prune() == {"undone": 1, "actors": 1}


async def test_a_rehearsal_counts_and_changes_nothing(
    database: Callable[[], Awaitable[str]],
) -> None:
    dsn = await database()
    db, rehearsal = Database(dsn, connections=2), Rehearsal(dsn, connections=2)
    await db.open()
    await rehearsal.open()
    store = Store(db)
    await store.inbox()
    keys = [await store.activity(f"https://there.example/{n}", days=400) for n in range(5)]
    await store.receive(keys, days=400)
    await store.object("https://there.example/note", days=91)
    removed = await Pruner(rehearsal, KEEP).prune()
    assert removed["receipts"] == removed["activities"] == 5
    assert removed["objects"] == 1
    assert await store.value("SELECT total FROM collection") == 5
    assert await store.value("SELECT count(*) FROM activity") == 5
    told = await store.prune()
    assert (told["receipts"], told["activities"], told["objects"]) == (5, 5, 1)
    await rehearsal.close()
    await db.close()


def _kinds() -> list[Kind]:
    return [retention.ACTIVITIES, retention.OBJECTS, retention.ACTORS, retention.KEYS]


@pytest.mark.parametrize("kind", _kinds(), ids=lambda kind: kind.name)
async def test_walks_are_made_by_an_index(store: Store, kind: Kind) -> None:
    """As the comments in the code say: no walk sorts or scans a table.

    Asked of a table with rows and figures about them, for the planner to have one view of it. So
    small a table it would sort, if it were not told to do so only where it must.
    """
    make: dict[str, Callable[..., Awaitable[object]]] = {
        "activities": store.activity,
        "objects": store.object,
        "actors": store.actor,
        "keys": store.key,
    }
    for number in range(100):
        await make[kind.name](f"https://there.example/{number}", days=number)
    index = {"actors": "actor_domain", "keys": "public_key_age"}.get(
        kind.name, {"activities": "activity_age", "objects": "object_age"}.get(kind.name)
    )
    async with store.db.connection() as conn:
        await conn.execute("VACUUM (ANALYZE)")
        for plan in ("seqscan", "bitmapscan", "sort"):
            await conn.execute(f"SET enable_{plan} = off")
        walk = await conn.fetch(
            f"EXPLAIN {kind.oldest}", "there.example", retention.EPOCH, UUID(int=0), 1_000
        )
        tally = await conn.fetch(f"EXPLAIN {kind.tally}", retention.EPOCH, 10)
    assert any(f"Index Only Scan using {index}" in row[0] for row in walk), walk
    assert not any("Sort" in row[0] for row in walk), walk
    assert any(f"Index Only Scan using {index}" in row[0] for row in tally), tally
