"""The guard against refusing too much: what other servers send passes the strict path, end to end.

Every rule that refuses something must let these documents through. Those of ten servers are in
their shape and were made by hand (tests/peer-documents/README.md tells after what); those of Fedify
were recorded. Each is put under the origin of a peer that speaks for its server, signed in its
server's dialect, accepted (202), and applied without a verdict against it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from apserver.core.html import Markup
from tests.doubles.cavage import Dialect
from tests.doubles.peer import Peer, key_pair
from tests.doubles.server import AS2, PUBLIC, Reply, Server

FOLDER = Path(__file__).parents[1] / "peer-documents"
SERVERS = sorted((FOLDER / "servers").glob("*.json"))
RECORDED = "follow accept create update like announce undo-like update-actor delete undo-follow"
#: Of every server there is at least one of each.
TYPES = {"Follow", "Accept", "Create", "Update", "Delete", "Undo", "Like", "Announce"}


class Impersonation:
    """A peer that speaks for a server: its documents under the peer's origin, with our keys."""

    def __init__(self, peer: Peer, server: Server, described: Mapping[str, Any]):
        self.peer = peer
        self.server = server
        self.origin: str = described["origin"]
        self.how: Mapping[str, str] = described["signature"]
        self.described = described
        self.ours: dict[str, str] = {"https://me.example/actors/ann": server.id("ann")}
        self.actors: dict[str, str] = {}
        for name, document in described["actors"].items():
            self.actors[document["id"]] = name
            self._serve(document["id"], document)
        for path, document in described.get("documents", {}).items():
            self._serve(self.origin + path, document)

    def here(self, document: Any) -> Any:
        """The same with ids of the peer, and of what there is here, in place of made-up ones."""
        text = json.dumps(document)
        for made_up, real in self.ours.items():
            text = text.replace(json.dumps(made_up)[1:-1] + '"', real + '"')
        return json.loads(text.replace(self.origin, self.peer.origin))

    def _serve(self, id_: str, document: Mapping[str, Any]) -> None:
        document = self.here(document)
        owner = str(document["id"]).removeprefix(self.peer.origin)
        document["publicKey"]["publicKeyPem"] = key_pair(owner).public().pem()
        self.peer.documents[id_.removeprefix(self.origin)] = document

    async def meet(self) -> None:
        """ann writes a note, and follows the actor that is going to accept."""
        note = await self.server.note("ann", "hello", PUBLIC)
        name = self.described.get("follows", next(iter(self.described["actors"])))
        followed = self.described["actors"][name]["id"]
        reply = await self.server.post("ann", {"type": "Follow", "object": self.here(followed)})
        assert reply.status == 201, reply.text
        await self.peer.wait("Follow")
        self.ours["https://me.example/objects/1"] = note["object"]["id"]
        self.ours["https://me.example/activities/1"] = reply.json["id"]

    async def send(self, activity: Any) -> Reply:
        """POST to ann's inbox, signed as the server signs, by the activity's actor."""
        actor = activity["actor"]
        path = actor.removeprefix(self.peer.origin)
        listed = self.peer.documents[path]["publicKey"]["id"]
        key_id = self.here(self.how.get("key_id", listed))
        inbox = f"{self.server.id('ann')}/inbox"
        content_type = self.how.get("content_type", AS2)
        if self.how.get("scheme") == "rfc9421":
            named: dict[str, Any] = {"key_id": key_id, "key": path, "scheme": "rfc9421"}
            return await self.peer.send(inbox, activity, by="", **named)
        body = json.dumps(activity).encode()
        dialect = Dialect(
            covered=self.how["covered"],
            algorithm=self.how.get("algorithm", "rsa-sha256"),
            fields={"content-type": content_type},
        )
        headers = dialect.sign(inbox, body, key_id=key_id, key=key_pair(path))
        return await self.peer.send(inbox, body, by="", unsigned=True, headers=headers)


async def verdicts(server: Server) -> dict[str, str | None]:
    """What became of each activity that was received, by its type and id."""
    rows = await server.rows("SELECT type, id, verdict FROM activity WHERE local_key IS NULL")
    return {f"{row['type']} {row['id']}": row["verdict"] for row in rows}


@pytest.mark.parametrize("path", SERVERS, ids=lambda path: path.stem)
async def test_what_other_servers_send_is_taken(server: Server, peer: Peer, path: Path) -> None:
    """security.md: interop-guard: accepted and applied, in order, with its effects."""
    described = json.loads(path.read_text())
    assert {one["type"] for one in described["activities"]} >= TYPES
    other = Impersonation(peer, server, described)
    await other.meet()
    for activity in described["activities"]:
        reply = await other.send(other.here(activity))
        assert reply.status == 202, (activity["type"], reply.text)
        await server.drained()
        if activity["type"] == "Follow":
            [answer] = await peer.wait("Accept")
            assert answer.json["object"]["id"] == other.here(activity["id"])
        elif activity["type"] == "Accept":
            assert await server.items("ann", "following", as_="ann") == [
                other.here(activity["actor"])
            ]
        elif activity["type"] in ("Create", "Update"):
            await _is_shown(server, other.here(activity))
    assert set((await verdicts(server)).values()) == {None}
    assert len(await verdicts(server)) == len(described["activities"])
    assert await server.items("ann", "followers", as_="ann") == []
    assert await server.rows("SELECT kind, error FROM job") == []


async def _is_shown(server: Server, activity: Mapping[str, Any]) -> None:
    """The object as it came last is what the inbox and the database have."""
    page = (await server.get("/actors/ann/inbox?page=first", as_="ann")).json
    shown = page["orderedItems"][0]
    assert shown["id"] == activity["id"]
    assert shown["actor"] == activity["actor"]
    for name in ("content", "name", "updated"):
        wanted = activity["object"].get(name)
        if name == "content" and wanted is not None:
            wanted = Markup().html(wanted)  # links have our `rel`
        assert shown["object"].get(name) == wanted, name


async def test_what_fedify_sent_is_taken(server: Server, peer: Peer) -> None:
    """security.md: interop-guard: recorded from a run: Follow to the last Undo, but for the hosts
    and the key as sent; with proofs and LD signatures, which fit no more and do not count."""
    actor = json.loads((FOLDER / "fedify-actor.json").read_text())
    other = Impersonation(
        peer,
        server,
        {
            "origin": "https://fedify.example",
            "actors": {"alice": actor},
            "signature": {"scheme": "rfc9421"},
        },
    )
    await other.meet()
    names = RECORDED.split()
    for name in names:
        activity = json.loads((FOLDER / f"fedify-{name}.json").read_text())
        reply = await other.send(other.here(activity))
        assert reply.status == 202, (name, reply.text)
        await server.drained()
    assert set((await verdicts(server)).values()) == {None}
    assert len(await verdicts(server)) == len(names)


def test_there_are_ten_servers() -> None:
    """Those that issue and interop notes name; a new one is a new file."""
    expected = (
        "bookwyrm ghost gotosocial lemmy mastodon misskey peertube pixelfed pleroma wordpress"
    )
    assert [path.stem for path in SERVERS] == expected.split()
