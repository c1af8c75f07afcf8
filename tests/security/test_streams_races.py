"""What is undone at once stays undone (security.md: rule 13)."""

from __future__ import annotations

import asyncio

from tests.doubles.server import Server


async def _follow_and_undo(server: Server, flag: str) -> None:
    asked = {"type": "Follow", "object": server.id("bob"), "followFlag": flag}
    follow = await server.post("ann", asked)
    assert follow.status == 201, follow.text
    undo = await server.post("ann", {"type": "Undo", "object": follow.json["id"]})
    assert undo.status == 201, undo.text


async def test_a_follow_undone_before_it_is_applied_does_not_come_back(server: Server) -> None:
    """Between two actors here: the Undo may be done before bob hears of the Follow. Then ann is
    neither in his followers nor does she read what is for them."""
    for _ in range(5):
        await asyncio.gather(*(_follow_and_undo(server, flag) for flag in ("", "a", "b", "c")))
    await server.drained()
    assert await server.items("bob", "followers", as_="bob") == []
    assert await server.items("ann", "following", as_="ann") == []
    assert await server.rows("SELECT * FROM relation WHERE kind = 'follow'") == []
    assert await server.rows("SELECT * FROM follow") == []
    note = await server.note("bob", "for followers", f"{server.id('bob')}/followers")
    assert (await server.get(note["id"], as_="ann")).status == 404


async def test_a_follow_that_is_asked_anew_stands(server: Server) -> None:
    """The last word counts: undone and asked again, all at once, it is accepted."""
    for _ in range(3):
        await _follow_and_undo(server, "a")
        follow = {"type": "Follow", "object": server.id("bob"), "followFlag": "a"}
        again = await server.post("ann", follow)
        assert again.status == 201, again.text
        await server.drained()
        assert await server.items("bob", "followers", as_="bob") == [server.id("ann")]
        assert await server.items("ann", "following", as_="ann") == [server.id("bob")]
        undo = await server.post("ann", {"type": "Undo", "object": again.json["id"]})
        assert undo.status == 201, undo.text
        await server.drained()
        assert await server.items("bob", "followers", as_="bob") == []
