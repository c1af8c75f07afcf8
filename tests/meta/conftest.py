"""Starts what takes long and needs nothing of the other tests, beside them."""

from __future__ import annotations

import pytest

from tests.meta import postgres_15


def pytest_collection_finish(session: pytest.Session) -> None:
    """The run on PostgreSQL 15 goes on while the other tests do."""
    if any(item.nodeid.startswith(postgres_15.TEST) for item in session.items):
        postgres_15.start()


def pytest_unconfigure() -> None:
    """Nothing is left running, however the tests ended."""
    postgres_15.stop()
