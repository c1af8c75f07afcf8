"""Lint, layout, types and layers, each by its own tool, as part of the one test command."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.meta.project import ROOT

LINT_IMPORTS = Path(sysconfig.get_path("scripts")) / "lint-imports"


@pytest.mark.parametrize(
    "command",
    [
        pytest.param([sys.executable, "-m", "ruff", "check", "."], id="ruff check"),
        pytest.param([sys.executable, "-m", "ruff", "format", "--diff", "."], id="ruff format"),
        pytest.param([sys.executable, "-m", "mypy"], id="mypy"),
        pytest.param([LINT_IMPORTS], id="lint-imports"),
    ],
)
def test_the_tool_finds_nothing(command: list[str | Path]) -> None:
    done = subprocess.run(
        command,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, f"\n{done.stdout}"
