"""Dates of documents: what cannot be is taken for now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from apserver.core.times import published_at

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "yesterday", 0, 1.5e9, [], {}, "2026-13-01T00:00:00Z", "2026-02-30T00:00:00Z"),
        *("12026-01-01T00:00:00Z", "-2026-01-01T00:00:00Z", "0000-01-01T00:00:00Z"),
        *("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-11-24T12:00:01Z"),
        *("9999-01-01T00:00:00Z", "2" * 1_000_000),
    ],
    ids=lambda value: str(value)[:30],
)
def test_IO_76_a_date_that_cannot_be_is_now(value: object) -> None:
    """IO-76: unreadable, out of the calendar, or not come yet."""
    assert published_at(value, NOW) == NOW


@pytest.mark.parametrize(
    "value", ["2026-11-24T11:00:00Z", "2026-11-24T13:00:00.000+02:00", "2026-11-24T11:00Z"]
)
def test_IO_76_any_other_date_is_kept(value: str) -> None:
    """IO-76: in UTC."""
    assert published_at(value, NOW) == NOW - timedelta(hours=1)
