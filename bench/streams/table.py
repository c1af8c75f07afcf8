"""The figures of both sides as a table, as JSON, and in docs/performance.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median, quantiles

from bench.measure import Machine
from bench.report import aligned
from bench.streams.cases import Case

BEGIN, END = "<!-- streams -->", "<!-- end of streams -->"
_COLUMNS = ("page of 30", "p50", "p95", "SQL", "inside p50", "inside p95", "theirs p50",
            "theirs p95", "SQL", "times faster", "inside")  # fmt: skip


@dataclass(frozen=True, slots=True)
class Spread:
    """Times of one thing done often, in milliseconds."""

    p50_ms: float
    p95_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Spread:
        """Of two times or more."""
        late = quantiles(seconds, n=20, method="inclusive")[-1]
        return cls(median(seconds) * 1e3, late * 1e3)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What was measured of a page. ``same`` tells whether both sides gave the same actions in the
    same order."""

    case: Case
    page: int
    items: int
    ours: Spread
    statements: float
    inside: Spread
    theirs: Spread | None = None
    their_statements: int | None = None
    same: bool | None = None


def table(rows: Sequence[Row]) -> str:
    """A table in Markdown."""
    return aligned(_COLUMNS, [_cells(row) for row in rows])


def _cells(row: Row) -> tuple[str, ...]:
    theirs = ("",) * 5
    if row.theirs is not None:
        theirs = (
            f"{row.theirs.p50_ms:.1f}",
            f"{row.theirs.p95_ms:.1f}",
            f"{row.their_statements}",
            f"{row.theirs.p50_ms / row.ours.p50_ms:.1f}",
            f"{row.theirs.p50_ms / row.inside.p50_ms:.1f}",
        )
    return (
        row.case.title if not row.case.is_deep else f"{row.case.title} ({row.page})",
        f"{row.ours.p50_ms:.1f}",
        f"{row.ours.p95_ms:.1f}",
        f"{row.statements:.0f}",
        f"{row.inside.p50_ms:.1f}",
        f"{row.inside.p95_ms:.1f}",
        *theirs,
    )


def text(machine: Machine, rows: Sequence[Row], *, actions: int) -> str:
    """The table with where and when, and whether both sides agree."""
    lines = [
        f"{machine.at:%Y-%m-%d}, {machine.processor}, {machine.cores} cores, "
        f"Python {machine.python}, PostgreSQL {machine.postgres}, load average "
        f"{machine.load:.1f} at the start; {actions:,} actions; milliseconds.\n",
        table(rows),
        *_agreement(rows),
    ]
    return "\n".join(lines)


def _agreement(rows: Sequence[Row]) -> list[str]:
    compared = [row for row in rows if row.same is not None]
    if not compared:
        return []
    apart = [row.case.title for row in compared if not row.same]
    if apart:
        return [f"Both sides give DIFFERENT actions on: {'; '.join(apart)}."]
    return ["Both sides gave the same actions in the same order on every page."]


def as_json(machine: Machine, rows: Sequence[Row], *, actions: int) -> str:
    """Everything that was measured."""
    whole = {
        "actions": actions,
        "postgres": machine.postgres,
        "load_average": machine.load,
        "rows": [
            {
                "title": row.case.title,
                "page": row.page,
                "items": row.items,
                "statements": row.statements,
                "ours": asdict(row.ours),
                "inside": asdict(row.inside),
                "theirs": None if row.theirs is None else asdict(row.theirs),
                "their_statements": row.their_statements,
                "same": row.same,
            }
            for row in rows
        ],
    }
    return json.dumps(whole, indent=2) + "\n"
