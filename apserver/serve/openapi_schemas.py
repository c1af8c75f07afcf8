"""The JSON Schemas of ``schemas/`` as parts of the OpenAPI description.

A file is a whole schema by itself. Within the description each is a component under the name of the
file, what it defines for its own use is one beside it (``posted.Follow``), and references lead
there.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from apserver.resources import schemas_folder

_COMPONENTS = "#/components/schemas/"
_OWN = "#/$defs/"
#: Keywords that say which schema it is, which its name does here.
_NAMES = ("$schema", "id")


def component(name: str) -> dict[str, str]:
    """A reference to a schema."""
    return {"$ref": _COMPONENTS + name}


@lru_cache(maxsize=1)
def schemas() -> dict[str, Any]:
    """All schemas, by name."""
    told: dict[str, Any] = {}
    for name, path in sorted(_files().items()):
        schema = _pointed(json.loads(path.read_bytes()), name)
        for part, defined in schema.pop("$defs", {}).items():
            told[f"{name}.{part}"] = defined
        told[name] = {keyword: one for keyword, one in schema.items() if keyword not in _NAMES}
    return told


def _files() -> dict[str, Path]:
    folder = schemas_folder()
    api = {path.stem: path for path in (folder / "api").glob("*.json")}
    return api | {f"nodeinfo-{path.stem}": path for path in (folder / "nodeinfo").glob("*.json")}


def _pointed(schema: Any, file: str) -> Any:
    """A schema whose references lead to where its parts stand in the description."""
    if isinstance(schema, list):
        return [_pointed(one, file) for one in schema]
    if not isinstance(schema, dict):
        return schema
    told = {name: _pointed(one, file) for name, one in schema.items()}
    if isinstance(to := told.get("$ref"), str):
        own = f"{file}.{to.removeprefix(_OWN)}"
        told |= component(own if to.startswith(_OWN) else to.removesuffix(".json"))
    return told
