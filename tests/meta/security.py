"""Writes docs/security.md: which threat has which rule and which tests.

    python -m tests.meta.security            print the page
    python -m tests.meta.security --write    write it

The rows stand in security_rows.tsv: what has gone wrong elsewhere, and the rule that we hold to. A
row is named by an advisory or by a slug, and may have more names. A test covers it

* by an advisory in its name, its docstring, or the docstring of its file (CVE-2024-23832; of a
  GHSA the beginning is enough);
* by the slug, at the start of its name (`test_slowloris_headers`), or in a list at the start of its
  docstring or behind `security.md` in it (`security.md: rule 6, caches: ...`).

An advisory that no row has is an error: a typing mistake would look like an untested row.
"""

from __future__ import annotations

import argparse
import ast
import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from tests.meta.conformance import tests_in
from tests.meta.project import ROOT, Source, sources

PAGE = ROOT / "docs" / "security.md"
TABLE = ROOT / "tests" / "meta" / "security_rows.tsv"

_SECTIONS = {
    "0": "Rules that cover most of the others",
    "1": "Who said this?",
    "2": "JSON and JSON-LD",
    "3": "Outgoing requests",
    "4": "Floods, parsers, HTTP",
    "5": "Content: HTML, media, pages",
    "6": "Access and privacy",
    "8": "Faults: nothing that was answered is lost, nothing has two effects",
}

_HEAD = """\
# Security: threats, rules, tests

Written by `python -m tests.meta.security --write` from the names and docstrings of the tests; do
not edit. Each row is something that has gone wrong in software of this kind, by the number of its
advisory where there is one, and the rule that keeps it from happening here. What the server guards,
against whom, and what it does not, stands in [THREAT_MODEL.md](../THREAT_MODEL.md).

A row without a test is one whose feature does not exist yet; it says which.
"""

#: What a docstring lists at its start, or behind `security.md`: up to a colon or a full stop.
_START = re.compile(r"security\.md(?:\s\d+)?[:,]\s")
_END = re.compile(r":|\.\s")
#: What stands between two names there; a word in brackets belongs to neither.
_BETWEEN = re.compile(r"[,;]|\([^)]*\)")
_ADVISORY = re.compile(r"\b(?:CVE-\d{4}-\d{4,}|GHSA(?:-[a-z0-9]{4}){1,3})\b")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. ``not_yet`` tells which feature is missing, if any."""

    section: str
    id: str
    aliases: tuple[str, ...]
    not_yet: str
    rule: str

    @property
    def names(self) -> tuple[str, ...]:
        """The id and all other names."""
        return (self.id, *self.aliases)


class UnknownAdvisory(Exception):
    """A test names an advisory that no row has."""


def rows() -> list[Row]:
    """All rows, in the order of the table."""
    with TABLE.open(newline="") as lines:
        read = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
        return [
            Row(
                one["section"],
                one["id"],
                tuple(filter(None, one["aliases"].split(", "))),
                one["not_yet"],
                one["rule"],
            )
            for one in read
        ]


def coverage(files: Iterable[Source], table: Iterable[Row]) -> dict[str, list[str]]:
    """The tests of each row, by its id, as `file::test`, or the file alone, in order.

    UnknownAdvisory when one is named that no row has.
    """
    names = {name: row.id for row in table for name in row.names}
    found: dict[str, list[str]] = {}
    for source in files:
        for place, name, text in _texts(source):
            for id_ in dict.fromkeys(_named(name, text, names)):
                found.setdefault(id_, []).append(place)
    return found


def _texts(source: Source) -> Iterator[tuple[str, str, str]]:
    """Place, name and docstring: of the file itself, then of its tests."""
    if "/test_" in source.place:
        yield source.place, "", ast.get_docstring(source.tree) or ""
    for test in tests_in(source.tree):
        yield f"{source.place}::{test.name}", test.name, ast.get_docstring(test) or ""


def _named(name: str, text: str, names: Mapping[str, str]) -> Iterator[str]:
    for advisory in _ADVISORY.findall(f"{name.replace('_', '-')} {text}"):
        matching = [own for own in names if own == advisory or own.startswith(f"{advisory}-")]
        if not matching:
            raise UnknownAdvisory(f"{advisory}, in {name or 'the docstring of a file'}")
        yield from (names[own] for own in matching)
    called = f"{_plain(name).removeprefix('test ').removeprefix('security md ')} "
    heads = [_END.split(part, maxsplit=1)[0] for part in _START.split(text)]
    listed = {_plain(item) for head in heads for item in _BETWEEN.split(head)}
    for own, id_ in names.items():
        if _plain(own) in listed or called.startswith(f"{_plain(own)} "):
            yield id_


def _plain(text: str) -> str:
    """Words with single spaces: however a slug is written, it reads the same."""
    return " ".join(re.findall(r"[a-z0-9]+", text.lower()))


def page(table: list[Row], tests: Mapping[str, list[str]]) -> str:
    """The whole page."""
    parts = [_HEAD]
    for section, members in groupby(table, lambda row: row.section):
        parts.append(_section(_SECTIONS[section], list(members), tests))
    return "\n".join(parts)


def untested(table: Iterable[Row], tests: Mapping[str, list[str]]) -> list[str]:
    """The rows whose feature exists and that have no test."""
    return [row.id for row in table if not row.not_yet and row.id not in tests]


def current() -> tuple[list[Row], dict[str, list[str]]]:
    """The rows, and their tests in this checkout."""
    table = rows()
    return table, coverage(sources("tests"), table)


def _section(title: str, table: list[Row], tests: Mapping[str, list[str]]) -> str:
    lines = [f"## {title}", "", "| row | rule | status | tests |", "|---|---|---|---|"]
    lines += [_line(row, tests.get(row.id, [])) for row in table]
    return "\n".join(lines) + "\n"


def _line(row: Row, tests: list[str]) -> str:
    status = f"not applicable yet: {row.not_yet}" if row.not_yet else "tested"
    if not tests and not row.not_yet:
        status = "open"
    named = "<br>".join(row.names)
    places = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests)
    return f"| {named} | {row.rule} | {status} | {places} |"


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m tests.meta.security")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    if parser.parse_args().write:
        PAGE.write_text(page(*current()))
    else:
        print(page(*current()), end="")


if __name__ == "__main__":
    main()
