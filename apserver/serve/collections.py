"""GET of collections: those of actors, those of objects, and those that clients made.

Each is a head, or with ``page``, ``before`` or ``after`` a page. `core.collections` says who may
see what; of the items everybody sees those that they may read, as at every other door.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from aiohttp import hdrs, web

from apserver.core.audience import Visibility, may_read
from apserver.core.collections import CUSTOM, KINDS, inverse_context
from apserver.core.document import parse, types_of
from apserver.core.names import collection_id
from apserver.core.origin import key_of
from apserver.core.rules.replies import begins_conversation
from apserver.core.vocabulary import AS2_CONTEXT
from apserver.errors import BadInput, Forbidden, Gone, Missing, NotTrusted
from apserver.serve.collection_pages import page, total, url
from apserver.serve.documents import document, tombstone
from apserver.serve.follows import actor_follows_page, asks_for_follows
from apserver.serve.pages import PARAMETERS, Window, number, window_of
from apserver.serve.site import Site, site_of, viewer_of
from apserver.serve.viewing import viewer_of_one
from apserver.store import objects
from apserver.store.collections import MIDDLE, Collection, Member
from apserver.store.objects import ObjectRow


async def get_of_actor(request: web.Request) -> web.Response:
    """A collection of an actor of ours. The inbox is for its owner alone (AP-COL-06), and so are
    some others; of the rest the public part is for all."""
    site = site_of(request)
    viewer = await viewer_of(request)
    owner, name = site.names.actor(request.match_info["name"]), request.match_info["collection"]
    found = await _of_actor(site, owner, name)
    site.live.check_shown(found.owner)
    asks = asks_for_follows(request)
    if viewer != owner:
        _check_for_all(name, viewer, asks=asks)
    if not asks:
        return await _answer(request, site, found, viewer)
    async with site.db.connection() as conn:
        body = await actor_follows_page(conn, request, whose=owner, collection=found.id)
    return document(request, body, shared=False, max_age_s=0)


async def get_of_object(request: web.Request) -> web.Response:
    """A collection of an object of ours, for those who may read the object; empty as long as
    nothing has come into it."""
    site = site_of(request)
    viewer = await viewer_of(request)
    id_ = site.names.origin + request.path.rpartition("/")[0]
    name = request.match_info["collection"]
    row = await site.lookups.objects.get(key_of(id_))
    if row is None or row.kind != "ours":
        raise Missing
    site.live.check_shown(row.author)
    if not may_read(await viewer_of_one(site, viewer, row.author), row):
        raise Missing
    if row.deleted_at is not None:
        raise Gone
    key = key_of(collection_id(id_, name))
    found = await site.lookups.collections.get(key)
    is_for_all = row.visibility <= Visibility.UNLISTED
    if name == "context":
        return await _conversation(request, site, row, found, viewer=viewer)
    found = found or Collection(key, collection_id(id_, name), row.author, name, 0, 0)
    return await _answer(request, site, found, viewer, of=id_, is_for_all=is_for_all)


async def _conversation(
    request: web.Request,
    site: Site,
    row: ObjectRow,
    found: Collection | None,
    *,
    viewer: str | None,
) -> web.Response:
    """The conversation that an object begins: the object at least, and whose it is (FEP-f228)."""
    document = parse(row.document)
    if not begins_conversation(row.id, document):
        raise Missing(public="It is part of a conversation that began elsewhere: see its context.")
    is_for_all = row.visibility <= Visibility.UNLISTED
    told = {"attributedTo": document.get("attributedTo")}
    alone = None
    if found is None:
        id_ = collection_id(row.id, "context")
        found = Collection(key_of(id_), id_, row.author, "context", 1, int(is_for_all))
        alone = Member(MIDDLE - 1, row.key, row.id, row.author, row.visibility)
    return await _answer(
        request, site, found, viewer, is_for_all=is_for_all, told=told, alone=alone
    )


async def get_custom(
    request: web.Request, site: Site, row: ObjectRow, viewer: str | None
) -> web.Response:
    """A collection that a client made: its head is the object that it was made as."""
    found = await site.lookups.collections.get(row.key)
    found = found or Collection(row.key, row.id, row.author, CUSTOM, 0, 0)
    is_for_all = row.visibility <= Visibility.UNLISTED
    body = objects.compose(row.document, row.context)
    if row.deleted_at is not None:
        return tombstone(request, body, shared=is_for_all)
    told = parse(body)
    return await _answer(request, site, found, viewer, is_for_all=is_for_all, told=told)


async def _of_actor(site: Site, owner: str, name: str) -> Collection:
    key = key_of(collection_id(owner, name))
    found = await site.lookups.collections.get(key)
    if found is not None:
        return found
    actor = await site.lookups.actors.get(key_of(owner))
    if actor is None or not actor.ours:
        raise Missing
    if actor.gone_at is not None:
        raise Gone
    return Collection(key, collection_id(owner, name), actor.key, name, 0, 0)


def _check_for_all(name: str, viewer: str | None, *, asks: bool) -> None:
    if KINDS[name].readers != "owner" and not asks:
        return
    what = "Who follows whom" if asks else f"The collection {name}"
    if viewer is None:
        raise NotTrusted(f"{what} is for its owner. Send the actor's bearer token.")
    raise Forbidden(f"{what} is for its owner.")


async def _answer(
    request: web.Request,
    site: Site,
    found: Collection,
    viewer: str | None,
    *,
    of: str | None = None,
    is_for_all: bool = True,
    told: Mapping[str, Any] | None = None,
    alone: Member | None = None,
) -> web.Response:
    """The head, or a page. ``of`` is the object whose collection it is, ``told`` what is said of
    it, ``alone`` what is in one that is not stored yet."""
    window = _window(request)
    is_owner = viewer is not None and key_of(viewer) == found.owner
    closed = KINDS[found.name].readers != "everybody" and not is_owner
    if window is None:
        body = _head(found, is_owner=is_owner, is_closed=closed, of=of, told=told or {})
    elif closed:
        raise Missing
    else:
        async with site.db.connection() as conn:
            is_ordered = "Collection" not in types_of(told or {})
            body = await page(
                conn, site, found, window, viewer=viewer, is_ordered=is_ordered, alone=alone
            )
    nobody = viewer is None and request.headers.get(hdrs.AUTHORIZATION) is None
    return document(request, body, shared=nobody and is_for_all, max_age_s=0)


def _head(
    found: Collection,
    *,
    is_owner: bool,
    is_closed: bool,
    of: str | None,
    told: Mapping[str, Any],
) -> bytes:
    kind = KINDS[found.name]
    inverse = inverse_context(found.name)
    head: dict[str, object] = {
        "@context": [AS2_CONTEXT, inverse] if inverse else AS2_CONTEXT,
        "id": found.id,
        "type": "OrderedCollection",
        **told,
        "totalItems": total(found, is_owner=is_owner),
    }
    if kind.inverse is not None:
        head[kind.inverse] = of or found.id.removesuffix(f"/{found.name}")
    if not is_closed:
        head["first"] = url(found, Window())
    return json.dumps(head, separators=(",", ":"), ensure_ascii=False).encode()


def _window(request: web.Request) -> Window[int] | None:
    query = request.query
    unknown = set(query) - set(PARAMETERS)
    if unknown:
        raise BadInput(f"Unknown parameter: {sorted(unknown)[0]}. Known: {', '.join(PARAMETERS)}.")
    return window_of(
        query,
        lambda text: number(text, "before", least=1),
        lambda text: number(text, "after", least=0),
    )
