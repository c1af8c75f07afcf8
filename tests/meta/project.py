"""What the checks of this folder look at: the project's files, its modules, its metadata."""

from __future__ import annotations

import ast
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Source:
    """A Python file: where it lies (relative to the root, with slashes), its text and tree."""

    place: str
    text: str
    tree: ast.Module


@cache
def pyproject() -> dict[str, Any]:
    """The content of pyproject.toml."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@cache
def sources(folder: str) -> tuple[Source, ...]:
    """The Python files under *folder*, in order of their path."""
    return tuple(
        Source(place, text := (ROOT / place).read_text(), ast.parse(text))
        for place in project_files()
        if place.startswith(f"{folder}/") and place.endswith(".py")
    )


@cache
def project_files() -> tuple[str, ...]:
    """Every file that belongs to the project, relative to the root: those git would not ignore."""
    return tuple(sorted(_walk(ROOT, _ignored_names())))


def _ignored_names() -> list[str]:
    # .gitignore holds names only, no paths: what git makes of them is fnmatch on each name.
    lines = (ROOT / ".gitignore").read_text().splitlines()
    return [".git", *(line.strip("/") for line in lines if line and not line.startswith("#"))]


def _walk(top: Path, ignored: list[str]) -> Iterator[str]:
    def kept(name: str) -> bool:
        return not any(fnmatch(name, pattern) for pattern in ignored)

    for folder, folders, files in os.walk(top):
        folders[:] = filter(kept, folders)
        for name in filter(kept, files):
            yield (Path(folder) / name).relative_to(ROOT).as_posix()
