"""What an activity proves of itself when somebody else brings it: integrity proofs, LD signatures.

Bob wrote it, carol's server brings it. Bob's server serves bob and his keys, and counts what it is
asked for; it serves no activity.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
import rfc8785
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apserver.compaction import Compactor
from apserver.core import multibase
from apserver.core.keys import PrivateKey
from tests.conftest import StartPeer
from tests.doubles.peer import Peer, key_pair
from tests.doubles.server import CONTEXT, PUBLIC, Server
from tests.flows.steps import check_problem

PROVING = [CONTEXT, "https://w3id.org/security/data-integrity/v2"]
SIGNING = [CONTEXT, "https://w3id.org/security/v1"]
KEYS = {name: PrivateKey.of(Ed25519PrivateKey.generate()) for name in ("bob", "eve", "new")}


def multikey(peer: Peer, name: str, key: str) -> dict[str, Any]:
    """The entry of an Ed25519 key in the document of an actor (FEP-521a)."""
    return {
        "id": f"{peer.id(name)}#ed25519-key",
        "type": "Multikey",
        "controller": peer.id(name),
        "publicKeyMultibase": KEYS[key].public().multikey(),
    }


def proved(peer: Peer, activity: dict[str, Any], *, by: str, key: str | None = None) -> Any:
    """An activity with a proof by one of the peer's actors (FEP-8b32)."""
    document = {**activity, "@context": PROVING}
    options = {
        "@context": PROVING,
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "proofPurpose": "assertionMethod",
        "verificationMethod": f"{peer.id(by)}#ed25519-key",
        "created": "2026-01-01T00:00:00Z",
    }
    signed = b"".join(hashlib.sha256(rfc8785.dumps(one)).digest() for one in (options, document))
    value = multibase.encode(KEYS[key or by].sign(signed))
    return {**document, "proof": {**options, "proofValue": value}}


async def ld_signed(peer: Peer, activity: dict[str, Any], *, by: str) -> dict[str, Any]:
    """An activity with an LD signature by one of the peer's actors, over what JSON-LD makes of it.
    That this is the right form is shown by vectors, and by Fedify."""
    signature = {
        "type": "RsaSignature2017",
        "creator": f"{peer.id(by)}#main-key",
        "created": "2026-01-01T00:00:00Z",
    }
    document = {"@context": SIGNING, **activity, "signature": signature}
    compactor = Compactor()
    try:
        signed, _ = await compactor.signed_form(json.dumps(document).encode())
    finally:
        await compactor.close()
    value = base64.b64encode(key_pair(f"{by}@{peer.origin}").sign(signed)).decode()
    return {**document, "signature": {**signature, "signatureValue": value}}


@pytest.fixture
async def bobs(start_peer: StartPeer) -> Peer:
    """The server of bob and eve, each with an Ed25519 key too."""
    peer = await start_peer("bob", "eve")
    for name in ("bob", "eve"):
        peer.add_actor(name, assertionMethod=[multikey(peer, name, name)])
    return peer


async def brought(server: Server, carrier: Peer, activity: Any) -> int:
    """Carol brings it to ann; the answer, once it is applied."""
    reply = await carrier.send(f"{server.id('ann')}/inbox", activity, by="carol")
    await server.drained()
    if reply.status == 403:
        check_problem(reply, 403)
    return reply.status


async def shown(server: Server) -> list[Any]:
    """What ann reads in her inbox."""
    return [one["object"]["content"] for one in await server.items("ann", "inbox", as_="ann")]


async def test_IO_97_a_proof_needs_no_fetch(server: Server, peer: Peer, bobs: Peer) -> None:
    """IO-97, IO-22: believed by its actor's own key; bob's server is asked for bob alone."""
    activity = proved(bobs, bobs.create("bob", "proved", PUBLIC), by="bob")
    assert await brought(server, peer, activity) == 202
    assert await shown(server) == ["proved"]
    assert set(bobs.asked) == {"GET /users/bob"}
    before = len(bobs.asked)
    again = proved(bobs, bobs.create("bob", "again", PUBLIC), by="bob")
    assert await brought(server, peer, again) == 202
    assert await shown(server) == ["again", "proved"]
    assert len(bobs.asked) == before


