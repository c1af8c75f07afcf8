"""The wheel holds all that the server needs, and runs far away from this checkout."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.meta.project import ROOT, project_files

LOAD_EVERYTHING = """
import importlib, pathlib, pkgutil, apserver
names = [m.name for m in pkgutil.walk_packages(apserver.__path__, "apserver.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names), pathlib.Path(apserver.__file__).parents[1])
"""


def run(*arguments: str | Path, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, f"\n{done.stdout}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run("-m", "hatchling", "build", "-t", "wheel", "-d", folder, folder=ROOT)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def content(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder that holds the unpacked wheel and nothing else."""
    folder = tmp_path_factory.mktemp("site")
    quiet = ["-q", "--no-deps", "--no-index", "--no-compile", "--disable-pip-version-check"]
    run("-m", "pip", "install", *quiet, "--target", folder, wheel, folder=folder)
    return folder


def test_the_wheel_holds_every_file_of_the_package(content: set[str]) -> None:
    ours = {place for place in project_files() if place.startswith("apserver/")}
    assert ours <= content
    assert "apserver/py.typed" in ours
    assert any(place.startswith("apserver/store/migrations/0001_") for place in ours)


def test_the_wheel_holds_the_schemas(content: set[str]) -> None:
    schemas = {f"apserver/{place}" for place in project_files() if place.startswith("schemas/")}
    assert schemas
    assert {place for place in content if place.startswith("apserver/schemas/")} == schemas


def test_the_wheel_holds_the_licence_and_the_notices(content: set[str]) -> None:
    info = f"apserver-{importlib.metadata.version('apserver')}.dist-info"
    assert {f"{info}/licenses/LICENSE", f"{info}/licenses/NOTICE"} <= content
    assert (ROOT / "LICENSE").read_text().lstrip().startswith("Apache License")


def test_the_wheel_holds_nothing_else(content: set[str]) -> None:
    assert {place.split("/")[0].split("-")[0] for place in content} == {"apserver"}


def test_every_module_loads_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    out = run("-c", LOAD_EVERYTHING, folder=tmp_path, PYTHONPATH=str(installed))
    count, place = out.split(maxsplit=1)
    assert int(count) > 10
    assert Path(place.strip()).samefile(installed)


def test_the_command_runs_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    out = run("-m", "apserver", "--version", folder=tmp_path, PYTHONPATH=str(installed))
    assert importlib.metadata.version("apserver") in out
    assert list(tmp_path.iterdir()) == []
