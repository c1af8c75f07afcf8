"""Two apservers, each with two workers in processes of their own, federate with each other."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.conftest import free_port
from tests.doubles.authority import Authority
from tests.doubles.process import serving
from tests.doubles.server import CONTEXT, PUBLIC, Server, until
from tests.faults.processes import folder_for_all


@pytest.fixture
async def folders() -> AsyncIterator[tuple[Path, Path]]:
    with folder_for_all() as one, folder_for_all() as other:
        yield one, other


async def _check_round_trip(here: Server, there: Server) -> None:
    """Follow, post, reply, undo; what each side shows is what the other did."""
    ann, bob = here.id("ann"), there.id("bob")
    follow = await here.post("ann", {"@context": CONTEXT, "type": "Follow", "object": bob})
    assert follow.status == 201, follow.text

    async def follows() -> bool:
        return await here.items("ann", "following", as_="ann") == [bob]

    await until(follows)
    assert await there.items("bob", "followers", as_="bob") == [ann]

    note = await there.note("bob", "Hello over there", PUBLIC, cc=[f"{bob}/followers"])
    received = await until(lambda: _received(here, "ann", "Create"))
    assert received == [note["object"]["id"]]

    reply = await here.post(
        "ann",
        {
            "@context": CONTEXT,
            "type": "Note",
            "content": "Hello back",
            "inReplyTo": note["object"]["id"],
            "to": [PUBLIC],
            "cc": [bob],
        },
    )
    assert reply.status == 201, reply.text
    received = await until(lambda: _received(there, "bob", "Create"))
    assert received == [reply.json["object"]["id"]]

    undo = {"@context": CONTEXT, "type": "Undo", "object": follow.json["id"]}
    assert (await here.post("ann", undo)).status == 201

    async def unfollowed() -> bool:
        return await there.items("bob", "followers", as_="bob") == []

    await until(unfollowed)
    assert await here.items("ann", "following", as_="ann") == []
    await there.drained()
    after = await there.note("bob", "Nobody follows", PUBLIC, cc=[f"{bob}/followers"])
    await there.drained()
    assert after["object"]["id"] not in await _received(here, "ann", "Create")


async def _check_move(here: Server, there: Server) -> None:
    """Bob moves from there to dan, who is here; ann, here too, follows dan then."""
    bob, dan = there.id("bob"), here.id("dan")
    assert (await here.post("ann", {"type": "Follow", "object": bob})).status == 201

    async def follows(whom: str) -> bool:
        return await here.items("ann", "following", as_="ann") == [whom]

    await until(lambda: follows(bob))
    alias = {"type": "Update", "object": {"id": dan, "alsoKnownAs": [bob]}}
    assert (await here.post("dan", alias)).status == 201
    moved = await there.post("bob", {"type": "Move", "object": bob, "target": dan})
    assert moved.status == 201, moved.text
    await until(lambda: follows(dan))
    assert await here.items("dan", "followers", as_="dan") == [here.id("ann")]

    async def left() -> bool:
        return await there.items("bob", "followers", as_="bob") == []

    await until(left)


async def _received(server: Server, name: str, type_: str) -> list[str]:
    inbox = await server.items(name, "inbox", as_=name)
    return [one["object"]["id"] for one in inbox if one["type"] == type_]


async def test_two_servers_with_two_workers_over_http(folders: tuple[Path, Path]) -> None:
    async with (
        serving(folders[0], port=free_port(), workers=2) as (first, here),
        serving(folders[1], port=free_port(), workers=2) as (second, there),
    ):
        await here.create_actor("ann")
        await there.create_actor("bob")
        assert len(first.workers()) == len(second.workers()) == 2
        await _check_round_trip(here, there)
        await here.create_actor("dan")
        await _check_move(here, there)
        assert await first.stop() == 0
        assert await second.stop() == 0


async def test_two_servers_with_two_workers_over_https(folders: tuple[Path, Path]) -> None:
    """Each speaks TLS by itself and trusts a private authority; plain http is not allowed."""
    authority = Authority.at(folders[0])
    cert, key = authority.certify("127.0.0.1")
    ports = (free_port(), free_port())
    trusting = {
        "APSERVER__FEDERATION__ALLOW_HTTP": "false",
        "APSERVER__FEDERATION__CA_FILE": str(authority.ca_file),
        "APSERVER__TLS__CERT": str(cert),
        "APSERVER__TLS__KEY": str(key),
    }
    first, second = (
        {**trusting, "APSERVER__ORIGIN": f"https://127.0.0.1:{port}"} for port in ports
    )
    async with (
        serving(folders[0], port=ports[0], workers=2, environ=first) as (_, here),
        serving(folders[1], port=ports[1], workers=2, environ=second) as (_, there),
    ):
        await here.create_actor("ann")
        await there.create_actor("bob")
        assert here.origin.startswith("https://")
        await _check_round_trip(here, there)
