"""Who can make the server believe that X said Y? Every place for an id, given to somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.conftest import StartPeer
from tests.doubles.peer import Peer
from tests.doubles.server import PUBLIC, Server
from tests.security.steps import FORGED, accepted, forged_words, inbox, known_of

#: Those that do something here, and some that are only shown.
TYPES = "Create Update Delete Follow Accept Undo Block Announce Add Question".split()
#: Where an id or an object may stand, from the activity inwards.
SLOTS = (
    "id",
    "actor",
    "attributedTo",
    "object",
    "object/id",
    "object/actor",
    "object/attributedTo",
    "object/object",
    "object/inReplyTo",
    "object/replies/first/items",
    "object/tag",
    "target",
    "instrument",
    "oneOf",
)


def forgeries(victim: Peer, note: str) -> dict[str, Any]:
    """What is put into a slot: the id of something of the victim, or something made up in full."""
    dave, fresh = victim.id("dave"), victim.new_id("notes")
    words = {"type": "Note", "content": FORGED}
    return {
        "its actor": dave,
        "its note": note,
        "its note in full": {**words, "id": note, "attributedTo": dave},
        "a new note in full": {**words, "id": fresh, "attributedTo": dave},
        "a note without an id": {**words, "attributedTo": dave},
        "by an author in full": {**words, "attributedTo": {"type": "Person", "id": dave}},
        "note and actor in one": {**words, "id": fresh, "type": ["Note", "Person"]},
        "a link to it": {**words, "type": ["Note", "Link"], "href": dave, "id": note},
        "second in a list": [{"type": "Note", "content": "x"}, {**words, "id": fresh}],
        "its activity": {"type": "Create", "actor": dave, "object": words, "id": fresh},
        "its profile": {
            "type": "Person",
            "id": dave,
            "name": FORGED,
            "inbox": "http://127.0.0.1:9/x",
        },
    }


def put_in(document: Mapping[str, Any], slot: str, value: Any) -> dict[str, Any]:
    """A copy with the value in the slot; what is missing on the way there is made."""
    name, _, rest = slot.partition("/")
    if not rest:
        return {**document, name: value}
    inner = document.get(name)
    return {
        **document,
        name: put_in(inner if isinstance(inner, Mapping) else {"type": "Note"}, rest, value),
    }


def attempts(
    peer: Peer, type_: str, values: Mapping[str, Any], ann: str
) -> Iterator[tuple[str, Any]]:
    """mallory's activity of this type, with each forgery in each slot, one at a time."""
    for slot in SLOTS:
        for what, value in values.items():
            object_ = {
                "id": peer.new_id("notes"),
                "type": "Note",
                "attributedTo": peer.id("mallory"),
                "content": "mallory's",
            }
            made = peer.activity(type_, "mallory", object=object_, target=ann, to=[PUBLIC, ann])
            yield f"{type_}: {slot}: {what}", put_in(made, slot, value)


@pytest.mark.parametrize("type_", TYPES)
async def test_GHSA_288h_6j8h_6x5j_every_id_slot(
    server: Server, start_peer: StartPeer, type_: str
) -> None:
    """GHSA-288h-6j8h-6x5j, security.md: rule 2: whatever mallory puts where, nothing of dave's is
    stored or changed, and ann sees no word of dave's that dave did not say."""
    victim, peer = await start_peer("dave"), await start_peer("mallory")
    said = victim.create("dave", "dave's", server.id("ann"))
    await accepted(server, victim, said, by="dave")
    before = await known_of(server, victim)
    box = f"{server.id('ann')}/inbox"
    made = dict(attempts(peer, type_, forgeries(victim, said["object"]["id"]), server.id("ann")))
    replies = await asyncio.gather(*(peer.send(box, one, by="mallory") for one in made.values()))
    assert {reply.status for reply in replies} <= {202, 400, 401, 403}
    await server.drained()
    assert await server.rows("SELECT kind, error FROM job") == []
    assert await known_of(server, victim) == before
    assert list(forged_words(await inbox(server), victim.origin)) == []
