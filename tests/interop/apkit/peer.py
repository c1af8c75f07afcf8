"""An ActivityPub server on apkit, whose signatures are apsig's: code that we did not write.

    python peer.py --contexts contexts.json --port 9200                     http://127.0.0.1:9200
    SSL_CERT_FILE=ca.pem python peer.py --contexts contexts.json --port 9200 \\
        --origin https://127.0.0.1:9200 --tls-cert host.pem --tls-key host.key --control-port 9201

apkit verifies what comes to the inboxes (draft-cavage alone) and says so by letting it through to
`Peer.take`. What the peer sends is signed by apsig: draft-cavage, LD signatures, integrity proofs.
It is driven over /_control/, as `../fedify/peer.mjs` is: GET health, received, wait, followers,
following, outbound, state; POST follow, undo, post, update, delete, like, announce, raw, lookup.

It runs in an environment of its own (requirements/peers.txt), without our packages.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import time
import traceback
import uuid
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import apsig
import uvicorn
from apkit.config import AppConfig
from apkit.server.app import ActivityPubServer
from apmodel._core._jsonjd import loader as apmodel_contexts
from apmodel._core.key import _encode_public_key_as_multibase
from apmodel.vocab import activity as vocabulary
from apsig.draft import Signer
from apsig.proof.sign import ProofSigner
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pyld import jsonld

AS2 = "application/activity+json"
PUBLIC = "https://www.w3.org/ns/activitystreams#Public"
CONTEXT = [
    "https://www.w3.org/ns/activitystreams",
    "https://w3id.org/security/v1",
    "https://w3id.org/security/data-integrity/v1",
]
TAKEN = (
    "Accept Add Announce Block Create Delete Flag Follow Like Move Reject Remove Undo Update"
).split()

Json = dict[str, Any]


def use_contexts(file: Path) -> None:
    """Let apkit read these contexts, by URL, from the disk: it expands all that it gets, and
    would ask the network for those that it does not have on board."""
    contexts: Json = json.loads(file.read_text())
    # apsig has another name for this one.
    alias = "https://w3c-ccg.github.io/security-vocab/contexts/security-v1.jsonld"
    contexts[alias] = contexts["https://w3id.org/security/v1"]
    folder = Path(mkdtemp(prefix="apkit-contexts-"))
    for number, (url, document) in enumerate(contexts.items()):
        if url not in apmodel_contexts.PRELOAD_JSONLD_PATH_MAPPINGS:
            stored = folder / f"{number}.jsonld"
            stored.write_text(json.dumps({"schema": document}))
            apmodel_contexts.PRELOAD_JSONLD_PATH_MAPPINGS[url] = str(stored)
    jsonld.set_document_loader(apmodel_contexts.create_document_loader())


class Peer:
    """One actor, what it received, and what it has done."""

    def __init__(self, origin: str, name: str):
        self.origin = origin
        self.host = urlsplit(origin).netloc
        self.name = name
        self.id = f"{origin}/users/{name}"
        self.rsa_key = rsa.generate_private_key(65537, 2048)
        self.ed25519_key = ed25519.Ed25519PrivateKey.generate()
        self.received: list[Json] = []
        self.outbound: list[Json] = []
        self.notes: dict[str, Json] = {}
        self.sent: dict[str, Json] = {}
        self.followers: dict[str, str | None] = {}
        self.following: dict[str, str] = {}
        self.news = asyncio.Condition()
        self.tasks: set[asyncio.Task[Any]] = set()

    def document(self) -> Json:
        """The actor."""
        form = serialization.PublicFormat.SubjectPublicKeyInfo
        public = self.rsa_key.public_key().public_bytes(serialization.Encoding.PEM, form)
        key = {
            "id": f"{self.id}#main-key",
            "type": "Key",
            "owner": self.id,
            "publicKeyPem": public.decode(),
        }
        multikey = {
            "id": f"{self.id}#ed25519-key",
            "type": "Multikey",
            "controller": self.id,
            "publicKeyMultibase": _encode_public_key_as_multibase(self.ed25519_key.public_key()),
        }
        collections = ("inbox", "outbox", "followers", "following")
        return {
            "@context": [*CONTEXT, "https://w3id.org/security/multikey/v1"],
            "id": self.id,
            "type": "Person",
            "preferredUsername": self.name,
            "name": self.name.title(),
            "url": self.id,
            **{one: f"{self.id}/{one}" for one in collections},
            "endpoints": {"sharedInbox": f"{self.origin}/inbox"},
            "publicKey": key,
            "assertionMethod": [multikey],
        }

    def jrd(self) -> Json:
        """What WebFinger answers."""
        link = {"rel": "self", "type": AS2, "href": self.id}
        return {"subject": f"acct:{self.name}@{self.host}", "aliases": [self.id], "links": [link]}

    def items(self, collection: str) -> list[Any] | None:
        """The members of one of the actor's collections."""
        public = [one for one in self.sent.values() if PUBLIC in str(one.get("to"))]
        collections: dict[str, list[Any]] = {
            "followers": list(self.followers),
            "following": list(self.following),
            "outbox": public,
        }
        return collections.get(collection)

    # --- What comes ---------------------------------------------------------------------------

    async def take(self, activity: Json, inbox: str) -> None:
        """An activity that apkit has verified."""
        object_, actor = id_of(activity.get("object")), id_of(activity["actor"])
        record = {"type": activity["type"], "id": activity.get("id"), "inbox": inbox}
        record |= {"actor": actor, "object": object_, "json": activity}
        async with self.news:
            self.received.append({"n": len(self.received) + 1, **record})
            self.news.notify_all()
        if activity["type"] == "Follow" and object_ == self.id:
            self.followers[actor] = activity.get("id")
            accept = {"type": "Accept", "object": activity, "to": [actor]}
            self._later(self.send(accept, [actor]))
        elif activity["type"] == "Accept" and actor in self.following:
            self.following[actor] = "accepted"
        elif activity["type"] == "Reject":
            self.following.pop(actor, None)
        elif activity["type"] == "Undo" and _is_follow(activity["object"]):
            self.followers.pop(actor, None)

    def matching(self, query: Mapping[str, str]) -> list[Json]:
        """The records that a query asks for."""
        names = [name for name in ("type", "id", "actor", "object") if name in query]
        return [one for one in self.received if all(one[name] == query[name] for name in names)]

    async def wait(self, query: Mapping[str, str]) -> list[Json] | None:
        """The same, once there are enough; None when there are not in time."""
        wanted = int(query.get("count", 1))
        try:
            async with asyncio.timeout(float(query.get("timeout", 10))), self.news:
                await self.news.wait_for(lambda: len(self.matching(query)) >= wanted)
        except TimeoutError:
            return None
        return self.matching(query)

    def _later(self, work: Awaitable[Any]) -> None:
        task = asyncio.ensure_future(work)
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    # --- What goes ----------------------------------------------------------------------------

    async def get(self, url: str, accept: str = AS2) -> Json:
        """A document of another server. apkit cannot sign a GET."""
        asked = {"Accept": accept}
        async with aiohttp.ClientSession() as http, http.get(url, headers=asked) as response:
            self.outbound.append({"method": "GET", "url": url, "status": response.status})
            response.raise_for_status()
            found: Json = await response.json(content_type=None)
            return found

    async def resolve(self, whom: str) -> Json:
        """The document of somebody, given by id or handle."""
        if whom.startswith("http"):
            return await self.get(whom)
        user, host = whom.removeprefix("@").split("@")
        scheme = urlsplit(self.origin).scheme
        query = f"resource=acct:{user}@{host}"
        url = f"{scheme}://{host}/.well-known/webfinger?{query}"
        jrd = await self.get(url, "application/jrd+json")
        return await self.get(next(one["href"] for one in jrd["links"] if one["rel"] == "self"))

    async def post(
        self,
        inbox: str,
        activity: Json,
        *,
        sign: str = "cavage",
        ld: bool = False,
        proof: bool = False,
    ) -> Json:
        """POST an activity, signed as asked for; the status and the answer."""
        if proof:
            activity = ProofSigner(self.ed25519_key).sign(activity, self._proof())
        if ld:
            key_id = f"{self.id}#main-key"
            activity = apsig.LDSignature().sign(activity, key_id, private_key=self.rsa_key)
            # The usual name of it; the terms are the same.
            activity["signature"]["@context"] = "https://w3id.org/identity/v1"
        body = json.dumps(activity).encode()
        headers = {"Content-Type": AS2}
        if sign == "cavage":
            headers = Signer(
                headers={**headers, "Host": urlsplit(inbox).netloc},
                method="POST",
                url=inbox,
                key_id=f"{self.id}#main-key",
                private_key=self.rsa_key,
                body=body,
            ).sign()
        async with (
            aiohttp.ClientSession() as http,
            http.post(inbox, data=body, headers=headers) as response,
        ):
            told = {"status": response.status, "text": (await response.text())[:1000]}
        self.outbound.append({"method": "POST", "url": inbox, "signature": sign, **told})
        return {**told, "sent": activity}

    def _proof(self) -> Json:
        return {
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-jcs-2022",
            "proofPurpose": "assertionMethod",
            "verificationMethod": f"{self.id}#ed25519-key",
            "created": now(),
        }

    async def send(self, activity: Json, to: list[str], **how: Any) -> Json:
        """Make an activity of it, and POST it to those it is for, once for each inbox."""
        whole = {"@context": CONTEXT, "id": self.new_id("activities"), "actor": self.id, **activity}
        self.sent[whole["id"]] = {name: v for name, v in whole.items() if name != "@context"}
        inboxes = set()
        for whom in set(to):
            document = await self.resolve(whom)
            shared = (document.get("endpoints") or {}).get("sharedInbox")
            inboxes.add(shared or document["inbox"])
        answers = [await self.post(inbox, whole, **how) for inbox in inboxes]
        return {"id": whole["id"], "results": [one["status"] for one in answers]}

    def new_id(self, kind: str) -> str:
        """An id of the peer's."""
        return f"{self.id}/{kind}/{uuid.uuid4()}"

    def told(self, note: Json) -> list[str]:
        """Who is sent what is done to a note."""
        return [one for one in note["to"] if one != PUBLIC] + list(self.followers)


