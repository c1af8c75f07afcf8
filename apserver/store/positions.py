"""Where actions stand in streams: ranges of the role index, and home (`store.streams`).

A stream is a range of the index, or several that are merged. Whoever shows one asks for
*positions*, and looks at the activities that stand there: some are not for him, some do not meet a
filter.

Home is a question, asked when it is read, and there are two ways to answer it. The *merge* takes
the newest of everything that is followed: its work grows with the follows, not with what happens.
First it looks at the newest one of each; only what is followed with one of the newest of these can
have something on the page, so that few ranges are read further. The *walk* goes back through all
that happened and keeps what is followed, until the page is full: it is short when much of it is
followed, and endless when little is.

Nothing tells beforehand which is shorter. So a walk may cost about as much as the merge would, and
when the page is not full by then, the merge does it: never more than twice the work of the better
plan (as with renting skis until they would have been bought). Both give the same positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from apserver.core import limits
from apserver.store.db import Connection

_NO_KEY = UUID(int=0)
EARLIEST = datetime(1, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 12, 31, tzinfo=UTC)


class Position(NamedTuple):
    """A place in streams: when, and which activity, which tells apart what is at one time."""

    sort_at: datetime
    activity: UUID


@dataclass(frozen=True, slots=True)
class Stretch:
    """The part of a stream to look at: from ``edge`` on, not including it, back in time or with
    ``is_upwards`` forward, not beyond ``end``; at most ``limit`` activities."""

    edge: Position
    end: datetime
    limit: int
    is_upwards: bool = False

    @classmethod
    def of(
        cls,
        edge: Position | None,
        span: tuple[datetime | None, datetime | None],
        *,
        limit: int,
        is_upwards: bool,
    ) -> Stretch:
        """From a position, or from the newest, within a span of time."""
        since, until = span[0] or EARLIEST, span[1] or LATEST
        bound = Position(since if is_upwards else until, _NO_KEY)
        if edge is not None:
            bound = max(edge, bound) if is_upwards else min(edge, bound)
        return cls(bound, until if is_upwards else since, limit, is_upwards)


def _both_ways(statement: str) -> dict[bool, str]:
    """The statement for going back in time, and for going forward."""
    back = {"past": "<", "within": ">=", "order": "DESC", "end": "greatest($7, k.since)"}
    forward = {"past": ">", "within": "<", "order": "ASC", "end": "$7"}
    made = {}
    for is_upwards, words in ((False, back), (True, forward)):
        made[is_upwards] = statement
        for word, meaning in words.items():
            made[is_upwards] = made[is_upwards].replace(f"{{{word}}}", meaning)
    return made


# The newest of each range, by primary key, merged. The bounds name all columns of the key: with
# "thing = k.thing" the planner expects a few rows, and fetches and sorts all that there are.
_RANGES = _both_ways("""
SELECT DISTINCT x.sort_at, x.activity
FROM unnest($1::uuid[], $2::smallint[]) AS k(thing, role)
CROSS JOIN LATERAL (
    SELECT r.sort_at, r.activity FROM role r
    WHERE (r.thing, r.role, r.sort_at, r.activity) {past} (k.thing, k.role, $4, $5)
      AND (r.thing, r.role, r.sort_at) {within} (k.thing, k.role, $6) AND r.visibility <= $3
    ORDER BY r.thing {order}, r.role {order}, r.sort_at {order}, r.activity {order} LIMIT $7
) x
ORDER BY x.sort_at {order}, x.activity {order} LIMIT $7
""")

# By role_time. Each activity has one actor.
_TIME = _both_ways("""
SELECT r.sort_at, r.activity FROM role r
WHERE r.role < 3 AND r.role = 0 AND r.visibility <= $1
  AND (r.sort_at, r.activity) {past} ($2, $3) AND r.sort_at {within} $4
ORDER BY r.sort_at {order}, r.activity {order} LIMIT $5
""")

# By the primary keys of follow and relation, and by alias_actor. What somebody follows, in which
# roles, and since when it counts. Who follows a façade follows the thing that it stands for, which
# does nothing by itself.
_FOLLOWED = """
WITH followed AS (
    SELECT coalesce(l.thing, f.object) AS thing, n.role,
           CASE WHEN $3::boolean THEN min(f.started_at) ELSE '-infinity' END AS since
    FROM follow f
    JOIN relation r ON r.object = f.object AND r.kind = 'follow' AND r.subject = f.subject
        AND r.state = 'accepted'
    LEFT JOIN alias l ON l.actor = f.object AND NOT l.is_user
    JOIN (VALUES (0::smallint), (1::smallint), (2::smallint)) AS n(role)
        ON n.role = 0 OR NOT f.actor_only OR l.thing IS NOT NULL
    WHERE f.subject = $1 AND NOT f.mutes AND ($2::text IS NULL OR f.flag = $2)
    GROUP BY coalesce(l.thing, f.object), n.role
    UNION ALL
    SELECT $1, 0::smallint, '-infinity' WHERE $4::boolean
)
"""

# The newest of each that is followed, by the primary key of role; then as many as are wanted of
# those whose newest is among the newest, merged.
_HOME_MERGE = _both_ways(
    _FOLLOWED
    + """
