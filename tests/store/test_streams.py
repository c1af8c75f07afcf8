"""The role index and home over PostgreSQL: nothing is left behind, and both plans give the same."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from random import Random
from uuid import UUID

import pytest

from apserver.core import limits
from apserver.core.effects import EndActor, Index
from apserver.core.origin import activity_key, key_of
from apserver.core.roles import Role
from apserver.store import aliases, objects, positions, retention, streams
from apserver.store.aliases import Alias
from apserver.store.db import Connection, Database
from apserver.store.effects import perform
from apserver.store.positions import Home, Position, Stretch

START = datetime(2026, 1, 1, tzinfo=UTC)
CAROL = "https://there.example/users/carol"
THINGS = [f"https://there.example/things/{n}" for n in range(12)]
READER = key_of("https://here.example/actors/ann")
#: (object, flag, actor_only, mutes, started, accepted)
Followed = tuple[str, str, bool, bool, datetime, bool]


@pytest.fixture
async def db(database: Callable[[], Awaitable[str]]) -> AsyncIterator[Database]:
    """An empty database."""
    made = Database(await database(), connections=2)
    await made.open()
    yield made
    await made.close()


async def _activity(
    conn: Connection, number: int, at: datetime, parts: list[tuple[Role, str]]
) -> Position:
    """An activity of carol with these participants."""
    key = activity_key(CAROL, f"https://there.example/activities/{number}")
    await conn.execute(
        "INSERT INTO activity (key, id, actor, actor_id, type, visibility, audience, envelope, "
        "published_at, sort_at) VALUES ($1, $2, $3, $4, 'Add', 0, '{}', '{}', $5, $5)",
        key,
        f"https://there.example/activities/{number}",
        key_of(CAROL),
        CAROL,
        at,
    )
    if parts:
        await perform(conn, [Index(key, tuple(parts))])
    return Position(at, key)


async def _count(conn: Connection) -> int:
    rows: int = await conn.fetchval("SELECT count(*) FROM role")
    return rows


async def _known(conn: Connection) -> None:
    await conn.execute(
        "INSERT INTO actor (key, id, ours, type, host, bucket, inbox, document) "
        "VALUES ($1, $2, false, 'Person', 'x', 0, 'x', '{}')",
        key_of(CAROL),
        CAROL,
    )


PARTS = [(Role.ACTOR, CAROL), (Role.OBJECT, THINGS[0]), (Role.TARGET, THINGS[1])]


async def test_a_row_for_each_role_and_each_type(db: Database) -> None:
    """R1, C5; "type rows from the types of the participants known". Twice is once."""
    async with db.connection() as conn:
        await _known(conn)
        at = await _activity(conn, 1, START, PARTS)
        await perform(conn, [Index(at.activity, tuple(PARTS))])
        rows = await conn.fetch("SELECT thing, role, sort_at, activity FROM role")
    assert {(row["thing"], row["role"]) for row in rows} == {
        (key_of(CAROL), Role.ACTOR),
        (key_of(THINGS[0]), Role.OBJECT),
        (key_of(THINGS[1]), Role.TARGET),
        (key_of("Person"), Role.TYPE),
    }
    assert {(row["sort_at"], row["activity"]) for row in rows} == {at}
    assert len(rows) == 4


async def test_what_is_in_no_stream_has_no_rows(db: Database) -> None:
    """Without a place, and without its row: nothing is put in."""
    async with db.connection() as conn:
        at = await _activity(conn, 1, START, [])
        await conn.execute("UPDATE activity SET sort_at = NULL")
        await perform(conn, [Index(at.activity, tuple(PARTS))])
        await perform(conn, [Index(UUID(int=1), tuple(PARTS))])
        assert await _count(conn) == 0


@pytest.mark.parametrize("way", ["retention", "end of the actor", "verdict", "hidden"])
async def test_no_row_is_left_without_its_activity(db: Database, way: str) -> None:
    """Whatever takes activities away, or out of streams, takes their rows."""
    async with db.connection() as conn:
        await _known(conn)
        made = [await _activity(conn, n, START, PARTS) for n in range(3)]
        assert await _count(conn) == 4 * len(made)
        keys = [one.activity for one in made]
        if way == "retention":
            await retention.ACTIVITIES.remove(conn, keys, [], START)
        elif way == "end of the actor":
            await perform(conn, [EndActor(CAROL)])
        elif way == "verdict":
            await objects.set_verdicts(conn, dict.fromkeys(keys, "refused"))
        else:
            await objects.hide_activities(conn, keys)
        assert await _count(conn) == 0
        await perform(conn, [Index(key, tuple(PARTS)) for key in keys])
        assert await _count(conn) == 0, "it does not come back"


async def test_what_stands_for_a_thing_of_a_site_counts_as_that(db: Database) -> None:
    """docs/decisions/0013: users as their actors here, façades as their things; asked for and
    put in by either name."""
    user, actor = "https://shop.example/users/7", "https://here.example/actors/user7"
    thing, facade = "https://shop.example/issues/2", "https://here.example/actors/issue2"
    async with db.connection() as conn:
        for one, other, is_user in ((user, actor, True), (thing, facade, False)):
            assert await aliases.insert(conn, Alias(one, other, is_user))
        await _activity(conn, 1, START, [(Role.ACTOR, CAROL), (Role.OBJECT, user)])
        await _activity(conn, 2, START, [(Role.ACTOR, actor), (Role.TARGET, facade)])
        rows = await conn.fetch("SELECT thing FROM role")
        keys = await streams.keys_in_index(conn, [user, actor, thing, facade, CAROL])
    assert {row["thing"] for row in rows} == {key_of(CAROL), key_of(actor), key_of(thing)}
    assert keys[user] == keys[actor] == key_of(actor)
    assert keys[thing] == keys[facade] == key_of(thing)
    assert keys[CAROL] == key_of(CAROL)


async def test_other_activities_of_the_same_moment_stay(db: Database) -> None:
    """Rows are removed by time and activity, not by time alone."""
    async with db.connection() as conn:
        made = [await _activity(conn, n, START, PARTS) for n in range(3)]
        await streams.remove(conn, [made[1].activity])
        left = await conn.fetch("SELECT DISTINCT activity FROM role")
    assert {row["activity"] for row in left} == {made[0].activity, made[2].activity}


async def _follow(conn: Connection, follows: list[Followed]) -> None:
    for object_, flag, actor_only, mutes, started, accepted in follows:
        await conn.execute(
            "INSERT INTO follow VALUES ($1, $2, $3, $4, $5, $6, NULL, $7)",
            READER,
            flag,
            key_of(object_),
            object_,
            actor_only,
            mutes,
            started,
        )
        if not mutes:
            await conn.execute(
                "INSERT INTO relation (object, kind, subject, subject_ours, state) "
                "VALUES ($1, 'follow', $2, true, $3) ON CONFLICT DO NOTHING",
                key_of(object_),
                READER,
                "accepted" if accepted else "pending",
            )


def _in_home(
    acts: dict[Position, list[tuple[Role, str]]], follows: list[Followed], home: Home
) -> list[Position]:
    """What decision 0013 says of home, act by act."""

    def counts(at: Position, one: Followed, role: Role, thing: str) -> bool:
        object_, flag, actor_only, mutes, started, accepted = one
        return (
            thing == object_
            and accepted
            and not mutes
            and (home.flag is None or flag == home.flag)
            and (role == Role.ACTOR or not actor_only)
            and (not home.since_follow or at.sort_at >= started)
        )

    found = [
        at
        for at, parts in acts.items()
        if any(counts(at, one, role, thing) for one in follows for role, thing in parts)
        or (home.with_self and any(r == 0 and key_of(t) == home.owner for r, t in parts))
    ]
    return sorted(found, reverse=True)


@pytest.mark.parametrize("seed", range(6))
async def test_both_plans_give_the_same_pages(
    db: Database, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    """docs/decisions/0013: "Two plans give the same answer", and it is the one that is defined."""
    random = Random(seed)
    monkeypatch.setattr(limits, "MERGED_FOLLOWS", 0)
    monkeypatch.setattr(limits, "WALKED_ROWS", 1)
    me = "https://here.example/actors/ann"

    def moment() -> datetime:
        return START + timedelta(seconds=random.randrange(8))

    follows: list[Followed] = [
        (thing, flag, random.random() < 0.5, random.random() < 0.2, moment(), random.random() < 0.8)
        for thing in random.sample(THINGS, random.randrange(6))
        for flag in random.sample(["", "watching", "liking"], random.randrange(1, 3))
    ]
    follows = [(*one[:5], True) if one[1] == "" else (*one[:5], one[5]) for one in follows]
    accepted = {thing: ok for thing, *_, mutes, _, ok in reversed(follows) if not mutes}
    follows = [(*one[:5], accepted.get(one[0], False)) for one in follows]
    acts = {}
    async with db.connection() as conn:
        for number in range(60):
            parts = [(Role.ACTOR, random.choice([*THINGS, me]))]
            parts += [
                (role, thing)
                for role in (Role.OBJECT, Role.TARGET)
                for thing in random.sample(THINGS, random.randrange(3))
            ]
            acts[await _activity(conn, number, moment(), parts)] = parts
        await _follow(conn, follows)
        for _ in range(40):
            home = Home(
                owner=READER,
                flag=random.choice([None, None, "", "watching"]),
                since_follow=random.random() < 0.3,
                with_self=random.random() < 0.3,
            )
            is_upwards = random.random() < 0.5
            edge = random.choice(list(acts)) if is_upwards or random.random() < 0.7 else None
            stretch = Stretch.of(
                edge, (None, None), limit=random.randrange(1, 25), is_upwards=is_upwards
            )
            wanted = [
                at
                for at in _in_home(acts, follows, home)
                if (at > stretch.edge if is_upwards else at < stretch.edge)
            ]
            wanted = (wanted[::-1] if is_upwards else wanted)[: stretch.limit]
            assert await positions.home_by_merge(conn, home, stretch) == wanted
            if not home.since_follow:
                for rows in (random.randrange(1, 50), 1_000):
                    walked = await positions.home_by_walk(conn, home, stretch, rows=rows)
                    assert walked == wanted[: len(walked)]
                assert walked == wanted
            for follows_told in (0, random.randrange(1, 50), 1_000):
                found = await positions.home_positions(conn, home, stretch, follows=follows_told)
                assert found == wanted
