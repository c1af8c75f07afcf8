"""What takes longest comes first, so that the processes of a run end at about the same time."""

from __future__ import annotations

import pytest

LONGEST = "tests/meta/test_postgres_15.py"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest test."""
    items.sort(key=lambda item: not item.nodeid.startswith(LONGEST))
