"""Questions and votes, both ways, over HTTP (AS2 Vocabulary, "Question"; interop 2.6)."""

from __future__ import annotations

import re
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
    page = await server.get(question, Accept="text/html")
    assert re.findall("<li><bdi>(.*)</bdi>: (.*)</li>", page.text) == [
        ("tea", "1"),
        ("coffee", "1"),
    ]
    check_problem(await server.post("bob", {**vote, "name": "tea"}), 422, "/object")
    check_problem(await server.post("ann", {**vote, "name": "water"}), 422, "/object")
    assert await total_of(server, f"{question}/replies", as_="ann") == 0
    [asked] = [one for one in await server.items("ann", "outbox") if one["type"] == "Create"]
    assert [one["replies"]["totalItems"] for one in asked["object"]["oneOf"]] == [1, 1]


@pytest.mark.parametrize("names", [("tea", "tea"), ("tea", ""), ("tea", None)])
async def test_IO_79_an_option_has_a_name_of_its_own(
    server: Server, names: tuple[Any, Any]
) -> None:
    """IO-79: a vote names its option, and would count for two of one name."""
    options = [{"type": "Note", "name": name} for name in names]
    question = {"type": "Question", "content": "tea?", "oneOf": options, "to": [PUBLIC]}
    check_problem(await server.post("ann", question), 400, "/object/oneOf")
    good = await _ask(server)
    edit = {"type": "Update", "object": {"id": good, "oneOf": options}}
    check_problem(await server.post("ann", edit), 400, "/object/oneOf")
    assert await _tally(server, good) == (0, 0, 0)


async def test_IO_79_several_choices(server: Server, peer: Peer) -> None:
    """IO-79: one Create for each choice of `anyOf`; the voter counts once."""
    question = await _ask(server, several=True)
    for name in ("tea", "coffee", "coffee"):
        await arrive(server, peer, _vote(peer, "carol", question, name), at="ann", by="carol")
    assert await _tally(server, question) == (1, 1, 1)


async def test_IO_79_votes_that_come_together(server: Server, peer: Peer) -> None:
    """IO-79: several votes in one Create count as if they came one by one: each option once, and
    with `oneOf` the first; what is not all votes, for one Question and the sender's, is refused."""
    several, single = await _ask(server, several=True), await _ask(server)

    def together(question: str, *names: str, **changed: Any) -> dict[str, Any]:
        votes = [_vote(peer, "carol", question, name)["object"] for name in names]
        return peer.activity("Create", "carol", object=[*votes[:-1], votes[-1] | changed])

    for question in (several, single):
        await arrive(
            server,
            peer,
            together(question, "water", "tea", "tea", "coffee"),
            at="ann",
            by="carol",
        )
    assert await _tally(server, several) == (1, 1, 1)
    assert await _tally(server, single) == (1, 1, 0)
    for changed, status in (
        ({"content": "tea!"}, 400),
        ({"inReplyTo": single}, 400),
        ({"attributedTo": peer.id("mallory")}, 403),
        ({"id": "https://elsewhere.example/votes/1"}, 403),
    ):
        refused = together(several, "tea", "coffee", **changed)
        reply = await peer.send(f"{server.id('ann')}/inbox", refused, by="carol")
        check_problem(reply, status, "/object")
    assert await server.rows("SELECT kind, error FROM job WHERE attempt > 0") == []


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


async def _now(server: Server, question: str) -> None:
    """What is to be told of a Question later is told now."""
    await server.rows("UPDATE job SET run_at = now() WHERE recipients = $1", [question])
    await server.drained()


async def _look_again(server: Server) -> None:
    """Whatever is new of any Question is told now."""
    await server.rows(
        "INSERT INTO job (bucket, id, kind, activity, recipients)"
        " SELECT 0, gen_random_uuid(), 'poll', key, ARRAY[id] FROM object WHERE type = 'Question'"
    )
    await server.drained()


async def test_IO_78_others_are_told_how_it_stands(server: Server, peer: Peer) -> None:
    """IO-78, interop 2.7: votes are told together, to who voted too, by an Update that is no edit;
    and nothing is told when nothing has changed."""
    question = await _ask(server, several=True)
    for name in ("tea", "coffee"):
        await arrive(server, peer, _vote(peer, "carol", question, name), at="ann", by="carol")
    vote = {"@context": CONTEXT, "type": "Note", "name": "coffee", "inReplyTo": question}
    assert (await server.post("bob", vote)).status == 201
    [job] = await server.rows(
        "SELECT run_at - now() > interval '2 minutes' AS is_later FROM job WHERE kind = 'poll'"
    )
    assert job["is_later"]
    await _now(server, question)
    [update] = await peer.wait("Update")
    told = update.json["object"]
    assert [one["replies"]["totalItems"] for one in told["anyOf"]] == [1, 2]
    assert told["votersCount"] == 2
    assert "updated" not in told
    assert "updated" not in (await server.get(question)).json
    assert await server.rows("SELECT FROM job WHERE kind = 'poll'") == []
    await _look_again(server)
    assert len([one for one in peer.received if one.json["type"] == "Update"]) == 1


