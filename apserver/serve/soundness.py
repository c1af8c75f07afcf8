"""Rows that are no JSON any more must not take the page down with them (CVE-2024-52815).

Pages are made by joining bytes. One row whose bytes are damaged, by a fault of the disk or of ours,
would make the whole page unreadable, for everybody who has it in a collection, for good. So what
is shown is looked at first. Parsing twenty documents takes three times as long as making the page;
so each document is parsed once in the life of the process, and known by its hash afterwards.
"""

from __future__ import annotations

import json
from uuid import UUID

from apserver import telemetry
from apserver.core import limits

_sound: set[int] = set()


def is_sound(document: bytes, *, table: str, key: UUID | str) -> bool:
    """Whether these bytes are one JSON object. When not, the row they are from is logged."""
    known = hash(document)
    if known in _sound:
        return True
    try:
        value = json.loads(document)
    except ValueError:  # of JSON, or of UTF-8
        value = None
    if not isinstance(value, dict):
        telemetry.count(telemetry.UNREADABLE, table)
        telemetry.warn("row cannot be read", table=table, row=key)
        return False
    if len(_sound) >= limits.SOUND_DOCUMENTS:
        _sound.clear()
    _sound.add(known)
    return True
