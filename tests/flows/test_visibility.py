"""Who sees what: every visibility, every viewer, every door, and nothing that tells them apart."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import StartPeer, StartServer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Reply, Server
from tests.flows.steps import follow_from, follow_here

EVERYBODY = frozenset(
    "nobody owner follower addressed stranger "
    "remote_follower remote_addressed remote_stranger".split()
)
INVOLVED = frozenset({"owner", "follower", "addressed", "remote_follower", "remote_addressed"})
ADDRESSED = frozenset({"owner", "addressed", "remote_addressed"})
#: By the field that names the addressed: who may read it.
READERS = {
    "public": EVERYBODY,
    "unlisted": EVERYBODY,
    "followers": INVOLVED,
    "direct": ADDRESSED,
    "blind": ADDRESSED,
}


class Viewers:
    """Asks for a URL as each viewer: by token those who live here, by signature the others."""

    def __init__(self, server: Server, peer: Peer):
        self.server = server
        self.peer = peer

    @classmethod
    async def of(cls, start_server: StartServer, start_peer: StartPeer) -> Viewers:
        """ann has a follower here and one elsewhere."""
        server = await start_server("owner", "follower", "addressed", "stranger")
        peer = await start_peer("remote_follower", "remote_addressed", "remote_stranger")
        await follow_here(server, "follower", "owner")
        await follow_from(peer, "remote_follower", server, "owner")
        return cls(server, peer)

    async def get(self, url: str, viewer: str) -> Reply:
        """The answer to one of `EVERYBODY`."""
        if viewer.startswith("remote"):
            return await self.peer.get(url, by=viewer)
        return await self.server.get(url, as_=None if viewer == "nobody" else viewer)

    async def post(self, visibility: str) -> dict[str, Any]:
        """A note of the owner; those addressed are addressed whatever the visibility."""
        followers = f"{self.server.id('owner')}/followers"
        addressed = [self.server.id("addressed"), self.peer.id("remote_addressed")]
        fields: dict[str, Any] = {
            "public": {"to": [PUBLIC], "cc": [followers, *addressed]},
            "unlisted": {"to": [followers], "cc": [PUBLIC, *addressed]},
            "followers": {"to": [followers], "cc": addressed},
            "direct": {"to": addressed},
            "blind": {"bto": addressed[:1], "bcc": addressed[1:]},
        }[visibility]
        reply = await self.server.post("owner", {"type": "Note", "content": "hi", **fields})
        assert reply.status == 201, reply.text
        activity: dict[str, Any] = reply.json
        return activity


@pytest.mark.parametrize("visibility", READERS)
async def test_IO_87_who_sees_what_at_every_door(
    start_server: StartServer, start_peer: StartPeer, visibility: str
) -> None:
    """IO-87, AP-COL-04, AP-COL-16, AP-GET-06, AP-GET-08, security.md: rule 12: object, activity,
    page of the outbox."""
    viewers = await Viewers.of(start_server, start_peer)
    made = await viewers.post(visibility)
    seen: dict[str, set[str]] = {"object": set(), "activity": set(), "outbox": set()}
    for viewer in EVERYBODY:
        for door, url in (("object", made["object"]["id"]), ("activity", made["id"])):
            reply = await viewers.get(url, viewer)
            assert reply.status in (200, 404), reply.text
            if reply.status == 200:
                assert reply.json["id"] == url
                seen[door].add(viewer)
        page = await viewers.get(f"{viewers.server.id('owner')}/outbox?page=first", viewer)
        assert page.status == 200, page.text
        if made["id"] in [one["id"] for one in page.json["orderedItems"]]:
            seen["outbox"].add(viewer)
        assert (made["object"]["id"] in page.text) == (viewer in READERS[visibility])
    assert seen == dict.fromkeys(seen, READERS[visibility])


async def test_AP_GET_08_not_allowed_is_not_there(
    start_server: StartServer, start_peer: StartPeer
) -> None:
    """AP-GET-08, security.md: rule 12: byte for byte, but for the request's id and the date."""
    viewers = await Viewers.of(start_server, start_peer)
    made = await viewers.post("direct")
    for viewer in EVERYBODY - ADDRESSED:
        for url in (made["id"], made["object"]["id"]):
            hidden = await viewers.get(url, viewer)
            absent = await viewers.get(url[:-12] + "0123456789ab", viewer)
            assert hidden.status == absent.status == 404
            assert _comparable(hidden) == _comparable(absent)
    page = "followers?page=first"
    hidden = await viewers.get(f"{viewers.server.id('owner')}/{page}", "stranger")
    absent = await viewers.get(f"{viewers.server.id('nobody')}/{page}", "stranger")
    assert _comparable(hidden) == _comparable(absent)


