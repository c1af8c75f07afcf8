"""Reads the project's requirements: those of pyproject.toml and the locks in requirements/."""

from __future__ import annotations

import re
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.meta.project import ROOT, pyproject

_ENTRY = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[\w.+!-]+)(?P<rest>(?:.*\\\n)*.*)\n", re.M)


@dataclass(frozen=True, slots=True)
class Locked:
    """One package of a lock: its exact version and how many hashes it may have."""

    version: str
    hashes: int


def run_time() -> list[Requirement]:
    """What the server needs."""
    return [Requirement(line) for line in pyproject()["project"]["dependencies"]]


def for_tests() -> list[Requirement]:
    """What the tests need besides."""
    return [Requirement(line) for line in pyproject()["project"]["optional-dependencies"]["test"]]


def lock_text(name: str) -> str:
    """A lock as it stands: *name* is `run` or `test`."""
    return (ROOT / "requirements" / f"{name}.txt").read_text()


def lock(name: str) -> dict[str, Locked]:
    """The packages of a lock by normalised name."""
    return {
        canonicalize_name(entry["name"]): Locked(entry["version"], entry[0].count("--hash=sha256:"))
        for entry in _ENTRY.finditer(lock_text(name))
    }
