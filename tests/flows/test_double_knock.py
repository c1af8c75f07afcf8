"""Outgoing requests to servers that read only one of the two schemes: SIG-R-10, IO-28."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from aiohttp import web

from apserver.core.signatures import Request, Scheme, read_claim
from apserver.flow.knocks import load_knocks
from apserver.net.knock import Knocks
from apserver.store.db import Database
from tests.conftest import StartServer
from tests.doubles.peer import Peer, Received, Responder, scheme_of
from tests.doubles.server import AS2, PUBLIC, Server, until

INBOX = "/inbox"


def taking(scheme: Scheme, *, otherwise: int = 401) -> Responder:
    """The answer of a server that reads one scheme."""

    async def answer(request: web.Request) -> web.Response:
        status = 202 if scheme_of(request.headers) == scheme else otherwise
        return web.Response(status=status)

    return answer


async def say(server: Server, peer: Peer) -> list[Received]:
    """A note of ann to carol; the requests that delivering it took."""
    before = len(peer.received)
    await server.note("ann", "hello", peer.id("carol"))
    await server.drained()
    return peer.received[before:]


def seen(requests: list[Received]) -> list[tuple[Scheme | None, int]]:
    """How each was signed, and what it was answered."""
    return [(one.scheme, one.status) for one in requests]


async def waiting(server: Server) -> list[dict[str, Any]]:
    """Deliveries that are not done."""
    return await server.rows("SELECT inbox FROM delivery")


async def test_SIG_R_10_cavage_first_and_once(server: Server, peer: Peer) -> None:
    """SIG-C-07, SIG-R-10: who takes cavage, or says so (Pixelfed), sees nothing else."""
    for _ in range(2):
        [request] = await say(server, peer)
        assert (request.scheme, request.status) == ("cavage", 202)
        assert request.signer == f"{server.id('ann')}#main-key"
    assert await server.rows("SELECT * FROM knock") == []


@pytest.mark.parametrize("refusal", [400, 401, 403])
async def test_SIG_R_10_refused_cavage_is_followed_by_rfc9421(
    server: Server, peer: Peer, refusal: int
) -> None:
    """SIG-R-10, SIG-R-05, SIG-R-06: at once, in the same attempt; the next one knows."""
    peer.inboxes[INBOX] = taking("rfc9421", otherwise=refusal)
    first = await say(server, peer)
    assert seen(first) == [("cavage", refusal), ("rfc9421", 202)]
    assert first[0].body == first[1].body
    assert first[1].signer == f"{server.id('ann')}#main-key"
    assert 'sig1=("@method" "@target-uri" "content-digest");' in first[1].headers["Signature-Input"]
    assert await waiting(server) == []
    assert seen(await say(server, peer)) == [("rfc9421", 202)]
    assert seen(await say(server, peer)) == [("rfc9421", 202)]
    [row] = await server.rows("SELECT origin, scheme FROM knock")
    assert row == {"origin": peer.origin, "scheme": "rfc9421"}


@pytest.mark.parametrize("status", [404, 410, 429, 500, 503])
async def test_SIG_R_10_what_is_no_refusal_is_not_knocked_on_again(
    server: Server, peer: Peer, status: int
) -> None:
    """SIG-R-10: only 400, 401 and 403 may mean that the signature was not read."""
    peer.inboxes[INBOX] = status
    assert seen(await say(server, peer)) == [("cavage", status)]


@pytest.mark.parametrize(
    ("first", "second", "left"), [(401, 400, 1), (401, 500, 1), (403, 401, 0), (403, 501, 0)]
)
async def test_when_both_are_refused_the_first_answer_counts(
    server: Server, peer: Peer, first: int, second: int, left: int
) -> None:
    """IO-62: 401 is tried again later, 403 is final, whatever is said to the other scheme."""

    async def refuse(request: web.Request) -> web.Response:
        return web.Response(status=first if scheme_of(request.headers) == "cavage" else second)

    peer.inboxes[INBOX] = refuse
    assert seen(await say(server, peer)) == [("cavage", first), ("rfc9421", second)]
    assert await waiting(server) == [{"inbox": peer.origin + INBOX}] * left
    assert await server.rows("SELECT * FROM knock") == []
    [host] = await server.rows("SELECT failures FROM host")
    assert host == {"failures": 0}, "the host is well"


async def test_what_was_learnt_is_unlearnt(server: Server, peer: Peer) -> None:
    """SIG-R-10: a server that changes its mind costs one request, once."""
    peer.inboxes[INBOX] = taking("rfc9421")
    await say(server, peer)
    peer.inboxes[INBOX] = taking("cavage")
    assert seen(await say(server, peer)) == [("rfc9421", 401), ("cavage", 202)]
    assert await server.rows("SELECT * FROM knock") == []
    assert seen(await say(server, peer)) == [("cavage", 202)]


async def test_the_configuration_names_the_first_knock(
    start_server: StartServer, peer: Peer
) -> None:
    """`[federation] signature`: RFC 9421 first, and cavage for who refuses it."""
    server = await start_server("ann", federation__signature="rfc9421")
    [request] = await say(server, peer)
    assert (request.scheme, request.status) == ("rfc9421", 202)
    assert request.signer == f"{server.id('ann')}#main-key"
    peer.inboxes[INBOX] = taking("cavage")
    assert seen(await say(server, peer)) == [("rfc9421", 401), ("cavage", 202)]
    assert seen(await say(server, peer)) == [("cavage", 202)]
    peer.inboxes[INBOX] = taking("rfc9421")
    assert seen(await say(server, peer)) == [("cavage", 401), ("rfc9421", 202)]
    assert seen(await say(server, peer)) == [("rfc9421", 202)]


async def test_the_memory_outlasts_a_worker_and_ends_after_seven_days(
    server: Server, peer: Peer
) -> None:
    """Decision 4: remembered for 7 days, and not longer."""
    peer.inboxes[INBOX] = taking("rfc9421")
    await say(server, peer)
    now = datetime.now(UTC)
    db = Database(server.dsn, connections=1)
    await db.open()
    try:
        knocks = await load_knocks(db, "cavage")
        assert knocks.scheme_for(peer.origin, now) == "rfc9421"
        assert knocks.scheme_for(peer.origin, now + timedelta(days=6.9)) == "rfc9421"
        assert knocks.scheme_for(peer.origin, now + timedelta(days=7.1)) == "cavage"
        assert knocks.scheme_for("https://other.example", now) == "cavage"
        await server.rows("UPDATE knock SET learnt_at = now() - interval '8 days'")
        await knocks.learn("https://new.example", "rfc9421", now)
        rows = await server.rows("SELECT origin FROM knock")
        assert rows == [{"origin": "https://new.example"}], "what is old is pruned"
    finally:
        await db.close()


async def test_the_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has many names cannot fill it: the oldest entry goes."""
    monkeypatch.setattr("apserver.core.limits.KNOCKS_LEARNT", 3)
    kept: list[tuple[str, bool]] = []

    async def keep(origin: str, learnt: object) -> None:
        kept.append((origin, learnt is not None))

    now = datetime.now(UTC)
    knocks = Knocks("cavage", {}, keep)
    for n in range(4):
        await knocks.learn(f"https://{n}.example", "rfc9421", now)
    schemes = [knocks.scheme_for(f"https://{n}.example", now) for n in range(4)]
    assert schemes == ["cavage", "rfc9421", "rfc9421", "rfc9421"]
    await knocks.learn("https://3.example", "cavage", now)
    assert knocks.scheme_for("https://3.example", now) == "cavage"
    assert kept[-1] == ("https://3.example", False)


