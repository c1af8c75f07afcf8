"""Questions and votes, both ways, over HTTP (AS2 Vocabulary, "Question"; interop 2.6)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apserver.core.times import stamp
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.steps import check_problem
from tests.flows.verb_steps import arrive, total_of


async def _ask(server: Server, *, several: bool = False, **members: Any) -> str:
    options = [{"type": "Note", "name": name} for name in ("tea", "coffee")]
    question = {
        "@context": CONTEXT,
        "type": "Question",
        "content": "tea?",
        "anyOf" if several else "oneOf": options,
        "to": [PUBLIC],
        **members,
    }
    reply = await server.post("ann", question)
    assert reply.status == 201, reply.text
    assert reply.json["type"] == "Create"
    return str(reply.json["object"]["id"])


def _vote(peer: Peer, by: str, question: str, name: str) -> dict[str, Any]:
    """As Mastodon sends it: `to` is no list, and there is no date."""
    ann = question.partition("/objects/")[0] + "/actors/ann"
    note = {
        "id": peer.new_id("votes"),
        "type": "Note",
        "name": name,
        "attributedTo": peer.id(by),
        "inReplyTo": question,
        "to": ann,
    }
    return peer.activity("Create", by, object=note, to=ann)


async def _tally(server: Server, question: str) -> tuple[int, ...]:
    shown = (await server.get(question)).json
    options = shown.get("oneOf") or shown["anyOf"]
    return (shown["votersCount"], *(one["replies"]["totalItems"] for one in options))


async def test_IO_79_votes_count_once_for_each_voter(server: Server, peer: Peer) -> None:
    """IO-79, IO-78: from elsewhere and from here, in the Question by its id and in the outbox;
    a second choice, a repeated one and one that there is not do not count; no vote is a reply."""
    question = await _ask(server)
    for name in ("tea", "tea", "coffee", "water"):
        await arrive(server, peer, _vote(peer, "carol", question, name), at="ann", by="carol")
    assert await _tally(server, question) == (1, 1, 0)
    vote = {"@context": CONTEXT, "type": "Note", "name": "coffee", "inReplyTo": question}
    reply = await server.post("bob", vote)
    assert reply.status == 201, reply.text
    assert reply.json["to"] == reply.json["object"]["to"] == [server.id("ann")]
    assert await _tally(server, question) == (2, 1, 1)
    check_problem(await server.post("bob", {**vote, "name": "tea"}), 422, "/object")
    check_problem(await server.post("ann", {**vote, "name": "water"}), 422, "/object")
    assert await total_of(server, f"{question}/replies", as_="ann") == 0
    [asked] = [one for one in await server.items("ann", "outbox") if one["type"] == "Create"]
    assert [one["replies"]["totalItems"] for one in asked["object"]["oneOf"]] == [1, 1]


async def test_IO_79_several_choices(server: Server, peer: Peer) -> None:
    """IO-79: one Create for each choice of `anyOf`; the voter counts once."""
    question = await _ask(server, several=True)
    for name in ("tea", "coffee", "coffee"):
        await arrive(server, peer, _vote(peer, "carol", question, name), at="ann", by="carol")
    assert await _tally(server, question) == (1, 1, 1)


@pytest.mark.parametrize("how", ["endTime", "closed", "Update"])
async def test_IO_79_no_vote_counts_after_the_end(server: Server, peer: Peer, how: str) -> None:
    """IO-79, IO-78: the end that was set, or that is told by an Update; the Question shows it."""
    past = stamp(datetime.now(UTC) - timedelta(hours=1))
    members: dict[str, Any] = {} if how == "Update" else {how: past}
    question = await _ask(server, **members)
    if how == "Update":
        patch = {"id": question, "closed": past}
        assert (await server.post("ann", {"type": "Update", "object": patch})).status == 201
    await arrive(server, peer, _vote(peer, "carol", question, "tea"), at="ann", by="carol")
    late = {"@context": CONTEXT, "type": "Note", "name": "tea", "inReplyTo": question}
    check_problem(await server.post("bob", late), 422, "/object")
    assert await _tally(server, question) == (0, 0, 0)
    assert (await server.get(question)).json["closed"] == past


async def test_IO_79_who_may_not_read_the_question_has_no_vote(server: Server, peer: Peer) -> None:
    """IO-79: nor is a vote of theirs anywhere."""
    question = await _ask(server, to=[server.id("ann")])
    await arrive(server, peer, _vote(peer, "carol", question, "tea"), at="ann", by="carol")
    shown = (await server.get(question, as_="ann")).json
    assert shown["votersCount"] == 0
    assert await server.items("ann", "inbox", as_="ann") == []


async def test_IO_58_our_vote_goes_to_who_asked(server: Server, peer: Peer) -> None:
    """IO-58: a Create to the author alone, with `name` and without content."""
    asked = {
        "id": peer.new_id("polls"),
        "type": "Question",
        "attributedTo": peer.id("carol"),
        "content": "tea?",
        "oneOf": [{"type": "Note", "name": "yes"}, {"type": "Note", "name": "no"}],
        "to": [PUBLIC],
    }
    create = peer.activity("Create", "carol", object=asked, to=[PUBLIC], cc=[server.id("ann")])
    await arrive(server, peer, create, at="ann", by="carol")
    vote = {"@context": CONTEXT, "type": "Note", "name": "yes", "inReplyTo": asked["id"]}
    assert (await server.post("ann", vote)).status == 201
    [sent] = await peer.wait("Create")
    assert sent.json["to"] == sent.json["object"]["to"] == [peer.id("carol")]
    assert "cc" not in sent.json
    assert sent.json["object"]["name"] == "yes"
    assert "content" not in sent.json["object"]