@pytest.mark.parametrize("change", ["content", "to", "unknown", "id", "actor"])
async def test_IO_97_altered_is_dropped(
    server: Server, peer: Peer, bobs: Peer, change: str
) -> None:
    """IO-97, security.md: forwarding: whoever carries it changes nothing, not even members that
    nobody knows."""
    activity = proved(bobs, bobs.create("bob", "proved", PUBLIC), by="bob")
    match change:
        case "content":
            activity["object"] = {**activity["object"], "content": "altered"}
        case "to":
            activity["to"] = [PUBLIC, server.id("ann")]
        case "unknown":
            activity["x"] = "y"
        case "id":
            activity["id"] = bobs.new_id()
        case "actor":
            activity["actor"] = activity["object"]["attributedTo"] = bobs.id("eve")
    assert await brought(server, peer, activity) == 403
    assert await server.rows("SELECT id FROM activity") == []


async def test_IO_97_the_key_is_the_actors_own(server: Server, peer: Peer, bobs: Peer) -> None:
    """IO-97, KEY-06: eve lives beside bob, and her key is not his; nor is a key that says so."""
    by_eve = proved(bobs, bobs.create("bob", "forged", PUBLIC), by="eve")
    assert await brought(server, peer, by_eve) == 403
    by_key_of_eve = proved(bobs, bobs.create("bob", "forged", PUBLIC), by="bob", key="eve")
    assert await brought(server, peer, by_key_of_eve) == 403
    peer.add_actor(
        "carol", assertionMethod=[{**multikey(bobs, "bob", "eve"), "id": f"{peer.id('carol')}#k"}]
    )
    elsewhere = proved(bobs, bobs.create("bob", "forged", PUBLIC), by="bob", key="eve")
    elsewhere["proof"]["verificationMethod"] = f"{peer.id('carol')}#k"
    assert await brought(server, peer, elsewhere) == 403
    assert await server.rows("SELECT id FROM activity") == []


async def test_IO_97_KEY_05_a_replaced_key(server: Server, peer: Peer, bobs: Peer) -> None:
    """KEY-05, IO-97: the key is fetched once more when the proof does not fit the one we have."""
    assert await brought(server, peer, proved(bobs, bobs.create("bob", "one", PUBLIC), by="bob"))
    bobs.add_actor("bob", assertionMethod=[multikey(bobs, "bob", "new")])
    renewed = proved(bobs, bobs.create("bob", "two", PUBLIC), by="bob", key="new")
    assert await brought(server, peer, renewed) == 202
    assert await shown(server) == ["two", "one"]


async def test_IO_97_a_bad_proof_is_no_obstacle(server: Server, peer: Peer, bobs: Peer) -> None:
    """IO-22: what is served at its origin counts all the same."""
    create = bobs.create("bob", "served", PUBLIC)
    bobs.documents[create["id"].removeprefix(bobs.origin)] = create
    altered = {**proved(bobs, create, by="bob"), "object": {**create["object"], "content": "no"}}
    assert await brought(server, peer, altered) == 202
    assert await shown(server) == ["served"]


@pytest.mark.parametrize("type_", ["Follow", "Undo", "Move"])
async def test_forwarding_a_proof_does_not_play_old_words_again(
    server: Server, peer: Peer, bobs: Peer, type_: str
) -> None:
    """security.md: forwarding: a proof tells who said it, and not that it still holds."""
    act = bobs.activity(type_, "bob", object=server.id("ann"), target=bobs.id("eve"))
    assert await brought(server, peer, proved(bobs, act, by="bob")) == 403
    assert await server.items("ann", "followers", as_="ann") == []


async def test_CVE_2026_46713_a_proof_of_what_reads_otherwise(
    server: Server, peer: Peer, bobs: Peer
) -> None:
    """CVE-2026-46713: a document that redefines our terms is read by JSON-LD, and a proof of its
    text is none of what is read."""
    activity = bobs.create("bob", "proved", PUBLIC)
    activity["summary"] = "said by bob"
    swap = {"content": "as:summary", "summary": "as:content"}
    made = proved(bobs, activity, by="bob")
    made["@context"] = [*PROVING, swap]
    options = {name: one for name, one in made["proof"].items() if name != "proofValue"}
    document = {name: one for name, one in made.items() if name != "proof"}
    signed = b"".join(hashlib.sha256(rfc8785.dumps(one)).digest() for one in (options, document))
    made["proof"]["proofValue"] = multibase.encode(KEYS["bob"].sign(signed))
    assert await brought(server, peer, made) in (400, 403)
    assert await server.rows("SELECT id FROM activity") == []


