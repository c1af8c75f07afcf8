"""Our SQL runs on the oldest PostgreSQL that we say we support, not only on the wheel's.

The run itself was started with the session, and went on beside the other tests.
"""

from __future__ import annotations

import os
import re

import pytest

from tests.meta import postgres_15


def test_the_tests_pass_on_postgres_15() -> None:
    if not postgres_15.is_there():
        missing = f"there is no {postgres_15.BINARIES / 'postgres'}: install Debian's postgresql-15"
        assert not os.environ.get("CI"), missing
        pytest.skip(missing)
    code, printed = postgres_15.wait()
    assert code == 0, f"\n{printed[-20_000:]}"
    [passed] = re.findall(r"(\d+) passed", printed.splitlines()[-1])
    assert int(passed) > 100
