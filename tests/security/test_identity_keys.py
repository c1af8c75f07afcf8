"""Keys that are weak, confused, replaced or stolen: whose word a signature is, and until when."""

from __future__ import annotations

import asyncio
import hmac
import json
import time
from datetime import timedelta
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apserver.core import limits
from tests.conftest import StartPeer
from tests.doubles.cavage import Dialect
from tests.doubles.peer import Peer, key_pair
from tests.doubles.server import PUBLIC, Server, until
from tests.flows.steps import follow_from
from tests.security.steps import accepted, deliver


async def status_of(server: Server, peer: Peer, **how: Any) -> int:
    """The answer to a new note of carol, by default signed by her own key."""
    note = peer.create("carol", "hello", PUBLIC)
    return (await deliver(server, peer, note, by="carol", **how)).status


def numbers_as_pem(bits: int) -> str:
    """A public key of so many bits; nobody has the other half."""
    key = RSAPublicNumbers(65537, (1 << bits) - 1).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("bits", [512, 1024, 65_536])
async def test_algorithm_confusion_sizes(server: Server, peer: Peer, bits: int) -> None:
    """security.md: algorithm confusion, SIG-C-12: short keys prove nothing, long ones cost
    nothing: 401 at once, a tenfold of the 50 ms that the look-up may take."""
    peer.documents["/users/carol"]["publicKey"]["publicKeyPem"] = numbers_as_pem(bits)
    before = await server.contents()
    start = time.process_time()
    assert await status_of(server, peer) == 401
    assert time.process_time() - start < 0.5
    assert await server.contents() == before


class Secret:
    """Whoever takes a public key for the secret of an HMAC can be told anything."""

    def __init__(self, secret: bytes):
        self._secret = secret

    def sign(self, data: bytes) -> bytes:
        """HMAC-SHA256."""
        return hmac.digest(self._secret, data, sha256)


@pytest.mark.parametrize("algorithm", ["hmac-sha256", "hs2019", "rsa-sha256"])
async def test_algorithm_confusion_the_public_key_is_no_secret(
    server: Server, peer: Peer, algorithm: str
) -> None:
    """security.md: algorithm confusion: the key decides, whatever the request calls it."""
    public = key_pair(f"carol@{peer.origin}").public()
    inbox = f"{server.id('ann')}/inbox"
    body = json.dumps(peer.create("carol", "hello", PUBLIC)).encode()
    for secret in (public.pem().encode(), public.pem().strip().encode(), public.spki):
        headers = Dialect(algorithm=algorithm).sign(
            inbox, body, key_id=f"{peer.id('carol')}#main-key", key=Secret(secret)
        )
        reply = await peer.send(inbox, body, by="carol", unsigned=True, headers=headers)
        assert reply.status == 401
    assert await server.rows("SELECT id FROM actor WHERE NOT ours") == []


