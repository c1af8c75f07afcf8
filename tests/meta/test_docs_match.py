"""The documents that are rendered from the code are those in the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from apserver.cli import build_parser
from apserver.cli.reference import documents
from apserver.config import KEYS, load
from apserver.errors import ConfigProblem
from tests.meta.project import ROOT


@pytest.mark.parametrize("name", documents())
def test_the_document_is_that_of_the_code(name: str) -> None:
    cure = "run `python -m apserver.cli.reference` at the root of the project"
    assert (ROOT / name).read_text() == documents()[name], cure


def test_the_page_of_settings_names_every_key_and_variable() -> None:
    page = (ROOT / "docs/configuration.md").read_text()
    for key in KEYS:
        assert f"### `{key.label}`" in page
        assert f"`{key.variable}`" in page


def test_the_page_of_commands_quotes_every_help_text() -> None:
    page = (ROOT / "docs/command-line.md").read_text()
    parsers = [build_parser()]
    while parsers:
        parser = parsers.pop()
        parsers.extend(parser.sub_commands())
        assert f"## {parser.prog}\n\n```text\n{parser.format_help()}```" in page


@pytest.mark.parametrize("line", ['level = "loud"', 'levle = "debug"'])
def test_the_page_of_settings_quotes_true_messages(line: str, tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(f"[log]\n{line}\n")
    with pytest.raises(ConfigProblem) as refused:
        load(None, {}, cwd=tmp_path)
    message = str(refused.value).replace(str(tmp_path), "/etc/apserver")
    assert f"\napserver: {message}\n" in (ROOT / "docs/configuration.md").read_text()