def _comparable(reply: Reply) -> tuple[object, ...]:
    """The answer without what differs between any two."""
    own = reply.headers["X-Request-Id"]
    headers = sorted((n, v) for n, v in reply.headers.items() if n not in ("Date", "X-Request-ID"))
    assert own in reply.text
    return reply.status, headers, reply.text.replace(own, "")


async def test_AP_COL_04_totals_tell_strangers_of_the_public_part_only(
    start_server: StartServer, start_peer: StartPeer
) -> None:
    """AP-COL-04: the owner is told of all; everybody else, reader of more or not, of what is
    public, so that the number tells nobody how much they do not see."""
    viewers = await Viewers.of(start_server, start_peer)
    for visibility in READERS:
        await viewers.post(visibility)
    outbox = f"{viewers.server.id('owner')}/outbox"
    for viewer in EVERYBODY:
        head = (await viewers.get(outbox, viewer)).json
        page = (await viewers.get(head["first"], viewer)).json
        # Besides the five notes there are two answers to followers.
        assert head["totalItems"] == page["totalItems"] == (7 if viewer == "owner" else 2)
        expected = sum(viewer in readers for readers in READERS.values())
        notes = [one for one in page["orderedItems"] if one["type"] == "Create"]
        assert len(notes) == expected


async def test_IO_90_followers_are_a_number_to_others(
    start_server: StartServer, start_peer: StartPeer
) -> None:
    """IO-90, AP-COL-10, AP-COL-11, AP-COL-13, AP-COL-15: no `first`, and no page behind it."""
    viewers = await Viewers.of(start_server, start_peer)
    server, peer = viewers.server, viewers.peer
    members = {
        ("owner", "followers"): [peer.id("remote_follower"), server.id("follower")],
        ("owner", "following"): [],
        ("follower", "following"): [server.id("owner")],
        ("owner", "liked"): [],
    }
    for (name, collection), items in members.items():
        url = f"{server.id(name)}/{collection}"
        for viewer in EVERYBODY - {name}:
            head = await viewers.get(url, viewer)
            assert head.status == 200
            assert head.json.pop("@context")[0] == "https://www.w3.org/ns/activitystreams"
            assert head.json == {
                "id": url,
                "type": "OrderedCollection",
                "totalItems": len(items),
                f"{collection}Of": server.id(name),
            }
            for query in ("page=first", "before=9", "after=0"):
                assert (await viewers.get(f"{url}?{query}", viewer)).status == 404
        assert await server.items(name, collection, as_=name) == items


async def test_AP_COL_06_the_inbox_is_for_its_owner(
    start_server: StartServer, start_peer: StartPeer
) -> None:
    """AP-COL-05, AP-COL-06, AP-GET-07: 401 for nobody, 403 for everybody else; never a number."""
    viewers = await Viewers.of(start_server, start_peer)
    url = f"{viewers.server.id('owner')}/inbox"
    for suffix in ("", "?page=first", "?before=5"):
        for viewer in EVERYBODY - {"owner"}:
            reply = await viewers.get(url + suffix, viewer)
            assert reply.status == (401 if viewer == "nobody" else 403)
            assert "totalItems" not in reply.text
            if viewer == "nobody":
                assert reply.headers["WWW-Authenticate"].startswith("Bearer")
    head = await viewers.get(url, "owner")
    assert head.json["type"] == "OrderedCollection"
    assert head.json["totalItems"] == 2  # the two who follow
