"""Objects: an id never changes hands, and an activity shows its own actor's object alone."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from apserver.core.effects import Bury
from apserver.core.origin import activity_key, key_of
from apserver.store import objects
from apserver.store.db import Database
from apserver.store.effects import perform
from apserver.store.new_objects import add_objects
from apserver.store.objects import ActivityRow, ObjectRow, compose_activities

CAROL, MALLORY = (f"https://far.example/users/{name}" for name in ("carol", "mallory"))
NOTE = "https://far.example/notes/1"
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
async def db(database: Callable[[], Awaitable[str]]) -> AsyncIterator[Database]:
    """An empty database."""
    made = Database(await database(), connections=2)
    await made.open()
    yield made
    await made.close()


def note(author: str, text: str, **members: Any) -> ObjectRow:
    """A note under the one id."""
    row = ObjectRow(
        key=key_of(NOTE),
        id=NOTE,
        kind="remote",
        type="Note",
        author=key_of(author),
        visibility=3,
        audience=[key_of(CAROL)],
        context=None,
        document=json.dumps({"content": text}).encode(),
        published_at=NOW,
    )
    return replace(row, **members)


def create(actor: str) -> ActivityRow:
    """A Create that the note belongs to."""
    id_ = f"{actor}/activities/1"
    return ActivityRow(
        key=activity_key(actor, id_),
        id=id_,
        local_key=None,
        actor=key_of(actor),
        actor_id=actor,
        type="Create",
        visibility=0,
        audience=[],
        recipients=None,
        spliced=key_of(NOTE),
        context=None,
        envelope=b'{"type":"Create"}',
        published_at=NOW,
    )


async def put(db: Database, *rows: ObjectRow, update: bool = False) -> ObjectRow:
    """Put notes, one after the other; what is there in the end."""
    async with db.connection() as conn:
        for row in rows:
            if update:
                await objects.replace_objects(conn, [row])
            else:
                await add_objects(conn, [row])
        return await there(db)


async def there(db: Database, key: UUID | None = None) -> ObjectRow:
    """What is stored under a key."""
    wanted = key or key_of(NOTE)
    async with db.connection() as conn:
        return (await objects.objects_by_key(conn, [wanted]))[wanted]


async def test_security_md_rule_6_an_id_never_changes_hands(db: Database) -> None:
    """security.md: rule 6, CVE-2024-23832: not while it is there, and not when it was deleted."""
    mine = await put(db, note(CAROL, "mine"))
    for update in (False, True):
        assert await put(db, note(MALLORY, "stolen"), update=update) == mine
        assert await put(db, note(MALLORY, "", deleted_at=NOW), update=update) == mine
    assert await put(db, note(CAROL, "again")) == mine
    gone = await put(db, note(CAROL, "", deleted_at=NOW), update=True)
    assert gone.deleted_at == NOW
    for author in (CAROL, MALLORY):
        for update in (False, True):
            assert await put(db, note(author, "back"), update=update) == gone


async def test_CVE_2024_37903_whom_it_is_for_stays(db: Database) -> None:
    """CVE-2024-37903: of what others made; our own clients may change it."""
    wider: dict[str, Any] = {"visibility": 0, "audience": [key_of(MALLORY)]}
    await put(db, note(CAROL, "mine"))
    changed = await put(db, note(CAROL, "changed", **wider), update=True)
    assert json.loads(changed.document) == {"content": "changed"}
    assert (changed.visibility, changed.audience) == (3, [key_of(CAROL)])
    other: dict[str, Any] = {"key": key_of("https://here.example/objects/1"), "kind": "ours"}
    await put(db, note(CAROL, "ours", **other))
    await put(db, note(CAROL, "ours", **other, **wider), update=True)
    row = await there(db, other["key"])
    assert (row.visibility, row.audience) == (0, [key_of(MALLORY)])


async def test_a_tombstone_of_what_is_anothers_stands_elsewhere(db: Database) -> None:
    """Fault 16: nothing of carol's is touched, not the bytes in which it came either."""
    mine = await put(db, note(CAROL, "mine"))
    activity = create(CAROL)
    async with db.connection() as conn:
        await objects.insert_activities(conn, [activity])
        await conn.execute("INSERT INTO raw (activity, body) VALUES ($1, '{}')", activity.key)
        await perform(conn, [Bury(NOTE, "remote", MALLORY, "Note", NOW)])
        assert len(await conn.fetch("SELECT 1 FROM raw")) == 1
        assert await there(db) == mine
        assert (await there(db, activity_key(MALLORY, NOTE))).author == key_of(MALLORY)
        await perform(conn, [Bury(NOTE, "remote", CAROL, "Note", NOW)])
        assert await conn.fetch("SELECT 1 FROM raw") == []
    assert (await there(db)).deleted_at == NOW


async def test_an_activity_shows_its_own_actors_object_alone(db: Database) -> None:
    """security.md: rule 6: another's is named."""
    await put(db, note(CAROL, "mine"))
    async with db.connection() as conn:
        bodies = await compose_activities(conn, [create(CAROL), create(MALLORY)])
    shown = [json.loads(body)["object"] for body in bodies]
    assert shown == [{"content": "mine"}, NOTE]
