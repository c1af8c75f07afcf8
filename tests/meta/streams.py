"""Writes the table of docs/streams.md: what django-activity-stream does, and how it is done here.

    python -m tests.meta.streams            print the page
    python -m tests.meta.streams --write    write it

The rows stand in seed_rows.tsv: actions (A), follows (B), streams (C), feeds (D), sentences and
pages (E, F), the API (G), the registry (H), and faults that are not repeated here (X). A row names
the scenarios that prove it. A test covers

* a scenario by its name (`test_scenario_08_...`) or docstring (`scenario 8`);
* a row by its name (`test_B4_...`, `test_X3_...`) or docstring (`B4`, `D-1`).

A row is proven by tests of its own, or by all of its scenarios.
"""

from __future__ import annotations

import argparse
import ast
import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from tests.meta.conformance import tests_in
from tests.meta.project import ROOT, Source, sources

PAGE = ROOT / "docs" / "streams.md"
TABLE = ROOT / "tests" / "meta" / "seed_rows.tsv"
#: Where the text by hand ends and the table begins.
MARK = "<!-- table: python -m tests.meta.streams --write -->\n"

_KINDS = {
    "A": "Actions",
    "B": "Follows",
    "C": "Streams",
    "D": "Feeds",
    "E": "Sentences and templates",
    "F": "Pages",
    "G": "The API",
    "H": "Registry, settings, life",
    "X": "Faults of the original, not repeated",
}
_SCENARIO = re.compile(r"scenarios? (\d+)")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``not_yet`` tells which feature is missing, if any."""

    id: str
    feature: str
    here: str
    scenarios: tuple[int, ...]
    not_yet: str


def rows() -> list[Row]:
    """All rows, in the order of the table."""
    with TABLE.open(newline="") as lines:
        read = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            Row(
                one["id"],
                one["feature"],
                one["here"],
                tuple(int(number) for number in one["scenarios"].split(", ") if number),
                one["not_yet"],
            )
            for one in read
        ]


def coverage(files: Iterable[Source], table: Iterable[Row]) -> dict[str | int, list[str]]:
    """The tests of each row, by its id, and of each scenario, by its number."""
    ids = {row.id for row in table}
    word = re.compile(rf"\b({'|'.join(sorted(ids, key=len, reverse=True))})\b")
    found: dict[str | int, list[str]] = {}
    for source in files:
        for test in tests_in(source.tree):
            name, text = test.name.replace("_", " "), ast.get_docstring(test) or ""
            head = text.split(":", maxsplit=1)[0]
            named: list[str | int] = [int(one) for one in _SCENARIO.findall(f"{name} {head}")]
            named += word.findall(f"{name} {head}") if _is_about_streams(source) else []
            for one in dict.fromkeys(named):
                found.setdefault(one, []).append(f"{source.place}::{test.name}")
    return found


def _is_about_streams(source: Source) -> bool:
    """Other tables have names such as A1 too."""
    return re.search(r"/test_(stream|follow|action|thing|fa|openapi)", source.place) is not None


def proofs_of(row: Row, tests: Mapping[str | int, list[str]]) -> list[str]:
    """Its own, and those of its scenarios when each of them has some."""
    by_scenario = [tests.get(number, []) for number in row.scenarios]
    if not all(by_scenario):
        by_scenario = []
    own = tests.get(row.id, [])
    return list(dict.fromkeys([*own, *(one for some in by_scenario for one in some)]))


def untested(table: Iterable[Row], tests: Mapping[str | int, list[str]]) -> list[str]:
    """The rows whose feature exists and that have no test."""
    return [row.id for row in table if not row.not_yet and not proofs_of(row, tests)]


def current() -> tuple[list[Row], dict[str | int, list[str]]]:
    """The rows, and the tests in this checkout."""
    table = rows()
    return table, coverage(sources("tests"), table)


def page(by_hand: str, table: list[Row], tests: Mapping[str | int, list[str]]) -> str:
    """The whole page: what is written by hand, then the table."""
    parts = [by_hand + MARK]
    for kind, title in _KINDS.items():
        parts.append(f"### {title}\n\n| | there | here | tests |\n|---|---|---|---|\n")
        parts += [_line(row, proofs_of(row, tests)) for row in table if row.id.startswith(kind)]
        parts.append("\n")
    return "".join(parts).rstrip("\n") + "\n"


def _line(row: Row, tests: list[str]) -> str:
    places = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests) or "open"
    if row.not_yet:
        places = f"not yet: {row.not_yet}"
    return f"| {row.id} | {row.feature} | {row.here} | {places} |\n"


def by_hand() -> str:
    """The part of the page before the table."""
    return PAGE.read_text().split(MARK)[0]


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m tests.meta.streams")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    if parser.parse_args().write:
        PAGE.write_text(page(by_hand(), *current()))
    else:
        print(page(by_hand(), *current()), end="")


if __name__ == "__main__":
    main()
