"""The keys of our actors: published in both kinds, and replaced while others know the old ones."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import web

from apserver import app
from apserver.core.keys import PublicKey
from apserver.core.signatures import Request, check_digest, read_claim, verify
from apserver.errors import NotTrusted, Refused
from tests.doubles.peer import Peer, Received
from tests.doubles.server import AS2, PUBLIC, Server
from tests.flows.steps import follow_from


async def rsa_key(server: Server, name: str = "ann") -> PublicKey:
    """The key that the actor's document shows now."""
    reply = await server.get(f"/actors/{name}", Accept=AS2)
    return PublicKey.from_pem(reply.json["publicKey"]["publicKeyPem"])


def is_signed_by(key: PublicKey, received: Received, peer: Peer) -> bool:
    """Whether the signature of a POST that the peer got is by this key."""
    return _holds(key, "POST", peer.origin + received.inbox, received.headers, received.body)


def _holds(
    key: PublicKey, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
) -> bool:
    request = Request.from_pairs(method, url, headers=headers.items(), body=body)
    claim = read_claim(request)
    check_digest(request, claim)
    try:
        verify(claim, key, now=datetime.now(UTC))
    except NotTrusted:
        return False
    return True


async def rotate(server: Server, name: str = "ann") -> Any:
    """As `apserver actor rotate-key` does, from another process."""
    return await app.rotate_key(server.dsn, server.settings, name=name)


async def say(server: Server, peer: Peer, text: str) -> Received:
    """A public post of ann; the delivery that the peer's shared inbox got."""
    await server.note("ann", text, PUBLIC, cc=[f"{server.id('ann')}/followers"])
    await server.drained()
    found = [one for one in peer.received if one.json.get("type") == "Create"]
    assert found[-1].json["object"]["content"] == text
    return found[-1]


async def test_KEY_04_every_actor_has_an_ed25519_key(server: Server) -> None:
    """KEY-04, FEP-521a: beside the RSA key, another for each, and the server's own actor too."""
    multikeys = []
    for name in ("ann", "bob", "instance"):
        document = (await server.get(f"/actors/{name}", Accept=AS2)).json
        assert document["publicKey"]["id"] == f"{server.id(name)}#main-key"
        [multikey] = document["assertionMethod"]
        assert multikey["id"] == f"{server.id(name)}#ed25519-key"
        assert (multikey["type"], multikey["controller"]) == ("Multikey", server.id(name))
        assert PublicKey.from_multikey(multikey["publicKeyMultibase"]).kind == "ed25519"
        multikeys.append(multikey["publicKeyMultibase"])
    assert len(set(multikeys)) == 3
    rows = await server.rows("SELECT algorithm, private FROM key_pair")
    assert sorted(row["algorithm"] for row in rows) == ["ed25519"] * 3 + ["rsa"] * 3
    assert len({row["private"] for row in rows}) == 6


async def test_KEY_10_the_update_is_signed_under_the_old_key(server: Server, peer: Peer) -> None:
    """KEY-10: followers are told under the key they know; the document has the new one at once."""
    await follow_from(peer, "carol", server, "ann")
    before = (await server.get("/actors/ann", Accept=AS2)).json
    old = await rsa_key(server)
    rotated = await rotate(server)
    new = await rsa_key(server)
    assert rotated == app.RotatedKey(server.id("ann"), f"{server.id('ann')}#main-key")
    assert new != old
    await server.drained()

    [update] = await peer.wait("Update")
    assert update.inbox == "/inbox"
    assert is_signed_by(old, update, peer)
    assert (update.json["actor"], update.json["to"]) == (server.id("ann"), [PUBLIC])
    after = (await server.get("/actors/ann", Accept=AS2)).json
    assert update.json["@context"] == after.pop("@context")
    # Which streams there are hangs on the configuration, and is told when the actor is asked for.
    assert after.pop("streams") == before.pop("streams")
    assert update.json["object"] == after
    kept = {key: value for key, value in after.items() if key not in _OF_KEYS}
    assert kept == {key: value for key, value in before.items() if key not in _OF_KEYS}
    for name in ("publicKey", "assertionMethod"):
        assert after[name] != before[name]
    assert after["assertionMethod"][0]["id"] == before["assertionMethod"][0]["id"]
    [listed] = await server.items("ann", "outbox")
    assert listed["id"] == update.json["id"]

    post = await say(server, peer, "with the new key")
    assert is_signed_by(new, post, peer)
    assert post.signer == f"{server.id('ann')}#main-key"


_OF_KEYS = ("@context", "publicKey", "assertionMethod")