, head AS (
    SELECT k.thing, k.role, k.since,
           dense_rank() OVER (ORDER BY x.sort_at {order}, x.activity {order}) AS place
    FROM followed k
    CROSS JOIN LATERAL (
        SELECT r.sort_at, r.activity FROM role r
        WHERE (r.thing, r.role, r.sort_at, r.activity) {past} (k.thing, k.role, $5, $6)
          AND (r.thing, r.role, r.sort_at) {within} (k.thing, k.role, {end})
          AND r.sort_at >= k.since
        ORDER BY r.thing {order}, r.role {order}, r.sort_at {order}, r.activity {order} LIMIT 1
    ) x
)
SELECT DISTINCT x.sort_at, x.activity
FROM (SELECT * FROM head WHERE place <= $8) k
CROSS JOIN LATERAL (
    SELECT r.sort_at, r.activity FROM role r
    WHERE (r.thing, r.role, r.sort_at, r.activity) {past} (k.thing, k.role, $5, $6)
      AND (r.thing, r.role, r.sort_at) {within} (k.thing, k.role, {end}) AND r.sort_at >= k.since
    ORDER BY r.thing {order}, r.role {order}, r.sort_at {order}, r.activity {order} LIMIT $8
) x
ORDER BY x.sort_at {order}, x.activity {order} LIMIT $8
"""
)

# All that happened, by role_time, until so many are found or $9 rows are looked at. IS TRUE keeps
# PostgreSQL from making a join of it, whose result it would have to sort: so what is followed is
# hashed once, and the scan ends when the page is full. Objects and targets are passed over when
# all follows are only of actors.
_HOME_WALK = _both_ways(
    _FOLLOWED
    + """
SELECT DISTINCT w.sort_at, w.activity
FROM (
    SELECT r.sort_at, r.activity, r.thing, r.role FROM role r
    WHERE r.role < 3 AND (r.role = 0 OR (SELECT bool_or(role > 0) FROM followed))
      AND (r.sort_at, r.activity) {past} ($5, $6) AND r.sort_at {within} $7
    ORDER BY r.sort_at {order}, r.activity {order} LIMIT $9
) w
WHERE ((w.thing, w.role) IN (SELECT thing, role FROM followed)) IS TRUE
ORDER BY w.sort_at {order}, w.activity {order} LIMIT $8
"""
)

# By the primary key of follow, and by alias_actor.
_OVERVIEW = """
SELECT count(*) AS follows,
       coalesce(array_agg(coalesce(l.thing, f.object)) FILTER (WHERE f.mutes), '{}') AS muted
FROM follow f LEFT JOIN alias l ON l.actor = f.object AND NOT l.is_user
WHERE f.subject = $1
"""


async def positions(
    conn: Connection,
    ranges: Sequence[tuple[UUID, int]] | None,
    stretch: Stretch,
    *,
    visibility: int,
) -> list[Position]:
    """Where actions stand that are under one of these (thing, role); all actions with None.

    Only those at most as private as ``visibility``. The nearest come first.
    """
    place = (*stretch.edge, stretch.end, stretch.limit)
    if ranges is None:
        rows = await conn.fetch(_TIME[stretch.is_upwards], visibility, *place)
    else:
        things, roles = [thing for thing, _ in ranges], [role for _, role in ranges]
        rows = await conn.fetch(_RANGES[stretch.is_upwards], things, roles, visibility, *place)
    return [Position(*row) for row in rows]


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Whose home, and what of it: follows with ``flag`` alone ('' for those without, None for
    all), ``since_follow`` what came after them, ``with_self`` what the owner did, too."""

    owner: UUID
    flag: str | None = None
    since_follow: bool = False
    with_self: bool = False

    @property
    def _parameters(self) -> tuple[UUID, str | None, bool, bool]:
        return (self.owner, self.flag, self.since_follow, self.with_self)


@dataclass(frozen=True, slots=True)
class Overview:
    """How many follows somebody has, and what is muted."""

    follows: int
    muted: frozenset[UUID]


async def overview(conn: Connection, owner: UUID) -> Overview:
    """The follows of an actor of ours in a few words."""
    row = await conn.fetchrow(_OVERVIEW, owner)
    assert row is not None, "an aggregate has a row"
    return Overview(row["follows"], frozenset(row["muted"]))


async def home_positions(
    conn: Connection, home: Home, stretch: Stretch, *, follows: int
) -> list[Position]:
    """Where actions of home stand, the nearest first, by the plan that suits so many follows."""
    if follows > limits.MERGED_FOLLOWS and not home.since_follow:
        walked = limits.WALKED_ROWS * follows
        found = await home_by_walk(conn, home, stretch, rows=walked)
        if len(found) == stretch.limit:
            return found
    return await home_by_merge(conn, home, stretch)


async def home_by_merge(conn: Connection, home: Home, stretch: Stretch) -> list[Position]:
    """The newest of each that is followed: work for each follow, however much happens."""
    statement = _HOME_MERGE[stretch.is_upwards]
    place = (*stretch.edge, stretch.end, stretch.limit)
    return [Position(*row) for row in await conn.fetch(statement, *home._parameters, *place)]


async def home_by_walk(
    conn: Connection, home: Home, stretch: Stretch, *, rows: int
) -> list[Position]:
    """What is followed of all that happened, as far as so many rows of the index reach: little
    work when much is followed. It cannot tell since when: not for ``since_follow``."""
    statement = _HOME_WALK[stretch.is_upwards]
    place = (*stretch.edge, stretch.end, stretch.limit, rows)
    return [Position(*row) for row in await conn.fetch(statement, *home._parameters, *place)]
