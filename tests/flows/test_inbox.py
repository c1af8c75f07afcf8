"""The door of the inbox: who is believed, what is refused, and that refusals store nothing."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import timedelta
from hashlib import sha256
from typing import Any

from tests.conftest import StartServer
from tests.doubles.cavage import FOR_POST, Dialect, digest_of, joined
from tests.doubles.peer import Peer, key_pair
from tests.doubles.server import AS2, PUBLIC, Reply, Server, until

LD_JSON_AS2 = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
MINUTE = timedelta(minutes=1)
Change = Callable[[dict[str, str]], dict[str, str]]


async def knock(
    peer: Peer,
    inbox: str,
    dialect: Dialect,
    *,
    to: str | None = None,
    key: str | None = None,
    change: Change = lambda headers: headers,
) -> tuple[Reply, str]:
    """POST a Note, signed as the dialect says for ``inbox`` and sent ``to`` there or elsewhere.

    The reply, and the id of the activity. ``change`` is applied to the headers after signing.
    """
    activity = peer.create("carol", "hello", PUBLIC)
    body = json.dumps(activity).encode()
    signing = key_pair(key or f"carol@{peer.origin}")
    headers = dialect.sign(inbox, body, key_id=f"{peer.id('carol')}#main-key", key=signing)
    sent = change(headers)
    reply = await peer.send(to or inbox, body, by="carol", unsigned=True, headers=sent)
    return reply, activity["id"]


def without(name: str) -> Change:
    """Take a header away."""
    return lambda headers: {key: value for key, value in headers.items() if key != name}


def dropping(parameter: str) -> Callable[[Mapping[str, str]], str]:
    """Write a signature without one of its parameters."""
    return lambda own: joined({name: value for name, value in own.items() if name != parameter})


def unix(offset: timedelta = timedelta()) -> str:
    """The time as the parameters of a signature have it."""
    return str(int(time.time() + offset.total_seconds()))


def accepted() -> dict[str, tuple[Dialect, str]]:
    """Signatures that must be believed, by row; with what is appended to the inbox's URL."""
    created = FOR_POST.replace("date", "(created) (expires)")
    times = {"created": unix(), "expires": unix(MINUTE)}
    rows = {
        "IO-10 as Mastodon": Dialect(covered="host date content-type digest (request-target)"),
        "IO-11 as Misskey": Dialect(covered="(request-target) date host digest"),
        "IO-11 as Pleroma": Dialect(
            covered="(request-target) content-length date digest host", algorithm="rsa-sha256"
        ),
        "IO-11, SIG-C-06 as GoToSocial": Dialect(algorithm="hs2019"),
        "IO-12 no algorithm": Dialect(algorithm=None),
        "IO-12 created and expires": Dialect(covered=created, algorithm="hs2019", parameters=times),
        "IO-17 the word in front": Dialect(write=lambda own: "Signature " + joined(own)),
        "IO-17 spaces and tokens": Dialect(
            write=lambda own: ", ".join(f'{name}="{value}"' for name, value in own.items()).replace(
                'algorithm="rsa-sha256"', "algorithm=rsa-sha256"
            )
        ),
        "SIG-C-01 unknown parameter": Dialect(parameters={"colour": "red"}),
        "SIG-C-02 empty header": Dialect(covered=FOR_POST + " x-empty", fields={"x-empty": ""}),
        "SIG-C-09 59 minutes old": Dialect(age=59 * MINUTE),
        "IO-15 10 minutes old": Dialect(age=10 * MINUTE),
        "SIG-C-09 59 minutes ahead": Dialect(age=-59 * MINUTE),
    }
    return {name: (dialect, "") for name, dialect in rows.items()} | {
        "SIG-C-03, IO-16 raw query": (Dialect(), "?a=%40b&C=%7e"),
        "SIG-C-10, IO-16 signed without the query": (
            Dialect(target="/actors/ann/inbox"),
            "?page=1",
        ),
    }


async def test_SIG_C_dialects_of_the_field_are_accepted(server: Server, peer: Peer) -> None:
    """IO-10, IO-11, IO-12, IO-14 to IO-17, SIG-C-01 to SIG-C-03, SIG-C-06, SIG-C-08 to SIG-C-11."""
    inbox = f"{server.id('ann')}/inbox"
    sent = []
    for name, (dialect, query) in accepted().items():
        reply, id_ = await knock(peer, inbox + query, dialect)
        assert reply.status == 202, (name, reply.text)
        sent.append(id_)
    body_digests: dict[str, Change] = {
        "IO-14 lower-case name": lambda h: h | {"digest": "sha" + h["digest"][3:]},
        "SIG-C-08 several algorithms": lambda h: h | {"digest": "SHA-512=AAAA," + h["digest"]},
    }
    for name, change in body_digests.items():
        reply, id_ = await knock_with_digest(peer, inbox, change)
        assert reply.status == 202, (name, reply.text)
        sent.append(id_)
    reply, id_ = await knock(
        peer,
        inbox,
        Dialect(),
        change=lambda h: without("signature")(h) | {"authorization": f"Signature {h['signature']}"},
    )
    assert reply.status == 202, ("SIG-C-11", reply.text)
    reply, other = await knock(peer, inbox.replace("ann", "%61nn"), Dialect())
    assert reply.status == 202, ("IO-16 raw path", reply.text)
    stored = {row["id"] for row in await server.rows("SELECT id FROM activity")}
    assert stored == {*sent, id_, other}


