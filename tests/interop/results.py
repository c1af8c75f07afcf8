"""The table of what was tried with real peers: peer, check, result. Printed after the tests.

A test notes each check as it is made, so that the table shows what failed too. Notes travel with
the reports of pytest, since tests may run in several processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

_PROPERTY = "interop"


@dataclass(frozen=True, slots=True)
class Results:
    """The checks of one test with one peer. ``peer`` is how the table calls it."""

    peer: str
    record: Callable[[str, object], None]
    failed: list[str] = field(default_factory=list)

    def note(self, check: str, result: str = "same") -> None:
        """Note a check; its result is "same" (or another word of success) unless `differs`."""
        self.record(_PROPERTY, (self.peer, check, result))

    def compare(self, check: str, *, here: Any, there: Any) -> None:
        """Note whether both sides have the same."""
        if here == there:
            self.note(check)
        else:
            self.note(check, "DIFFERS")
            self.failed.append(f"{check}:\n  here  {here}\n  there {there}")

    def done(self) -> None:
        """Fail with all that differed."""
        assert not self.failed, f"{self.peer}\n" + "\n".join(self.failed)


def print_results(reporter: pytest.TerminalReporter) -> None:
    """The table of all checks of a run, if any were made."""
    rows = list(dict.fromkeys(_rows(reporter)))
    if not rows:
        return
    reporter.section("what was tried with other servers")
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    for peer, check, result in sorted(rows):
        reporter.write_line(f"{peer:<{widths[0]}}  {check:<{widths[1]}}  {result}")


def _rows(reporter: pytest.TerminalReporter) -> Iterator[tuple[str, str, str]]:
    for reports in reporter.stats.values():
        for report in reports:
            if getattr(report, "when", None) == "call":
                noted = (value for name, value in report.user_properties if name == _PROPERTY)
                yield from ((peer, check, result) for peer, check, result in noted)
