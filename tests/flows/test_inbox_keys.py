"""Whose key is it? Looking up keys of other servers, while the inbox waits for the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apserver.core import limits
from tests.conftest import StartPeer, free_port
from tests.doubles.peer import Peer, Responder, key_pair
from tests.doubles.server import CONTEXT, PUBLIC, Reply, Server


def bare_key(peer: Peer, owner: str, *, key: str, id_: str | None = None) -> str:
    """Put up a document of a key alone; its URL."""
    url = id_ or f"{peer.origin}/keys/1"
    peer.documents["/keys/1"] = {
        "@context": [CONTEXT, "https://w3id.org/security/v1"],
        "id": url,
        "type": "Key",
        "owner": owner,
        "publicKeyPem": key_pair(key).public().pem(),
    }
    return f"{peer.origin}/keys/1"


async def send(server: Server, peer: Peer, **how: Any) -> Reply:
    """A new Note of carol to ann's inbox."""
    note = peer.create("carol", "hello", PUBLIC)
    return await peer.send(f"{server.id('ann')}/inbox", note, by="carol", **how)


async def refused(server: Server, peer: Peer, *, status: int, **how: Any) -> Reply:
    """The same, refused and with nothing stored."""
    before = await server.contents()
    reply = await send(server, peer, **how)
    assert reply.status == status, reply.text
    assert await server.contents() == before
    return reply


def gets(peer: Peer) -> list[str]:
    """What was fetched from the peer."""
    return [one for one in peer.asked if one.startswith("GET ")]


async def test_KEY_01_the_cache_first_then_one_get(server: Server, peer: Peer) -> None:
    """KEY-01, KEY-02: the actor is fetched without the fragment, once, also for 20 at a time."""
    replies = await asyncio.gather(*(send(server, peer) for _ in range(20)))
    assert {one.status for one in replies} == {202}
    assert (await send(server, peer)).status == 202
    assert gets(peer) == ["GET /users/carol"]


async def test_KEY_02_a_bare_key_that_its_owner_lists(server: Server, peer: Peer) -> None:
    """KEY-02, security.md: rule 4: from the key to its owner, and back."""
    url = bare_key(peer, peer.id("carol"), key="the bare one")
    peer.add_actor("carol", publicKey=url)
    assert (await send(server, peer, key_id=url, key="the bare one")).status == 202
    assert gets(peer) == ["GET /keys/1", "GET /users/carol"]


async def test_KEY_02_IO_21_a_key_that_its_owner_does_not_list(server: Server, peer: Peer) -> None:
    """KEY-02, IO-21, CVE-2026-96625, security.md: rule 4: anybody can publish a key and call carol
    its owner."""
    url = bare_key(peer, peer.id("carol"), key="mallory's")
    await refused(server, peer, status=401, key_id=url, key="mallory's")
    await refused(server, peer, status=401, key_id=url, key="mallory's")
    assert gets(peer) == ["GET /keys/1", "GET /users/carol"], "the refusal is remembered"


