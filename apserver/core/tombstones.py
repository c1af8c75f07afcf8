"""What stays of a deleted thing: its id, what it was, and when it went (ActivityPub 6.4)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from apserver.core.times import stamp


def tombstone(
    id_: str, *, former_type: str, deleted_at: datetime, published: str | None = None
) -> dict[str, Any]:
    """A Tombstone without @context. Nothing that the thing said is in it."""
    document = {"id": id_, "type": "Tombstone", "formerType": former_type}
    if published is not None:
        document["published"] = published
    return {**document, "deleted": stamp(deleted_at)}
