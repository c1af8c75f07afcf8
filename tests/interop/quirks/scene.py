"""Where rows of quirks are checked: one server for all, and a peer for each row."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import time
from typing import Any

from tests.doubles.cavage import Dialect
from tests.doubles.peer import Peer, Received, key_pair
from tests.doubles.server import AS2, CONTEXT, PUBLIC, Reply, Server
from tests.interop.quirks.rows import FOLLOW, NOTE, PEER, POLL, Asks, Sends

_KEY = "quirks"  #: one pair for all: keys are told apart by the origin of their ids


_REPORTS = "SELECT content FROM report WHERE reporter LIKE $1"


@dataclass(slots=True)
class Home:
    """Our server, ann's note and poll, and what she sent in the course of an acquaintance."""

    server: Server
    note: str
    sent: list[Received]


@dataclass(slots=True)
class Scene:
    """One row's view of it."""

    home: Home
    peer: Peer
    follow: str = FOLLOW
    poll: str = POLL

    def here(self, value: Any) -> Any:
        """The same with what there is here in place of what the table made up."""
        names = {
            "{PEM}": key_pair(_KEY).public().pem(),
            NOTE: self.home.note,
            POLL: self.poll,
            FOLLOW: self.follow,
            "https://me.example": self.home.server.origin,
            "me.example": self.home.server.origin.partition("://")[2],
            PEER: self.peer.origin,
        }
        return _renamed(value, names)

    def there(self, value: Any) -> Any:
        """The other way round."""
        names = {
            self.home.note: NOTE,
            self.poll: POLL,
            self.home.server.origin: "https://me.example",
            self.home.server.origin.partition("://")[2]: "me.example",
            self.peer.origin: PEER,
        }
        return _renamed(value, names)

    async def take(self, row: Sends) -> None:
        """Post what the row says, after what comes before."""
        self._put_up(row)
        if row.followed:
            await self._follow(row.by)
        if POLL in json.dumps(row.activity):
            self.poll = await _asked(self.home.server)
        for one in row.before:
            assert (await self._post(row, one, row.by)).status == 202
            await self.home.server.drained()
            self.peer.asked.clear()
        reply = await self._post(row, row.activity, row.signs_as or row.by)
        assert reply.status == row.status, reply.text
        await self.home.server.drained()

    async def answer(self, row: Asks) -> tuple[Reply, str]:
        """What we answer to a GET, and the URL that was asked for."""
        url = self.here(row.url)
        headers = {"Accept": row.accept}
        if row.covered is not None:
            dialect = Dialect(
                method="get",
                covered=row.covered,
                target=row.target,
                fields={"accept": row.accept},
            )
            self.peer.add_actor("bob", key=_KEY)
            headers |= dialect.sign(
                url, b"", key_id=f"{self.peer.id('bob')}#main-key", key=key_pair(_KEY)
            )
            headers = {k: v for k, v in headers.items() if not k.startswith(("content", "digest"))}
        return await self.peer.request("GET", url, headers), url

    async def delivered(self, type_: str) -> list[Received]:
        """What ann sent of this type."""
        return [one for one in self.home.sent if one.json["type"] == type_]

    async def shown(self) -> list[dict[str, Any]]:
        """What ann's inbox shows of the peer's, newest first; ids are those of the table."""
        listed = await self.home.server.items("ann", "inbox", as_="ann")
        mine = [one for one in listed if str(one["actor"]).startswith(self.peer.origin)]
        return [self.there(one) for one in mine]

    async def items(self, collection: str) -> list[Any]:
        """What the peer has to do with in a collection of ann's, or of her note."""
        url = self.here(collection) if "://" in collection else f"/actors/ann/{collection}"
        listed = await self.home.server.collected(url, as_="ann")
        mine = [one for one in listed if self.peer.origin in json.dumps(one)]
        return [self.there(one if isinstance(one, str) else one["id"]) for one in mine]

    async def read(self, url: str) -> dict[str, Any]:
        """A document of ours, as anybody reads it."""
        reply = await self.home.server.get(self.here(url), Accept=AS2)
        assert reply.status == 200, reply.text
        document: dict[str, Any] = self.there(reply.json)
        return document

    async def reported(self) -> list[str]:
        """What the peer says in reports that moderators here can see."""
        found = await self.home.server.rows(_REPORTS, f"{self.peer.origin}/%")
        return [self.there(row["content"]) for row in found]

    def asked(self) -> list[str]:
        """The requests that the peer got."""
        return self.peer.asked

    def _put_up(self, row: Sends) -> None:
        path = row.by.removeprefix(PEER)
        document = self.peer.add_actor("bob", key=_KEY)
        self.peer.documents[path] = self.here(
            {
                **document,
                "id": row.by,
                "inbox": f"{PEER}/users/bob/inbox",
                "publicKey": {
                    **document["publicKey"],
                    "id": row.key_id or f"{row.by}#main-key",
                    "owner": row.by,
                },
                **row.actor,
            }
        )
        for path, value in row.documents.items():
            made = self.here(value) if isinstance(value, Mapping) else value
            self.peer.documents[path] = made(self) if callable(made) else made

    async def _follow(self, who: str) -> None:
        follow = {"@context": CONTEXT, "type": "Follow", "object": self.here(who)}
        reply = await self.home.server.post("ann", follow)
        assert reply.status == 201, reply.text
        await self.peer.wait("Follow")
        self.follow = reply.json["id"]
        self.peer.asked.clear()

    async def _post(self, row: Sends, activity: Mapping[str, Any], by: str) -> Reply:
        inbox = f"{self.home.server.id('ann')}/inbox"
        body = json.dumps(self.here(activity)).encode()
        key_id = self.here(row.key_id or f"{by}#main-key")
        if isinstance(row.signed, Dialect):
            headers = row.signed.sign(inbox, body, key_id=key_id, key=key_pair(_KEY))
        else:
            headers = _rfc9421(inbox, body, key_id, *row.signed)
        return await self.peer.send(inbox, body, by="bob", unsigned=True, headers=headers)


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    text = json.dumps(value)
    for name, other in names.items():
        text = text.replace(json.dumps(name)[1:-1], json.dumps(other)[1:-1])
    return json.loads(text)


