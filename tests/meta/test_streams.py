"""docs/streams.md is what the tests say; every feature of the original that is here has one."""

from __future__ import annotations

import ast

from tests.meta.project import Source
from tests.meta.streams import (
    PAGE,
    Row,
    by_hand,
    coverage,
    current,
    page,
    proofs_of,
    rows,
    untested,
)

TABLE = [
    Row("A1", "an actor", "`actor`", (1, 5), ""),
    Row("B4", "flags", "`followFlag`", (8,), ""),
    Row("D-1", "a feed", "-", (21,), "feeds"),
]

TESTS = '''
def test_scenario_01_an_action(): ...

def test_scenario_05_who_is_not_registered(): ...

def test_B4_flags():
    """B4, scenario 12: says A1 behind the colon."""
'''


def covered(place: str) -> dict[str | int, list[str]]:
    return coverage([Source(place, TESTS, ast.parse(TESTS))], TABLE)


def test_rows_and_scenarios_are_read_from_names_and_docstrings() -> None:
    found = covered("tests/flows/test_stream_x.py")
    assert set(found) == {1, 5, 12, "B4"}
    assert proofs_of(TABLE[0], found) == [
        "tests/flows/test_stream_x.py::test_scenario_01_an_action",
        "tests/flows/test_stream_x.py::test_scenario_05_who_is_not_registered",
    ]
    assert set(covered("tests/flows/test_paging.py")) == {1, 5, 12}


def test_a_row_wants_all_its_scenarios_or_a_test_of_its_own() -> None:
    assert untested(TABLE, {1: ["x"], "B4": ["y"]}) == ["A1"]
    assert untested(TABLE, {1: ["x"], 5: ["z"], 8: ["y"]}) == []


def test_the_page_shows_what_is_tested_and_what_is_missing() -> None:
    shown = page("", TABLE, {"B4": ["tests/flows/test_x.py::test_a"]})
    assert "| B4 | flags | `followFlag` | `flows/test_x.py::test_a` |\n" in shown
    assert "| A1 | an actor | `actor` | open |\n" in shown
    assert "| D-1 | a feed | - | not yet: feeds |\n" in shown


def test_the_table_is_sound() -> None:
    table = rows()
    assert len({row.id for row in table}) == len(table) == 109
    assert {number for row in table for number in row.scenarios} <= set(range(1, 41))


def test_every_row_that_is_here_has_a_test() -> None:
    assert untested(*current()) == []


def test_the_committed_page_is_current() -> None:
    cure = "docs/streams.md is stale: run python -m tests.meta.streams --write"
    assert PAGE.read_text() == page(by_hand(), *current()), cure