async def test_IO_78_its_end_is_told(server: Server, peer: Peer) -> None:
    """IO-78, interop 2.7: with `closed`, when it comes, also when it was moved; once."""
    ends = [stamp(datetime.now(UTC) + timedelta(hours=hours)) for hours in (5, 2)]
    question = await _ask(server, endTime=ends[0], to=[PUBLIC, peer.id("carol")])
    patch = {"id": question, "endTime": ends[1]}
    assert (await server.post("ann", {"type": "Update", "object": patch})).status == 201
    [job] = await server.rows("SELECT run_at FROM job WHERE kind = 'poll'")
    assert stamp(job["run_at"]) == ends[1]
    await _now(server, question)  # too early: nothing has ended
    [edit] = await peer.wait("Update")
    assert "closed" not in edit.json["object"]
    # And now some time has passed.
    past = stamp(datetime.now(UTC) - timedelta(hours=1))
    await server.rows(
        "UPDATE object SET document ="
        " convert_to(replace(convert_from(document, 'UTF8'), $1, $2), 'UTF8')",
        ends[1],
        past,
    )
    await _look_again(server)
    _, update = await peer.wait("Update", times=2)
    assert update.json["object"]["closed"] == past
    assert update.json["object"]["updated"] == edit.json["object"]["updated"]
    assert (await server.get(question)).json["closed"] == past


async def test_IO_78_other_options_are_another_question(server: Server, peer: Peer) -> None:
    """Interop 2.2: an edit of the options takes all votes back; other edits keep them, and nobody
    tells the server how many there are."""
    question = await _ask(server)
    vote = _vote(peer, "carol", question, "tea")
    await arrive(server, peer, vote, at="ann", by="carol")
    await _now(server, question)

    async def edited(**patch: Any) -> dict[str, Any]:
        update = {"type": "Update", "object": {"id": question, **patch}}
        reply = await server.post("ann", update)
        assert reply.status == 201, reply.text
        whole: dict[str, Any] = reply.json["object"]
        return whole

    lies = [
        {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": 70}}
        for name in ("tea", "coffee")
    ]
    for patch in ({"oneOf": lies, "votersCount": 70}, {"content": "!", "votersCount": None}):
        now = await edited(**patch)
        assert [one["replies"]["totalItems"] for one in now["oneOf"]] == [1, 0]
        assert (now["votersCount"], "updated" in now) == (1, True)
        assert await _tally(server, question) == (1, 1, 0)
    await edited(oneOf=[{"type": "Note", "name": "cocoa"}, {"type": "Note", "name": "coffee"}])
    assert await _tally(server, question) == (0, 0, 0)
    for name in ("tea", "cocoa"):
        await arrive(server, peer, _vote(peer, "carol", question, name), at="ann", by="carol")
    assert await _tally(server, question) == (1, 1, 0)


async def test_IO_78_updates_of_others_tell_how_it_stands(server: Server, peer: Peer) -> None:
    """IO-78, IO-45: without a new `updated` an Update changes the numbers and the end alone; with
    one, or with other options, it is an edit."""
    asked: dict[str, Any] = {
        "id": peer.new_id("polls"),
        "type": "Question",
        "attributedTo": peer.id("carol"),
        "content": "tea?",
        "oneOf": [{"type": "Note", "name": "yes"}, {"type": "Note", "name": "no"}],
        "to": [PUBLIC],
    }
    to = {"to": [PUBLIC], "cc": [server.id("ann")]}

    async def shown(type_: str, **members: Any) -> dict[str, Any]:
        activity = peer.activity(type_, "carol", object={**asked, **members}, **to)
        await arrive(server, peer, activity, at="ann", by="carol")
        page = (await server.get("/inbox?page=first")).json
        found: dict[str, Any] = page["orderedItems"][0]
        return found

    await shown("Create")
    counted = [
        {**one, "replies": {"type": "Collection", "totalItems": 7}} for one in asked["oneOf"]
    ]
    now = await shown("Update", oneOf=counted, votersCount=14, closed=True, content="other")
    assert (now["oneOf"], now["votersCount"], now["closed"]) == (counted, 14, True)
    assert now["content"] == "tea?"
    now = await shown("Update", content="milk?", updated="2999-01-01T00:00:00Z")
    assert (now["content"], "votersCount" in now) == ("milk?", False)
    options = [{"type": "Note", "name": "maybe"}]
    now = await shown("Update", oneOf=options, content="or?")
    assert (now["oneOf"], now["content"]) == (options, "or?")
