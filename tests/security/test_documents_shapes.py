"""Odd shapes at the door: 2xx or 4xx, never 5xx, and never more belief than is due."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.flows.steps import check_problem, follow_from

SHAPES: dict[str, Any] = {
    "null": None,
    "an empty list": [],
    "an empty object": {},
    "a number": 7,
    "true": True,
    "a list in a list": [[["https://elsewhere.example/1"]]],
    "an object without id": {"type": "Note", "name": "x"},
    "an object with an odd id": {"id": 7, "type": ["Note", None, 7]},
    "a list of all kinds": [None, 7, True, "", {}, [], "https://elsewhere.example/1"],
    "an empty text": "",
}
MEMBERS = ["type", "actor", "object", "to", "id", "attributedTo", "published", "tag", "inReplyTo"]


@pytest.mark.parametrize("member", MEMBERS)
async def test_shape_confusion(server: Server, peer: Peer, member: str) -> None:
    """security.md: shape-confusion. Each member in each shape, on the activity and on its object:
    accepted or refused, never a fault, and no job is left behind."""
    inbox = f"{server.id('ann')}/inbox"
    for shape, value in SHAPES.items():
        for inside in (False, True):
            activity = peer.create("carol", "hello", PUBLIC)
            (activity["object"] if inside else activity)[member] = value
            reply = await peer.send(inbox, activity, by="carol")
            assert reply.status in (202, 400, 403), (shape, inside, reply.text)
            posted = await server.post("ann", activity["object"] if inside else activity)
            assert posted.status < 500, (shape, inside, posted.text)
    await server.drained()
    assert await server.rows("SELECT kind, error FROM job") == []
    for name in ("inbox", "outbox"):
        await server.items("ann", name, as_="ann")


async def test_shape_confusion_two_actors(server: Server, start_peer: StartPeer) -> None:
    """security.md: shape-confusion. Nobody can tell which of two actors is meant: 400."""
    peer = await start_peer("carol", "dave")
    activity = peer.create("carol", "hello", PUBLIC)
    for actors in (
        [peer.id("carol"), peer.id("dave")],
        [peer.id("dave"), peer.id("carol")],
        [{"id": peer.id("carol")}, {"id": peer.id("dave")}],
    ):
        reply = await peer.send(
            f"{server.id('ann')}/inbox", {**activity, "actor": actors}, by="carol"
        )
        check_problem(reply, 400, "/actor")
    assert await server.rows("SELECT FROM activity") == []


async def test_language_tags(server: Server, peer: Peer) -> None:
    """security.md: language-tags. A malformed tag, or a value that is no text, does not cost the
    object: it is stored, with what is well-formed."""
    odd = {"x-!!": "a", "en": "b", "": "c", "de": 7, "fr": None, "toolonglanguagetag": "d"}
    activity = peer.create("carol", "b", PUBLIC, contentMap=odd)
    reply = await peer.send(f"{server.id('ann')}/inbox", activity, by="carol")
    assert reply.status == 202, reply.text
    await server.drained()
    [shown] = await server.items("ann", "inbox", as_="ann")
    assert shown["object"]["content"] == "b"
    assert shown["object"]["contentMap"] == {"en": "b"}


KEYS: dict[str, Any] = {
    "a number": 7,
    "an empty object": {},
    "a list of odd things": [7, None, [], {"id": 7}],
    "no PEM": {"publicKeyPem": "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"},
    "a private key": {"publicKeyPem": "-----BEGIN PRIVATE KEY-----\nAAAA\n"},
    "no text": {"publicKeyPem": ["a", "b"]},
    "half a megabyte": {"publicKeyPem": "A" * 500_000},
    "an owner of another shape": {"owner": [], "publicKeyPem": "x"},
}


@pytest.mark.parametrize("name", KEYS)
async def test_malformed_key_entry(server: Server, peer: Peer, name: str) -> None:
    """security.md: malformed-key-entry. Fedify #825. A key that cannot be read proves nothing:
    401, and nothing stored; the good one beside it counts."""
    value = KEYS[name]
    document = peer.documents["/users/carol"]
    good = document["publicKey"]
    if isinstance(value, dict) and value:
        value = {**good, **value}
    document["publicKey"] = value
    inbox = f"{server.id('ann')}/inbox"
    reply = await peer.send(inbox, peer.create("carol", "hello", PUBLIC), by="carol")
    check_problem(reply, 401)
    assert await server.rows("SELECT FROM activity") == []
    assert await server.rows("SELECT FROM actor WHERE NOT ours") == []
    document["publicKey"] = [value, {**good, "id": f"{peer.id('carol')}#second"}]
    reply = await peer.send(
        inbox,
        peer.create("carol", "hello", PUBLIC),
        by="carol",
        key_id=f"{peer.id('carol')}#second",
    )
    assert reply.status == 202, reply.text


ODD_IDS = [
    "",
    "_:b0",
    "javascript:alert(1)",
    "data:text/plain,x",
    "file:///etc/passwd",
    "/relative",
    "users/carol/1",
    "//127.0.0.1/1",
    "urn:uuid:0193",
    "at://did:plc:x/1",
    "https://",
    "https://" + "x" * 3_000,
]


async def test_relative_and_blank_ids(server: Server, peer: Peer) -> None:
    """security.md: relative-and-blank-ids. On the activity: 400 or 403. On the object: refused,
    or taken without being stored under that id."""
    inbox = f"{server.id('ann')}/inbox"
    for id_ in ODD_IDS:
        activity = peer.create("carol", "hello", PUBLIC)
        reply = await peer.send(inbox, {**activity, "id": id_}, by="carol")
        assert reply.status in (400, 403), (id_, reply.text)
        activity["object"]["id"] = id_
        reply = await peer.send(inbox, activity, by="carol")
        assert reply.status in (202, 400, 403), (id_, reply.text)
        await server.drained()
        assert await server.rows("SELECT id FROM object") == []
        assert await server.rows("SELECT id FROM activity WHERE id = $1", id_) == []


async def test_relative_and_blank_ids_none_at_all(server: Server, peer: Peer) -> None:
    """security.md: relative-and-blank-ids. `id: null` says that there is none."""
    inbox = f"{server.id('ann')}/inbox"
    activity = peer.create("carol", "hello", PUBLIC)
    check_problem(await peer.send(inbox, {**activity, "id": None}, by="carol"), 400, "/id")
    activity["object"]["id"] = None
    assert (await peer.send(inbox, activity, by="carol")).status == 202
    await server.drained()
    assert await server.rows("SELECT id FROM object") == []


async def test_signing_failure(server: Server, peer: Peer) -> None:
    """security.md: signing-failure. Fedify #824. A note with extensions that no canonical form
    has an easy time with is delivered, signed, all the same."""
    await follow_from(peer, "carol", server, "ann")
    odd = {
        "ex:numbers": [1e21, 1.5e-7, -0.0, 2**53],
        "ex:text": "\u2028\u00e9\U0001f600e\u0301",
        "ex:nested": {"": {"@odd": [[], {}, None]}},
        "https://ex.example/é": {"a b": "c"},
    }
    note = {"type": "Note", "content": "odd", "to": [PUBLIC], "cc": [server.id("ann/followers")]}
    reply = await server.post("ann", {**note, **odd})
    assert reply.status == 201, reply.text
    [received] = await peer.wait("Create")
    assert received.signer == f"{server.id('ann')}#main-key"
    assert received.json["object"]["ex:text"] == odd["ex:text"]
