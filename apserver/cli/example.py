"""The configuration file as text, rendered from the table of keys."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from apserver.config import FILE_NAME, FILE_VARIABLE, KEYS, TABLES, Key, Table

HEAD = f"""\
# Configuration of apserver (TOML), written from the code: see docs/configuration.md.
#
# A line that starts with "#" and no space shows a default; remove the "#" to change it.
# Commands read the file named by --config or by {FILE_VARIABLE}, else ./{FILE_NAME}.
# The environment wins over this file: APSERVER__SECTION__KEY, such as APSERVER__LOG__LEVEL=debug.
"""


NOTHING: Mapping[str, Any] = MappingProxyType({})


def render_example() -> str:
    """`config.example.toml`: every key, those with a default as comments."""
    return render_file({key.dotted: key.shown for key in KEYS if key.name == "origin"})


def render_file(
    values: Mapping[str, Any],
    *,
    entries: Mapping[str, Mapping[str, Mapping[str, Any]]] = NOTHING,
    shown: Mapping[str, Any] = NOTHING,
) -> str:
    """A configuration file that sets ``values`` (TOML types, by dotted key) and the ``entries`` of
    tables, and shows the rest: defaults, with those of this machine in ``shown``."""
    lines = [HEAD]
    section = ""
    for key in KEYS:
        if key.section != section:
            section = key.section
            lines.append(f"\n[{section}]\n")
        lines.extend(_lines(key, values, shown))
    for table in TABLES:
        lines.extend(_table_lines(table, entries.get(table.name, NOTHING)))
    return "".join(lines)


def _table_lines(table: Table, entries: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The entries that are set, or without any the keys of one, all as comments."""
    yield "\n" + _comment(f"{table.doc} {table.comment}")
    for name, members in entries.items():
        yield f"{table.label(name)}\n"
        yield from (f"{member} = {toml(value)}\n" for member, value in members.items())
    if entries:
        return
    yield f"#{table.label(table.example)}\n"
    for key in table.keys:
        yield _comment(f"{key.doc} {key.comment}".strip())
        yield _comment(f"Allowed: {key.allowed}")
        yield f"#{key.name} = {toml(key.shown if key.computed else key.default)}\n"


def _lines(key: Key, values: Mapping[str, Any], shown: Mapping[str, Any]) -> Iterator[str]:
    yield "\n" if not key.section or not _is_first(key) else ""
    yield _comment(f"{key.doc} {key.comment}")
    yield _comment(f"Allowed: {key.allowed}")
    if key.computed:
        yield _comment(f"Default: {key.computed}")
    if key.dotted in values:
        yield f"{key.name} = {toml(values[key.dotted])}\n"
    else:
        default = key.shown if key.computed else key.default
        yield f"#{key.name} = {toml(shown.get(key.dotted, default))}\n"


def _comment(text: str) -> str:
    return textwrap.indent(wrap(text), "# ") + "\n"


def wrap(text: str) -> str:
    """Lines for a comment or a page; names such as `well-known` stay whole."""
    return textwrap.fill(text, 96, break_on_hyphens=False)


def _is_first(key: Key) -> bool:
    return key == next(other for other in KEYS if other.section == key.section)


def toml(value: object) -> str:
    """A value as TOML: but for tables it is written like JSON."""
    if isinstance(value, Mapping):
        members = (f"{json.dumps(name)} = {toml(one)}" for name, one in value.items())
        return "{" + ", ".join(members) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
