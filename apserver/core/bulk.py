"""Many activities in one request: how they are sent, and how it is told what came of each.

They come as an OrderedCollection whose ``orderedItems`` are what would else be posted one by one,
in this order (docs/decisions/0016). Its @context is that of each of them; one of its own comes
after it, as JSON-LD has it for what is embedded. It is kept with each, so it counts as often as
there are items: else a small request would be stored, and delivered, as a large one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from apserver.core import limits
from apserver.core.document import as_list, encoded, parse, types_of
from apserver.core.problems import members_of
from apserver.core.strict_json import Bounds, check_bounds
from apserver.errors import ApserverError, BadInput, BulkRefused, TooLarge

_BOUNDS = Bounds(size=limits.BULK_BODY, depth=limits.JSON_DEPTH + 2, members=limits.BULK_KEYS)
_ITEMS = "/orderedItems"


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one: its id; the id of the object that it made, if it did. It is not new when
    what was posted was there already."""

    id: str
    made: str | None
    is_new: bool


Result: TypeAlias = Done | ApserverError


def read_bulk(body: bytes) -> list[dict[str, Any] | ApserverError]:
    """What is posted together, or what is wrong with it. BadInput or TooLarge when it cannot be
    read at all: each has at most the bytes and members that it may have by itself."""
    document = parse(body, bounds=_BOUNDS)
    if "OrderedCollection" not in types_of(document):
        raise BadInput(
            "Send an OrderedCollection, with what is to be posted as its orderedItems.",
            pointer="/type",
        )
    items = document.get("orderedItems")
    items = items if isinstance(items, list) else as_list(items)
    if not items:
        raise BadInput("Send what is to be posted as orderedItems: 1 or more.", pointer=_ITEMS)
    if len(items) > limits.BULK_ITEMS:
        raise TooLarge(f"Send {limits.BULK_ITEMS} items together at most.", pointer=_ITEMS)
    shared = {"@context": as_list(document.get("@context"))}
    if len(encoded(shared)) * len(items) > limits.BULK_BODY:
        raise TooLarge(
            f"The @context counts for each item: with all, {limits.BULK_BODY} bytes are the most.",
            pointer="/@context",
        )
    return [_item(one, shared["@context"]) for one in items]


def _item(item: object, shared: list[Any]) -> dict[str, Any] | ApserverError:
    if not isinstance(item, dict):
        return BadInput("An item is what would be posted by itself: a JSON object.")
    try:
        check_bounds(encoded(item))
    except BadInput as error:
        return error
    contexts = [*shared, *as_list(item.get("@context"))]
    return {**item, "@context": contexts} if contexts else item


def refusal(failed: Mapping[int, ApserverError]) -> BulkRefused:
    """That all were to be kept, and these could not be."""
    return BulkRefused({f"{_ITEMS}/{number}": one for number, one in sorted(failed.items())})


def answer(results: Iterable[Result]) -> bytes:
    """The JSON that tells what came of each, in their order: a status as if it had been posted by
    itself, and ``id``, with ``object`` for what it made, or a problem (RFC 9457)."""
    return json.dumps({"items": [_told(n, one) for n, one in enumerate(results)]}).encode()


def _told(number: int, result: Result) -> dict[str, Any]:
    if isinstance(result, ApserverError):
        problem = members_of(result, at=f"{_ITEMS}/{number}")
        return {"status": result.status, "problem": problem}
    made = {} if result.made is None else {"object": result.made}
    return {"status": 201 if result.is_new else 200, "id": result.id, **made}