async def test_IO_22_an_ld_signature_needs_no_fetch(server: Server, peer: Peer, bobs: Peer) -> None:
    """IO-22: as relays and Mastodon pass it on."""
    activity = await ld_signed(bobs, bobs.create("bob", "signed", PUBLIC), by="bob")
    assert await brought(server, peer, activity) == 202
    assert await shown(server) == ["signed"]
    assert set(bobs.asked) == {"GET /users/bob"}


@pytest.mark.parametrize("change", ["content", "id", "actor", "creator", "no value"])
async def test_IO_22_altered_is_dropped(
    server: Server, peer: Peer, bobs: Peer, change: str
) -> None:
    """IO-22, CVE-2022-24307: what was signed, by whom it says."""
    activity = await ld_signed(bobs, bobs.create("bob", "signed", PUBLIC), by="bob")
    match change:
        case "content":
            activity["object"]["content"] = "altered"
        case "id":
            activity["id"] = bobs.new_id()
        case "actor":
            activity["actor"] = activity["object"]["attributedTo"] = bobs.id("eve")
        case "creator":
            activity["signature"]["creator"] = f"{bobs.id('eve')}#main-key"
        case "no value":
            del activity["signature"]["signatureValue"]
    assert await brought(server, peer, activity) == 403
    assert await server.rows("SELECT id FROM activity") == []


async def test_CVE_2022_24307_what_was_not_signed_is_not_read(
    server: Server, peer: Peer, bobs: Peer
) -> None:
    """CVE-2022-24307, CVE-2024-32983: members that no context defines are in no graph, so anybody
    can add them; what is believed, stored and passed on to readers is what was signed."""
    activity = await ld_signed(bobs, bobs.create("bob", "signed", PUBLIC), by="bob")
    activity["object"]["quoteUrl"] = "https://evil.example/"
    activity["verbPhrase"] = "forged"
    assert await brought(server, peer, activity) == 202
    [listed] = await server.items("ann", "inbox", as_="ann")
    assert listed["object"]["content"] == "signed"
    assert "forged" not in json.dumps(listed)
    assert "evil" not in json.dumps(listed)


async def test_CVE_2024_32983_another_name_for_the_actor(
    server: Server, peer: Peer, bobs: Peer
) -> None:
    """CVE-2024-32983, CVE-2022-24307: eve signs for herself, and by a context of hers the text
    shows bob: the actor is whom JSON-LD says, which is eve."""
    activity = bobs.create("eve", "by eve", PUBLIC)
    activity["who"] = activity.pop("actor")
    activity["actor"] = bobs.id("bob")
    activity["@context"] = [
        CONTEXT,
        {"x": "https://x.example/", "who": "as:actor", "actor": "x:y"},
    ]
    signed = await ld_signed(bobs, activity, by="eve")
    assert await brought(server, peer, signed) in (400, 403)
    assert await server.rows("SELECT id FROM activity WHERE actor_id LIKE '%bob'") == []


async def test_canonicalisation_poison_with_a_signature(
    server: Server, peer: Peer, bobs: Peer
) -> None:
    """security.md: canonicalisation-poison. Blank nodes that the text names are not put into
    canonical form at all, whoever signed them."""
    nodes = [f"_:b{n}" for n in range(8)]
    activity = bobs.create("bob", "hello", PUBLIC)
    activity["tag"] = [
        {"id": one, "https://x.example/p": [{"id": n} for n in nodes]} for one in nodes
    ]
    signature = {
        "type": "RsaSignature2017",
        "creator": f"{bobs.id('bob')}#main-key",
        "created": "2026-01-01T00:00:00Z",
        "signatureValue": base64.b64encode(b"x" * 256).decode(),
    }
    before = len(bobs.asked)
    assert await brought(server, peer, {**activity, "signature": signature}) == 403
    assert len(bobs.asked) > before
