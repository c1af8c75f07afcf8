"""Writes docs/interop.md: what breaks naive servers, what we do, and the test that shows it.

    python -m tests.meta.quirks            print the page
    python -m tests.meta.quirks --write    write it

The rows stand in `tests/interop/quirks/`, and each is a test of `tests/interop/test_quirks.py`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from tests.interop.quirks.rows import Covered, Quirk
from tests.interop.quirks.tables import TABLES
from tests.meta.project import ROOT

PAGE = ROOT / "docs" / "interop.md"

_HEAD = """\
# Quirks of other software

Written by `python -m tests.meta.quirks --write` from the rows of `tests/interop/quirks/`; do not
edit. Each row is a test: *sent* are documents in the shape of that software, made by hand after
what the project knows of it; *asked* are its requests; *read* is the shape of what we deliver.

With the software itself, Fedify 2.3.6 and apkit 0.3.8, and between two apservers, every type of
activity is exchanged both ways over http and https in every run of the tests, and what each side
then has is compared: the table is printed at the end (`tests/interop/test_exchange.py`). apkit has
a habit that its peer is helped over: it reads no Flag with several objects, as Mastodon sends. It
reads no actor whose `streams` is a list either: ours is a Collection.
"""


def page(tables: Mapping[str, Sequence[Quirk]]) -> str:
    """The whole page."""
    return "\n".join([_HEAD, *_sections(tables)])


def current_page() -> str:
    """The page as the rows of this checkout make it."""
    return page(TABLES)


def _sections(tables: Mapping[str, Sequence[Quirk]]) -> Iterator[str]:
    for software, rows in tables.items():
        lines = [f"## {software}", "", "| | what it does or needs | what we do | tests |"]
        lines += ["|---|---|---|---|", *_lines(software, rows)]
        yield "\n".join(lines) + "\n"


def _lines(software: str, rows: Iterable[Quirk]) -> Iterator[str]:
    """One line for rows that say the same of several things."""
    for (kind, quirk, rule), same in groupby(rows, lambda row: (row.kind, row.quirk, row.rule)):
        places = "<br>".join(f"`{test}`" for row in same for test in _places(software, row))
        yield f"| {kind} | {quirk} | {rule} | {places} |"


def _places(software: str, row: Quirk) -> tuple[str, ...]:
    return row.tests if isinstance(row, Covered) else (f"{test_name(software)}[{row.name}]",)


def test_name(software: str) -> str:
    """The test that checks the rows of a software."""
    words = software.partition(",")[0].removesuffix(" family").lower().split()
    return f"test_quirk_{'_'.join(words)}"


def main() -> None:
    """The command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m tests.meta.quirks")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.relative_to(ROOT)}")
    if parser.parse_args().write:
        PAGE.write_text(current_page())
    else:
        print(current_page(), end="")


if __name__ == "__main__":
    main()
