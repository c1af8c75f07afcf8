"""Numbers of votes are the server's, and each voter has one say (IO-79)."""

from __future__ import annotations

import json
from typing import Any

from tests.cli.program import command
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server

OPTIONS = [{"type": "Note", "name": name} for name in ("tea", "coffee")]


async def ask(server: Server) -> str:
    """A Question of ann's; its id."""
    question = {"type": "Question", "content": "?", "to": [PUBLIC], "oneOf": OPTIONS}
    reply = await server.post("ann", question)
    assert reply.status == 201, reply.text
    return str(reply.json["object"]["id"])


def numbers(question: dict[str, Any]) -> list[int]:
    counted = [one["replies"]["totalItems"] for one in question["oneOf"]]
    return [question["votersCount"], *counted]


async def test_IO_79_an_author_does_not_tell_the_numbers(server: Server) -> None:
    """IO-79, IO-78: whatever the form of an Update by a client, the numbers in it count for
    nothing, and what it changes is an edit."""
    replies = {"type": "Collection", "totalItems": 70}
    lies = {"oneOf": [{**one, "replies": replies} for one in OPTIONS]}
    for with_options in ({}, lies):
        for in_list in (False, True):
            question = await ask(server)
            patch = {"id": question, "votersCount": 99, "content": "!", **with_options}
            update = {"type": "Update", "object": [patch] if in_list else patch}
            reply = await server.post("ann", update)
            assert reply.status == 201, reply.text
            told = reply.json["object"]
            assert (numbers(told), "updated" in told) == ([0, 0, 0], True)
            [row] = await server.rows("SELECT document FROM object WHERE id = $1", question)
            assert numbers(json.loads(row["document"])) == [0, 0, 0]


async def test_IO_79_two_votes_at_once_are_one(server: Server, peer: Peer) -> None:
    """IO-79: votes of one voter for two options, shown to everybody, which come so close together
    that they are applied together: the second does not count."""
    question = await ask(server)
    await server.drained()
    await server.rows(
        "CREATE FUNCTION later() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.run_at := now() + interval '1 day'; RETURN NEW; END $$"
    )
    await server.rows(
        "CREATE TRIGGER late BEFORE INSERT ON job FOR EACH ROW EXECUTE FUNCTION later()"
    )
    for name in ("tea", "coffee"):
        vote = {
            "id": peer.new_id("votes"),
            "type": "Note",
            "name": name,
            "attributedTo": peer.id("carol"),
            "inReplyTo": question,
            "to": [PUBLIC, server.id("ann")],
        }
        create = peer.activity("Create", "carol", object=vote, to=vote["to"])
        reply = await peer.send(f"{server.id('ann')}/inbox", create, by="carol")
        assert reply.status == 202, reply.text
    await server.rows("DROP FUNCTION later() CASCADE")
    due = await server.rows("UPDATE job SET run_at = now() WHERE kind = 'apply' RETURNING id")
    assert len(due) == 2
    await server.drained()
    assert numbers((await server.get(question)).json) == [1, 1, 0]
    verdicts = await server.rows("SELECT verdict FROM activity WHERE verdict IS NOT NULL")
    assert [row["verdict"] for row in verdicts] == ["vote-repeated"]


async def test_IO_79_nobody_is_told_who_voted_once_the_question_is_gone(
    server: Server, peer: Peer
) -> None:
    """IO-79, IO-89: with a Question goes who voted for what, when it is deleted and when its author
    is."""
    first, second = await ask(server), await ask(server)
    for question in (first, second):
        vote = {"type": "Note", "name": "tea", "inReplyTo": question, "to": [server.id("ann")]}
        reply = await server.post("bob", vote)
        assert reply.status == 201, reply.text
    voted = (
        "SELECT 1 FROM relation WHERE kind = 'vote' UNION ALL"
        " SELECT 1 FROM collection WHERE name = 'votes'"
    )
    assert len(await server.rows(voted)) == 6
    assert (await server.post("ann", {"type": "Delete", "object": first})).status == 201
    assert len(await server.rows(voted)) == 3
    done = await command(server, "actor", "delete", "ann", "--yes")
    assert done.code == 0, done.err
    await server.drained()
    assert await server.rows(voted) == []
