"""RFC 9421 at the door: inboxes and signed GETs. IO-24, SIG-R, KEY-04, KEY-08.

What each header may look like is tested in tests/core; here it is a request to a running server.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from apserver.core.keys import PrivateKey
from apserver.core.signatures import (
    AskedSignature,
    Request,
    Scheme,
    asked_signature,
    sign_cavage,
    sign_rfc9421,
)
from tests.doubles.peer import Peer, key_pair
from tests.doubles.server import AS2, PUBLIC, Reply, Server
from tests.flows.steps import check_problem, follow_from

ED25519 = PrivateKey.of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
Headers = dict[str, str]


def signed_note(
    peer: Peer, inbox: str, *, asked: AskedSignature | None = None
) -> tuple[bytes, Headers]:
    """A new note of carol and the headers that deliver it to an inbox, signed by RFC 9421."""
    body = json.dumps(peer.create("carol", "hello", PUBLIC)).encode()
    signed = sign_rfc9421(
        Request("POST", inbox, {"content-type": [AS2]}, body),
        key_id=f"{peer.id('carol')}#main-key",
        key=key_pair(f"carol@{peer.origin}"),
        now=datetime.now(UTC),
        asked=asked,
    )
    return body, {"Content-Type": AS2, **signed}


async def deliver(
    server: Server, peer: Peer, change: Callable[[Headers], Headers] = lambda headers: headers
) -> Reply:
    """A note of carol to ann; ``change`` alters the headers that are sent."""
    inbox = f"{server.id('ann')}/inbox"
    body, headers = signed_note(peer, inbox)
    return await server.ask("POST", inbox, data=body, **change(headers))


def replaced(name: str, old: str, new: str) -> Callable[[Headers], Headers]:
    """A change of one header."""

    def change(headers: Headers) -> Headers:
        assert old in headers[name]
        return {**headers, name: headers[name].replace(old, new)}

    return change


def without(name: str) -> Callable[[Headers], Headers]:
    """One header left out."""
    return lambda headers: {key: value for key, value in headers.items() if key != name}


async def test_IO_24_SIG_R_06_a_post_signed_by_rfc9421(server: Server, peer: Peer) -> None:
    """IO-24, SIG-R-06, SIG-R-07: accepted, listed, and its key is fetched as any other."""
    reply = await deliver(server, peer)
    assert reply.status == 202, reply.text
    assert "Accept-Signature" not in reply.headers
    await server.drained()
    assert [one["type"] for one in await server.items("ann", "inbox", as_="ann")] == ["Create"]
    assert peer.asked == ["GET /users/carol"]


@pytest.mark.parametrize(
    "change",
    [
        without("Signature"),
        without("Content-Digest"),
        replaced("Signature-Input", ' "content-digest"', ""),
        replaced("Signature-Input", ' "@target-uri"', ' "@path"'),
        replaced("Signature-Input", '("@method"', '("@method" "x-missing"'),
        replaced("Signature-Input", ";created=", ";expires="),
        replaced("Signature-Input", ";keyid=", ";alg="),
        replaced("Signature-Input", ";keyid=", ';alg="ed25519";keyid='),
        replaced("Signature-Input", "#main-key", "#other-key"),
        replaced("Signature-Input", "sig1=", "sig2="),
        replaced("Signature", "sig1=:", "sig1=:AAAA"),
        replaced("Content-Digest", "sha-256=:", "md5=:"),
        replaced("Content-Digest", "sha-256=:", "sha-256=:AAAA"),
    ],
    ids=lambda change: "",
)
async def test_KEY_08_what_proves_nothing_is_401(
    server: Server, peer: Peer, change: Callable[[Headers], Headers]
) -> None:
    """KEY-08, IO-24, SIG-R-01, -04, -06, -07: 401, with the form that would do, and no trace."""
    before = await server.contents()
    reply = await deliver(server, peer, change)
    check_problem(reply, 401)
    wanted = 'sig1=("@method" "@target-uri" "content-digest");created'
    assert reply.headers["Accept-Signature"] == wanted
    assert await server.contents() == before


@pytest.mark.parametrize(
    "change",
    [
        replaced("Signature-Input", "sig1=(", "sig1=(("),
        replaced("Signature-Input", "sig1=(", "sig1=;("),
        replaced("Signature", "sig1=:", "sig1="),
        replaced("Content-Digest", "sha-256=:", "sha-256="),
    ],
    ids=lambda change: "",
)
async def test_KEY_08_what_is_no_structured_field_is_400(
    server: Server, peer: Peer, change: Callable[[Headers], Headers]
) -> None:
    """KEY-08, IO-24, SIG-R-07: malformed is another matter than untrue."""
    before = await server.contents()
    check_problem(await deliver(server, peer, change), 400)
    assert await server.contents() == before


async def test_SIG_R_08_time_and_body_are_signed_for(server: Server, peer: Peer) -> None:
    """SIG-R-08, SIG-R-03: an hour old is good, 70 minutes are not, nor is another body or place."""
    inbox = f"{server.id('ann')}/inbox"
    note = peer.create("carol", "hello", PUBLIC)
    for minutes, status in ((-59, 202), (-70, 401), (70, 401)):
        now = datetime.now(UTC) + timedelta(minutes=minutes)
        reply = await peer.send(inbox, note, by="carol", scheme="rfc9421", now=now)
        assert reply.status == status, minutes
    for how in ({"change": lambda body: body + b" "}, {"key": "another"}):
        assert (await peer.send(inbox, note, by="carol", scheme="rfc9421", **how)).status == 401
    body, headers = signed_note(peer, inbox)
    for place in (f"{server.id('bob')}/inbox", f"{inbox}?again"):
        assert (await server.ask("POST", place, data=body, **headers)).status == 401, place
    assert (await server.ask("POST", inbox, data=body, **headers)).status == 202


async def test_SIG_R_10_who_does_as_asked_is_accepted(server: Server, peer: Peer) -> None:
    """SIG-R-10, RFC 9421 5: our Accept-Signature leads to a signature that we accept."""
    inbox = f"{server.id('ann')}/inbox"
    refused = await server.ask("POST", inbox, data=signed_note(peer, inbox)[0], Content_Type=AS2)
    assert refused.status == 401
    asked = asked_signature(
        refused.headers["Accept-Signature"],
        Request("POST", inbox, {}),
        key_id=f"{peer.id('carol')}#main-key",
        kind="rsa",
    )
    assert asked is not None
    body, headers = signed_note(peer, inbox, asked=asked)
    assert (await server.ask("POST", inbox, data=body, **headers)).status == 202


async def test_SIG_R_10_only_where_a_signature_would_help(server: Server) -> None:
    """A client with a bad token, or none at an outbox, is not asked for an HTTP signature."""
    outbox = await server.ask("POST", "/actors/ann/outbox", data={}, Content_Type=AS2)
    token = await server.get("/actors/ann/inbox", Authorization="Bearer nonsense")
    for reply in (outbox, token):
        assert reply.status == 401
        assert "Accept-Signature" not in reply.headers


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_KEY_04_ed25519_from_assertion_method(
    server: Server, peer: Peer, scheme: Scheme
) -> None:
    """KEY-04, IO-19: a Multikey in assertionMethod signs in either scheme, once it is listed."""
    key_id = f"{peer.id('carol')}#ed25519-key"
    inbox = f"{server.id('ann')}/inbox"

    async def send(**how: Any) -> int:
        note = peer.create("carol", "hello", PUBLIC)
        reply = await peer.send(inbox, note, by="carol", key_id=key_id, scheme=scheme, **how)
        return reply.status

    multikey = {
        "id": key_id,
        "type": "Multikey",
        "controller": peer.id("carol"),
        "publicKeyMultibase": ED25519.public().multikey(),
    }
    peer.add_actor("carol", assertionMethod=[multikey])
    assert await send(key=ED25519) == 202
    assert await send() == 401, "signed by the RSA key under the id of the other"
    [row] = await server.rows("SELECT owner FROM public_key WHERE key_id = $1", key_id)
    assert row["owner"] == peer.id("carol")


@pytest.mark.parametrize("listed", [{}, {"controller": "https://elsewhere.example/users/eve"}])
async def test_KEY_04_IO_21_an_ed25519_key_that_is_not_hers(
    server: Server, peer: Peer, listed: dict[str, str]
) -> None:
    """KEY-04, IO-21: not listed, or listed as the key of somebody else."""
    key_id = f"{peer.id('carol')}#ed25519-key"
    if listed:
        multikey = {"id": key_id, "publicKeyMultibase": ED25519.public().multikey(), **listed}
        peer.add_actor("carol", assertionMethod=[multikey])
    note = peer.create("carol", "hello", PUBLIC)
    reply = await peer.send(
        f"{server.id('ann')}/inbox", note, by="carol", key_id=key_id, key=ED25519, scheme="rfc9421"
    )
    assert reply.status == 401, reply.text


@pytest.mark.parametrize("scheme", ["cavage", "rfc9421"])
async def test_signed_gets_in_both_schemes(server: Server, peer: Peer, scheme: Scheme) -> None:
    """KEY-09: a follower sees by its signature what a stranger does not; a bad one is refused."""
    await follow_from(peer, "carol", server, "ann")
    created = await server.note("ann", "for followers", f"{server.id('ann')}/followers")
    note = created["object"]["id"]
    assert (await server.get(note, Accept=AS2)).status == 404
    seen = await peer.get(note, by="carol", scheme=scheme)
    assert seen.status == 200, seen.text
    assert seen.json["content"] == "for followers"
    peer.add_actor("carol", key="another")
    peer.add_actor("mallory")
    assert (await peer.get(note, by="mallory", scheme=scheme)).status == 404
    sign = sign_rfc9421 if scheme == "rfc9421" else sign_cavage
    forged = sign(
        Request("GET", note, {}),
        key_id=f"{peer.id('carol')}#main-key",
        key=key_pair("mallory's"),
        now=datetime.now(UTC),
    )
    refused = await server.get(note, Accept=AS2, **forged)
    check_problem(refused, 401)
    assert refused.headers["Accept-Signature"] == 'sig1=("@method" "@target-uri");created'
