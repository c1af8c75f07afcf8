"""Writes docs/conformance.md: which requirement has which tests.

    python -m tests.meta.conformance            print the page
    python -m tests.meta.conformance --write    write it

The requirements stand in conformance_ids.tsv. A test covers an id by its name, with underscores
(`test_SIG_C_02_...`), or by its docstring (`SIG-C-02`); a test that is marked skip or xfail
covers nothing. An id that no requirement has is an error: a typing mistake would otherwise look
like an untested requirement. The last column of the table says why one does not bind this server.
"""

from __future__ import annotations

import argparse
import ast
import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from tests.meta.project import ROOT, Source, sources

PAGE = ROOT / "docs" / "conformance.md"
TABLE = ROOT / "tests" / "meta" / "conformance_ids.tsv"

_FAMILIES = {
    "AP-OBJ": "ActivityPub: objects (3)",
    "AP-GET": "ActivityPub: retrieval (3.2)",
    "AP-SRC": "ActivityPub: source (3.3)",
    "AP-ACT": "ActivityPub: actors (4)",
    "AP-COL": "ActivityPub: collections (5)",
    "AP-C2S": "ActivityPub: client to server (6)",
    "AP-S2S": "ActivityPub: server to server (7)",
    "AP-I18N": "ActivityPub: languages (8)",
    "AP-SEC": "ActivityPub: security (B)",
    "AS": "Activity Streams 2.0: core",
    "AV": "Activity Streams 2.0: vocabulary",
    "SIG-C": "HTTP signatures: draft-cavage-12 as deployed",
    "KEY": "HTTP signatures: keys and policy",
    "SIG-R": "HTTP signatures: RFC 9421",
    "WF": "WebFinger (RFC 7033)",
    "HM": "host-meta (RFC 6415)",
    "NI": "NodeInfo",
    "BP": "ActivityPub API: basic profile",
    "IO": "Interoperation with servers in the field",
}

_HEAD = """\
# Conformance

Written by `python -m tests.meta.conformance --write` from the names and docstrings of the tests;
do not edit. The statements are short forms; the specifications themselves are what counts.

Strength is that of the source (RFC 2119); lower case is advice without a keyword, a dash a
definition, (E) changed by an erratum. *rule*: taken from drafts and from what servers do.
P0 to P2: how much federation suffers without it, P0 most.
"""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One line of the table."""

    id: str
    strength: str
    statement: str
    not_applicable: str = ""  #: why it does not bind us

    @property
    def family(self) -> str:
        """The id without its number."""
        return self.id.rpartition("-")[0]


class UnknownId(Exception):
    """A test names an id that the table does not have."""


def requirements() -> list[Requirement]:
    """All requirements, in the order of the table."""
    with TABLE.open(newline="") as lines:
        rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE, restval="")
        return [Requirement(**row) for row in rows]


def coverage(files: Iterable[Source], families: Iterable[str]) -> dict[str, list[str]]:
    """The tests of each id, as `file::test`, in order. UnknownId is left to `page`."""
    named = _id_pattern(families)
    found: dict[str, list[str]] = {}
    for source in files:
        for test in tests_in(source.tree):
            text = f"{test.name.replace('_', '-')} {ast.get_docstring(test) or ''}"
            for id_ in dict.fromkeys(named.findall(text)):
                found.setdefault(id_, []).append(f"{source.place}::{test.name}")
    return found


def page(rows: list[Requirement], tests: Mapping[str, list[str]]) -> str:
    """The whole page; UnknownId when a test names an id that is in no row."""
    unknown = {id_: tests[id_] for id_ in tests.keys() - {row.id for row in rows}}
    if unknown:
        raise UnknownId(f"not in {TABLE.name}: {unknown}")
    parts = [_HEAD, _share("In all", rows, tests)]
    for family, members in groupby(rows, lambda row: row.family):
        parts.append(_section(_FAMILIES[family], list(members), tests))
    return "\n".join(parts)


def current_page() -> str:
    """The page as the tests of this checkout make it."""
    return page(requirements(), coverage_here())


def coverage_here() -> dict[str, list[str]]:
    """The tests of each requirement in this checkout."""
    return coverage(sources("tests"), _FAMILIES)


def _id_pattern(families: Iterable[str]) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)((?:{'|'.join(families)})-\d{{2,3}})(?!\w)")


def tests_in(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Tests that run: not those that are skipped or expected to fail."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            marks = " ".join(map(ast.unparse, node.decorator_list))
            if node.name.startswith("test_") and not re.search(r"mark\.(skip|xfail)\b", marks):
                yield node


def _share(what: str, rows: list[Requirement], tests: Mapping[str, list[str]]) -> str:
    tested = sum(row.id in tests for row in rows)
    beside = sum(bool(row.not_applicable) for row in rows if row.id not in tests)
    others = f" {beside} do not apply." if beside else ""
    return f"{what} {tested} of {len(rows)} have a test.{others}\n"


def _section(title: str, rows: list[Requirement], tests: Mapping[str, list[str]]) -> str:
    lines = [f"## {title}", "", _share("Of these", rows, tests)]
    lines += ["| id | strength | statement | status | tests |", "|---|---|---|---|---|"]
    lines += [_line(row, tests.get(row.id, [])) for row in rows]
    return "\n".join(lines) + "\n"


def _line(row: Requirement, tests: list[str]) -> str:
    status = f"not applicable: {row.not_applicable}" if row.not_applicable else "open"
    status = "tested" if tests else status
    places = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in tests)
    return f"| {row.id} | {row.strength} | {row.statement} | {status} | {places} |"


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m tests.meta.conformance")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    if parser.parse_args().write:
        PAGE.write_text(current_page())
    else:
        print(current_page(), end="")


if __name__ == "__main__":
    main()