def now() -> str:
    """The time, as documents have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def id_of(value: Any) -> Any:
    """The id of what is given by id or in full."""
    return value.get("id") if isinstance(value, dict) else value


def _is_follow(value: Any) -> bool:
    return isinstance(value, dict) and value.get("type") == "Follow"


# --- What a test can ask for ----------------------------------------------------------------------


async def follow(peer: Peer, target: str, **how: Any) -> Json:
    """Follow somebody, by id or handle."""
    found = await peer.resolve(target)
    peer.following[found["id"]] = "pending"
    activity = {"type": "Follow", "object": found["id"], "to": [found["id"]]}
    return await peer.send(activity, [found["id"]], **how)


async def undo(peer: Peer, id: str, **how: Any) -> Json:
    """Take back what was sent under this id."""
    sent = peer.sent[id]
    whom = [one for one in sent["to"] if one != PUBLIC] + list(peer.followers)
    return await peer.send({"type": "Undo", "object": sent, "to": sent["to"]}, whom, **how)


async def post(
    peer: Peer, text: str, to: tuple[str, ...] = (), in_reply_to: str | None = None, **how: Any
) -> Json:
    """Create a public note, to the followers and to those named."""
    named = [(await peer.resolve(one))["id"] for one in to]
    audience: Json = {"to": [*named, PUBLIC], "cc": [f"{peer.id}/followers"]}
    note = {
        "id": peer.new_id("notes"),
        "type": "Note",
        "attributedTo": peer.id,
        "content": f"<p>{text}</p>",
        "published": now(),
        **audience,
        **({"inReplyTo": in_reply_to} if in_reply_to else {}),
    }
    peer.notes[note["id"]] = note
    activity = {"type": "Create", "object": note, **audience}
    made = await peer.send(activity, named + list(peer.followers), **how)
    return {"note": note["id"], **made}


async def update(peer: Peer, id: str, text: str, **how: Any) -> Json:
    """Change the text of a note."""
    note = peer.notes[id]
    note |= {"content": f"<p>{text}</p>", "updated": now()}
    activity = {"type": "Update", "object": note, "to": note["to"], "cc": note["cc"]}
    return await peer.send(activity, peer.told(note), **how)


async def delete(peer: Peer, id: str, **how: Any) -> Json:
    """Delete a note."""
    note, peer.notes[id] = peer.notes[id], {"id": id, "type": "Tombstone"}
    activity = {"type": "Delete", "object": peer.notes[id], "to": note["to"], "cc": note["cc"]}
    return await peer.send(activity, peer.told(note), **how)


async def like(peer: Peer, object: str, **how: Any) -> Json:
    """Like something."""
    owner = (await peer.get(object))["attributedTo"]
    return await peer.send({"type": "Like", "object": object, "to": [owner]}, [owner], **how)


async def announce(peer: Peer, object: str, **how: Any) -> Json:
    """Share something."""
    owner = (await peer.get(object))["attributedTo"]
    activity = {"type": "Announce", "object": object, "to": [owner, PUBLIC]}
    return await peer.send(activity, [owner, *peer.followers], **how)


async def raw(peer: Peer, inbox: str, activity: Json, **how: Any) -> Json:
    """POST an activity as it is."""
    return await peer.post(inbox, activity, **how)


async def lookup(peer: Peer, url: str) -> Json:
    """The document of somebody, by id or handle."""
    return await peer.resolve(url)


ACTIONS: dict[str, Callable[..., Awaitable[Json]]] = {
    one.__name__: one for one in (follow, undo, post, update, delete, like, announce, raw, lookup)
}


# --- HTTP -----------------------------------------------------------------------------------------


def document(body: Any, status: int = 200) -> JSONResponse:
    """An ActivityStreams document."""
    return JSONResponse(body, status, media_type=AS2)


def server_of(peer: Peer) -> ActivityPubServer:
    """The server that others see."""
    app = ActivityPubServer(apkit_config=AppConfig())

    @app.get("/users/{name}")
    async def own_actor(name: str) -> JSONResponse:
        return document(peer.document()) if name == peer.name else document({}, 404)

    @app.get("/users/{name}/{collection}")
    async def collection(name: str, collection: str) -> JSONResponse:
        items = peer.items(collection)
        if items is None:
            return document({}, 404)
        whole: Json = {"id": f"{peer.id}/{collection}", "type": "OrderedCollection"}
        whole |= {"totalItems": len(items), "orderedItems": items}
        return document({"@context": CONTEXT[0], **whole})

    @app.get("/users/{name}/{kind}/{unique}")
    async def thing(name: str, kind: str, unique: str) -> JSONResponse:
        url = f"{peer.origin}/users/{name}/{kind}/{unique}"
        found = peer.notes.get(url) or peer.sent.get(url)
        if found is None:
            return document({}, 404)
        gone = found["type"] == "Tombstone"
        return document({"@context": CONTEXT, **found}, 410 if gone else 200)

    @app.webfinger
    async def webfinger(request: Request, acct: Any) -> JSONResponse:
        if (acct.username, acct.host) != (peer.name, peer.host) and acct.url != peer.id:
            return JSONResponse({}, 404)
        return JSONResponse(peer.jrd(), media_type="application/jrd+json")

    async def take(ctx: Any) -> JSONResponse:
        await peer.take(json.loads(await ctx.request.body()), ctx.request.url.path)
        return JSONResponse({}, 202)

    for type_ in TAKEN:
        app.on(getattr(vocabulary, type_), take)
    app.inbox("/inbox", "/users/{name}/inbox")
    return app


def add_control(app: FastAPI, peer: Peer) -> None:
    """The side that a test drives."""

    @app.get("/_control/{view}")
    async def see(view: str, request: Request) -> Any:
        query = dict(request.query_params)
        if view == "wait":
            found = await peer.wait(query)
            return JSONResponse({"error": "timeout"}, 408) if found is None else found
        views: dict[str, Any] = {
            "health": {"ok": True, "origin": peer.origin},
            "received": peer.matching(query),
            "followers": list(peer.followers),
            "following": peer.following,
            "outbound": peer.outbound,
            "state": {peer.name: {**peer.document(), "notes": list(peer.notes)}},
        }
        return views[view]

    @app.post("/_control/{action}")
    async def act(action: str, request: Request) -> Any:
        try:
            return await ACTIONS[action](peer, **json.loads(await request.body() or b"{}"))
        except Exception:
            return JSONResponse({"error": traceback.format_exc()[-1500:]}, 500)


async def main() -> None:
    """Run one until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--contexts", type=Path, required=True, help="a JSON file: URL to context")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--origin", help="if not http://HOST:PORT")
    parser.add_argument("--tls-cert")
    parser.add_argument("--tls-key")
    parser.add_argument("--control-port", type=int, help="plain http, beside https")
    parser.add_argument("--actors", default="dave")
    options = parser.parse_args()
    use_contexts(options.contexts)
    origin = options.origin or f"http://{options.host}:{options.port}"
    peer = Peer(origin, options.actors)
    app = server_of(peer)
    common: Json = {"host": options.host, "log_level": "warning", "proxy_headers": False}
    tls = {"ssl_certfile": options.tls_cert, "ssl_keyfile": options.tls_key}
    configs = [uvicorn.Config(app, port=options.port, **common, **tls)]
    if options.control_port:
        control = FastAPI()
        configs.append(uvicorn.Config(control, port=options.control_port, **common))
    else:
        control = app
    add_control(control, peer)
    await asyncio.gather(*(uvicorn.Server(config).serve() for config in configs))


if __name__ == "__main__":
    asyncio.run(main())
