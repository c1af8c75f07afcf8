"""Runs the command line: as a program of its own in an environment that the test chooses, or in
this process for a server that the test has started."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

from apserver.cli import main
from apserver.cli.example import render_file
from tests.doubles.server import Server
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


async def command(server: Server, *arguments: str, given: bytes = b"") -> Ended:
    """`apserver ARGUMENTS` in this process, configured as *server* is; *given* is its input."""
    configured = server.settings.plain() | {"database.url": server.dsn}
    config = server.folder / "config.toml"
    config.write_text(render_file(configured))
    return await asyncio.to_thread(_run, ["--config", str(config), *arguments], given)


def _run(arguments: list[str], given: bytes) -> Ended:
    out, err = io.StringIO(), io.StringIO()
    stdin = io.TextIOWrapper(io.BytesIO(given))
    with redirect_stdout(out), redirect_stderr(err), mock.patch("sys.stdin", stdin):
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(str(ended.code))
    return Ended(code, out.getvalue(), err.getvalue())
