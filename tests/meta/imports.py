"""What Python code imports, wherever in it the import stands."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.meta.project import Source


def imports_in(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and module of every import; `.` for a relative import of the own package."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield node.lineno, node.module or "."
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)


def imported_modules(source: Source) -> set[str]:
    """All modules that a file imports."""
    return {module for _, module in imports_in(source.tree)}
