"""The shape of the house: how big things are, what they are called, which way imports run."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import PurePosixPath
from statistics import median

import grimp
import pytest

from tests.meta.imports import imports_in
from tests.meta.project import Source, sources

# The size promise: a module is one idea, a function fits into one look.
MODULE_LINES = 450
MODULE_LINES_MEDIAN = 180
FUNCTION_LINES = 60
FUNCTION_LINES_MEDIAN = 15

# Names that say nothing: whatever has no place of its own ends up there.
DRAWERS = {"base", "common", "helpers", "manager", "misc", "service", "util", "utils"}

# Where an import of ours may wait for the call: `--help` should not load the server.
LATE_IMPORTERS = ("apserver/cli", "apserver/supervisor")


def function_lengths(source: Source) -> dict[str, int]:
    """Lines of each function, docstring included and decorators not, by place and name."""
    return {
        f"{source.place}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(source.tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def late_imports(source: Source) -> Iterator[str]:
    """Imports of our own modules inside functions."""
    for function in ast.walk(source.tree):
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
            for line, module in imports_in(function):
                if module.split(".")[0] in {"apserver", ""}:
                    yield f"{source.place}:{line} {module}"


def circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of one import circle, in order; nothing when there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as found:
        modules: list[str] = found.args[1]
        return modules
    return []


def test_modules_are_short() -> None:
    lines = {source.place: len(source.text.splitlines()) for source in sources("apserver")}
    assert {place: count for place, count in lines.items() if count > MODULE_LINES} == {}
    assert median(lines.values()) <= MODULE_LINES_MEDIAN


def test_functions_are_short() -> None:
    lines = {
        name: count
        for source in sources("apserver")
        for name, count in function_lengths(source).items()
    }
    assert {name: count for name, count in lines.items() if count > FUNCTION_LINES} == {}
    assert median(lines.values()) <= FUNCTION_LINES_MEDIAN


def test_every_module_says_what_it_is_for() -> None:
    silent = [source.place for source in sources("apserver") if not ast.get_docstring(source.tree)]
    assert silent == []


@pytest.mark.parametrize("folder", ["apserver", "tests", "bench"])
def test_no_module_is_a_drawer(folder: str) -> None:
    drawers = [
        source.place
        for source in sources(folder)
        if not DRAWERS.isdisjoint(PurePosixPath(source.place).with_suffix("").parts)
    ]
    assert drawers == []


def test_no_import_circle() -> None:
    # The graph counts imports inside functions too: a circle hidden there is still one.
    graph = grimp.build_graph("apserver", cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert len(imports) > 1
    assert circle(imports) == []


def test_our_modules_are_imported_at_the_top() -> None:
    late = [
        found
        for source in sources("apserver")
        if not source.place.startswith(LATE_IMPORTERS)
        for found in late_imports(source)
    ]
    assert late == []


def test_the_checks_see_a_fault() -> None:
    text = "def late():\n    import os\n    from apserver.core import keys\n    return keys, os\n"
    planted = Source("apserver/x.py", text, ast.parse(text))
    assert list(late_imports(planted)) == ["apserver/x.py:3 apserver.core"]
    assert function_lengths(planted) == {"apserver/x.py:1 late": 4}
    assert set(circle({"a": {"b"}, "b": {"c"}, "c": {"a"}})) == {"a", "b", "c"}
