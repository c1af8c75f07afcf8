"""Points in time as Activity Streams writes them (AS2 Core 2.3)."""

from __future__ import annotations

from datetime import UTC, datetime


def stamp(moment: datetime) -> str:
    """RFC 3339 in UTC with ``Z``, to the second: ``2026-01-02T03:04:05Z``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def read_time(value: object) -> datetime | None:
    """A date of a document as UTC; None when it is not one."""
    if not isinstance(value, str) or len(value) > 40:
        return None
    try:
        moment = datetime.fromisoformat(value)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def published_at(value: object, now: datetime) -> datetime:
    """When something was published; unreadable or future dates become ``now`` (IO-76)."""
    moment = read_time(value)
    return now if moment is None or moment > now else moment
