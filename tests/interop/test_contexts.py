"""Our copies of the contexts are those that Fedify carries, term for term."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.interop.peer import FEDIFY

pytestmark = pytest.mark.peer

CONTEXTS = Path(__file__).parents[2] / "schemas" / "contexts"


def test_the_copied_contexts_are_unchanged(node: Path) -> None:
    theirs = json.loads(subprocess.check_output([node, FEDIFY / "dump-contexts.mjs"]))
    index = json.loads((CONTEXTS / "index.json").read_text())["contexts"]
    copied = [one for one in index if "@fedify/vocab-runtime" in one["source"]]
    assert len(copied) > 10
    differing = [
        one["url"]
        for one in copied
        if json.loads((CONTEXTS / one["file"]).read_text()) != theirs[one["url"]]
    ]
    assert differing == []
