"""What a report may cost us (IO-83, CVE-2025-68475)."""

from __future__ import annotations

import time

import pytest

from apserver.core import limits
from apserver.core.intake import take_in
from tests.rules.facts import ANN
from tests.rules.test_flag import flag, report

_TIMES = {"<": limits.TEXT, "<p": limits.TEXT // 2, "</p><p ": limits.TEXT // 7}


@pytest.mark.parametrize("piece", _TIMES)
@pytest.mark.parametrize("media_type", ["text/plain", "text/html"])
def test_CVE_2025_68475_the_words_of_a_report_take_linear_time(media_type: str, piece: str) -> None:
    """CVE-2025-68475: a text that calls itself no HTML is kept as it is, with all its "<". Read in
    quadratic time each such report would hold up a worker for six seconds."""
    document = flag(object=ANN, mediaType=media_type, content=piece * _TIMES[piece])
    began = time.thread_time()
    report(take_in(document))
    assert time.thread_time() - began < 2.0  # 0.05 on a quiet machine
