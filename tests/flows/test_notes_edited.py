"""Notes that are edited: tags follow the text, and everybody who got it gets the edit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.test_notes import handle, posted, tag


async def edited(server: Server, id_: str, **members: Any) -> dict[str, Any]:
    """The object after an Update by ann."""
    reply = await server.post("ann", {"type": "Update", "object": {"id": id_, **members}})
    assert reply.status == 201, reply.text
    shown: dict[str, Any] = (await server.get(id_, as_="ann")).json
    return shown


async def test_IO_55_tags_follow_the_text(server: Server) -> None:
    """IO-55: what the text names no more has no tag; what the client gave besides stays, and who
    was addressed still is."""
    given = tag("Mention", "https://far.example/users/eve", "@eve@far.example")
    made = await posted(server, "@bob #tea", PUBLIC, tag=[given])
    assert len(made["tag"]) == 3
    source = {"content": "#milk *please*", "mediaType": "text/markdown"}
    shown = await edited(server, made["id"], source=source)
    assert shown["tag"] == [given, tag("Hashtag", f"{server.origin}/tags/milk", "#milk")]
    assert "<em>please</em>" in shown["content"]
    assert shown["source"] == source
    assert shown["cc"] == [server.id("bob")]
    again = await edited(server, made["id"], summary="milk")
    assert (again["content"], again["tag"]) == (shown["content"], shown["tag"])
    assert again["source"] == source
    rewritten = await edited(server, made["id"], content="#bread")
    assert "source" not in rewritten  # AP-SRC-01: it would be that of another content


async def test_IO_43_an_edit_mentions_somebody(server: Server) -> None:
    """IO-43: who is named only now is addressed from now on."""
    made = await posted(server, "hello", PUBLIC)
    shown = await edited(server, made["id"], content="hello @bob")
    assert shown["tag"] == [tag("Mention", server.id("bob"), handle(server, "bob"))]
    assert shown["cc"] == [server.id("bob")]
    await server.drained()
    inbox = await server.items("bob", "inbox", as_="bob")
    assert [one["type"] for one in inbox] == ["Update"]


async def test_IO_54_a_warning_comes_and_goes(server: Server) -> None:
    """IO-54: what is sensitive for its warning alone is so no longer without it."""
    made = await posted(server, "hi", PUBLIC, summary="food")
    assert "sensitive" not in await edited(server, made["id"], summary=None)
    assert (await edited(server, made["id"], summary="drink"))["sensitive"] is True


async def test_AP_I18N_01_texts_by_language_follow_an_edit(server: Server) -> None:
    """AP-I18N-01: the entry that is the content stays so, whichever of both was edited."""
    made = await posted(server, "hi", PUBLIC, contentMap={"en": "hi", "fr": "salut"})
    shown = await edited(server, made["id"], content="bye")
    assert shown["contentMap"] == {"en": "bye", "fr": "salut"}
    shown = await edited(server, made["id"], contentMap={"en": "so long"})
    assert (shown["content"], shown["contentMap"]) == ("so long", {"en": "so long"})


@pytest.mark.parametrize("named", ["bto", "bcc"])
async def test_IO_59_edits_and_deletes_reach_those_addressed_in_secret(
    server: Server, peer: Peer, named: str
) -> None:
    """IO-59: with the Update and the Delete, which do not tell of them; they can read it still."""
    hidden = {named: [peer.id("carol"), server.id("bob")]}
    made = await posted(server, "first", server.id("ann"), **hidden)
    await edited(server, made["id"], content="second")
    assert (await server.get(made["id"], as_="bob")).json["content"] == "second"
    await server.post("ann", {"type": "Delete", "object": made["id"]})
    for type_ in ("Create", "Update", "Delete"):
        [got] = await peer.wait(type_)
        assert peer.id("carol") not in got.body.decode()


async def test_IO_59_what_is_for_fewer_now_is_not_told_to_others(
    server: Server, peer: Peer
) -> None:
    """IO-59: an edit that takes the addressees away takes away those in secret, too; that it is
    gone is told to all of them that are left."""
    made = await posted(server, "first", server.id("bob"), bto=[peer.id("carol")])
    await edited(server, made["id"], content="second", to=[server.id("ann")])
    assert (await server.get(made["id"], as_="bob")).status == 404
    await server.drained()
    assert [one.json["type"] for one in peer.received] == ["Create"]


async def test_IO_59_whoever_else_is_named_gets_it_too(server: Server, peer: Peer) -> None:
    """IO-59: naming recipients of an Update or a Delete leaves out nobody who got the Create."""
    made = await posted(server, "first", PUBLIC, cc=[peer.id("carol")])
    activities: list[dict[str, Any]] = [
        {"type": "Update", "object": {"id": made["id"], "content": "second"}},
        {"type": "Delete", "object": made["id"]},
    ]
    for activity in activities:
        sent = {"@context": CONTEXT, **activity, "to": [server.id("bob")]}
        assert (await server.post("ann", sent)).status == 201
        [got] = await peer.wait(activity["type"])
        assert got.json["to"] == [server.id("bob"), PUBLIC]
        assert got.json["cc"] == [peer.id("carol")]
