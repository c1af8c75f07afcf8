"""`apserver prune` (issue 3, "Retention and limits"). What goes: tests/store/test_retention.py."""

from __future__ import annotations

import json

from tests.cli.program import command
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until

KINDS = (
    "receipts activities bodies objects actors keys jobs hosts signatures posted undone "
    "reports sessions"
).split()


async def old_note(server: Server, peer: Peer) -> None:
    """A note in ann's inbox that was received 91 days ago; its object need not be kept."""
    note = peer.create("carol", "Long ago", server.id("ann"))
    assert (await peer.send(f"{server.id('ann')}/inbox", note, by="carol")).status == 202

    async def listed() -> bool:
        return len(await server.items("ann", "inbox", as_="ann")) == 1

    await until(listed)
    await server.drained()
    for table in ("activity", "object", "raw", "receipt"):
        await server.rows(f"UPDATE {table} SET stored_at = stored_at - interval '91 days'")


async def test_prune_tells_what_went_by_kind(server: Server, peer: Peer) -> None:
    await old_note(server, peer)
    done = await command(server, "prune", "--json")
    assert (done.code, done.err) == (0, "")
    removed = json.loads(done.out)
    assert list(removed) == KINDS
    assert {kind: gone for kind, gone in removed.items() if gone} == {"bodies": 1, "objects": 1}
    [create] = await server.items("ann", "inbox", as_="ann")
    assert isinstance(create["object"], str)
    again = await command(server, "prune")
    assert [line.split() for line in again.out.splitlines()] == [[kind, "0"] for kind in KINDS]


async def test_prune_in_a_dry_run_tells_the_same_and_changes_nothing(
    server: Server, peer: Peer
) -> None:
    await old_note(server, peer)
    mine = await server.note("ann", "Mine", PUBLIC)
    await server.drained()
    before = await server.contents()
    done = await command(server, "prune", "--dry-run", "--json")
    assert done.code == 0
    assert "nothing was changed" in done.err
    removed = json.loads(done.out)
    assert {kind: gone for kind, gone in removed.items() if gone} == {"bodies": 1, "objects": 1}
    assert await server.contents() == before
    assert (await server.get(mine["object"]["id"])).status == 200
