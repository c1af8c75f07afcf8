"""The tutorial does what it says: its shell lines are run against `apserver try`."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

from apserver import errors
from tests.cli.program import clean_environment
from tests.conftest import free_port
from tests.faults.processes import folder_for_all
from tests.meta.project import ROOT

TUTORIAL = ROOT / "docs" / "tutorial.md"


def test_the_tutorial_works_as_pasted() -> None:
    script = "\n".join(re.findall(r"^```sh\n(.*?)^```", TUTORIAL.read_text(), re.M | re.S))
    assert script.count("post ") > 5
    with folder_for_all() as folder:
        site = f"http://127.0.0.1:{(port := free_port())}"
        environ = clean_environment(folder, {"APSERVER__DATA_DIR": str(folder / "data")})
        log = (folder / "try.log").open("w")
        server = subprocess.Popen(
            [sys.executable, "-m", "apserver", "try", "--listen", f"127.0.0.1:{port}"],
            cwd=folder,
            env=environ,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            token = _token(folder, server)
            done = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=folder,
                env={**environ, "SITE": site, "TOKEN": token},
                capture_output=True,
                text=True,
                timeout=60,
            )
            assert done.returncode == 0, done.stdout + done.stderr
        finally:
            server.send_signal(signal.SIGINT)
            server.wait(40)
            log.close()


def _token(folder: Path, server: subprocess.Popen[bytes]) -> str:
    """The token, once the server says that it is ready."""
    end = time.monotonic() + 40
    while "ready" not in (folder / "try.log").read_text():
        assert server.poll() is None, (folder / "try.log").read_text()
        assert time.monotonic() < end, "not ready in time"
        time.sleep(0.1)
    token: str = json.loads((folder / "data" / "try.json").read_text())["token"]
    return token


def test_the_kinds_of_errors_in_the_tutorial_are_those_of_the_code() -> None:
    known = {
        one.kind
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, errors.ApserverError)
    }
    table = TUTORIAL.read_text().partition("## If it fails")[2]
    rows = [row.split("|") for row in table.splitlines() if row.startswith("| 4")]
    told = {kind for row in rows for kind in re.findall(r"`([a-z-]+)`", row[2])}
    assert len(told) > 8
    assert told <= known
