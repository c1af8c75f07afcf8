"""The figures as a table for people, as JSON, and in docs/performance.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from bench.instance import ROOT, BenchFailed
from bench.measure import Machine, Row

PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- figures -->", "<!-- end of figures -->"

_COLUMNS = (
    "path",
    "SQL",
    "ours µs",
    "PostgreSQL µs",
    "in all µs",
    "per core-second",
    "limit",
    "ratio",
)


def table(rows: Sequence[Row]) -> str:
    """The figures as a table."""
    return aligned(_COLUMNS, [_cells(row) for row in rows])


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, aligned for the terminal too."""
    cells = [columns, *rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(columns))]
    lines = [_line(line, widths) for line in cells]
    rule = ["-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:])]
    return "\n".join([lines[0], _line(rule, widths), *lines[1:]]) + "\n"


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.path.title,
        f"{row.statements:.3g}",
        f"{row.ours_us:.0f}",
        f"{row.postgres_us:.0f}",
        f"{row.total_us:.0f}",
        f"{row.per_core:.0f}",
        f"{1e6 / row.path.limit_us:.0f}",
        f"{row.ratio:.2f}",
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    ]
    return f"| {' | '.join(padded)} |"


def as_json(machine: Machine, rows: Sequence[Row]) -> str:
    """Everything that was measured."""
    whole = {
        "machine": {
            "processor": machine.processor,
            "cores": machine.cores,
            "python": machine.python,
            "postgres": machine.postgres,
            "at": machine.at.isoformat(timespec="seconds"),
            "load_average": machine.load,
            "signature_us": round(machine.signature_us, 1),
        },
        "rows": [
            {
                "name": row.path.name,
                "operations": row.operations,
                "statements": round(row.statements, 3),
                "ours_us": round(row.ours_us, 1),
                "postgres_us": round(row.postgres_us, 1),
                "total_us": round(row.total_us, 1),
                "per_core_second": round(row.per_core, 1),
                "limit_per_core_second": round(1e6 / row.path.limit_us, 1),
                "ratio": round(row.ratio, 3),
                "repeats_us": [round(one, 1) for one in row.repeats_us],
            }
            for row in rows
        ],
    }
    return json.dumps(whole, indent=2) + "\n"


def write(machine: Machine, rows: Sequence[Row], page: Path = PAGE) -> None:
    """Put the figures into the page, between its marks."""
    put(_figures(machine, rows), begin=BEGIN, end=END, page=page)


def put(figures: str, *, begin: str, end: str, page: Path = PAGE) -> None:
    """Put what was measured between two marks of a page."""
    text = page.read_text("utf-8")
    if text.count(begin) != 1 or text.count(end) != 1:
        raise BenchFailed(f"{page} must hold the lines {begin} and {end} once each.")
    above, _, rest = text.partition(begin)
    below = rest.partition(end)[2]
    page.write_text(f"{above}{begin}\n{figures}\n{end}{below}", "utf-8")


def _figures(machine: Machine, rows: Sequence[Row]) -> str:
    sources = "\n".join(
        f"* {row.path.title}: {row.path.limit_us:g} µs. {_sentence(row.path.source)}"
        for row in rows
    )
    return (
        f"{machine.at:%Y-%m-%d}, {machine.processor}, {machine.cores} cores, "
        f"Python {machine.python}, PostgreSQL {machine.postgres}, "
        f"load average {machine.load:.1f} at the start; an RSA-2048 signature took "
        f"{machine.signature_us:.0f} µs.\n\n"
        f"{table(rows)}\nThe limits:\n\n{sources}\n"
    )


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
