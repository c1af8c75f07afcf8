"""How results look: lines and tables for people, one JSON value for programs.

Much of what is shown was written by strangers: ids, reports, answers of other servers. What a
terminal would take for a command is written as an escape in all of it, and no text can look like
the next line of a result.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from apserver.core.times import stamp

_COMMANDS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
NOTHING = "-"  #: stands for None and for an empty list


def show(result: Mapping[str, Any], *, as_json: bool) -> None:
    """Print one result to standard output: a JSON object, or a line for each member."""
    if as_json:
        show_json(result)
        return
    width = max(map(len, result)) + 2
    for name, value in result.items():
        print(f"{name:<{width}}{in_words(value).replace(chr(10), chr(10) + ' ' * width)}")


def show_table(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], *, as_json: bool) -> None:
    """Print many results: a JSON array of whole objects, or these columns below their names."""
    if as_json:
        show_json(rows)
        return
    lines = [columns, *([_on_one_line(row[name]) for name in columns] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip())


def show_json(value: Any) -> None:
    """Print a value as JSON on one line; dates as they stand in documents."""
    print(escaped(json.dumps(value, ensure_ascii=False, default=_plain)), flush=True)


def indented(value: Any) -> str:
    """A value as JSON for people."""
    return escaped(json.dumps(value, ensure_ascii=False, indent=2, default=_plain))


def escaped(text: str) -> str:
    """A text without what a terminal would take for a command, or what turns its direction; as
    JSON writes such characters, though by itself it escapes only some of them."""
    return _COMMANDS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def in_words(value: Any) -> str:
    """A member of a result; a text may have several lines."""
    match value:
        case None | "":
            return NOTHING
        case bool():
            return "yes" if value else "no"
        case datetime():
            return stamp(value)
        case list() | tuple():
            return ", ".join(map(in_words, value)) or NOTHING
    return escaped(str(value).replace("\r\n", "\n"))


def note(text: str) -> None:
    """A remark, which is no result: to standard error."""
    print(f"apserver: {escaped(text)}", file=sys.stderr, flush=True)


def _on_one_line(value: Any) -> str:
    return " ".join(in_words(value).split("\n"))


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return stamp(value)
    return str(value)
