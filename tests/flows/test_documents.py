"""The documents that we serve, read as JSON-LD; and what we keep of those that we are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from pyld import jsonld

from apserver.core.document import as_list
from apserver.resources import load_contexts
from tests.conftest import StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Server
from tests.flows.steps import follow_from

CONTEXTS = load_contexts()
NORMATIVE = CONTEXTS[CONTEXT]["@context"]
#: Activity Streams 1.0 called things otherwise (AS2 Core, appendix "Deprecated").
AS1_NAMES = {"displayName", "verb", "objectType", "title", "fullImage", "upstreamDuplicates"}


def load(url: str, _options: Any) -> dict[str, Any]:
    """A document loader that knows the contexts in `schemas` and cannot fetch."""
    return {"contextUrl": None, "documentUrl": url, "document": CONTEXTS[url]}


def expanded(document: Any, **options: Any) -> Any:
    return jsonld.expand(document, {"documentLoader": load, **options})


def values(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """Every value at every depth, with the name of the member that it is in."""
    yield name, value
    if isinstance(value, dict):
        for key, member in value.items():
            if key != "@context":
                yield from values(member, key)
    elif isinstance(value, list):
        for item in value:
            yield from values(item, name)


def meaning(definition: Any) -> str:
    """The IRI or keyword that a term is defined as."""
    iri = definition["@id"] if isinstance(definition, dict) else definition
    return str(iri).replace(f"{CONTEXT}#", "as:")


@pytest.fixture
async def documents(server: Server, peer: Peer) -> dict[str, Any]:
    """One of each kind that the server makes, by a name for messages."""
    await follow_from(peer, "carol", server, "ann")
    ann = server.id("ann")
    note = {
        "@context": CONTEXT,
        "type": "Note",
        "content": "<p>Hello</p>",
        "to": [PUBLIC],
        "cc": [f"{ann}/followers", peer.id("carol")],
        "tag": [{"type": "Mention", "href": peer.id("carol"), "name": "@carol"}],
        "attachment": [],
        "bto": [],
        "inReplyTo": None,
    }
    created = (await server.post("ann", note)).json
    urls = {
        "actor": ann,
        "the server's actor": server.id("instance"),
        "Create": created["id"],
        "Note": created["object"]["id"],
        **{name: f"{ann}/{name}" for name in ("outbox", "inbox", "followers", "liked")},
        **{f"page of {name}": f"{ann}/{name}?page=first" for name in ("outbox", "followers")},
    }
    found = {}
    for name, url in urls.items():
        reply = await server.get(url, as_="ann", Accept=AS2)
        assert reply.status == 200, url
        found[name] = reply.json
    found["Accept"] = (await peer.wait("Accept"))[0].json
    [delivered] = await peer.wait("Create")
    found["delivered Create"] = delivered.json
    return found


async def test_AS_05_what_we_emit_means_in_json_ld_what_it_says(documents: dict[str, Any]) -> None:
    """AS-05: compacting with the normative context, as a JSON-LD processor does, and reading that
    gives what reading ours gives."""
    for name, document in documents.items():
        meaning = expanded(document)
        assert meaning, name
        options = {"documentLoader": load}
        compacted = jsonld.compact(document, document["@context"], options)
        assert expanded(compacted) == meaning, name


async def test_AS_29_every_member_is_defined(documents: dict[str, Any]) -> None:
    """AS-29: nothing that we emit by ourselves falls to the `_:` of an undefined term."""
    for name, document in documents.items():
        undefined = [key for key, _ in values(expanded(document)) if key.startswith("_:")]
        assert undefined == [], name


async def test_AS_06_no_normative_term_gets_another_meaning(documents: dict[str, Any]) -> None:
    """AS-06, AS-08, AP-OBJ-01: the AS2 context stands first, under its https name, and every term
    of it means the same with our whole context as with that one alone."""
    for name, document in documents.items():
        context = document["@context"]
        assert (context if isinstance(context, str) else context[0]) == CONTEXT, name
        for term, definition in NORMATIVE.items():
            by_id = isinstance(definition, dict) and definition.get("@type") == "@id"
            probe = {term: "https://a.example/x" if by_id else "x"}
            if term.startswith("@") or term in ("id", "type", "as", "ldp", "vcard", "xsd"):
                continue
            ours = expanded({"@context": context, **probe})
            assert ours == expanded({"@context": CONTEXT, **probe}), (name, term)


async def test_AV_02_no_term_of_ours_says_what_as2_says(documents: dict[str, Any]) -> None:
    """AV-02: what our contexts add has names and meanings that the Vocabulary does not have."""
    meanings = {meaning(definition) for definition in NORMATIVE.values()}
    ours = {
        term: definition
        for document in documents.values()
        for entry in as_list(document["@context"])
        if isinstance(entry, dict)
        for term, definition in entry.items()
    }
    assert "webfinger" in ours
    assert not ours.keys() & NORMATIVE.keys()
    assert not {meaning(definition) for definition in ours.values()} & meanings


async def test_AS_12_every_iri_is_absolute(documents: dict[str, Any]) -> None:
    """AS-12, AS-31, AP-COL-18: no base is needed, and none is written short but in keys and
    types; Public in full."""
    for name, document in documents.items():
        ids = [
            value
            for key, value in values(expanded(document, base=""))
            if key == "@id" and isinstance(value, str)
        ]
        assert ids, name
        assert [one for one in ids if not urlsplit(one).scheme] == [], name
        short = [
            value
            for key, value in values(document)
            if key != "type" and isinstance(value, str) and value.startswith(("as:", "Public"))
        ]
        assert short == [], name


async def test_AS_02_nothing_is_empty_or_null(documents: dict[str, Any]) -> None:
    """AS-02, AS-01: what the client sent as null or [] is left out. (The items of an empty
    collection are its content, not a property without a value.)"""
    for name, document in documents.items():
        bare = {key for key, value in values(document) if value is None or value == []}
        assert bare <= {"orderedItems"}, name


async def test_AS_14_names_of_as1_are_not_emitted(documents: dict[str, Any]) -> None:
    for name, document in documents.items():
        assert not AS1_NAMES & {key for key, _ in values(document)}, name


async def test_AP_OBJ_09_every_object_has_a_type(documents: dict[str, Any]) -> None:
    """AP-OBJ-07, AP-OBJ-09: and an id, when it is not part of another."""
    for name, document in documents.items():
        assert isinstance(document["type"], str), name
        assert document["id"].startswith("http"), name
        if isinstance(document.get("object"), dict):
            assert document["object"]["type"], name


async def test_AP_OBJ_09_an_object_without_id_stays_without(server: Server) -> None:
    """AP-OBJ-09: only Create makes objects; what another activity holds is told, not kept."""
    made = await server.post(
        "ann", {"type": "Listen", "object": {"type": "Audio", "name": "rain"}, "to": [PUBLIC]}
    )
    assert made.status == 201, made.text
    assert made.json["object"] == {"type": "Audio", "name": "rain"}
    assert (await server.get(made.json["id"])).json["object"] == made.json["object"]


async def test_AS_34_an_actor_tells_no_more_than_it_must(server: Server) -> None:
    """AS-34: a new actor is its name and what federation needs."""
    actor = (await server.get("/actors/ann")).json
    assert actor["name"] == actor["preferredUsername"] == "ann"
    needed = {
        *("@context", "id", "type", "url", "preferredUsername", "webfinger", "name", "published"),
        *("inbox", "outbox", "followers", "following", "liked", "featured", "endpoints"),
        *("streams", "blocked", "pendingFollowers", "pendingFollowing"),
        *("publicKey", "assertionMethod", "manuallyApprovesFollowers", "generator", "implements"),
    }
    assert set(actor) <= needed


async def test_IO_04_an_actor_tells_its_handle(start_server: StartServer) -> None:
    """IO-04 (FEP-2c59): by which a server that met the actor first finds its handle at once."""
    server = await start_server("ann", handle_host="example.org")
    for name in ("ann", "instance"):
        actor = (await server.get(server.id(name))).json
        assert actor["webfinger"] == f"{name}@example.org"
        jrd = await server.get(f"/.well-known/webfinger?resource=acct:{actor['webfinger']}")
        assert [link["href"] for link in jrd.json["links"] if link["rel"] == "self"] == [
            actor["id"]
        ]


# --- What we are given -----------------------------------------------------------------------

EXTENDED = {
    "AS-07": {"mood": "cheerful", "https://example.org/ns#weight": {"unit": "kg", "value": [1, 2]}},
    "AS-15": {"url": [{"type": "Link", "href": "https://a.example/x", "mediaType": "text/html"}]},
    "AS-18": {"name": "A title", "summary": "What it is about"},
    "AS-20": {"vcard:given-name": "Ann", "vcard:hasEmail": "mailto:ann@example.org"},
    "AS-26": {"contentMap": {"en": "hello", "he": "שלום"}, "nameMap": {"und": "x"}},
    "AS-27": {"content": "\u200fשלום, world\u200e", "name": "\u2067ann\u2069"},
    "AP-SRC-01": {"source": {"content": "*hi*", "mediaType": "text/markdown"}},
}


@pytest.mark.parametrize("members", EXTENDED.values(), ids=EXTENDED)
async def test_AS_07_what_a_client_gives_is_given_back(
    server: Server, members: dict[str, Any]
) -> None:
    """AS-07, AS-15, AS-18, AS-20, AS-26, AS-27, AS-32, AP-SRC-01: members of any vocabulary, maps
    of languages, marks of direction: unchanged, with the members of IO-54 beside them."""
    note = {"@context": [CONTEXT, {"mood": "https://example.org/ns#mood"}], "type": "Note"}
    made = await server.post("ann", {**note, "content": "hi", "to": [PUBLIC], **members})
    assert made.status == 201, made.text
    kept = (await server.get(made.json["object"]["id"])).json
    expected = {"content": "hi", **members}
    assert {name: kept[name] for name in expected} == expected
    assert set(kept) - set(expected) <= {
        *("@context", "id", "type", "attributedTo", "published", "to"),
        *("url", "context", "sensitive"),
        *("likes", "shares", "replies"),
    }


@pytest.mark.parametrize(
    "type_", [["Place", "gr:Location"], ["https://example.org/ns#Go", "Travel"]]
)
async def test_AS_16_all_types_are_kept(server: Server, type_: list[str]) -> None:
    """AS-16: an extension beside the core type that it overlaps; the core type decides what we
    take it for."""
    is_activity = "Travel" in type_
    posted = {"type": type_, "to": [PUBLIC], "object": server.id("ann")}
    made = (await server.post("ann", posted)).json
    shown = made if is_activity else made["object"]
    assert shown["type"] == type_
    assert (made["type"] == "Create") is not is_activity


@pytest.mark.parametrize("type_", ["Arrive", "Travel", "IntransitiveActivity"])
async def test_AS_21_an_intransitive_activity_needs_no_object(server: Server, type_: str) -> None:
    made = await server.post(
        "ann", {"type": type_, "location": {"type": "Place", "name": "Home"}, "to": [PUBLIC]}
    )
    assert made.status == 201, made.text
    [listed] = await server.items("ann", "outbox")
    assert (listed["type"], "object" in listed) == (type_, False)


async def test_AP_ACT_01_an_actor_may_be_of_any_type(server: Server, peer: Peer) -> None:
    """AP-ACT-01, AP-ACT-08: an inbox is what makes it one. It follows, is accepted, is delivered
    to; endpoints that are a link are no endpoints, and its own inbox serves."""
    for name, type_ in (("profile", "Profile"), ("robot", "https://example.org/ns#Robot")):
        peer.add_actor(name, type=type_, endpoints=f"{peer.origin}/endpoints/{name}")
        await follow_from(peer, name, server, "ann")
    await server.note("ann", "hello", f"{server.id('ann')}/followers")
    delivered = await peer.wait("Create", times=2)
    assert {one.inbox for one in delivered} == {"/users/profile/inbox", "/users/robot/inbox"}


async def test_AS_17_the_as2_property_is_the_one_that_counts(server: Server, peer: Peer) -> None:
    """AS-17: beside it stands one of another vocabulary that says something else."""
    follow = peer.follow("carol", server.id("ann")) | {"https://schema.org/object": "bob"}
    follow |= {"target": server.id("bob"), "schema:followee": server.id("bob")}
    assert (await peer.send(f"{server.origin}/inbox", follow, by="carol")).status == 202
    await peer.wait("Accept")
    assert await server.items("ann", "followers", as_="ann") == [peer.id("carol")]
    assert await server.items("bob", "followers", as_="bob") == []


async def test_AS_11_an_iri_is_kept_as_it_is(server: Server, peer: Peer) -> None:
    """AS-10, AS-11: mapped to a URI on the wire and nowhere else: two spellings are two things."""
    plain, mapped = f"{peer.origin}/notes/é", f"{peer.origin}/notes/%C3%A9"
    for id_ in (plain, mapped):
        note = peer.create("carol", id_, server.id("ann"), id=id_)
        assert (await peer.send(f"{server.id('ann')}/inbox", note, by="carol")).status == 202
    await server.drained()
    listed = await server.items("ann", "inbox", as_="ann")
    assert [one["object"]["id"] for one in listed] == [mapped, plain]


async def test_AS_10_an_iri_is_fetched_as_a_uri(server: Server, peer: Peer) -> None:
    """AS-10, RFC 3987 3.1."""
    name = "bär"
    document = peer.add_actor(name)
    peer.documents["/users/b%C3%A4r"] = document
    note = peer.create(name, "Guten Tag", server.id("ann"))
    reply = await peer.send(f"{server.id('ann')}/inbox", note, by=name)
    assert reply.status == 202, reply.text
    await server.drained()
    [listed] = await server.items("ann", "inbox", as_="ann")
    assert listed["actor"] == f"{peer.origin}/users/bär"


async def test_AS_38_leftovers_of_as1_are_tolerated(server: Server, peer: Peer) -> None:
    """AS-38, AS-14: beside the names of 2.0 they mean nothing and harm nothing."""
    old = {"objectType": "note", "displayName": "An old name", "verb": "post", "title": "x"}
    note = peer.create("carol", "hello", server.id("ann"), name="A name", **old)
    note |= {"verb": "delete", "objectType": "activity"}
    assert (await peer.send(f"{server.id('ann')}/inbox", note, by="carol")).status == 202
    await server.drained()
    [listed] = await server.items("ann", "inbox", as_="ann")
    assert listed["type"] == "Create"
    assert {name: listed["object"][name] for name in old} == old