async def test_key_rotation_race_an_announced_key_ends_the_old_one(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md: key rotation race, KEY-10: carol announces a new key by an Update that the old
    one signs. Whoever has the old one cannot use it any more, though carol is silent."""
    monkeypatch.setattr(limits, "KEY_MEMORY_S", 0.0)
    assert await status_of(server, peer) == 202
    document = peer.add_actor("carol", key="the new one")
    update = peer.activity("Update", "carol", object=document, to=[PUBLIC])
    await accepted(server, peer, update, by="carol")
    assert await status_of(server, peer) == 401
    assert await status_of(server, peer, key="the new one") == 202


async def test_key_rotation_race_no_key_is_believed_for_ever(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md: key rotation race: a day later a key is looked up again, and one that its owner
    does not list any more is none. While the owner's server is down the known one counts."""
    monkeypatch.setattr(limits, "KEY_MEMORY_S", 0.0)
    monkeypatch.setattr(limits, "NEGATIVE_CACHE_BUSY_S", 0.0)
    assert await status_of(server, peer) == 202
    assert await status_of(server, peer) == 202
    assert len(peer.asked) == 1
    await server.rows(
        "UPDATE public_key SET fetched_at = fetched_at - $1::interval RETURNING key_id",
        timedelta(seconds=limits.KEY_AGE_S),
    )
    peer.documents["/users/carol"] = 503
    assert await status_of(server, peer) == 202
    assert len(peer.asked) == 2
    peer.add_actor("carol", key="the new one")
    assert await status_of(server, peer) == 401
    assert await status_of(server, peer, key="the new one") == 202
    assert len(peer.asked) == 3


async def test_key_cache_holds_what_was_shown_alone(server: Server, start_peer: StartPeer) -> None:
    """Fedify #963, IO-19: mallory lives at carol's id with a slash behind, and calls its key as
    carol's is called. That puts no key of mallory's in the place of carol's."""
    peer = await start_peer("carol", "carol/")
    carols = peer.documents["/users/carol"]["publicKey"]
    peer.documents["/users/carol/"]["publicKey"] |= {"id": carols["id"]}
    theirs = key_pair(f"carol/@{peer.origin}").public()
    note = peer.create("carol/", "hello", PUBLIC)
    await accepted(server, peer, note, by="carol/")
    kept = {row["key_id"]: row for row in await server.rows("SELECT * FROM public_key")}
    assert carols["id"] not in kept
    [key] = kept.values()
    assert (key["owner"], key["der"]) == (peer.id("carol/"), theirs.spki)
    forged = peer.create("carol", "hello", PUBLIC)
    reply = await deliver(server, peer, forged, by="carol", key=f"carol/@{peer.origin}")
    assert reply.status == 401
    assert await status_of(server, peer) == 202


async def test_GHSA_8863_8468_7hq7_the_refusal_is_remembered(
    server: Server, start_peer: StartPeer
) -> None:
    """GHSA-8863-8468-7hq7, CVE-2026-34148: what is no key is not asked for again and again."""
    peer, mallory = await start_peer("carol"), await start_peer("mallory")
    await follow_from(peer, "carol", server, "ann")
    peer.documents["/keys/1"] = {
        "id": f"{peer.origin}/keys/1",
        "owner": mallory.id("mallory"),
        "publicKeyPem": key_pair("mallory's").public().pem(),
    }
    peer.asked.clear()
    for _ in range(5):
        key_id = f"{peer.origin}/keys/1"
        assert await status_of(server, peer, key_id=key_id, key="mallory's") == 401
    assert peer.asked == ["GET /keys/1"]
    assert mallory.asked == []


async def test_key_rotation_race_the_actor_that_came_with_the_key(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """security.md: key rotation race: with a new key comes the actor as it is now; deliveries go
    where it says, and nowhere else when it has unfollowed."""
    monkeypatch.setattr(limits, "KEY_REFETCH_S", 0.0)
    follow = await follow_from(peer, "carol", server, "ann")
    peer.add_actor("carol", key="the new one", endpoints={"sharedInbox": None})
    inbox = f"{server.id('ann')}/inbox"
    notes = [peer.create("carol", "hello", PUBLIC) for _ in range(10)]
    sends = (peer.send(inbox, note, by="carol", key="the new one") for note in notes)
    assert {one.status for one in await asyncio.gather(*sends)} == {202}
    [row] = await server.rows("SELECT inbox, n FROM follower_inbox")
    assert row == {"inbox": f"{peer.id('carol')}/inbox", "n": 1}
    undo = peer.activity("Undo", "carol", object=follow["id"])
    assert (await deliver(server, peer, undo, by="carol", key="the new one")).status == 202
    assert await server.rows("SELECT inbox FROM follower_inbox") == []


async def test_key_rotation_race_one_document_under_many_names(server: Server, peer: Peer) -> None:
    """IO-20, security.md: key rotation race: what stands behind # is not sent, so a hundred made-up
    names of keys cost three fetches, also at once; the real key counts all the time, one
    that was put there meanwhile too, and other keys of the host."""
    made_up = [f"{peer.id('carol')}#{number}" for number in range(100)]
    statuses = await asyncio.gather(*(status_of(server, peer, key_id=one) for one in made_up[:80]))
    assert len(peer.asked) <= limits.KEY_DOCUMENT_FETCHES
    statuses += [await status_of(server, peer, key_id=one) for one in made_up[80:]]
    assert set(statuses) == {401}
    assert peer.asked == ["GET /users/carol"] * limits.KEY_DOCUMENT_FETCHES
    assert await status_of(server, peer) == 202
    peer.add_actor("dave")
    note = peer.create("dave", "hello", PUBLIC)
    assert (await deliver(server, peer, note, by="dave")).status == 202
    nobody = [f"{peer.origin}/users/nobody#{number}" for number in range(20)]
    peer.asked.clear()
    assert {await status_of(server, peer, key_id=one) for one in nobody} == {401}
    assert peer.asked == ["GET /users/nobody"]


async def test_key_rotation_race_a_host_is_not_asked_without_end(
    server: Server, peer: Peer
) -> None:
    """IO-20, KEY-08, security.md: key rotation race: with another query each it is another document
    each: of those that fail so many are asked for in a minute, then it is 503, as that says nothing
    of the key; keys that are known count all the time, and other hosts are not concerned."""
    assert await status_of(server, peer) == 202
    peer.asked.clear()
    statuses = [
        await status_of(server, peer, key_id=f"{peer.origin}/nobody?{number}#key")
        for number in range(limits.KEY_FAILURES_OF_HOST + 10)
    ]
    assert statuses == [401] * limits.KEY_FAILURES_OF_HOST + [503] * 10
    assert len(peer.asked) == limits.KEY_FAILURES_OF_HOST
    assert await status_of(server, peer) == 202
    peer.add_actor("dave")
    note = peer.create("dave", "hello", PUBLIC)
    reply = await deliver(server, peer, note, by="dave")
    assert reply.status == 503
    assert 0 < int(reply.headers["Retry-After"]) <= 60


async def test_key_rotation_race_who_is_asked_for_too_early(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CVE-2026-34148, the other side: a stranger makes us look for a key before it is there; its
    owner is not kept out by that for long."""
    monkeypatch.setattr(limits, "NEGATIVE_CACHE_FIRST_S", 0.2)
    key_id = f"{peer.id('erin')}#main-key"
    assert await status_of(server, peer, key_id=key_id) == 401
    peer.add_actor("erin")
    note = peer.create("erin", "hello", PUBLIC)

    async def heard() -> bool:
        return (await deliver(server, peer, note, by="erin")).status == 202

    await until(heard)
