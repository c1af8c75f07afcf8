"""Steps that tests of trust share: send as somebody, look what came of it, find forged words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tests.doubles.peer import Peer
from tests.doubles.server import Reply, Server

FORGED = "words that were never said"

Rows = dict[str, Any]


async def deliver(
    server: Server, peer: Peer, activity: Any, *, by: str, to: str = "ann", **how: Any
) -> Reply:
    """POST to somebody's inbox, or to the shared one with ``to=""``, and wait until it is applied,
    if it was accepted at all."""
    inbox = f"{server.id(to)}/inbox" if to else f"{server.origin}/inbox"
    reply = await peer.send(inbox, activity, by=by, **how)
    await server.drained()
    return reply


async def accepted(server: Server, peer: Peer, activity: Any, *, by: str, to: str = "ann") -> None:
    """The same, for what must be accepted."""
    reply = await deliver(server, peer, activity, by=by, to=to)
    assert reply.status == 202, reply.text


async def inbox(server: Server, name: str = "ann") -> list[Any]:
    """What the owner of an inbox sees there, newest first."""
    items: list[Any] = await server.items(name, "inbox", as_=name)
    return items


async def known_of(server: Server, peer: Peer) -> Rows:
    """What is stored of a peer: its actors, keys, objects, activities, and relations with them."""
    like = f"{peer.origin}/%"
    queries = {
        "actors": "SELECT id, inbox, shared_inbox, document, gone_at FROM actor WHERE id LIKE $1",
        "keys": "SELECT key_id, owner, der FROM public_key WHERE key_id LIKE $1 OR owner LIKE $1",
        "objects": "SELECT id, author, visibility, audience, document, deleted_at FROM object "
        "WHERE id LIKE $1",
        "activities": "SELECT id, actor_id, verdict FROM activity "
        "WHERE actor_id LIKE $1 OR id LIKE $1",
        "relations": "SELECT r.* FROM relation r JOIN actor a ON a.key IN (r.subject, r.object) "
        "WHERE a.id LIKE $1",
    }
    return {
        name: sorted(map(str, await server.rows(query, like))) for name, query in queries.items()
    }


def forged_words(value: Any, origin: str, *, inside: bool = False) -> Iterator[Any]:
    """Where `FORGED` stands in something that is said to be of that origin: by its id, its
    author or its actor, or by those of what is around it."""
    if isinstance(value, Mapping):
        named = [value.get(name) for name in ("id", "@id", "attributedTo", "actor")]
        inside = inside or origin in str(named)
        for inner in value.values():
            if inside and inner == FORGED:
                yield value
            yield from forged_words(inner, origin, inside=inside)
    elif isinstance(value, list):
        for inner in value:
            yield from forged_words(inner, origin, inside=inside)