async def test_KEY_10_whoever_knows_the_new_key_gets_it_under_that(
    server: Server, peer: Peer
) -> None:
    """KEY-10: a server that fetched the new key before the Update came refuses the old one."""
    await follow_from(peer, "carol", server, "ann")
    key = await rsa_key(server)

    async def strict(request: web.Request) -> web.Response:
        url = peer.origin + request.raw_path
        held = _holds(key, "POST", url, request.headers, await request.read())
        return web.Response(status=202 if held else 401)

    peer.inboxes["/inbox"] = strict
    old, _ = key, await rotate(server)
    key = await rsa_key(server)
    await server.drained()
    updates = [one for one in peer.received if one.json.get("type") == "Update"]
    assert updates[-1].status == 202
    assert [is_signed_by(old, one, peer) for one in updates] == [True] * (len(updates) - 1) + [
        False
    ]
    assert await server.rows("SELECT * FROM delivery") == []


async def test_the_key_changes_again_and_again(server: Server, peer: Peer) -> None:
    """Each Update is signed by the key before it, also when the host was down meanwhile."""
    await follow_from(peer, "carol", server, "ann")
    peer.inboxes["/inbox"] = 503
    keys = [await rsa_key(server)]
    for _ in range(2):
        await rotate(server)
        keys.append(await rsa_key(server))
    await server.drained()
    peer.inboxes.clear()
    await server.rows("UPDATE host SET next_at = now(), failures = 0")
    await server.drained()
    updates = [one for one in peer.received if one.json["type"] == "Update" and one.status == 202]
    assert [is_signed_by(key, one, peer) for key, one in zip(keys, updates, strict=False)] == [
        True,
        True,
    ]
    assert is_signed_by(keys[2], await say(server, peer, "and on"), peer)


async def test_the_retired_key_signs_nothing_else_and_goes(server: Server, peer: Peer) -> None:
    """It lies sealed beside its Update for as long as a delivery may wait, 7 days."""
    await follow_from(peer, "carol", server, "ann")
    await rotate(server)
    [row] = await server.rows("SELECT activity, key_id FROM retired_key")
    assert row["key_id"] == f"{server.id('ann')}#main-key"
    await rotate(server)
    assert len(await server.rows("SELECT * FROM retired_key")) == 2
    await server.rows("UPDATE retired_key SET retired_at = now() - interval '7 days 1 minute'")
    await app.migrate(server.dsn, server.settings)
    assert await server.rows("SELECT * FROM retired_key") == []


async def test_the_key_of_the_server_itself(server: Server, peer: Peer) -> None:
    """What is fetched is signed with the instance actor's new key, without a restart."""
    gets: list[Mapping[str, str]] = []
    for name in ("dave", "erin"):
        actor = peer.add_actor(name)

        async def serve(request: web.Request, actor: Any = actor) -> web.Response:
            gets.append(request.headers)
            return web.json_response(actor, content_type=AS2)

        peer.documents[f"/users/{name}"] = serve
    old = await rsa_key(server, "instance")
    await server.post("ann", {"type": "Follow", "object": peer.id("dave")})
    await server.drained()
    await rotate(server, "instance")
    new = await rsa_key(server, "instance")
    await server.post("ann", {"type": "Follow", "object": peer.id("erin")})
    await server.drained()
    first, second = gets
    assert _holds(old, "GET", peer.id("dave"), first)
    assert not _holds(old, "GET", peer.id("erin"), second)
    assert _holds(new, "GET", peer.id("erin"), second)


@pytest.mark.parametrize("name", ["nobody", ""])
async def test_there_must_be_an_actor(server: Server, name: str) -> None:
    with pytest.raises(Refused, match="no actor named"):
        await rotate(server, name)


async def test_KEY_05_KEY_10_a_peer_replaces_its_key(server: Server, peer: Peer) -> None:
    """KEY-05, KEY-10: told under the old key or not at all, the new one counts from its first use,
    and the old one no more."""
    inbox = f"{server.id('ann')}/inbox"
    old, new = f"carol@{peer.origin}", "the new one"

    async def send(key: str) -> int:
        note = peer.create("carol", "hello", PUBLIC)
        return (await peer.send(inbox, note, by="carol", key=key)).status

    assert await send(old) == 202
    document = peer.add_actor("carol", key=new)
    update = peer.activity("Update", "carol", object=document, to=[PUBLIC])
    assert (await peer.send(inbox, update, by="carol", key=old)).status == 202
    assert await send(new) == 202
    assert await send(new) == 202
    assert [one for one in peer.asked if one == "GET /users/carol"] == ["GET /users/carol"] * 2
    assert await send(old) == 401
