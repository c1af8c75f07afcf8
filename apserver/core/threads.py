"""What stands around a post, by what the post itself says: what it answers, and what answers it.

Nobody sends us the rest of a conversation. What a post answers is known by an id, which anybody
can write; what answers it stands in its ``replies`` and in the ``context`` that it belongs to
(FEP-7888, FEP-f228), which count when they lie at the origin of the post. In a post that was made a
moment ago they are not worth a request: nothing has answered it yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from apserver.core import limits
from apserver.core.document import as_list, first, id_of, ids_of
from apserver.core.origin import host_of, same_origin
from apserver.core.times import read_time

_ITEMS = ("orderedItems", "items")
_NEWS = timedelta(seconds=limits.NEWS_S)


def parent_of(post: Mapping[str, Any]) -> str | None:
    """The id of what a post answers; of several things the first."""
    return next(iter(ids_of(post.get("inReplyTo"))), None)


def replies_of(
    post: Mapping[str, Any], id_: str, *, now: datetime
) -> Mapping[str, Any] | str | None:
    """Its collection of replies, in full or by its id; None when it is not worth reading."""
    value = first(post.get("replies"))
    if isinstance(value, Mapping):
        page = value.get("first")
        at_hand = [item for part in (value, page) for item in _items(part)]
        if _is_news(post, now):
            return {"items": at_hand} if at_hand else None
        if at_hand or page is not None:
            return value
    at = id_of(value)
    return at if at is not None and same_origin(at, id_) and not _is_news(post, now) else None


def context_of(
    post: Mapping[str, Any], id_: str, *, now: datetime, lacks_parent: bool
) -> str | None:
    """The id of the collection of its conversation; None when that is not worth reading, or not for
    its own server to tell of."""
    context = id_of(first(post.get("context")))
    if context is None or not same_origin(context, id_) or context == id_:
        return None
    return context if lacks_parent or not _is_news(post, now) else None


def to_fetch(items: Iterable[Any], known: Iterable[str], *, at: str, most: int) -> list[str]:
    """Which of the items of a collection at ``at`` are fetched: each once, so many of them, and of
    any other host a few: who names them must not make us ask somebody else for all of them."""
    found: list[str] = []
    seen, of_host = set(known), dict[str, int]()
    for id_ in islice((one for one in map(id_of, items) if one), limits.THREAD_ITEMS):
        if id_ in seen or len(found) == most or not same_origin(id_, id_):
            continue
        seen.add(id_)
        host = host_of(id_)
        if not same_origin(id_, at):
            of_host[host] = of_host.get(host, 0) + 1
            if of_host[host] > limits.THREAD_ITEMS_OF_HOST:
                continue
        found.append(id_)
    return found


def connected(
    posts: Mapping[str, Mapping[str, Any]], to: Iterable[str], *, context: str
) -> list[str]:
    """Which of these posts, by id, are of the conversation: they name it themselves, or answer what
    is of it, ``to`` begin with. Each stands after what it answers."""
    inside = set(to)
    ordered: list[str] = []
    left = dict(posts)
    for _ in range(len(posts)):
        more = [id_ for id_, post in left.items() if inside & set(ids_of(post.get("inReplyTo")))]
        more = more or [id_ for id_, post in left.items() if _is_in(post, context)][:1]
        if not more:
            break
        for id_ in more:
            del left[id_]
        inside |= set(more)
        ordered += more
    return ordered


def _items(part: object) -> list[Any]:
    if not isinstance(part, Mapping):
        return []
    return [item for name in _ITEMS for item in as_list(part.get(name))]


def _is_in(post: Mapping[str, Any], context: str) -> bool:
    return context in ids_of(post.get("context"))


def _is_news(post: Mapping[str, Any], now: datetime) -> bool:
    published = read_time(post.get("published"))
    return published is not None and now - published < _NEWS
