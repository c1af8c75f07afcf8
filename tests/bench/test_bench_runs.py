"""The benchmarks run: every path is measured, and every answer is the expected one.

`python -m bench` ends with 1 when an answer, a stored row or a delivery is missing. How long
anything takes is not looked at.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from bench.paths import PATHS
from tests.meta.project import ROOT


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    file = tmp_path_factory.mktemp("bench") / "figures.json"
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--smoke", "--json", file],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    figures = json.loads(file.read_text())
    assert figures["machine"]["postgres"]
    return {row["name"]: row for row in figures["rows"]}


@pytest.mark.parametrize("name", [path.name for path in PATHS])
def test_the_path_is_measured(rows: dict[str, dict[str, Any]], name: str) -> None:
    row = rows[name]
    assert row["operations"] > 0
    assert row["ours_us"] > 0
    assert row["total_us"] == pytest.approx(row["ours_us"] + row["postgres_us"], abs=0.2)
    assert row["per_core_second"] > 0
