"""What our own clients could make other servers believe of the actors here.

Everything here is served from one origin, so others believe it (FEP-fe34). A client must not get
us to serve something under that origin that passes for an actor, for a key, or for what another
actor did.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.doubles.peer import Peer, key_pair
from tests.doubles.server import CONTEXT, PUBLIC, Reply, Server
from tests.flows.steps import stored


async def make(server: Server, object_: dict[str, Any], *, wrapped: bool) -> Reply:
    """ann posts an object, by itself or in a Create."""
    posted = {"type": "Create", "object": object_, "to": [PUBLIC]} if wrapped else object_
    return await server.post("ann", {"@context": CONTEXT, **posted})


def pretences(server: Server, id_: str) -> dict[str, dict[str, Any]]:
    """Members by which an object passes for something else."""
    bob = server.id("bob")
    pem = key_pair("ann's own").public().pem()
    key = {"id": f"{id_}#key", "owner": id_, "publicKeyPem": pem}
    multikey = {"id": f"{id_}#key", "controller": id_, "publicKeyMultibase": "z6Mk"}
    return {
        "an activity of bob": {"type": ["Note", "Delete"], "actor": bob, "object": bob},
        "an activity of two": {"actor": [server.id("ann"), bob]},
        "an actor": {"inbox": f"{id_}/inbox", "preferredUsername": "bob"},
        "a key": {"publicKey": key},
        "a Multikey": {"assertionMethod": [multikey]},
        "a bare key": {"owner": bob, "publicKeyPem": pem},
        "a bare Multikey": {"controller": bob, "publicKeyMultibase": "z6Mk"},
        "bob's": {"attributedTo": bob},
        "ann's and bob's": {"attributedTo": [server.id("ann"), bob]},
    }


@pytest.mark.parametrize("wrapped", [True, False])
async def test_security_md_rule_2_no_object_passes_for_something_else(
    server: Server, wrapped: bool
) -> None:
    """security.md: rule 2, AP-C2S-23: an object has no keys and no other actor: 4xx at Create and
    at Update, and nothing is stored."""
    made = await server.note("ann", "a note", PUBLIC)
    id_ = made["object"]["id"]
    before = await stored(server)
    for what, members in pretences(server, id_).items():
        reply = await make(server, {"type": "Note", "content": "x", **members}, wrapped=wrapped)
        assert reply.status in (400, 403), (what, reply.text)
        update = {"type": "Update", "object": {"id": id_, **members}, "to": [PUBLIC]}
        reply = await server.post("ann", {"@context": CONTEXT, **update})
        assert reply.status in (400, 403), (what, reply.text)
    assert await stored(server) == before


async def test_CVE_2025_54888_no_profile_passes_for_an_activity(server: Server) -> None:
    """CVE-2025-54888, BP-06: what ann says of herself names no other actor, and no other key."""
    before = (await server.get("/actors/ann")).json
    for members in pretences(server, server.id("ann")).values():
        update = {"type": "Update", "object": {"id": server.id("ann"), **members}}
        reply = await server.post("ann", {"@context": CONTEXT, **update})
        if "attributedTo" not in members:
            assert reply.status == 400, reply.text
    after = (await server.get("/actors/ann")).json
    assert {name: after.get(name) for name in before} == before
    assert "actor" not in after


async def test_what_passes_for_nothing_is_taken(server: Server, peer: Peer) -> None:
    """AS-28: extensions are no error, nor is naming oneself."""
    ann = server.id("ann")
    extended = {"type": "Note", "content": "x", "attributedTo": ann, "actor": ann, "x": {"a": 1}}
    for wrapped in (True, False):
        reply = await make(server, extended, wrapped=wrapped)
        assert reply.status == 201, reply.text
        shown = (await server.get(reply.json["object"]["id"], as_="ann")).json
        assert shown["x"] == {"a": 1}


async def test_CVE_2025_54888_an_id_here_is_what_it_was_made_as(server: Server, peer: Peer) -> None:
    """CVE-2025-54888: the ids of what clients make are ours to give, so nothing takes the place of
    an activity or an actor that others have heard of."""
    sent = await server.note("bob", "bob's", PUBLIC)
    taken = [sent["id"], sent["object"]["id"], server.id("bob"), peer.id("carol")]
    for id_ in taken:
        note = {"id": id_, "type": "Note", "content": "ann's", "to": [PUBLIC]}
        for posted in (note, {"id": id_, "type": "Create", "object": note, "to": [PUBLIC]}):
            made = await server.post("ann", {"@context": CONTEXT, **posted})
            assert made.status == 201, made.text
            assert not {made.json["id"], made.json["object"]["id"]}.intersection(taken)
    assert (await server.get(sent["object"]["id"])).json["content"] == "bob's"
