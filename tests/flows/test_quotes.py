"""Quotes of posts, as others send them and as we do (issue 7; interop 2.5, 3.5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.test_notes import posted
from tests.security.steps import accepted

FAR = "https://far.example/p/1"
NAMES = ("quote", "_misskey_quote", "quoteUrl", "quoteUri")
NS = "https://w3id.org/apserver/ns#"
MISSKEY = "https://misskey-hub.net/ns#_misskey_quote"
LINK = {
    "type": "Link",
    "mediaType": 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
    "rel": MISSKEY,
    "href": FAR,
    "name": "RE: it",
}
OTHER = "https://other.example/p/2"


async def told(server: Server, peer: Peer, **members: Any) -> dict[str, Any]:
    """How a post of carol with these members is shown to our clients."""
    create = peer.create("carol", "<p>see</p>", PUBLIC, server.id("ann"), **members)
    await accepted(server, peer, create, by="carol")
    shown: dict[str, Any] = (await server.get("/inbox?page=first")).json["orderedItems"][0]
    assert shown["id"] == create["object"]["id"]
    return shown


async def test_IO_92_quotes_are_read_in_one_order(server: Server, peer: Peer) -> None:
    """IO-92, interop 3.5: quote, _misskey_quote, quoteUrl, quoteUri, a Link (FEP-e232); the first
    of a list, the id of an object. What asks nobody is legacy, and nobody's word counts for ours.
    """
    said: list[tuple[dict[str, Any], str | None, str | None]] = [
        ({"quote": FAR}, FAR, "pending"),
        ({"quote": FAR, "quoteUrl": OTHER, "_misskey_quote": OTHER}, FAR, "pending"),
        ({"quote": [{"type": "Note", "id": FAR}, OTHER]}, FAR, "pending"),
        ({"_misskey_quote": FAR, "quoteUrl": OTHER}, FAR, "legacy"),
        ({"quoteUrl": FAR, "quoteUri": OTHER}, FAR, "legacy"),
        ({"quoteUri": FAR, "tag": [{**LINK, "href": OTHER}]}, FAR, "legacy"),
        ({"tag": LINK}, FAR, "legacy"),
        ({"tag": {**LINK, "rel": "next"}}, None, None),
        ({"quote": FAR, "quoteState": "approved"}, FAR, "pending"),
        ({"quoteState": "approved"}, None, None),
        ({"quote": {"type": "Tombstone"}}, None, "deleted"),
        ({"quote": 7, "quoteUrl": "not a url"}, None, None),
    ]
    for members, iri, state in said:
        shown = await told(server, peer, **members)
        if state != "deleted" and iri is not None:
            assert shown["quote"] == iri, members
        assert shown.get("quoteState") == state, members
    shown = await told(server, peer, quoteUrl=FAR)
    terms = {name: one for entry in shown["@context"][1:] for name, one in entry.items()}
    assert terms["quote"] == {"@id": "https://w3id.org/fep/044f#quote", "@type": "@id"}
    assert terms["quoteState"] == f"{NS}quoteState"


async def test_IO_92_who_quotes_himself_has_agreed(server: Server, peer: Peer) -> None:
    """IO-92: a self-quote is shown; that of somebody else of the same server is not."""
    peer.add_actor("dave")
    first = await told(server, peer)
    by_dave = peer.create("dave", "<p>his</p>", PUBLIC, server.id("ann"))
    await accepted(server, peer, by_dave, by="dave")
    assert (await told(server, peer, quote=first["id"]))["quoteState"] == "approved"
    shown = await told(server, peer, quote=by_dave["object"]["id"])
    assert shown["quoteState"] == "pending"


@pytest.mark.parametrize("name", NAMES)
async def test_IO_92_what_our_client_quotes(server: Server, peer: Peer, name: str) -> None:
    """IO-92, interop 3.5: all four names, whichever is given, with definitions; a line for readers
    who know none; and who is quoted gets it."""
    page = "https://carol.example/@carol/1"
    quoted = await told(server, peer, url=[{"type": "Link", "href": page}])
    made = await posted(server, "<p>look</p>", PUBLIC, **{name: quoted["id"]})
    assert {made[one] for one in NAMES} == {quoted["id"]}
    assert made["cc"] == [peer.id("carol")]
    line, _, rest = made["content"].partition("</p>")
    assert rest == "<p>look</p>"
    assert line.startswith(f'<p class="quote-inline">RE: <a href="{page}"')
    [sent] = await peer.wait("Create")
    assert sent.json["object"] == made
    assert set(NAMES) <= {key for entry in sent.json["@context"][1:] for key in entry}


async def test_IO_92_edits_of_what_quotes(server: Server) -> None:
    """IO-92: the line is there once after an edit, is that of what is quoted now, and goes with
    the quote; nobody sets how it stands, or is shown whom a private post is by."""
    secret = await posted(server, "<p>mine</p>", server.id("ann"))
    reply = await server.post(
        "bob",
        {"type": "Note", "content": "<p>a</p>", "to": [PUBLIC], "quote": secret["id"]},
    )
    made = reply.json["object"]
    assert "cc" not in made

    async def edited(**patch: Any) -> dict[str, Any]:
        update = {"type": "Update", "object": {"id": made["id"], **patch}}
        reply = await server.post("bob", update)
        assert reply.status == 201, reply.text
        whole: dict[str, Any] = reply.json["object"]
        return whole

    for patch in ({"name": "x"}, {"content": "<p>b</p>"}, {"quoteState": "approved"}):
        now = await edited(**patch)
        assert now["content"].count("quote-inline") == 1
        assert now["quote"] == secret["id"]
        assert "quoteState" not in now
    now = await edited(quote=FAR)
    assert now["content"].startswith(f'<p class="quote-inline">RE: <a href="{FAR}"')
    assert {now[name] for name in NAMES} == {FAR}
    now = await edited(quote=None)
    assert now["content"] == "<p>b</p>"
    assert set(NAMES).isdisjoint(now)


async def test_IO_92_a_stamp_approves(server: Server, peer: Peer, start_peer: StartPeer) -> None:
    """IO-92, interop 2.5: a stamp is fetched from the server of what is quoted, and is for these
    two posts, by the author; any other denies, and one that is elsewhere is not even asked for.
    One that cannot be had leaves it pending."""
    other = await start_peer("dave", "erin")
    quoted = other.create("dave", "his", PUBLIC)["object"]
    for path in ("/p", "/p2"):
        other.documents[path] = {**quoted, "@context": CONTEXT, "id": other.origin + path}
    iri = f"{other.origin}/p"
    posts = {n: f"{peer.origin}/notes/quote-{n}" for n in range(7)}
    right = {
        "@context": [
            CONTEXT,
            {"QuoteAuthorization": "https://w3id.org/fep/044f#QuoteAuthorization"},
        ],
        "type": "QuoteAuthorization",
        "attributedTo": other.id("dave"),
        "interactionTarget": iri,
    }
    wrong: list[tuple[dict[str, Any], str]] = [
        ({}, "approved"),
        ({"type": "Note"}, "denied"),
        ({"attributedTo": other.id("erin")}, "denied"),
        ({"attributedTo": peer.id("carol")}, "denied"),
        ({"interactionTarget": f"{iri}2"}, "denied"),
        ({"interactingObject": posts[0]}, "denied"),
    ]
    for n, (members, state) in enumerate(wrong):
        path = f"/stamps/{n}"
        stamp = {**right, "id": other.origin + path, "interactingObject": posts[n], **members}
        other.documents[path] = stamp
        await told(server, peer, id=posts[n], quote=iri, quoteAuthorization=stamp["id"])
        await server.drained()
        page = (await server.get("/inbox?page=first")).json["orderedItems"]
        [shown] = [one for one in page if one["id"] == posts[n]]
        assert (shown["quote"], shown["quoteState"]) == (iri, state), members
    # At another server than that of what is quoted; and nowhere.
    peer.documents["/stamp"] = {
        **right,
        "id": f"{peer.origin}/stamp",
        "interactingObject": posts[6],
    }
    here = f"{peer.origin}/stamp"
    shown = await told(server, peer, id=posts[6], quote=iri, quoteAuthorization=here)
    assert shown["quoteState"] == "denied"
    assert "GET /stamp" not in peer.asked
    shown = await told(server, peer, quote=iri, quoteAuthorization=f"{other.origin}/none")
    await server.drained()
    assert shown["quoteState"] == "pending"

    # What was approved stays so in an edit, without asking again; another quote is another matter.
    asked = other.asked.count("GET /stamps/0")
    edited = {
        "id": posts[0],
        "type": "Note",
        "content": "edited",
        "attributedTo": peer.id("carol"),
        "updated": "2999-01-01T00:00:00Z",
        "quote": iri,
        "quoteAuthorization": f"{other.origin}/stamps/0",
    }
    for quote, state in ((iri, "approved"), (f"{iri}2", "denied")):
        update = peer.activity("Update", "carol", to=[PUBLIC], object={**edited, "quote": quote})
        await accepted(server, peer, update, by="carol")
        await server.drained()
        page = (await server.get("/inbox?page=first")).json["orderedItems"]
        [shown] = [one for one in page if one["id"] == posts[0]]
        assert (shown["content"], shown["quoteState"]) == ("edited", state)
        if quote == iri:
            assert other.asked.count("GET /stamps/0") == asked
