"""Pages of collections and of streams: which one is asked for, what is on it, where it leads.

A page goes on from a position, not by number, so that nothing is doubled or missed while items are
added. What the viewer may not see is passed over, a few times more than fill a page; so a page can
be short and still have a next one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

from apserver.core import limits
from apserver.errors import BadInput
from apserver.store.objects import PLAIN_CONTEXT

P = TypeVar("P")  #: a position
T = TypeVar("T")  #: what stands there

_YEAR_ONE = datetime(1, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_CURSOR = re.compile(r"([0-9a-f]{1,15})-([0-9a-f]{32})")

#: Parameters of every page.
PARAMETERS = ("page", "before", "after", "limit")


@dataclass(frozen=True, slots=True)
class Window(Generic[P]):
    """Which page: the first, that below ``before``, or that above ``after``."""

    before: P | None = None
    after: P | None = None
    limit: int = limits.PAGE

    @property
    def is_upwards(self) -> bool:
        """Whether it is read from the oldest item to the newest."""
        return self.after is not None


def window_of(
    query: Mapping[str, str], read_before: Callable[[str], P], read_after: Callable[[str], P]
) -> Window[P] | None:
    """The page that parameters ask for; None when they ask for none, but for the collection.
    BadInput for what is no page. The two functions read positions."""
    if not set(PARAMETERS) & set(query):
        return None
    if query.get("page", "first") != "first" or len({"page", "before", "after"} & set(query)) > 1:
        raise BadInput("A page is page=first, or what is before=N or after=N: one of the three.")
    before, after = query.get("before"), query.get("after")
    limit = limits.PAGE
    if "limit" in query:
        limit = min(number(query["limit"], "limit", least=1), limits.PAGE_MAX)
    return Window(
        before=None if before is None else read_before(before),
        after=None if after is None else read_after(after),
        limit=limit,
    )


def number(text: str, name: str, *, least: int) -> int:
    """The number that a parameter is; BadInput when it is none, or less."""
    if not (text.isascii() and text.isdigit() and len(text) < 19 and int(text) >= least):
        raise BadInput(f"{name} must be a number, {least} or more.")
    return int(text)


def write_cursor(moment: datetime, key: UUID) -> str:
    """A position by time and key, as it stands in URLs."""
    return f"{(moment - _YEAR_ONE) // _MICROSECOND:x}-{key.hex}"


def read_cursor(text: str) -> tuple[datetime, UUID]:
    """The position that `write_cursor` wrote; BadInput for what it cannot have written."""
    match = _CURSOR.fullmatch(text)
    try:
        if match is None:
            raise ValueError(text)
        return _YEAR_ONE + int(match[1], 16) * _MICROSECOND, UUID(hex=match[2])
    except (ValueError, OverflowError):
        raise BadInput("before and after are taken from the links of a page.") from None


@dataclass(frozen=True, slots=True)
class Seen(Generic[T, P]):
    """What a page shows, newest first, and between which positions. They are those of what is
    shown: where else something stands is not for the viewer to know. Only a page on which nothing
    is, and that is not the last, says how far it has looked."""

    items: list[T]
    newest: P | None
    oldest: P | None
    is_last: bool  #: nothing more in this direction


async def look(
    window: Window[P],
    *,
    read: Callable[[P | None, int], Awaitable[list[T]]],
    sift: Callable[[list[T]], Awaitable[list[T]]],
    at: Callable[[T], P],
    step: int | None = None,
) -> Seen[T, P]:
    """What is on a page.

    ``read`` gives so many items from a position on, the nearest first, and ``sift`` those of them
    that are shown; ``at`` tells where one stands. ``step`` is how many are read at a time, when it
    is more than fit on the page.
    """
    step = max(step or 0, window.limit)
    edge = window.after if window.is_upwards else window.before
    first: P | None = None
    shown: list[T] = []
    is_last = False
    for _ in range(limits.OVER_FETCH):
        items = await read(edge, step + 1)
        is_last, items = len(items) <= step, items[:step]
        if items:
            first, edge = at(items[0]) if first is None else first, at(items[-1])
        shown += await sift(items)
        if is_last or len(shown) >= window.limit:
            break
    if len(shown) > window.limit:
        del shown[window.limit :]
        is_last = False
    last = None if first is None else edge
    if shown:
        first, last = at(shown[0]), at(shown[-1])
    elif is_last:
        first = last = None
    if window.is_upwards:
        return Seen(shown[::-1], newest=last, oldest=first, is_last=is_last)
    return Seen(shown, newest=first, oldest=last, is_last=is_last)


def fitting(
    seen: Seen[T, P], window: Window[P], *, size: Callable[[T], int], at: Callable[[T], P]
) -> Seen[T, P]:
    """So much of it, at least one item, as `limits.PAGE_BYTES` allow: the next page goes on there.

    ``size`` tells the bytes of an item.
    """
    nearest = seen.items[::-1] if window.is_upwards else seen.items
    total, fit = 0, 0
    for item in nearest:
        total += size(item)
        if fit and total > limits.PAGE_BYTES:
            break
        fit += 1
    if fit == len(nearest):
        return seen
    kept = nearest[:fit]
    if window.is_upwards:
        return Seen(kept[::-1], newest=at(kept[-1]), oldest=seen.oldest, is_last=False)
    return Seen(kept, newest=seen.newest, oldest=at(kept[-1]), is_last=False)


def page_bytes(
    seen: Seen[T, P],
    window: Window[P],
    *,
    part_of: str,
    url: Callable[[Window[P]], str],
    items: Sequence[bytes],
    members: Mapping[str, object] | None = None,
    is_ordered: bool = True,
) -> bytes:
    """The JSON of a page: its links, and the items, as they are rendered."""
    page: dict[str, object] = {
        "id": url(window),
        "type": "OrderedCollectionPage" if is_ordered else "CollectionPage",
        "partOf": part_of,
        **(members or {}),
    }
    if seen.oldest is not None and (window.is_upwards or not seen.is_last):
        page["next"] = url(Window(before=seen.oldest, limit=window.limit))
    if seen.newest is not None and (window.is_upwards or window.before is not None):
        page["prev"] = url(Window(after=seen.newest, limit=window.limit))
    head = json.dumps(page, separators=(",", ":")).encode()
    name = b'"orderedItems":[' if is_ordered else b'"items":['
    listed = name + b",".join(items) + b"]"
    return b'{"@context":' + PLAIN_CONTEXT + b"," + head[1:-1] + b"," + listed + b"}"
