"""NOTICE names what was copied from others into the project."""

from __future__ import annotations

import json

from tests.meta.project import ROOT

NOTICE = (ROOT / "NOTICE").read_text()
INDEX = json.loads((ROOT / "schemas" / "contexts" / "index.json").read_text())["contexts"]


def test_every_copied_context_is_named_and_no_other() -> None:
    section = NOTICE.split("Contexts in schemas/")[1].split("Test data")[0]
    named = [line.strip() for line in section.splitlines() if line.startswith(" " * 8)]
    copied = [one["url"] for one in INDEX if not one["source"].startswith("Written for apserver")]
    assert sorted(named) == sorted(copied)
