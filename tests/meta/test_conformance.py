"""docs/conformance.md is what the tests say, and its maker reads them rightly."""

from __future__ import annotations

import ast

import pytest

from tests.meta.conformance import (
    PAGE,
    Requirement,
    UnknownId,
    coverage,
    current_page,
    page,
    requirements,
)
from tests.meta.project import Source

ROWS = [
    Requirement("AS-01", "MUST", "null counts as absent"),
    Requirement("SIG-C-02", "rule", "the signing string"),
    Requirement("SIG-C-03", "rule", "the request target"),
]
FAMILIES = ["AS", "SIG-C"]

TESTS = '''
import pytest

def test_SIG_C_02_and_SIG_C_03_in_one_name(): ...

class TestNulls:
    async def test_nothing(self):
        """AS-01, AS-02: a null is nothing."""

@pytest.mark.skip(reason="later")
def test_AS_01_later(): ...

@pytest.mark.xfail
def test_AS_01_some_day(): ...

def helper_AS_01(): ...

def test_other():
    """BIAS-01, AS-012x and AS-0 are no ids."""
'''


def covered(text: str) -> dict[str, list[str]]:
    return coverage([Source("tests/x.py", text, ast.parse(text))], FAMILIES)


def test_ids_are_read_from_names_and_docstrings() -> None:
    assert covered(TESTS) == {
        "SIG-C-02": ["tests/x.py::test_SIG_C_02_and_SIG_C_03_in_one_name"],
        "SIG-C-03": ["tests/x.py::test_SIG_C_02_and_SIG_C_03_in_one_name"],
        "AS-01": ["tests/x.py::test_nothing"],
        "AS-02": ["tests/x.py::test_nothing"],
    }


def test_the_page_shows_what_is_tested_and_what_is_open() -> None:
    shown = page(ROWS, {"AS-01": ["tests/core/test_x.py::test_a", "tests/x.py::test_b"]})
    assert "In all 1 of 3 have a test." in shown
    assert "Of these 0 of 2 have a test." in shown
    assert (
        "| AS-01 | MUST | null counts as absent | tested "
        "| `core/test_x.py::test_a`<br>`x.py::test_b` |\n"
    ) in shown
    assert "| SIG-C-02 | rule | the signing string | open |  |\n" in shown


def test_what_does_not_apply_says_why() -> None:
    row = Requirement("AS-02", "MUST", "an empty array", "there are no arrays")
    shown = page([row], {})
    assert "| AS-02 | MUST | an empty array | not applicable: there are no arrays |" in shown
    assert "In all 0 of 1 have a test. 1 do not apply." in shown
    assert "| tested |" in page([row], {"AS-02": ["tests/x.py::test_a"]})


def test_an_unknown_id_is_an_error() -> None:
    with pytest.raises(UnknownId, match="AS-02"):
        page(ROWS, {"AS-02": ["tests/x.py::test_a"]})


def test_the_table_is_sound() -> None:
    rows = requirements()
    assert len({row.id for row in rows}) == len(rows) > 300
    assert [row.id for row in rows if not 1 <= len(row.statement) <= 90] == []
    assert [row.id for row in rows if "|" in row.statement or not row.strength] == []


def test_the_committed_page_is_current() -> None:
    cure = "docs/conformance.md is stale: run python -m tests.meta.conformance --write"
    assert PAGE.is_file(), cure
    assert PAGE.read_text() == current_page(), cure