async def test_SIG_R_10_accept_signature_is_honoured(server: Server, peer: Peer) -> None:
    """SIG-R-10, RFC 9421 5.2: the form that the 401 asks for, nonce and all, in one request."""
    components = '("@method" "@target-uri" "@authority" "content-digest" "date")'
    nonces = (f"nonce-{n}" for n in count())

    async def challenge(request: web.Request) -> web.Response:
        given = request.headers.get("Signature-Input", "")
        if f"challenge={components}" in given and 'nonce="nonce-0"' in given:
            return web.Response(status=202)
        wanted = f'challenge={components};created;nonce="{next(nonces)}";tag="inbox"'
        return web.Response(status=401, headers={"Accept-Signature": wanted})

    peer.inboxes[INBOX] = challenge
    refused, taken = await say(server, peer)
    assert seen([refused, taken]) == [("cavage", 401), ("rfc9421", 202)]
    assert taken.signer == f"{server.id('ann')}#main-key"
    assert 'tag="inbox"' in taken.headers["Signature-Input"]


async def test_SIG_R_10_a_challenge_after_rfc9421_and_then_cavage(
    start_server: StartServer, peer: Peer
) -> None:
    """SIG-R-10: three requests at most: the first knock, the form asked for, the other scheme."""
    server = await start_server("ann", federation__signature="rfc9421")

    async def challenge(request: web.Request) -> web.Response:
        wanted = 'other=("@method" "@target-uri" "content-digest");created'
        return web.Response(status=401, headers={"Accept-Signature": wanted})

    peer.inboxes[INBOX] = challenge
    requests = await say(server, peer)
    assert seen(requests) == [("rfc9421", 401), ("rfc9421", 401), ("cavage", 401)]
    assert requests[1].headers["Signature-Input"].startswith("other=")
    assert len(await waiting(server)) == 1