async def test_IO_21_a_key_on_another_host(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """IO-21, FEP-fe34: not even when the owner lists it."""
    elsewhere = await start_peer("mallory")
    url = bare_key(elsewhere, peer.id("carol"), key="far away")
    peer.add_actor("carol", publicKey=url)
    await refused(server, peer, status=401, key_id=url, key="far away")


async def test_KEY_02_a_document_with_another_key_id(server: Server, peer: Peer) -> None:
    """KEY-02, Fedify #963: what calls itself otherwise is not the key that was asked for."""
    bare_key(peer, peer.id("carol"), key="the bare one", id_=f"{peer.origin}/keys/2")
    peer.add_actor("carol", publicKey=f"{peer.origin}/keys/2")
    await refused(server, peer, status=401, key_id=f"{peer.origin}/keys/1", key="the bare one")
    await refused(server, peer, status=401, key_id=f"{peer.id('carol')}#other-key")


async def test_the_owner_must_live_at_its_id(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """GHSA-8863-8468-7hq7: an owner's id that leads to another actor proves nothing."""
    mallory = await start_peer("mallory")

    async def redirect(_: web.Request) -> web.Response:
        raise web.HTTPFound(mallory.id("mallory"))

    peer.documents["/users/carol"] = redirect
    url = bare_key(peer, peer.id("carol"), key=f"mallory@{mallory.origin}")
    mallory.documents["/users/mallory"]["publicKey"] = url
    await refused(server, peer, status=401, key_id=url, key=f"mallory@{mallory.origin}")


async def test_KEY_03_IO_18_a_stub_leads_to_the_owner(server: Server, peer: Peer) -> None:
    """KEY-03, IO-18: GoToSocial answers its key's path with a stub of the actor."""
    actor = peer.add_actor("carol")
    key_id = f"{peer.id('carol')}/main-key"
    actor["publicKey"]["id"] = key_id
    peer.documents["/users/carol/main-key"] = {
        key: actor[key] for key in ("@context", "id", "type", "preferredUsername", "publicKey")
    }
    assert (await send(server, peer, key_id=key_id)).status == 202
    assert gets(peer) == ["GET /users/carol/main-key", "GET /users/carol"]


async def test_IO_19_odd_key_ids(server: Server, peer: Peer) -> None:
    """IO-19: resolved or 401, never 500; nothing is fetched that is no http URL, or ours."""
    peer.documents["/users/carol/"] = peer.documents["/users/carol"]
    assert (await send(server, peer, key_id=f"{peer.id('carol')}/#main-key")).status == 202
    await server.drained()
    odd = [
        f"{peer.id('carol')}#ed25519-key",
        f"acct:carol@{peer.origin.removeprefix('http://')}",
        "carol",
        "file:///etc/passwd",
        f"http://carol@{peer.origin.removeprefix('http://')}/users/carol",
        f"{server.id('ann')}#main-key",
        f"{peer.origin}/" + "x" * 3000,
    ]
    for key_id in odd:
        await refused(server, peer, status=401, key_id=key_id)
    assert [one for one in gets(peer) if "xxx" in one] == []


async def test_IO_20_KEY_05_a_replaced_key_is_fetched_once(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IO-20, KEY-05, security.md: key rotation race: the rotated key is found with one GET, and
    counts from then on."""
    assert (await send(server, peer)).status == 202
    peer.add_actor("carol", key="the new one")
    monkeypatch.setattr(limits, "KEY_REFETCH_S", 0.0)
    assert (await send(server, peer, key="the new one")).status == 202
    assert len(gets(peer)) == 2
    assert (await send(server, peer, key="the new one")).status == 202
    assert len(gets(peer)) == 2
    await server.drained()
    await refused(server, peer, status=401)


async def test_IO_20_KEY_05_no_storm_of_refetches(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """IO-20, KEY-05, security.md: key rotation race: 100 bad signatures cost at most one fetch,
    whatever the key's server says."""
    assert (await send(server, peer)).status == 202
    await server.drained()
    before = await server.contents()
    for answer in (peer.documents["/users/carol"], 500, 451):
        peer.documents["/users/carol"] = answer
        peer.asked.clear()
        monkeypatch.setattr(limits, "KEY_REFETCH_S", 0.0)
        replies = [await send(server, peer, key="wrong")]
        monkeypatch.setattr(limits, "KEY_REFETCH_S", 300.0)
        replies += [await send(server, peer, key="wrong") for _ in range(4)]
        replies += await asyncio.gather(*(send(server, peer, key="wrong") for _ in range(95)))
        assert {one.status for one in replies} == {401}
        assert gets(peer) == ["GET /users/carol"]
    assert await server.contents() == before
    assert (await send(server, peer)).status == 202, "the known key still counts"


async def test_KEY_08_a_key_server_that_is_down(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """KEY-08: 503 and Retry-After when it does not answer, in time or at all; asked once."""
    monkeypatch.setattr(limits, "KEY_LOOKUP_S", 0.3)

    async def hang(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        raise AssertionError("nobody waits this long")

    answers: list[int | Responder] = [500, 429, hang]
    for number, answer in enumerate(answers):
        peer.documents[f"/users/{number}"] = answer
        key_id = f"{peer.origin}/users/{number}#main-key"
        for _ in range(2):
            reply = await refused(server, peer, status=503, key_id=key_id)
            assert int(reply.headers["Retry-After"]) > 0
        assert gets(peer).count(f"GET /users/{number}") == 1
    nobody = f"http://127.0.0.1:{free_port()}/users/carol#main-key"
    await refused(server, peer, status=503, key_id=nobody)


async def test_KEY_08_a_key_that_is_gone(server: Server, peer: Peer) -> None:
    """KEY-08, IO-25: 404 and 410 are answers: 401, without waiting for better times."""
    for status in (404, 410):
        peer.documents["/users/carol"] = status
        await refused(server, peer, status=401, key_id=f"{peer.id('carol')}#{status}")


async def test_SIG_C_12_a_short_key_is_no_key(server: Server, peer: Peer) -> None:
    """SIG-C-12: RSA keys below 2048 bits prove nothing."""
    short = rsa.generate_private_key(65537, 1024).public_key()
    pem = short.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    peer.documents["/users/carol"]["publicKey"]["publicKeyPem"] = pem
    await refused(server, peer, status=401)


async def test_a_key_served_as_another_type_is_no_key(server: Server, peer: Peer) -> None:
    """CVE-2024-25623: an uploaded file does not speak for its host."""
    for number, media_type in enumerate(("application/json", "text/plain", "application/ld+json")):
        key_id = f"{peer.origin}/uploads/{number}"
        document = {"id": key_id, "owner": peer.id("carol")}
        document["publicKeyPem"] = key_pair("uploaded").public().pem()

        async def upload(
            _: web.Request, document: dict[str, str] = document, media_type: str = media_type
        ) -> web.Response:
            return web.json_response(document, content_type=media_type)

        peer.documents[f"/uploads/{number}"] = upload
        peer.add_actor("carol", publicKey=key_id)
        await refused(server, peer, status=401, key_id=key_id, key="uploaded")
        assert gets(peer)[-1] == f"GET /uploads/{number}"


async def test_KEY_06_IO_22_the_signer_is_the_actor(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """KEY-06, IO-22, AP-SEC-01, CVE-2026-55103, CVE-2025-54888: a good signature of one is no word
    of another, same host or not."""
    peer.add_actor("mallory")
    elsewhere = await start_peer("eve")
    inbox = f"{server.id('ann')}/inbox"
    note = peer.create("carol", "hello", PUBLIC)
    for known in (False, True):
        before = await server.contents()
        assert (await peer.send(inbox, note, by="mallory")).status in (401, 403)
        assert (await elsewhere.send(inbox, note, by="eve")).status in (401, 403)
        assert await server.contents() == before
        if not known:
            for sender, name in ((peer, "mallory"), (elsewhere, "eve")):
                own = sender.create(name, "hello", PUBLIC)
                assert (await sender.send(inbox, own, by=name)).status == 202
            await server.drained()
    assert (await peer.send(inbox, note, by="carol")).status == 202


async def test_an_id_of_another_origin_is_refused(
    server: Server, peer: Peer, start_peer: StartPeer
) -> None:
    """GHSA-4qhx-hhwf-8685: it must not take the id that the other server is going to use."""
    victim = await start_peer("dave")
    taken = victim.create("dave", "mine", PUBLIC)
    forged = peer.create("carol", "not mine", PUBLIC) | {"id": taken["id"]}
    inbox = f"{server.id('ann')}/inbox"
    before = await server.contents()
    assert (await peer.send(inbox, forged, by="carol")).status in (401, 403)
    assert await server.contents() == before
    assert (await victim.send(inbox, taken, by="dave")).status == 202
    await server.drained()
    assert [one["id"] for one in await server.items("ann", "inbox", as_="ann")] == [taken["id"]]


async def test_IO_25_KEY_07_the_end_of_a_stranger_is_no_work(server: Server, peer: Peer) -> None:
    """IO-25, KEY-07, security.md: gone actors: 202 with nothing fetched and nothing stored, signed,
    wrongly or gone."""
    peer.documents["/users/gone"] = 410
    gone = peer.activity("Delete", "gone", object_=peer.id("gone"))
    before = await server.contents()
    for inbox in (f"{server.origin}/inbox", f"{server.id('ann')}/inbox"):
        assert (await peer.send(inbox, gone, by="gone")).status == 202
        without_id = {key: value for key, value in gone.items() if key != "id"}
        assert (await peer.send(inbox, without_id, by="gone")).status == 202
    assert peer.asked == []
    assert await server.contents() == before
    # Of somebody else it is an activity as any other: its key is needed, and gone.
    other = peer.activity("Delete", "gone", object_=peer.new_id("notes"))
    assert (await peer.send(f"{server.origin}/inbox", other, by="gone")).status == 401
    assert await server.contents() == before
