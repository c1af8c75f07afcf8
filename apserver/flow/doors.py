"""What looks at everything that other servers say, by whatever way it comes in."""

from __future__ import annotations

from dataclasses import dataclass

from apserver.flow.live_rules import LiveRules
from apserver.flow.passed_on import PassedOn
from apserver.flow.reading import DocumentReader
from apserver.flow.screening import Screen


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """Who shows what somebody passes on, what JSON-LD makes of it, whom we deal with, and the
    site's own filter."""

    passed_on: PassedOn
    reader: DocumentReader
    live: LiveRules
    screen: Screen
