"""Files that ship with the program: the JSON-LD contexts and JSON Schemas in ``schemas/``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def schemas_folder() -> Path:
    """The folder ``schemas``: inside the package when installed, beside it in a checkout."""
    package = Path(__file__).parent
    installed = package / "schemas"
    return installed if installed.is_dir() else package.parent / "schemas"


def load_contexts() -> dict[str, dict[str, Any]]:
    """The context documents by URL, for `core.contexts.KnownContexts.of`.

    A context that every host serves for itself is found under its path alone.
    """
    folder = schemas_folder() / "contexts"
    index = json.loads((folder / "index.json").read_bytes())
    contexts = {}
    for entry in index["contexts"]:
        document = json.loads((folder / entry["file"]).read_bytes())
        for url in (entry["url"], *entry.get("aliases", ())):
            contexts[url] = document
    return contexts
