"""The benchmark of streams runs on our side (issue 5, item 8): each page is found and read.

The other side needs packages, and so is behind an option: `python -m bench.streams --original`. How
long anything takes is not looked at.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bench.report import PAGE
from bench.streams.cases import cases_of
from bench.streams.shape import Shape
from bench.streams.table import BEGIN, END
from tests.meta.project import ROOT

ACTIONS = 600


def test_every_page_is_read(tmp_path: Path) -> None:
    file = tmp_path / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench.streams", f"--actions={ACTIONS}", "--repeats=2",
         "--json", file],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    rows = json.loads(file.read_text())["rows"]
    assert [row["title"] for row in rows] == [case.title for case in cases_of(Shape(ACTIONS))]
    for row in rows:
        assert 0 < row["items"] <= 30, row
        assert row["statements"] >= 3, row
        assert row["theirs"] is None
        assert row["title"] in done.stdout


def test_the_page_of_the_project_has_figures_of_both_sides() -> None:
    figures = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    missing = [one.title for one in cases_of(Shape(1_000_000)) if f"| {one.title} " not in figures]
    assert missing == []
    assert "1,000,000 actions" in figures
    assert "the same actions in the same order on every page" in figures
