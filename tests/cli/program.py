"""Runs the command line as a program of its own, with an environment that the test chooses."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.meta.project import ROOT

MODULE = [sys.executable, "-m", "apserver"]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. ``err`` is what it wrote to standard error."""

    code: int
    out: str
    err: str


def clean_environment(home: Path, extra: dict[str, str]) -> dict[str, str]:
    """This environment without any setting of apserver, at home in *home*, and with *extra*."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("APSERVER", "XDG_", "COLUMNS"))
    }
    path = os.pathsep.join(filter(None, [str(ROOT), kept.get("PYTHONPATH")]))
    return {**kept, "HOME": str(home), "PYTHONPATH": path, **extra}


def apserver(*arguments: str, cwd: Path, **environ: str) -> Ended:
    """`python -m apserver ARGUMENTS` in *cwd*, which is also its home."""
    done = subprocess.run(
        [*MODULE, *arguments],
        cwd=cwd,
        env=clean_environment(cwd, environ),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return Ended(done.returncode, done.stdout, done.stderr)
