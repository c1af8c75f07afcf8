"""docs/api.md is what a server answers, for every type that has a meaning here."""

from __future__ import annotations

from apserver.core.rules import RULES, answers
from tests.conftest import StartServer
from tests.doubles.server import Server
from tests.meta.api import ACTORS, PAGE, Recorder, by_hand, page, pretty
from tests.meta.api_types import KINDS
from tests.meta.conformance import coverage_here


def test_BP_03_the_page_tells_of_every_type_with_a_meaning() -> None:
    """BP-03: with what is delivered and done, and an example of each; every type of AS2 has one."""
    told = [type_ for kind in KINDS for type_ in kind.types]
    assert len(told) == len(set(told))
    assert set(told) == {*RULES, *answers.TYPES, "Question", "Activity", "IntransitiveActivity"}


async def test_the_committed_page_is_current(start_server: StartServer) -> None:
    server: Server = await start_server(*ACTORS)
    written = page(by_hand(), await Recorder(server).all(), coverage_here())
    assert PAGE.read_text() == written, "docs/api.md is stale: run python -m tests.meta.api --write"


def test_short_json_stands_in_one_line() -> None:
    assert pretty({"a": [1, {}]}) == '{"a": [1, {}]}'
    long = ["x" * 60, "y" * 60]
    assert pretty(long) == f'[\n  "{long[0]}",\n  "{long[1]}"\n]'
