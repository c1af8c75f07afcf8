"""Bytes at the door that two parsers would read in two ways, or that no database takes: 400."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from tests.doubles.peer import Peer
from tests.doubles.server import AS2, PUBLIC, Reply, Server
from tests.flows.steps import check_problem


async def post(server: Server, peer: Peer, body: bytes, *, content_type: str = AS2) -> Reply:
    """POST bytes to ann's inbox, well signed by carol."""
    return await peer.send(f"{server.id('ann')}/inbox", body, by="carol", content_type=content_type)


async def refused(server: Server, peer: Peer, body: bytes, status: int = 400) -> Reply:
    """The bytes are refused at both doors, and leave nothing; afterwards work goes on."""
    before = await server.contents()
    reply = await post(server, peer, body)
    check_problem(reply, status, (reply.json or {}).get("pointer"))
    ours = await server.post("ann", body)
    check_problem(ours, status, (ours.json or {}).get("pointer"))
    assert await server.contents() == before
    good = peer.create("carol", "hello", PUBLIC)
    assert (await post(server, peer, json.dumps(good).encode())).status == 202
    await server.drained()
    return reply


def create(peer: Peer, **members: Any) -> dict[str, Any]:
    activity = peer.create("carol", "hello", PUBLIC)
    activity["object"] |= members
    return activity


def holed(peer: Peer, hole: str, value: str) -> bytes:
    """A Create whose object (or, for the id, which itself) has this JSON text in one place."""
    activity = create(peer)
    activity["object"]["name"] = "a"
    at = activity if hole == "id" else activity["object"]
    at[hole] = "HOLE"
    return json.dumps(activity).replace('"HOLE"', value).encode()


async def test_depth(server: Server, peer: Peer) -> None:
    """security.md: depth. 100 000 levels are 400 and the process lives on; so are 33."""
    for opening in (b"[", b'{"a":', b'[{"a":'):
        for count in (100_000, 33):
            await refused(server, peer, b'{"type":"Create","x":' + opening * count)


async def test_parser_differential(server: Server, peer: Peer) -> None:
    """security.md: parser-differential. A member that stands twice, plain or written with an
    escape, is 400: of two values Python keeps the last and others the first."""
    activity = create(peer)
    text = json.dumps(activity)
    for name in ("actor", "id", "type", "object", "@context"):
        escaped = f"\\u{ord(name[0]):04x}{name[1:]}"
        for again in (name, escaped):
            body = f'{{"{again}": {json.dumps(activity[name])}, {text[1:]}'
            reply = await refused(server, peer, body.encode())
            assert "twice" in reply.text


async def test_parser_differential_of_keywords(server: Server, peer: Peer) -> None:
    """security.md: parser-differential. `id` is another name for `@id`: both at once are two
    values for one thing, on the activity and in the object."""
    for keyword, value in (("@id", "https://elsewhere.example/1"), ("@type", "Delete")):
        for inside in (False, True):
            activity = create(peer)
            (activity["object"] if inside else activity)[keyword] = value
            await refused(server, peer, json.dumps(activity).encode())


async def test_CVE_2020_26890_numbers_that_are_none(server: Server, peer: Peer) -> None:
    """CVE-2020-26890: no JSON reader elsewhere takes them, and some stop at them for good."""
    for number in ("NaN", "Infinity", "-Infinity", "1e400", "-1e400"):
        await refused(server, peer, holed(peer, "name", f'{{"totalItems": {number}}}'))


async def test_CVE_2025_30355_integers_out_of_range(server: Server, peer: Peer) -> None:
    """CVE-2025-30355: and the queue drains afterwards."""
    for number in (2**53 + 1, -(10**17), 10**30):
        await refused(server, peer, holed(peer, "name", f'{{"totalItems": {number}}}'))


async def test_CVE_2025_30355_a_number_without_end(server: Server, peer: Peer) -> None:
    """CVE-2025-30355: 5000 digits, and half a million, without being computed."""
    for digits in (5_000, 500_000):
        started = time.process_time()
        await refused(server, peer, holed(peer, "name", "9" * digits))
        assert time.process_time() - started < 5


async def test_nul_and_lone_surrogates(server: Server, peer: Peer) -> None:
    """security.md: nul-and-lone-surrogates. PostgreSQL takes neither: 400 before it is asked."""
    for hole in ("id", "content", "name"):
        for escape in ("\\u0000", "\\ud800", "\\udfff", "\\ud83d\\ud83d\\ude00"):
            await refused(server, peer, holed(peer, hole, f'"a{escape}b"'))


async def test_nul_and_lone_surrogates_as_names(server: Server, peer: Peer) -> None:
    """security.md: nul-and-lone-surrogates. In the name of a member too."""
    await refused(server, peer, holed(peer, "name", '{"\\u0000": 1}'))


async def test_encodings(server: Server, peer: Peer) -> None:
    """security.md: encodings. UTF-8 without a byte order mark, whatever charset is claimed."""
    text = json.dumps(create(peer, name="é"), ensure_ascii=False)
    for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-32", "latin-1"):
        await refused(server, peer, text.encode(encoding))
        before = await server.contents()
        claimed = f"{AS2}; charset={encoding}"
        reply = await post(server, peer, text.encode(encoding), content_type=claimed)
        assert reply.status in (400, 415), encoding
        assert await server.contents() == before


PROOF = {"type": "DataIntegrityProof", "cryptosuite": "eddsa-jcs-2022", "proofValue": "z1"}


@pytest.mark.parametrize("with_proof", [False, True])
async def test_CVE_2026_42462_keywords_that_reshape_the_tree(
    server: Server, peer: Peer, with_proof: bool
) -> None:
    """CVE-2026-42462, CVE-2026-46349, CVE-2026-46713: at the top and nested, with a proof and
    without: 400 that points at it."""
    hidden = [{"type": "Delete", "actor": peer.id("carol"), "object": server.id("ann")}]
    proof = {"proof": PROOF, "signature": {"type": "RsaSignature2017"}} if with_proof else {}
    for keyword in ("@graph", "@included", "@reverse", "@nest"):
        top = {**create(peer), keyword: hidden, **proof}
        nested = {**create(peer, **{keyword: hidden}), **proof}
        for document, pointer in ((top, f"/{keyword}"), (nested, f"/object/{keyword}")):
            reply = await refused(server, peer, json.dumps(document).encode())
            assert reply.json["pointer"] == pointer


async def test_what_only_looks_dangerous_is_taken(server: Server, peer: Peer) -> None:
    """Escapes of harmless characters, pairs of surrogates, keywords in a text: 202 and kept."""
    text = "\U0001f600 @graph \\u0000 \x7f"
    activity = create(peer, content=text)
    assert (await post(server, peer, json.dumps(activity).encode())).status == 202
    await server.drained()
    [shown] = await server.items("ann", "inbox", as_="ann")
    assert shown["object"]["content"] == text
