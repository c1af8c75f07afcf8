"""The tests that write and read, once more on the oldest PostgreSQL that we say we support.

They run in a process of their own, with the binaries of Debian's `postgresql-15`. Left out are
those that are about HTTP alone, and repeats of one test with other parameters.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import mkstemp

from tests.meta.project import ROOT

#: The test that waits for this run.
TEST = "tests/meta/test_postgres_15.py"
BINARIES = Path(os.environ.get("APSERVER_POSTGRES_15") or "/usr/lib/postgresql/15/bin")
TIMEOUT_S = 2_400.0
FOLDERS = ("tests/store", "tests/flows")
NOT_ABOUT_SQL = (
    "tests/store/test_embedded.py",
    *(
        f"tests/flows/test_{name}.py"
        for name in (
            *("browsers", "caching", "discovery", "documents", "double_knock", "emitted"),
            *("inbox_keys", "limits", "log_lines", "nodeinfo", "proofs", "proxies", "signatures"),
            *("spellings", "stream_23_languages", "stream_25_profiles", "tls"),
        )
    ),
)

_running: list[tuple[subprocess.Popen[bytes], Path]] = []


def is_there() -> bool:
    """Whether there is such a PostgreSQL on this machine."""
    return (BINARIES / "postgres").exists()


def start() -> None:
    """Begin, unless there is no such PostgreSQL or this is that run."""
    if _running or not is_there() or "APSERVER_TEST_POSTGRES" in os.environ:
        return
    output, name = mkstemp(prefix="apserver-postgres-15-")
    command = [
        *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
        *("-p", "tests.meta.first_parameters", *FOLDERS),
        *(f"--ignore={place}" for place in NOT_ABOUT_SQL),
    ]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=os.environ | {"APSERVER_TEST_POSTGRES": str(BINARIES)},
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    os.close(output)
    _running.append((process, Path(name)))


def wait() -> tuple[int, str]:
    """The exit code and what was printed."""
    process, output = _running[0]
    return process.wait(TIMEOUT_S), output.read_text()


def stop() -> None:
    """End what still runs."""
    while _running:
        process, output = _running.pop()
        if process.poll() is None:
            process.terminate()
            process.wait(60)
        output.unlink()