def _rfc9421(
    url: str, body: bytes, key_id: str, label: str, covered: tuple[str, ...], tail: str
) -> dict[str, str]:
    """Headers signed by RFC 9421 2.5, by hand."""
    digest = f"sha-256=:{b64encode(sha256(body).digest()).decode()}:"
    values = {
        "@method": "POST",
        "@target-uri": url,
        "@authority": url.split("/")[2],
        "content-digest": digest,
    }
    names = " ".join(f'"{name}"' for name in covered)
    given = f'({names});created={int(time())};keyid="{key_id}"{tail}'
    lines = [f'"{name}": {values[name]}' for name in covered]
    base = "\n".join([*lines, f'"@signature-params": {given}'])
    signature = b64encode(key_pair(_KEY).sign(base.encode())).decode()
    return {
        "Content-Type": "application/activity+json",
        "Content-Digest": digest,
        "Signature-Input": f"{label}={given}",
        "Signature": f"{label}=:{signature}:",
    }


async def acquaintance(server: Server, peer: Peer) -> list[Received]:
    """Ann meets bob of the peer and does everything to him; what arrived there."""
    ann, bob = server.id("ann"), peer.id("bob")
    follow = await _posted(server, {"type": "Follow", "object": bob})
    [received] = await peer.wait("Follow")
    accept = peer.activity("Accept", "bob", object=received.json)
    followed = peer.follow("bob", ann)
    theirs = peer.create("bob", "tea?", PUBLIC, ann)
    peer.documents[theirs["object"]["id"].removeprefix(peer.origin)] = {
        "@context": CONTEXT,
        **theirs["object"],
    }
    for one in (accept, followed, theirs):
        assert (await peer.send(f"{ann}/inbox", one, by="bob")).status == 202
        await server.drained()
    await peer.wait("Accept")
    handle = f"@bob@{peer.origin.partition('://')[2]}"
    told = theirs["object"]["id"]
    made = await server.note("ann", f"hello {handle} #Tea", PUBLIC, cc=[f"{ann}/followers"])
    ours = made["object"]["id"]
    direct = {"type": "Note", "content": "for you", "to": [bob]}
    reply = {"type": "Note", "content": "yes", "inReplyTo": told, "to": [PUBLIC], "cc": [bob]}
    await _posted(server, direct)
    await _posted(server, reply)
    like = await _posted(server, {"type": "Like", "object": told})
    announce = await _posted(server, {"type": "Announce", "object": told})
    await _posted(server, {"type": "Update", "object": {"id": ours, "content": "bye"}})
    await _posted(server, {"type": "Update", "object": {"id": ann, "name": "Ann"}})
    await _posted(server, {"type": "Delete", "object": ours})
    for one in (like, announce, follow):
        await _posted(server, {"type": "Undo", "object": one["id"]})
    await server.drained()
    await peer.wait("Undo", times=3)
    return list(peer.received)


async def _posted(server: Server, activity: Mapping[str, Any]) -> dict[str, Any]:
    reply = await server.post("ann", {"@context": CONTEXT, **activity})
    assert reply.status == 201, reply.text
    made: dict[str, Any] = reply.json
    return made


async def at_home(server: Server, peer: Peer) -> Home:
    """Ann writes a note, and meets bob."""
    note = await server.note("ann", "hello", PUBLIC)
    sent = await acquaintance(server, peer)
    return Home(server, note["object"]["id"], sent)


async def _asked(server: Server) -> str:
    """A poll of ann's: tea, coffee, or both; its id."""
    options = [{"type": "Note", "name": name} for name in ("tea", "coffee")]
    poll = {"type": "Question", "content": "tea?", "anyOf": options, "to": [PUBLIC]}
    made = await _posted(server, poll)
    return str(made["object"]["id"])
