"""`.ci/run` runs what README.md tells people to run, and cannot pass by running nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.meta.project import ROOT

MARK = "<!-- test command -->"


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", folder / ".ci" / "run", *arguments],
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )


def project(folder: Path, readme: str) -> Path:
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", folder / ".ci" / "run")
    (folder / "README.md").write_text(readme)
    return folder


def block(command: str) -> str:
    return f"# Title\n\n{MARK}\n```sh\n{command}\n```\n\nMore.\n"


def test_the_command_is_the_one_of_the_readme() -> None:
    shown = run(ROOT, "--show")
    assert (shown.returncode, shown.stderr) == (0, "")
    command = shown.stdout.strip()
    assert command in (ROOT / "README.md").read_text()
    assert "requirements/test.txt" in command
    assert command.endswith("pytest -n 2 --dist worksteal")


def test_the_script_may_be_executed() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


@pytest.mark.parametrize(
    "readme",
    [
        "",
        "# Title\n\n```sh\ntrue\n```\n",
        f"{MARK}\n",
        f"{MARK}\n```sh\n```\n",
        f"{MARK}\n```sh\n  \n```\n",
        f"{MARK}\n\nprose\n\n```sh\ntrue\n```\n",
        f"{MARK}\n```sh\ntrue\n",
        block("true") + block("true"),
    ],
    ids=["empty", "no mark", "no block", "no line", "blank", "not under it", "open", "twice"],
)
def test_a_readme_without_one_command_fails(tmp_path: Path, readme: str) -> None:
    done = run(project(tmp_path, readme))
    assert done.returncode == 2
    assert "README.md" in done.stderr


def test_the_exit_code_and_the_closing_line_are_the_runners(tmp_path: Path) -> None:
    done = run(project(tmp_path, block("echo '1 failed in 0.1s'\nexit 5")))
    assert done.returncode == 5
    assert done.stdout == "1 failed in 0.1s\n"


def test_a_step_that_fails_stops_the_run_in_the_root(tmp_path: Path) -> None:
    done = run(project(tmp_path, block("pwd && cat\nfalse\necho '1 passed in 0.1s'")))
    assert done.returncode == 1
    assert done.stdout == f"{tmp_path.resolve()}\n"


def run_with_apt(folder: Path, **environ: str) -> tuple[int, list[str]]:
    """Run it with an `apt-get` that only notes what it is called with; the code and the calls."""
    programs = folder / "bin"
    programs.mkdir()
    journal = folder / "journal"
    journal.touch()
    (programs / "apt-get").write_text(f'#!/bin/sh\necho "$*" >>{journal}\nexit 1\n')
    (programs / "apt-get").chmod(0o755)
    path = f"{programs}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", project(folder, block("true")) / ".ci" / "run"],
        env={**os.environ, "CI": "true", "PATH": path, **environ},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
    )
    return done.returncode, journal.read_text().splitlines()


@pytest.mark.skipif(
    os.geteuid() != 0 or not Path("/etc/postgresql-common/createcluster.conf").exists(),
    reason="only root installs packages, and this would write that file",
)
def test_what_is_missing_is_installed_and_its_failure_is_left_to_the_tests(tmp_path: Path) -> None:
    none = str(tmp_path / "none")
    code, calls = run_with_apt(tmp_path, APSERVER_POSTGRES_15=none, APSERVER_CHROMIUM=none)
    assert code == 0
    update, *installs = calls
    assert update.endswith("update")
    assert [one.rpartition(" install ")[2] for one in installs] == [
        "postgresql-15",
        "chromium-headless-shell",
    ]


def test_what_is_there_is_not_installed(tmp_path: Path) -> None:
    there = tmp_path / "postgres"
    there.write_text("")
    there.chmod(0o755)
    names = {"APSERVER_POSTGRES_15": str(tmp_path), "APSERVER_CHROMIUM": str(there)}
    assert run_with_apt(tmp_path, **names) == (0, [])


def test_nothing_is_installed_outside_of_ci(tmp_path: Path) -> None:
    none = str(tmp_path / "none")
    names = {"APSERVER_POSTGRES_15": none, "APSERVER_CHROMIUM": none}
    assert run_with_apt(tmp_path, CI="", **names) == (0, [])