async def knock_with_digest(peer: Peer, inbox: str, change: Change) -> tuple[Reply, str]:
    """POST with another Digest header, which the signature covers."""
    activity = peer.create("carol", "hello", PUBLIC)
    body = json.dumps(activity).encode()
    fields = change({"digest": digest_of(body)})
    headers = Dialect(fields=fields).sign(
        inbox, body, key_id=f"{peer.id('carol')}#main-key", key=key_pair(f"carol@{peer.origin}")
    )
    reply = await peer.send(inbox, body, by="carol", unsigned=True, headers=headers)
    return reply, activity["id"]


def twice(name: str) -> Callable[[Mapping[str, str]], str]:
    """Write a signature with one of its parameters doubled."""
    return lambda own: f'{joined(own)},{name}="{own[name]}"'


async def sent_twice(peer: Peer, inbox: str, name: str) -> int:
    """The status for a POST that is well signed but has one of its headers two times."""
    body = json.dumps(peer.create("carol", "hello", PUBLIC)).encode()
    key_id, key = f"{peer.id('carol')}#main-key", key_pair(f"carol@{peer.origin}")
    headers = Dialect().sign(inbox, body, key_id=key_id, key=key)
    lines = [*headers.items(), (name, headers[name])]
    async with peer.http.post(inbox, data=body, headers=lines) as response:
        return response.status


#: Signatures that prove nothing, by row. No key needs to be fetched to see that.
CHEAPLY_REFUSED: dict[str, tuple[Dialect, Change]] = {
    name: (dialect, lambda headers: headers)
    for name, dialect in {
        "IO-13 digest not covered": Dialect(covered="(request-target) host date"),
        "IO-13 no time covered": Dialect(covered="(request-target) host digest"),
        "SIG-C-07 host not covered": Dialect(covered="(request-target) date digest"),
        "SIG-C-07 target not covered": Dialect(covered="host date digest"),
        "SIG-C-01 no keyId": Dialect(write=dropping("keyId")),
        "SIG-C-01 no signature": Dialect(write=dropping("signature")),
        "SIG-C-01, IO-17 keyId twice": Dialect(write=twice("keyId")),
        "SIG-C-01 headers twice": Dialect(write=twice("headers")),
        "SIG-C-01 nothing covered": Dialect(covered=""),
        "SIG-C-04 default headers": Dialect(covered=None),
        "SIG-C-02 a header that is not there": Dialect(covered=FOR_POST + " x-absent"),
        "SIG-C-05 created with an old algorithm": Dialect(
            covered=FOR_POST + " (created)", parameters={"created": unix()}
        ),
        "SIG-C-05 expired": Dialect(parameters={"expires": unix(-2 * MINUTE)}),
        "SIG-C-05 created ahead": Dialect(
            covered=FOR_POST.replace("date", "(created)"),
            algorithm="hs2019",
            parameters={"created": unix(600 * MINUTE)},
        ),
        "SIG-C-09, IO-15 70 minutes old": Dialect(age=70 * MINUTE),
        "SIG-C-09, IO-15 70 minutes ahead": Dialect(age=-70 * MINUTE),
        "IO-15 unparsable date": Dialect(fields={"date": "yesterday"}),
        "SIG-C-08 digest of another body": Dialect(fields={"digest": digest_of(b"{}")}),
        "SIG-C-08 no SHA-256": Dialect(fields={"digest": "SHA-512=AAAA"}),
        "SIG-C-08 no base64": Dialect(fields={"digest": "SHA-256=%%%%"}),
        "SIG-C-08 wrong length": Dialect(fields={"digest": "SHA-256=AAAA"}),
    }.items()
} | {
    "IO-13 unsigned": (Dialect(), without("signature")),
    "IO-13 no Date header": (Dialect(), without("date")),
    "IO-13 no Digest header": (Dialect(), without("digest")),
}


