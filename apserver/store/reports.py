"""What was reported, for moderators alone: no door of the server reads this table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apserver import telemetry
from apserver.core import limits
from apserver.core.document import encoded
from apserver.core.effects import PutReport, TakeBackReport
from apserver.core.origin import origin_of
from apserver.core.reach import registered_domain
from apserver.errors import Unprocessable
from apserver.store.db import Connection
from apserver.store.retention import EPOCH, Chunk


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A row of ``report``. ``evidence`` is a JSON array of what was reported, as it was then."""

    id: int
    reporter: str | None
    subjects: tuple[str, ...]
    posts: tuple[str, ...]
    evidence: bytes
    content: str
    forwarded_to: tuple[str, ...]
    reported_at: datetime
    closed_at: datetime | None
    taken_back: bool
    note: str

    @property
    def state(self) -> str:
        """In a word: open, closed, or taken back by who reported it."""
        if self.closed_at is None:
            return "open"
        return "taken back" if self.taken_back else "closed"


_COLUMNS = (
    "id, reporter, subjects, posts, evidence, content, forwarded_to, reported_at, closed_at, "
    "taken_back, note"
)

# Two at the same time must know of each other: whoever counts what is open of a source has it
# alone until its transaction ends.
_TURN = "SELECT pg_advisory_xact_lock(hashtextextended('report ' || $1, 0))"
# By report_open.
_PUT = """
INSERT INTO report (activity, activity_id, reporter, source, subjects, posts, evidence, content,
                    forwarded_to)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9
WHERE (SELECT count(*) FROM (
           SELECT FROM report WHERE source = $4 AND (closed_at IS NULL OR taken_back)
           LIMIT $10) o) < $10
ON CONFLICT (activity) DO NOTHING
RETURNING id
"""

# By report_activity_key.
_TAKE_BACK = """
UPDATE report SET closed_at = now(), taken_back = true WHERE activity = $1 AND closed_at IS NULL
"""

# By primary key, backwards.
_ALL = (
    "SELECT " + _COLUMNS + " FROM report WHERE closed_at IS NULL OR NOT $1 "
    "ORDER BY id DESC LIMIT $2"
)
_ONE = "SELECT " + _COLUMNS + " FROM report WHERE id = $1"
_LOCK = "SELECT " + _COLUMNS + " FROM report WHERE id = $1 FOR UPDATE"
_SET = """
UPDATE report SET closed_at = CASE WHEN $2 THEN now() END, taken_back = false, note = $3
WHERE id = $1
"""

# By report_reporter. The activity would lead back to who did it.
_FORGET = """
UPDATE report SET reporter = NULL, source = '', activity = gen_random_uuid(), activity_id = NULL
WHERE reporter = $1
"""

# By report_closed.
_PRUNE = """
WITH gone AS (
    DELETE FROM report r USING (
        SELECT id FROM report WHERE closed_at < $1 AND (closed_at, id) > ($2, $3)
        ORDER BY closed_at, id LIMIT $4 FOR UPDATE
    ) i
    WHERE r.id = i.id RETURNING r.closed_at AS at, r.id
)
SELECT at, id FROM gone ORDER BY at, id
"""


async def put(conn: Connection, made: Sequence[PutReport]) -> None:
    """Keep reports, each once; of one source only `limits.REPORTS_OPEN` may be open. What is beyond
    is not kept; of an actor of ours it is Unprocessable."""
    for one in sorted(made, key=_source):
        source = _source(one)
        await conn.execute(_TURN, source)
        id_ = await conn.fetchval(
            _PUT,
            one.activity,
            one.activity_id,
            one.reporter,
            source,
            list(one.subjects),
            list(one.posts),
            b"[" + b",".join(map(encoded, one.evidence)) + b"]",
            one.content,
            list(one.forwarded_to),
            limits.REPORTS_OPEN,
        )
        if id_ is None and one.ours:
            raise Unprocessable(
                f"{limits.REPORTS_OPEN} reports of yours wait for moderators. Send more when they "
                "have dealt with some."
            )
        if id_ is None:
            telemetry.warn("report not kept: known, or too many are open", of=source)
        else:
            telemetry.event("reported", report=id_, about=", ".join(one.subjects))


def _source(made: PutReport) -> str:
    """Whose reports are counted together: an actor's of ours, and all of one owner elsewhere."""
    return made.reporter if made.ours else registered_domain(origin_of(made.reporter).host)


async def take_back(conn: Connection, taken: Iterable[TakeBackReport]) -> None:
    """The reports that these activities made are closed, unless moderators closed them. They go on
    being counted as their reporter's, or one could report without end."""
    for one in sorted(taken, key=lambda one: one.activity):
        await conn.execute(_TAKE_BACK, one.activity)


async def listed(conn: Connection, *, only_open: bool, most: int) -> list[Report]:
    """Reports, the newest first."""
    return [_report(row) for row in await conn.fetch(_ALL, only_open, most)]


async def by_id(conn: Connection, id_: int, *, to_change: bool = False) -> Report | None:
    """One report by its number; ``to_change`` holds it until the transaction ends."""
    row = await conn.fetchrow(_LOCK if to_change else _ONE, id_)
    return None if row is None else _report(row)


async def set_state(conn: Connection, id_: int, *, closed: bool, note: str) -> None:
    """Close a report now, or open it again."""
    await conn.execute(_SET, id_, closed, note)


async def forget_reporter(conn: Connection, actor: str) -> None:
    """Keep what an actor reported, and no longer that it did."""
    await conn.execute(_FORGET, actor)


async def prune_reports(
    conn: Connection, *, before: datetime, after: tuple[Any, ...] = (EPOCH, 0)
) -> Chunk:
    """Reports that were closed before a date."""
    rows = await conn.fetch(_PRUNE, before, *after, limits.PRUNE_ROWS)
    full = len(rows) == limits.PRUNE_ROWS
    return Chunk(len(rows), (rows[-1]["at"], rows[-1]["id"]) if full else None)


def _report(row: Any) -> Report:
    columns = dict(row)
    for name in ("subjects", "posts", "forwarded_to"):
        columns[name] = tuple(columns[name])
    return Report(**columns)
