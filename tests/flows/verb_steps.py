"""Steps that tests of verbs share: something to act on, what is in a collection, who received."""

from __future__ import annotations

from typing import Any

from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server


async def public_note(server: Server, name: str, text: str = "tea") -> str:
    """A public note; its id."""
    created = await server.note(name, text, PUBLIC, cc=[f"{server.id(name)}/followers"])
    return str(created["object"]["id"])


def as_made(shown: dict[str, Any]) -> dict[str, Any]:
    """An object of ours without its collections, which are shown when it is read, and not sent."""
    apart = {"likes", "shares", "replies"}
    assert apart <= shown.keys()
    return {name: value for name, value in shown.items() if name not in apart}


async def collected(server: Server, url: str, *, as_: str | None = None) -> list[Any]:
    """All items of a collection, by its id, newest first."""
    return await server.collected(url, as_=as_)


async def total_of(server: Server, url: str, *, as_: str | None = None) -> int:
    """What its head tells of how much is in a collection."""
    reply = await server.get(url, as_=as_)
    assert reply.status == 200, reply.text
    total: int = reply.json["totalItems"]
    return total


async def arrive(server: Server, peer: Peer, activity: dict[str, Any], *, at: str, by: str) -> None:
    """An activity of the peer reaches the inbox of ``at``, and has its effects."""
    reply = await peer.send(f"{server.id(at)}/inbox", activity, by=by)
    assert reply.status == 202, reply.text
    await server.drained()
