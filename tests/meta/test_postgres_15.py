"""Our SQL runs on the oldest PostgreSQL that we say we support, not only on the wheel's.

The tests that write and read are run once more, in a process of their own, with the binaries of
Debian's `postgresql-15`. Left out are those that are about HTTP alone, and repeats of one test
with other parameters.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.meta.project import ROOT

BINARIES = Path(os.environ.get("APSERVER_POSTGRES_15") or "/usr/lib/postgresql/15/bin")
FOLDERS = ("tests/store", "tests/flows")
NOT_ABOUT_SQL = (
    "tests/store/test_embedded.py",
    *(
        f"tests/flows/test_{name}.py"
        for name in (
            *("browsers", "caching", "discovery", "documents", "double_knock", "emitted"),
            *("inbox_keys", "limits", "nodeinfo", "proxies", "signatures", "tls"),
        )
    ),
)


def test_the_tests_pass_on_postgres_15() -> None:
    if not (BINARIES / "postgres").exists():
        missing = f"there is no {BINARIES / 'postgres'}: install Debian's postgresql-15"
        assert not os.environ.get("CI"), missing
        pytest.skip(missing)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", "tests.meta.first_parameters", *FOLDERS),
            *(f"--ignore={place}" for place in NOT_ABOUT_SQL),
        ],
        cwd=ROOT,
        env=os.environ | {"APSERVER_TEST_POSTGRES": str(BINARIES)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1_500,
    )
    assert done.returncode == 0, f"\n{done.stdout[-20_000:]}"
    [passed] = re.findall(r"(\d+) passed", done.stdout.splitlines()[-1])
    assert int(passed) > 100
