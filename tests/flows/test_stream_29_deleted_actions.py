"""Actions that are deleted, hidden or told in another way (seed-features scenarios 3 and 29)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.program import command
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.steps import check_problem, follow_from, follow_here
from tests.flows.test_delivery_retries import attempts, hosts, hurry
from tests.flows.test_stream_01_actions import FLASK, ISSUE, action, posted


async def in_streams(server: Server) -> list[str]:
    """Ids in each stream that the action of these tests could be in."""
    found: list[str] = []
    for query in ("public?", f"any?id={FLASK['id']}&", f"actor?id={server.id('ann')}&"):
        page = await server.get(f"/streams/{query}page=first")
        assert page.status == 200, page.text
        found += [one["id"] for one in page.json["orderedItems"]]
    return found


async def check_gone(server: Server, id_: str, type_: str = "Activity") -> None:
    gone = await server.get(id_)
    assert gone.status == 410
    assert {name: gone.json[name] for name in ("id", "type", "formerType")} == {
        "id": id_,
        "type": "Tombstone",
        "formerType": type_,
    }
    assert not {"actor", "object", "verbPhrase", "actionData"} & gone.json.keys()
    for name, collection in (("ann", "outbox"), ("bob", "inbox"), ("bob", "streams/home")):
        items = await server.items(name, collection, as_=name)
        assert id_ not in [one["id"] for one in items], collection
    assert id_ not in await in_streams(server)


async def test_scenario_29_its_actor_deletes_an_action(server: Server, peer: Peer) -> None:
    """A deleted action is a Tombstone, listed nowhere, and all who got it are told."""
    await follow_here(server, "bob", "ann")
    await follow_from(peer, "carol", server, "ann")
    shown = await posted(
        server, action("closed", object=ISSUE, target=FLASK, cc=f"{server.id('ann')}/followers")
    )
    await server.drained()
    assert shown["id"] in [one["id"] for one in await server.items("bob", "inbox", as_="bob")]
    assert (await in_streams(server)).count(shown["id"]) == 3
    await peer.wait("Activity")

    deleted = await server.post("ann", {"type": "Delete", "object": shown["id"]})
    assert deleted.status == 201, deleted.text
    await server.drained()
    await check_gone(server, shown["id"])
    [told] = await peer.wait("Delete")
    assert told.json["object"]["id"] == shown["id"]
    assert told.json["object"]["type"] == "Tombstone"
    head = (await server.get("/actors/ann/outbox")).json
    assert head["totalItems"] == len(await server.items("ann", "outbox"))

    check_problem(
        await server.post("ann", {"type": "Delete", "object": shown["id"]}), 410, "/object"
    )
    edit = {"type": "Update", "object": {"id": shown["id"], "verbPhrase": "kept"}}
    assert (await server.post("ann", edit)).status == 410


async def test_scenario_29_those_in_bto_are_told(server: Server, peer: Peer) -> None:
    """Whom the action went to unseen is told unseen of its end."""
    shown = await posted(server, action("closed", bto=[peer.id("carol")]))
    await peer.wait("IntransitiveActivity")
    assert (await server.post("ann", {"type": "Delete", "object": shown["id"]})).status == 201
    [told] = await peer.wait("Delete")
    assert "bto" not in told.json


async def test_scenario_29_nobody_deletes_what_another_did(server: Server) -> None:
    shown = await posted(server, action("closed"))
    check_problem(
        await server.post("bob", {"type": "Delete", "object": shown["id"]}), 404, "/object"
    )
    edit = {"type": "Update", "object": {"id": shown["id"], "verbPhrase": "broke"}}
    check_problem(await server.post("bob", edit), 404, "/object/id")
    assert (await server.get(shown["id"])).json == shown


@pytest.mark.parametrize(
    ("document", "cure"),
    [
        ({"type": "Follow", "object": "https://shop.example/groups/flask"}, "Undo"),
        ({"type": "Like", "object": "https://shop.example/groups/flask"}, "Undo"),
        ({"type": "Note", "content": "x", "to": PUBLIC}, "Delete its object"),
    ],
)
async def test_what_stands_for_a_state_is_not_deleted(
    server: Server, document: dict[str, Any], cure: str
) -> None:
    made = await server.post("ann", document)
    assert made.status == 201, made.text
    refused = await server.post("ann", {"type": "Delete", "object": made.json["id"]})
    check_problem(refused, 400, "/object")
    assert cure in refused.text


async def test_scenario_29_another_phrase_sends_update(server: Server, peer: Peer) -> None:
    """H8: an edit of the verb is sent, and the sentence that was made here follows it."""
    await follow_from(peer, "carol", server, "ann")
    shown = await posted(
        server, action("closed", object=ISSUE, target=FLASK, cc=f"{server.id('ann')}/followers")
    )
    patch = {"id": shown["id"], "verbPhrase": "re-opened"}
    assert (await server.post("ann", {"type": "Update", "object": patch})).status == 201
    edited = (await server.get(shown["id"])).json
    assert edited["verbPhrase"] == "re-opened"
    assert edited["summary"] == "ann re-opened issue 70 on flask"
    [told] = await peer.wait("Update")
    assert told.json["object"]["verbPhrase"] == "re-opened"
    assert told.json["object"]["id"] == shown["id"]
    page = await server.get("/streams/public?page=first&verb=re-opened")
    assert [one["id"] for one in page.json["orderedItems"]] == [shown["id"]]

    own_words = {"id": shown["id"], "verbPhrase": "closed", "summary": "Done at last."}
    assert (await server.post("ann", {"type": "Update", "object": own_words})).status == 201
    assert (await server.get(shown["id"])).json["summary"] == "Done at last."
    removal = {"id": shown["id"], "content": None, "actionData": {"a": 1}}
    assert (await server.post("ann", {"type": "Update", "object": removal})).status == 201
    assert (await server.get(shown["id"])).json["actionData"] == {"a": 1}


@pytest.mark.parametrize(
    "changed",
    [{"object": FLASK}, {"actor": "https://x.example/a"}, {"published": "1999-01-01T00:00:00Z"}],
)
async def test_H9_what_was_done_stays(server: Server, changed: dict[str, Any]) -> None:
    shown = await posted(server, action("closed", object=ISSUE))
    patch = {"id": shown["id"], **changed}
    refused = await server.post("ann", {"type": "Update", "object": patch})
    check_problem(refused, 400, f"/object/{next(iter(changed))}")
    assert (await server.get(shown["id"])).json == shown


async def test_scenario_29_another_server_deletes_and_edits_what_was_done_there(
    server: Server, peer: Peer
) -> None:
    """What came from elsewhere follows what its actor says of it; nobody else's word counts."""
    here = server.id("ann")
    done = [
        peer.activity(
            "Activity", "carol", verbPhrase="closed", object=FLASK["id"], to=[here, PUBLIC]
        )
        for _ in range(2)
    ]
    for one in done:
        assert (await peer.send(f"{here}/inbox", one, by="carol")).status == 202
    await server.drained()
    edited, deleted = done
    peer.add_actor("dave")
    for type_, by, object_ in (
        ("Delete", "dave", deleted["id"]),
        ("Update", "carol", {**edited, "verbPhrase": "re-opened", "actor": peer.id("carol")}),
        ("Delete", "carol", deleted["id"]),
    ):
        said = peer.activity(type_, by, object=object_, to=[here, PUBLIC])
        assert (await peer.send(f"{here}/inbox", said, by=by)).status == 202
        await server.drained()
        if by == "dave":
            page = await server.get("/streams/public?page=first&verb=closed")
            assert len(page.json["orderedItems"]) == 2
    page = await server.get("/streams/public?page=first")
    assert [(one["id"], one["verbPhrase"]) for one in page.json["orderedItems"]] == [
        (edited["id"], "re-opened")
    ]


