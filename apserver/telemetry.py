"""What the server says about itself: log lines and counters. All names are in this file.

A log line is one event with fields, for people or as JSON. Bodies, tokens and key material are
never logged. Counters live in the process and are read by tests and, later, by /metrics.
"""

from __future__ import annotations

import json
import logging
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import Final

from apserver.core import limits

_log = logging.getLogger("apserver")

#: Metric names; labels follow in brackets.
INBOX: Final = "apserver_inbox_total"  # [outcome], of what was not refused
REFUSED: Final = "apserver_refused_total"  # [route, kind]
APPLIED: Final = "apserver_applied_total"  # [outcome]
DELIVERY: Final = "apserver_delivery_total"  # [outcome]
FETCH: Final = "apserver_fetch_total"  # [purpose, outcome]
JOBS: Final = "apserver_job_total"  # [kind, outcome]
KNOCK: Final = "apserver_knock_refused_total"  # [scheme, status]
UNREADABLE: Final = "apserver_unreadable_row_total"  # [table]
CONNECTIONS: Final = "apserver_connection_refused_total"  # [reason]
LOGIN: Final = "apserver_login_total"  # [outcome]
HOOK: Final = "apserver_hook_total"  # [outcome]
NOT_ASKED: Final = "apserver_request_not_made_total"  # [reason]

_counters: Counter[tuple[str, tuple[str, ...]]] = Counter()


def count(name: str, *labels: str) -> None:
    """Add one to a counter. When there are too many, new labels count as "other"."""
    if (name, labels) not in _counters and len(_counters) >= limits.SERIES:
        labels = ("other",) * len(labels)
    _counters[(name, labels)] += 1


def counted(name: str, *labels: str) -> int:
    """What a counter of this process stands at."""
    return _counters[(name, labels)]


def readings() -> dict[tuple[str, tuple[str, ...]], int]:
    """All counters of this process, by name and labels."""
    return dict(_counters)


def event(name: str, **fields: object) -> None:
    """Something that an admin may want to see, at level info."""
    _emit(logging.INFO, name, fields)


def detail(name: str, **fields: object) -> None:
    """Something for finding faults, at level debug."""
    _emit(logging.DEBUG, name, fields)


def warn(name: str, **fields: object) -> None:
    """Something that went wrong and is dealt with."""
    _emit(logging.WARNING, name, fields)


def fault(name: str, error: BaseException, **fields: object) -> None:
    """Something that must not happen; with the traceback."""
    _log.error(name, extra={"fields": fields}, exc_info=error)


def _emit(level: int, name: str, fields: dict[str, object]) -> None:
    if _log.isEnabledFor(level):
        _log.log(level, name, extra={"fields": fields})


class _Format(logging.Formatter):
    def __init__(self, as_json: bool, worker: int):
        super().__init__()
        self._as_json = as_json
        self._worker = worker

    def format(self, record: logging.LogRecord) -> str:
        fields = getattr(record, "fields", {})
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        trace = self.formatException(record.exc_info) if record.exc_info else ""
        if self._as_json:
            line = {"at": at, "level": record.levelname.lower(), "worker": self._worker}
            line |= {"event": record.getMessage(), **fields}
            return json.dumps(line | ({"trace": trace} if trace else {}), default=str)
        told = " ".join(f"{key}={_plain(value)}" for key, value in fields.items())
        text = f"{at} {record.levelname.lower():7} {record.getMessage()} {told}".rstrip()
        return f"{text}\n{trace}" if trace else text


def _plain(value: object) -> str:
    """A value on one line; what came from outside cannot start a line of its own."""
    text = str(value)
    return text if text.isprintable() and " " not in text else json.dumps(text)


def configure(*, level: str, as_json: bool, worker: int = 0) -> None:
    """Send log lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Format(as_json, worker))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _log.setLevel(level.upper())
