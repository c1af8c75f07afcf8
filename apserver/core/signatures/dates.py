"""The two spellings of time in signatures: the Date header (RFC 9110 5.6.7) and Unix seconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from apserver.errors import NotTrusted

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: IMF-fixdate. Its two obsolete forms are not read: no server that signs sends them.
_DATE = re.compile(
    rf"(?:{'|'.join(_DAYS)}), ([0-9]{{1,2}}) ({'|'.join(_MONTHS)}) ([0-9]{{4}})"
    r" ([0-9]{2}):([0-9]{2}):([0-9]{2}) GMT"
)
#: The last second that a datetime can hold.
_UNIX_MAX = 253_402_300_799


def http_date(moment: datetime) -> str:
    """A time as IMF-fixdate, whatever the locale."""
    at = moment.astimezone(UTC)
    return (
        f"{_DAYS[at.weekday()]}, {at.day:02} {_MONTHS[at.month - 1]} {at.year:04}"
        f" {at.hour:02}:{at.minute:02}:{at.second:02} GMT"
    )


def parse_http_date(text: str) -> datetime:
    """Read an IMF-fixdate. Raises NotTrusted when it is none."""
    found = _DATE.fullmatch(text)
    if found:
        day, month, year, hour, minute, second = found.groups()
        month_number = _MONTHS.index(month) + 1
        clock = int(hour), int(minute), int(second)
        try:
            return datetime(int(year), month_number, int(day), *clock, tzinfo=UTC)
        except ValueError:
            pass
    raise NotTrusted("Date is not a time of the form 'Tue, 20 Apr 2021 02:07:55 GMT'.")


def from_unix(seconds: float) -> datetime:
    """A Unix time as a UTC datetime. Raises NotTrusted when it is before 1970 or after 9999."""
    if not 0 <= seconds <= _UNIX_MAX:
        raise NotTrusted("The signature has a time out of range. Use Unix seconds.")
    return datetime.fromtimestamp(seconds, UTC)
