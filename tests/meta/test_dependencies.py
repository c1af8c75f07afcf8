"""docs/dependencies.md, pyproject.toml and the locks say the same."""

from __future__ import annotations

import importlib.metadata
import re
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.meta.imports import imported_modules
from tests.meta.project import ROOT, sources
from tests.meta.requirements import for_tests, lock, lock_text, run_time

PAGE = (ROOT / "docs" / "dependencies.md").read_text()


def table(heading: str) -> dict[str, list[str]]:
    """The first table under *heading*: first cell to the other cells of its row."""
    section = PAGE.split(f"## {heading}\n\n")[1].split("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines()[2:]]
    return {name: cells for name, *cells in rows}


def ranges(requirements: list[Requirement]) -> dict[str, str]:
    return {one.name: ",".join(sorted(map(str, one.specifier))) for one in requirements}


@pytest.mark.parametrize(
    ("heading", "declared"),
    [("Run time", run_time()), ("Tests", for_tests())],
    ids=["run time", "tests"],
)
def test_the_page_lists_what_is_declared(heading: str, declared: list[Requirement]) -> None:
    listed = [Requirement(name + cells[0]) for name, cells in table(heading).items()]
    assert ranges(listed) == ranges(declared)


#: What runs in an environment of its own: what a benchmark compares with (`python -m bench.streams
#: --help`), and a peer (`requirements/peers.txt`).
ELSEWHERE = {
    "bench": {"django", "actstream"},
    "tests": {"apkit", "apmodel", "apsig", "fastapi", "uvicorn"},
}


@pytest.mark.parametrize(
    ("folder", "declared"),
    [
        ("apserver", run_time()),
        ("bench", [*run_time(), *for_tests()]),
        ("tests", [*run_time(), *for_tests()]),
    ],
    ids=["run time", "bench", "tests"],
)
def test_what_is_imported_is_declared(folder: str, declared: list[Requirement]) -> None:
    imported = {name.split(".")[0] for one in sources(folder) for name in imported_modules(one)}
    foreign = imported - sys.stdlib_module_names - {"", "apserver", "bench", "tests"}
    foreign -= ELSEWHERE.get(folder, set())
    providers = importlib.metadata.packages_distributions()
    packages = {canonicalize_name(one) for name in foreign for one in providers.get(name, [name])}
    assert packages - {one.name for one in declared} == set()


def test_every_row_gives_a_reason() -> None:
    rows = table("Run time") | table("Tests")
    assert [name for name, cells in rows.items() if len(cells) != 3 or len(cells[2]) < 12] == []


def test_the_page_lists_what_is_brought_along() -> None:
    direct = {one.name for one in run_time()}
    brought = table("What the run-time packages bring along")
    assert sorted(brought) == sorted(set(lock("run")) - direct)
    assert {through for _, through in brought.values()} <= direct


def test_the_licences_are_those_of_the_packages() -> None:
    listed = {name: cells[1] for name, cells in (table("Run time") | table("Tests")).items()}
    listed |= {n: cells[0] for n, cells in table("What the run-time packages bring along").items()}
    stated = {name: importlib.metadata.metadata(name)["License-Expression"] for name in listed}
    differing = {n: text for n, text in stated.items() if text is not None and text != listed[n]}
    assert differing == {}


@pytest.mark.parametrize("name", ["run", "test", "peers"])
def test_a_lock_pins_and_hashes_every_package(name: str) -> None:
    packages = lock(name)
    starts = [line for line in lock_text(name).splitlines() if line and not line[0].isspace()]
    assert len(packages) == len(starts)
    assert {package for package, locked in packages.items() if locked.hashes == 0} == set()


@pytest.mark.parametrize("name", ["run", "test", "peers"])
def test_a_lock_names_no_index(name: str) -> None:
    assert re.findall(r"\S*(?:://|--index|--extra-index|--find-links)\S*", lock_text(name)) == []


@pytest.mark.parametrize(
    ("name", "declared"), [("run", run_time()), ("test", [*run_time(), *for_tests()])]
)
def test_a_lock_satisfies_what_is_declared(name: str, declared: list[Requirement]) -> None:
    packages = lock(name)
    assert [
        str(one)
        for one in declared
        if one.name not in packages or not one.specifier.contains(packages[one.name].version)
    ] == []


def test_the_tests_run_with_the_versions_of_the_server() -> None:
    tested = lock("test")
    assert {n: tested[n].version for n in lock("run")} == {
        n: locked.version for n, locked in lock("run").items()
    }