async def test_scenario_29_an_admin_hides_an_action(server: Server, peer: Peer) -> None:
    """H8: gone everywhere, Delete sent, and an audit row; a rehearsal changes nothing."""
    await follow_here(server, "bob", "ann")
    await follow_from(peer, "carol", server, "ann")
    shown = await posted(
        server, action("closed", object=ISSUE, target=FLASK, cc=f"{server.id('ann')}/followers")
    )
    await server.drained()
    planned = await command(server, "activity", "hide", shown["id"], "--dry-run")
    assert (planned.code, "nothing was changed" in planned.err) == (0, True)
    assert (await server.get(shown["id"])).json == shown

    done = await command(server, "activity", "hide", shown["id"], "--json")
    assert done.code == 0, done.err
    told = json.loads(done.out)
    assert (told["id"], told["actor"]) == (shown["id"], server.id("ann"))
    await server.drained()
    await check_gone(server, shown["id"])
    [delete] = await peer.wait("Delete")
    assert delete.json["id"] == told["delete"]
    assert delete.json["object"]["id"] == shown["id"]
    [row] = await server.rows("SELECT who, act, subject, detail FROM audit")
    assert (row["who"], row["act"], row["subject"]) == ("cli", "activity hide", shown["id"])
    assert json.loads(row["detail"]) == {"actor": server.id("ann"), "type": "Activity"}

    again = await command(server, "activity", "hide", shown["id"])
    assert (again.code, again.out) == (1, "")
    odd = await command(server, "activity", "hide", "nope")
    assert odd.code == 1
    assert "nope is no id" in odd.err
    assert "Give the id of the activity or of the post, which is a URL" in odd.err


