"""What is posted together acts on one another as it would have one by one (seed scenario 39)."""

from __future__ import annotations

from typing import Any

from tests.conftest import StartServer
from tests.doubles.server import PUBLIC, Server
from tests.flows.site_steps import start_site, tell, user
from tests.flows.test_bulk import bulk, kept


async def test_scenario_39_what_is_put_in_again_is_first_again(server: Server) -> None:
    """Scenario 39: a Remove and an Add of one thing move it to the front of a collection."""
    featured = f"{server.id('ann')}/featured"
    notes = [(await server.note("ann", text, PUBLIC))["object"]["id"] for text in "abc"]

    def change(type_: str, id_: str) -> dict[str, Any]:
        return {"type": type_, "object": id_, "target": featured}

    kept(await bulk(server, *[change("Add", one) for one in notes]))
    assert await server.items("ann", "featured") == notes[::-1]
    kept(await bulk(server, change("Remove", notes[0]), change("Add", notes[0])))
    assert await server.items("ann", "featured") == [notes[0], notes[2], notes[1]]
    kept(await bulk(server, change("Add", notes[1]), change("Remove", notes[1])))
    assert await server.items("ann", "featured") == [notes[0], notes[2]]


async def test_scenario_39_nothing_is_left_of_a_collection_that_is_deleted(server: Server) -> None:
    """Scenario 39: what is put into a collection before it is deleted does not open it again."""
    made = await server.post("ann", {"type": "Collection", "name": "c", "to": [PUBLIC]})
    collection = made.json["object"]["id"]
    add = {"type": "Add", "object": "https://example.org/1", "target": collection}
    kept(await bulk(server, add, {"type": "Delete", "object": collection}))
    assert (await server.get(collection)).status == 410
    left = await server.rows("SELECT id FROM collection WHERE id = $1", collection)
    assert left == []


async def test_scenario_39_who_has_just_voted_hears_of_an_edit(start_server: StartServer) -> None:
    """Scenario 39, IO-59: an edit of a Question is for those too who voted in the same request."""
    server = await start_site(start_server)
    question = {"type": "Question", "content": "?", "oneOf": [{"type": "Note", "name": "yes"}]}
    create = {"type": "Create", "actor": user("ann"), "to": [PUBLIC], "object": question}
    made = await tell(server, create)
    assert made.status == 201, made.text
    asked, ann = made.json["object"]["id"], made.json["actor"]
    vote = {"type": "Note", "name": "yes", "inReplyTo": asked, "to": [ann]}
    reply = await bulk(
        server,
        {"type": "Create", "actor": user("bob"), "object": vote},
        {"type": "Update", "actor": user("ann"), "object": {"id": asked, "content": "!"}},
        by="site",
    )
    _, updated = kept(reply)
    [row] = await server.rows("SELECT recipients FROM activity WHERE id = $1", updated)
    assert row["recipients"] == [server.id("bob")]
