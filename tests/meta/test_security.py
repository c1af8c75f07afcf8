"""docs/security.md is what the tests say; every threat that there can be has one."""

from __future__ import annotations

import ast

import pytest

from tests.meta.project import ROOT, Source
from tests.meta.security import (
    PAGE,
    Row,
    UnknownAdvisory,
    coverage,
    current,
    page,
    rows,
    untested,
)

TABLE = [
    Row("0", "rule-6", (), "", "the owner alone"),
    Row("1", "CVE-2024-23832", ("GHSA-3fjr-858r-92rw",), "", "no id is believed"),
    Row("4", "slowloris", ("slow-headers",), "", "a time for each header"),
    Row("6", "caches", (), "", "nothing private is kept"),
    Row("6", "code-flow", (), "no OAuth", "used once"),
]

TESTS = '''
"""Nothing here, security.md: slow headers."""
import pytest

def test_CVE_2024_23832_an_id(): ...

def test_slowloris_bodies():
    """Byte by byte."""

async def test_one():
    """security.md: rule 6, caches: it says so."""

class TestMore:
    def test_two(self):
        """Caches, GHSA-3fjr: at the start."""

def test_three():
    """AP-1: nothing of caches, nor of rule 6, nor CVE-2024."""

def test_that_slowloris():
    """Not at the start."""

@pytest.mark.skip(reason="later")
def test_caches_later(): ...
'''


def covered(text: str) -> dict[str, list[str]]:
    return coverage([Source("tests/test_x.py", text, ast.parse(text))], TABLE)


def test_rows_are_read_from_names_and_docstrings() -> None:
    assert covered(TESTS) == {
        "slowloris": ["tests/test_x.py", "tests/test_x.py::test_slowloris_bodies"],
        "CVE-2024-23832": [
            "tests/test_x.py::test_CVE_2024_23832_an_id",
            "tests/test_x.py::test_two",
        ],
        "rule-6": ["tests/test_x.py::test_one"],
        "caches": ["tests/test_x.py::test_one", "tests/test_x.py::test_two"],
    }


def test_an_unknown_advisory_is_an_error() -> None:
    with pytest.raises(UnknownAdvisory, match="CVE-2024-99999"):
        covered("def test_CVE_2024_99999_x(): ...")
    with pytest.raises(UnknownAdvisory, match="GHSA-aaaa"):
        covered('def test_x():\n    """GHSA-aaaa-bbbb-cccc: x."""')


def test_the_page_shows_what_is_tested_and_what_is_missing() -> None:
    found = {"CVE-2024-23832": ["tests/core/test_x.py::test_a", "tests/x.py::test_b"]}
    shown = page(TABLE, found)
    assert (
        "| CVE-2024-23832<br>GHSA-3fjr-858r-92rw | no id is believed | tested "
        "| `core/test_x.py::test_a`<br>`x.py::test_b` |\n"
    ) in shown
    assert "| code-flow | used once | not applicable yet: no OAuth |  |\n" in shown
    assert "| caches | nothing private is kept | open |  |\n" in shown
    assert untested(TABLE, found) == ["rule-6", "slowloris", "caches"]


def test_the_table_is_sound() -> None:
    table = rows()
    names = [name for row in table for name in row.names]
    assert len(set(names)) == len(names) > 200
    assert len(table) == 180
    assert [row.id for row in table if not 1 <= len(row.rule) <= 110 or "|" in row.rule] == []


def test_every_row_that_applies_has_a_test() -> None:
    table, found = current()
    assert untested(table, found) == []
    early = [row.id for row in table if row.not_yet and row.id in found]
    assert early == [], "there are tests: take the remark out of the table"


def test_the_committed_page_is_current() -> None:
    cure = "docs/security.md is stale: run python -m tests.meta.security --write"
    assert PAGE.is_file(), cure
    assert PAGE.read_text() == page(*current()), cure


def test_the_threat_model_names_files_that_there_are() -> None:
    """What it says of a file is looked for in that file."""
    text = (ROOT / "THREAT_MODEL.md").read_text()
    named = [word for word in text.split("`")[1::2] if word.endswith((".py", ".sql", ".md"))]
    assert len(named) > 20
    folders = (ROOT, ROOT / "apserver")
    assert [one for one in named if not any((at / one).is_file() for at in folders)] == []
