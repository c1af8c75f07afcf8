"""Collections of other servers, page by page, as far as they can be had."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from apserver.core.document import as_list
from apserver.core.origin import same_origin
from apserver.errors import BadInput, OverBudget, RemoteGone

Document = Mapping[str, Any]
Get = Callable[[str], Awaitable[Document]]


async def pages_of(
    collection: Document, id_: str, get: Get, *, items: int, pages: int
) -> list[Document]:
    """The collection with this id, then its pages, until they hold so many ``items`` or there are
    so many ``pages``. All of them are of its own server.

    It ends, too, where what follows cannot be had, or is too dear: what there is already is better
    than nothing. Raises RemoteTrouble when it may be had later.
    """
    found = [collection]
    following = collection.get("first")
    while following and len(found) < pages and sum(len(items_of(one)) for one in found) < items:
        page = await _page(following, collection, id_, get)
        if page is None:
            break
        found.append(page)
        following = page.get("next")
    return found


async def _page(value: Any, collection: Document, id_: str, get: Get) -> Document | None:
    if isinstance(value, Mapping):
        return {"@context": collection.get("@context"), **value}
    if not isinstance(value, str) or not same_origin(value, id_):
        return None
    try:
        return await get(value)
    except (OverBudget, BadInput, RemoteGone):
        return None


def items_of(page: Document) -> list[Any]:
    """What a collection or a page holds, in order."""
    return [item for name in ("orderedItems", "items") for item in as_list(page.get(name))]
