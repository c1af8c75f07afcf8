"""`python -m bench --write` renews the figures of a page and nothing else of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from bench.instance import BenchFailed
from bench.measure import Machine, Row
from bench.paths import PATHS
from bench.report import BEGIN, END, PAGE, write

MACHINE = Machine(
    processor="Z80",
    cores=2,
    python="3.11.7",
    postgres="18.6",
    at=datetime(2026, 1, 2, tzinfo=UTC),
    load=0.5,
    signature_us=243.0,
)
ROW = Row(
    path=PATHS[0],
    operations=10,
    statements=1.0,
    ours_us=150.0,
    postgres_us=50.0,
    repeats_us=[200.0],
)


def test_figures_stand_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"above\n{BEGIN}\nold figures\n{END}\nbelow\n")
    write(MACHINE, [ROW], page)
    text = page.read_text()
    assert text.startswith(f"above\n{BEGIN}\n2026-01-02, Z80, 2 cores, Python 3.11.7")
    assert text.endswith(f"{END}\nbelow\n")
    assert "old figures" not in text
    [line] = [line for line in text.splitlines() if line.startswith(f"| {PATHS[0].title} ")]
    assert [cell.strip() for cell in line.split("|")[2:6]] == ["1", "150", "50", "200"]
    assert [cell.strip() for cell in line.split("|")[6:9]] == ["5000", "35971", "0.14"]


def test_a_page_without_marks_is_left_alone(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("above\n")
    with pytest.raises(BenchFailed, match="figures"):
        write(MACHINE, [ROW], page)
    assert page.read_text() == "above\n"


def test_the_page_of_the_project_has_figures_of_every_path() -> None:
    text = PAGE.read_text()
    assert [path.title for path in PATHS if f"| {path.title} " not in text] == []
