"""Steps that tests of flows share: somebody follows, an answer is a problem, what is stored."""

from __future__ import annotations

from typing import Any

from tests.doubles.peer import Peer
from tests.doubles.server import Reply, Server, until


async def follow_from(peer: Peer, follower: str, server: Server, name: str) -> dict[str, Any]:
    """An actor of the peer follows one of ours and is accepted; the Follow."""
    follow = peer.follow(follower, server.id(name))
    reply = await peer.send(f"{server.id(name)}/inbox", follow, by=follower)
    assert reply.status == 202, reply.text
    await peer.wait("Accept", to=[peer.id(follower)])
    return follow


async def follow_here(server: Server, follower: str, name: str) -> dict[str, Any]:
    """One of our actors follows another, who accepts without being asked; the Follow."""
    reply = await server.post(follower, {"type": "Follow", "object": server.id(name)})
    assert reply.status == 201, reply.text

    async def accepted() -> bool:
        return server.id(name) in await server.items(follower, "following", as_=follower)

    await until(accepted)
    await server.drained()  # what is listed and told because of it is done, too
    follow: dict[str, Any] = reply.json
    return follow


def check_problem(reply: Reply, status: int, pointer: str | None = None) -> None:
    """The answer is this error as problem details (RFC 9457) and points to the member at fault."""
    assert reply.status == status, reply.text
    assert reply.headers["Content-Type"].partition(";")[0] == "application/problem+json"
    assert reply.json["status"] == status
    assert reply.json["detail"]
    assert reply.json.get("pointer") == pointer, reply.text
    assert reply.json["instance"] == f"urn:request:{reply.headers['X-Request-Id']}"


async def stored(server: Server) -> dict[str, str | None]:
    """A fingerprint of each table, but for leases, which move by themselves."""
    tables = await server.rows(
        "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public'"
    )
    prints: dict[str, str | None] = {}
    for name in sorted(row["name"] for row in tables if row["name"] != "bucket"):
        [row] = await server.rows(
            f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) AS print FROM {name} t"
        )
        prints[name] = row["print"]
    return prints