async def test_IO_13_what_proves_nothing_is_refused(server: Server, peer: Peer) -> None:
    """IO-13, IO-15, IO-17, SIG-C-01 to SIG-C-09; security.md: Mastodon #37375, Akkoma 2025.10:
    401, nothing stored, and no key fetched."""
    inbox = f"{server.id('ann')}/inbox"
    before = await server.contents()
    for name, (dialect, change) in CHEAPLY_REFUSED.items():
        reply, _ = await knock(peer, inbox, dialect, change=change)
        assert reply.status == 401, (name, reply.status, reply.text)
        assert reply.headers["Content-Type"] == "application/problem+json"
        assert reply.json["status"] == 401, name
    twice_signed = await sent_twice(peer, inbox, "signature")
    assert twice_signed == 401, "SIG-C-01 two Signature headers"
    assert await server.contents() == before
    assert peer.asked == []


async def test_SIG_C_03_what_another_signed_is_refused(server: Server, peer: Peer) -> None:
    """Other path, other key, other algorithm, other method, changed header: 401 once the key is
    known, and nothing stored, whether the signer was known before or not."""
    inbox = f"{server.id('ann')}/inbox"
    shared = f"{server.origin}/inbox"
    cases: dict[str, dict[str, Any]] = {
        "SIG-C-03 other path": {"to": shared},
        "SIG-C-03 path in another case": {"dialect": Dialect(target="/ACTORS/ann/inbox")},
        "SIG-C-10 query added": {"dialect": Dialect(target="/actors/ann/inbox?x=1")},
        "wrong key": {"key": "somebody else"},
        "SIG-C-06 algorithm of another key": {"dialect": Dialect(algorithm="hmac-sha256")},
        "SIG-C-06 ed25519 with an RSA key": {"dialect": Dialect(algorithm="ed25519")},
        "date changed": {"change": lambda h: h | {"date": "Tue, 20 Apr 2021 02:07:55 GMT"}},
        "SIG-C-02 order changed": {
            "change": lambda h: h | {"signature": h["signature"].replace("host date", "date host")}
        },
    }
    for known in (False, True):
        if known:
            assert (await knock(peer, inbox, Dialect()))[0].status == 202
            await server.drained()
        before = await server.contents()
        for name, case in cases.items():
            case = {"dialect": Dialect(), **case}
            reply, _ = await knock(peer, inbox, case.pop("dialect"), **case)
            assert reply.status == 401, (name, known, reply.status, reply.text)
        assert await server.contents() == before, known


async def test_IO_14_a_changed_byte_is_refused(server: Server, peer: Peer) -> None:
    """IO-14, CVE-2023-49079: the body that was signed is the body that counts."""
    note = peer.create("carol", "hello", PUBLIC)
    inbox = f"{server.id('ann')}/inbox"
    before = await server.contents()
    reply = await peer.send(
        inbox, note, by="carol", change=lambda body: body.replace(b"hello", b"hallo")
    )
    assert reply.status == 401
    assert await server.contents() == before
    assert (await peer.send(inbox, note, by="carol")).status == 202


async def test_a_signature_for_another_host_is_refused(server: Server, peer: Peer) -> None:
    """CVE-2023-49079: the same signature does not work at another name of ours, or none."""
    inbox = f"{server.id('ann')}/inbox"
    elsewhere = "http://elsewhere.example/actors/ann/inbox"
    before = await server.contents()
    reply, _ = await knock(peer, elsewhere, Dialect(), to=inbox)
    assert reply.status == 401
    reply, _ = await knock(
        peer, elsewhere, Dialect(), to=inbox, change=lambda h: h | {"host": "elsewhere.example"}
    )
    assert reply.status == 421
    assert await server.contents() == before


def rfc9421(
    url: str, body: bytes, *, by: Peer, label: str = "sig1", tail: str = "", **left_out: bool
) -> dict[str, str]:
    """Headers signed by RFC 9421 2.5, by hand. ``left_out``: ``digest`` or ``created``."""
    digest = f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"
    components = {"@method": "POST", "@target-uri": url, "content-digest": digest}
    if left_out.get("digest"):
        del components["content-digest"]
    created = "" if left_out.get("created") else f";created={unix()}"
    names = " ".join(f'"{name}"' for name in components)
    given = f'({names}){created};keyid="{by.id("carol")}#main-key"{tail}'
    lines = [f'"{name}": {value}' for name, value in components.items()]
    base = "\n".join([*lines, f'"@signature-params": {given}'])
    signature = b64encode(key_pair(f"carol@{by.origin}").sign(base.encode())).decode()
    return {
        "Content-Digest": digest,
        "Signature-Input": f"{label}={given}",
        "Signature": f"{label}=:{signature}:",
    }