async def test_scenario_29_an_admin_hides_what_came_from_elsewhere(
    server: Server, peer: Peer
) -> None:
    """It is hidden here, and nobody is told."""
    here = server.id("ann")
    done = peer.activity("Activity", "carol", verbPhrase="closed", object=ISSUE, to=[here, PUBLIC])
    assert (await peer.send(f"{here}/inbox", done, by="carol")).status == 202
    await server.drained()
    assert [one["id"] for one in await server.items("ann", "inbox", as_="ann")] == [done["id"]]
    hidden = await command(server, "activity", "hide", done["id"], "--json")
    assert hidden.code == 0, hidden.err
    assert json.loads(hidden.out)["delete"] is None
    assert await server.items("ann", "inbox", as_="ann") == []
    assert await in_streams(server) == []
    assert peer.received == []


async def test_H8_an_admin_takes_a_post_down(server: Server, peer: Peer) -> None:
    """By its own id, as a report names it, or by that of its Create: both are gone, and who got
    it is told."""
    await follow_from(peer, "carol", server, "ann")
    for member in ("object", "activity"):
        created = await posted(server, {"type": "Note", "content": "casino", "to": PUBLIC})
        await server.drained()
        ids = {"object": created["object"]["id"], "activity": created["id"]}
        done = await command(server, "activity", "hide", ids[member], "--json")
        assert done.code == 0, done.err
        told = json.loads(done.out)
        assert (told["id"], told["actor"]) == (ids["object"], server.id("ann"))
        assert (await server.get(ids["object"])).status == 410
        outbox = await server.get("/actors/ann/outbox?page=first", as_="ann")
        assert "casino" not in outbox.text
        again = await command(server, "activity", "hide", ids[member])
        assert (again.code, again.out) == (1, "")


async def test_H8_an_admin_takes_a_post_of_elsewhere_down(server: Server, peer: Peer) -> None:
    """It is shown nowhere any more, and does not come back by an Update."""
    here = server.id("ann")
    for member in ("object", "activity"):
        tag = {"type": "Hashtag", "name": "#casino", "href": f"{peer.origin}/tags/casino"}
        create = peer.create("carol", "bad #casino", here, PUBLIC, tag=[tag])
        note = create["object"]
        assert (await peer.send(f"{here}/inbox", create, by="carol")).status == 202
        await server.drained()
        [shown] = (await server.get("/tags/casino?page=first")).json["orderedItems"]
        assert shown["id"] == note["id"]
        hidden = await command(
            server, "activity", "hide", {"object": note, "activity": create}[member]["id"]
        )
        assert hidden.code == 0, hidden.err
        update = peer.activity("Update", "carol", object={**note, "content": "worse"}, to=[here])
        assert (await peer.send(f"{here}/inbox", update, by="carol")).status == 202
        await server.drained()
        inbox = await server.get("/actors/ann/inbox?page=first", as_="ann")
        assert "bad" not in inbox.text
        assert "worse" not in inbox.text
        assert (await server.get("/tags/casino?page=first")).json["orderedItems"] == []
    assert peer.received == []


async def test_scenario_29_what_was_deleted_before_it_arrived_is_not_sent(
    server: Server, peer: Peer
) -> None:
    """Who was away when it was done hears of its end alone."""
    await follow_from(peer, "carol", server, "ann")
    await server.drained()
    peer.answers[:] = [503]
    before = sum(one.startswith("POST ") for one in peer.asked)
    shown = await posted(server, action("closed", cc=f"{server.id('ann')}/followers"))
    await attempts(peer, before + 1)

    async def is_down() -> bool:
        return any(host["failures"] for host in (await hosts(server)).values())

    await until(is_down)
    assert (await server.post("ann", {"type": "Delete", "object": shown["id"]})).status == 201
    peer.answers[:] = [202]
    peer.received.clear()
    await hurry(server)
    await peer.wait("Delete")
    assert [one.json["type"] for one in peer.received] == ["Delete"]


async def test_scenario_29_who_follows_what_it_happened_to_is_told(
    server: Server, peer: Peer
) -> None:
    """B3: an action goes to followers of its target with `actorOnly: false`; its end does too."""
    club = await server.create_actor("club", type_="Group")
    follow = {**peer.follow("carol", club), "actorOnly": False}
    assert (await peer.send(f"{club}/inbox", follow, by="carol")).status == 202
    await peer.wait("Accept")
    await server.drained()
    shown = await posted(server, action("joined", target=club))
    await peer.wait("Join")
    edit = {"id": shown["id"], "verbPhrase": "came into"}
    assert (await server.post("ann", {"type": "Update", "object": edit})).status == 201
    [edited] = await peer.wait("Update")
    assert edited.json["object"]["verbPhrase"] == "came into"
    assert (await server.post("ann", {"type": "Delete", "object": shown["id"]})).status == 201
    [told] = await peer.wait("Delete")
    assert told.json["object"]["id"] == shown["id"]
    assert peer.id("carol") not in json.dumps(told.json)