async def test_the_knocks_share_one_time_limit(
    server: Server, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refusal that comes late leaves no time for a second knock; the attempt ends in time."""
    monkeypatch.setattr("apserver.core.limits.POST_S", 0.4)

    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(0.3)
        return web.Response(status=401)

    peer.inboxes[INBOX] = slow
    await server.note("ann", "hello", peer.id("carol"))

    async def settled() -> bool:
        rows = await server.rows("SELECT last_error FROM host WHERE lease_until < now()")
        return bool(rows) and rows[0]["last_error"] is not None

    await until(settled)
    [host] = await server.rows("SELECT failures, last_error FROM host")
    assert host["failures"] == 1
    assert "no answer in time" in host["last_error"]


async def follow(server: Server, peer: Peer, id_: str) -> None:
    """Ann follows somebody who is not known yet, and so is fetched."""
    reply = await server.post("ann", {"type": "Follow", "object": id_})
    assert reply.status == 201, reply.text
    await server.drained()


@pytest.mark.parametrize("refusal", [400, 401, 403])
async def test_SIG_R_10_gets_are_knocked_twice_too(
    server: Server, peer: Peer, refusal: int
) -> None:
    """SIG-R-10, IO-28: the instance actor's GET, in the other scheme when it is refused."""
    schemes: list[Scheme | None] = []
    actor = peer.add_actor("dave")

    async def serve(request: web.Request) -> web.Response:
        schemes.append(scheme_of(request.headers))
        if schemes[-1] != "rfc9421":
            return web.Response(status=refusal)
        signed = Request.from_pairs("GET", actor["id"], headers=request.headers.items())
        assert read_claim(signed).key_id == f"{server.id('instance')}#main-key"
        assert "application/ld+json" in request.headers["Accept"]
        return web.json_response(actor, content_type=AS2)

    peer.documents["/users/dave"] = serve
    await follow(server, peer, peer.id("dave"))
    assert schemes == ["cavage", "rfc9421"]
    await peer.wait("Follow", object=peer.id("dave"))
    # What was learnt by a GET counts for deliveries.
    assert [one.scheme for one in peer.received] == ["rfc9421"]


async def test_IO_28_SIG_C_10_a_get_is_signed_without_its_query_after_401(
    server: Server, peer: Peer
) -> None:
    """IO-28, SIG-C-10: for servers that leave the query out of the signing string."""
    url = f"{peer.origin}/?author=1"
    actor = peer.add_actor("dave", id=url, inbox=f"{peer.id('dave')}/inbox")
    covered: list[bytes] = []

    async def serve(request: web.Request) -> web.Response:
        signed = Request.from_pairs("GET", url, headers=request.headers.items())
        with_query, without = read_claim(signed).bases
        assert b"get /?author=1\n" in with_query
        assert b"get /\n" in without
        for base in (with_query, without):
            if (await _instance_key(server)).verify(read_claim(signed).signature, base):
                covered.append(base)
        if covered[-1] == without:
            return web.json_response(actor, content_type=AS2)
        return web.Response(status=401)

    peer.documents["/?author=1"] = serve
    await follow(server, peer, url)
    assert [b"author" in base for base in covered] == [True, False]
    await peer.wait("Follow", object=url)


async def _instance_key(server: Server) -> Any:
    from apserver.core.keys import PublicKey

    reply = await server.get("/actors/instance", Accept=AS2)
    return PublicKey.from_pem(reply.json["publicKey"]["publicKeyPem"])


async def test_a_followers_post_reaches_both_kinds_of_servers(server: Server, peer: Peer) -> None:
    """One activity, one server of each kind: each gets it once, in its scheme."""
    peer.add_actor("dave")
    for name in ("carol", "dave"):
        inbox = f"{server.id('ann')}/inbox"
        assert (await peer.send(inbox, peer.follow(name, server.id("ann")), by=name)).status == 202
    await peer.wait("Accept", times=2)
    await server.drained()
    peer.inboxes["/inbox"] = taking("rfc9421", otherwise=403)
    peer.received.clear()
    await server.note("ann", "to all", PUBLIC, cc=[f"{server.id('ann')}/followers"])
    await server.drained()
    assert seen(peer.received) == [("cavage", 403), ("rfc9421", 202)]