async def test_IO_24_rfc_9421(server: Server, peer: Peer) -> None:
    """IO-24: accepted under any label, with or without alg; not without digest or created."""
    inbox = f"{server.origin}/inbox"
    activity = peer.create("carol", "hello", server.id("ann"))
    body = json.dumps(activity).encode()

    async def send(headers: dict[str, str]) -> int:
        return (await peer.send(inbox, body, by="carol", unsigned=True, headers=headers)).status

    before = await server.contents()
    assert await send(rfc9421(inbox, body, by=peer, digest=True)) == 401
    assert await send(rfc9421(inbox, body, by=peer, created=True)) == 401
    unreadable = rfc9421(inbox, body, by=peer) | {"Content-Digest": "sha-256=:%:"}
    assert await send(unreadable) == 400
    other = rfc9421(inbox, body + b" ", by=peer)
    assert await send(other) == 401
    assert await server.contents() == before
    assert await send(rfc9421(inbox, body, by=peer)) == 202
    assert (
        await send(rfc9421(inbox, body, by=peer, label="wp", tail=';alg="rsa-v1_5-sha256"')) == 202
    )
    await server.drained()
    assert [one["id"] for one in await server.items("ann", "inbox", as_="ann")] == [activity["id"]]


NO_ACTIVITIES = {
    "cut off": (b'{"type":"Like"', 400),
    "array": (b"[]", 400),
    "string": (b'"text"', 400),
    "nothing": (b"", 400),
    "no UTF-8": (b"\xff\xfe{}", 400),
    "65 deep": (b'{"a":' * 65 + b"1" + b"}" * 65, 400),
    "a key twice": (b'{"type":"Like","type":"Follow"}', 400),
    "over 1 MiB": (b'{"content":"' + b"x" * (1 << 20) + b'"}', 413),
}


async def test_IO_69_bodies_that_are_no_activity(server: Server, peer: Peer) -> None:
    """IO-69: 400 or 413, though the signature is good; nothing stored."""
    before = await server.contents()
    for name, (body, status) in NO_ACTIVITIES.items():
        reply = await peer.send(f"{server.id('ann')}/inbox", body, by="carol")
        assert reply.status == status, (name, reply.text)
    assert await server.contents() == before


async def test_IO_69_media_types(server: Server, peer: Peer) -> None:
    """IO-69, AP-S2S-04: all forms that peers send are taken, others get 415."""
    inbox = f"{server.id('ann')}/inbox"
    taken = [AS2, f"{AS2}; charset=utf-8", LD_JSON_AS2, "application/ld+json", "application/json"]
    taken.append(f"{LD_JSON_AS2}; charset=utf-8")
    for media_type in taken:
        note = peer.create("carol", "hello", PUBLIC)
        reply = await peer.send(inbox, note, by="carol", content_type=media_type)
        assert reply.status == 202, media_type
    await server.drained()
    before = await server.contents()
    for media_type in ("text/plain", "text/html", "application/xml", "multipart/form-data"):
        note = peer.create("carol", "hello", PUBLIC)
        reply = await peer.send(inbox, note, by="carol", content_type=media_type)
        assert reply.status == 415, media_type
    assert await server.contents() == before


async def test_AP_S2S_05_object_and_target_are_required(server: Server, peer: Peer) -> None:
    """AP-S2S-05, AP-S2S-06: 400 without object, and without target where there must be one."""
    before = await server.contents()
    ann = server.id("ann")
    verbs = "Create Update Delete Follow Add Remove Like Block Undo".split()
    lacking = [(peer.activity(verb, "carol", target=ann), "/object") for verb in verbs]
    lacking += [(peer.activity(verb, "carol", object=ann), "/target") for verb in ("Add", "Remove")]
    for activity, pointer in lacking:
        reply = await peer.send(f"{ann}/inbox", activity, by="carol")
        assert (reply.status, reply.json["pointer"]) == (400, pointer), (activity, reply.text)
    assert await server.contents() == before


async def test_an_inbox_of_nobody_is_missing(server: Server, peer: Peer) -> None:
    """404 for an actor that is not here, 405 for a method that is not there; nothing stored."""
    before = await server.contents()
    reply = await peer.send(f"{server.id('zoe')}/inbox", peer.create("carol", "hi"), by="carol")
    assert reply.status == 404
    assert (await server.ask("PUT", "/inbox", data={})).status == 405
    assert await server.contents() == before


async def test_IO_71_too_many_requests(start_server: StartServer, peer: Peer) -> None:
    """IO-71, AP-SEC-06: 429 with Retry-After, and nothing stored of what was refused."""
    server = await start_server("ann", limits__requests_per_minute=3)
    inbox = f"{server.id('ann')}/inbox"
    replies = [
        await peer.send(inbox, peer.create("carol", "hello", PUBLIC), by="carol") for _ in range(5)
    ]
    assert [one.status for one in replies] == [202, 202, 202, 429, 429]
    assert int(replies[-1].headers["Retry-After"]) >= 1

    async def stored() -> bool:
        [row] = await server.rows("SELECT count(*) AS n FROM activity")
        return bool(row["n"] == 3)

    await until(stored)
