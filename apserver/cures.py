"""Commands in the text of errors and of log lines, as whoever reads it can paste them.

A cure names a command as `apserver COMMAND …`. The program may be called by another name, from a
virtual environment that is not on the PATH or with another configuration file; only the command
line knows, and hands the words on to the processes that it starts.
"""

from __future__ import annotations

import re

PROGRAM = "apserver"

COMMANDS = (
    *("try", "init", "serve", "doctor", "actor", "token", "domain", "emoji"),
    *("activity", "report", "prune", "config"),
    *("fetch", "webfinger", "deliver", "sink"),
)

# `/bin/apserver serve` and `python -m apserver serve` can be pasted already, and in
# `process 7 (apserver serve)` nothing is to be pasted.
_NAMED = re.compile(rf"(?<![\w/.(-])(?<!-m ){PROGRAM}(?= (?:{'|'.join(COMMANDS)}|--help)\b)")


def pasteable(text: str, program: str) -> str:
    """The text with ``program``, the start of a shell line, where it names one of our commands."""
    return _NAMED.sub(lambda _: program, text)
