"""docs/interop.md is what the rows say, and each row has a test."""

from __future__ import annotations

import ast
from pathlib import Path

from tests.interop.quirks.rows import Covered
from tests.interop.quirks.tables import TABLES
from tests.meta import conformance, quirks
from tests.meta.project import ROOT


def _names(path: Path) -> set[str]:
    return {test.name for test in conformance.tests_in(ast.parse(path.read_text()))}


def test_the_committed_page_is_current() -> None:
    cure = "docs/interop.md is stale: run python -m tests.meta.quirks --write"
    assert quirks.PAGE.is_file(), cure
    assert quirks.PAGE.read_text() == quirks.current_page(), cure


def test_every_software_has_its_test() -> None:
    here = _names(ROOT / "tests" / "interop" / "test_quirks.py")
    assert {quirks.test_name(software) for software in TABLES} == here


def test_what_is_said_to_be_covered_elsewhere_is() -> None:
    rows = [row for table in TABLES.values() for row in table if isinstance(row, Covered)]
    assert rows
    for place in (place for row in rows for place in row.tests):
        file, _, name = place.partition("::")
        assert name in _names(ROOT / "tests" / file), place


def test_rows_are_told_apart() -> None:
    for software, table in TABLES.items():
        names = [row.name for row in table]
        assert len(set(names)) == len(names), software
        assert not [row for row in table if "|" in row.quirk + row.rule], software
