"""How items are shown, and at what price (seed-features C16, H2, G8, G9; scenarios 20 and 26)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.stream_steps import FLASK, act, follow, read

#: What a page of a stream is made of. Nothing else reads these while the server is idle.
_READ = re.compile(r"\b(role|activity|object|actor|relation|alias|follow)\b")
_IDLE = re.compile(r"\b(job|bucket|host|delivery|periodic|server)\b")
MOST = 14  #: statements of a page, whatever is on it


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that this process sends for pages."""
    sent: list[str] = []
    execute = asyncpg.Connection._execute

    async def spy(self: Any, query: str, *args: Any, **options: Any) -> Any:
        if _READ.search(query) and not _IDLE.search(query):
            sent.append(query)
        return await execute(self, query, *args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(asyncpg.Connection, "_execute", spy)
        yield sent


async def _mixed(server: Server, peer: Peer, number: int) -> None:
    """Acts of many with things of many types, some of them elsewhere."""
    things = []
    for n, type_ in enumerate(("Person", "Group", "Service", "Application", "Organization")):
        things.append(await server.create_actor(f"thing{n}", type_=type_))
    for n in range(4):
        elsewhere = peer.add_actor(f"other{n}", type=("Person", "Group")[n % 2])["id"]
        note = peer.create(f"other{n}", "hello", PUBLIC)
        await peer.send(f"{server.id('ann')}/inbox", note, by=f"other{n}")
        things += [elsewhere, note["object"]["id"]]
    await server.drained()
    for n in range(number):
        object_, target = things[n % len(things)], things[(n * 7 + 3) % len(things)]
        await act(server, ("ann", "thing0", "bob")[n % 3], "Add", object=object_, target=target)


@pytest.mark.parametrize("expand", ["none", "ids", "full"])
@pytest.mark.parametrize(
    "path",
    [
        "/streams/public?",
        "/streams/type/Person?",
        "/streams/public?type=Add&",
        "/actors/bob/streams/home?include_self=also&",
    ],
)
async def test_scenario_20_statements_per_page(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch, path: str, expand: str
) -> None:
    """C16: as many for one item of one type as for thirty of all types."""
    await follow(server, "bob", server.id("ann"))
    await act(server, "ann", "Add", object=server.id("bob"), target=server.id("bob"))
    url = f"{path}expand={expand}&limit=30&page=first"
    await server.drained()
    with counted(monkeypatch) as few:
        page = await read(server, url, as_="bob")
        assert page["orderedItems"]
    await _mixed(server, peer, 30)
    await server.drained()
    with counted(monkeypatch) as many:
        page = await read(server, url, as_="bob")
    assert len(page["orderedItems"]) > 10
    assert 3 < len(many) <= MOST, many
    assert len(many) == len(few)


async def test_scenario_20_expand(server: Server, peer: Peer) -> None:
    """C16, G8: bare ids; as stored; with the documents that are served of the participants."""
    note = peer.create("carol", "hello", PUBLIC)
    await peer.send(f"{server.id('ann')}/inbox", note, by="carol")
    await server.drained()
    done = await act(
        server, "ann", "Add", object=[note["object"]["id"], FLASK["id"]], target=peer.id("carol")
    )
    path = f"/streams/actor?id={server.id('ann')}&page=first&expand="
    assert (await read(server, path + "none"))["orderedItems"] == [done]
    [stored] = (await read(server, path + "ids"))["orderedItems"]
    assert stored["actor"] == server.id("ann")
    [whole] = (await read(server, path + "full"))["orderedItems"]
    assert whole["actor"]["preferredUsername"] == "ann"
    assert "@context" not in whole["actor"]
    first, second = whole["object"]
    assert (first["type"], first["content"]) == ("Note", "hello")
    assert second == FLASK["id"], "nothing is known of it"
    assert whole["target"]["id"] == peer.id("carol")
    assert {key: whole[key] for key in ("id", "type", "to")} == {
        key: stored[key] for key in ("id", "type", "to")
    }


async def test_scenario_27_who_is_gone_is_a_tombstone(server: Server, peer: Peer) -> None:
    """H3: in place of what was deleted a Tombstone, and no rows of what it did."""
    note = peer.create("carol", "hello", PUBLIC)
    await peer.send(f"{server.id('ann')}/inbox", note, by="carol")
    await server.drained()
    await act(server, "ann", "Offer", object=peer.id("carol"), target=note["object"]["id"])
    peer.documents.pop("/users/carol")
    gone = peer.activity("Delete", "carol", object=peer.id("carol"), to=[PUBLIC])
    await peer.send(f"{server.id('ann')}/inbox", gone, by="carol")
    await server.drained()
    page = await read(server, "/streams/public?expand=full&page=first")
    [offer] = page["orderedItems"]
    assert offer["object"]["type"] == "Tombstone"
    assert offer["object"]["formerType"] == "Person"
    assert offer["target"] == note["object"]["id"]
    left = await server.rows(
        "SELECT r.* FROM role r LEFT JOIN activity a ON a.key = r.activity WHERE a.key IS NULL"
    )
    assert left == []


async def test_G9_no_secrets_in_documents(server: Server) -> None:
    """G9, X8: what stands in for an id is what everybody can fetch."""
    await act(server, "ann", "Offer", object=server.id("bob"), target=server.id("ann"))
    page = await read(server, "/streams/public?expand=full&page=first")
    [offer] = page["orderedItems"]
    for shown in (offer["actor"], offer["object"]):
        served = (await server.get(shown["id"])).json
        assert shown.items() <= served.items()
