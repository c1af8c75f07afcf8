"""What is sent: notes of the usual size, as a client posts them and as Mastodon delivers them.

The sizes follow the measurements that the limits come from: an object of about 2.6 KB, a
received activity of about 2.6 KB with an inline @context of the kind that Mastodon sends.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from typing import Any

from apserver.core.vocabulary import AS2_CONTEXT, PUBLIC

_WORDS = (
    "quiet river carries late summer light between old stone bridges where somebody keeps a "
    "small boat under willow trees and waits for evening trains that bring letters from distant "
    "towns about harvest weather music broken clocks new shoes forgotten songs kitchen tables"
).split()
_SENT_TEXT = 2_200  # characters of content in an object of ours
_RECEIVED_TEXT = 1_150

_MASTODON_CONTEXT = [
    AS2_CONTEXT,
    {
        "ostatus": "http://ostatus.org#",
        "atomUri": "ostatus:atomUri",
        "inReplyToAtomUri": "ostatus:inReplyToAtomUri",
        "conversation": "ostatus:conversation",
        "sensitive": "as:sensitive",
        "toot": "http://joinmastodon.org/ns#",
        "votersCount": "toot:votersCount",
        "Hashtag": "as:Hashtag",
    },
]


def text(seed: int, length: int) -> str:
    """Words of a post, the same for the same seed; it packs about as well as prose does."""
    chosen = random.Random(seed)
    words: list[str] = []
    size = 0
    while size < length:
        words.append(f"{chosen.choice(_WORDS)}{chosen.choice(('', '', '', ',', '.'))}")
        size += len(words[-1]) + 1
    return f"<p>{' '.join(words)}</p>"


def client_note(seed: int, followers: str) -> bytes:
    """A public Note as a client posts it to an outbox."""
    return _encoded(
        {
            "@context": AS2_CONTEXT,
            "type": "Note",
            "content": text(seed, _SENT_TEXT),
            "summary": text(seed + 1, 60),
            "to": [PUBLIC],
            "cc": [followers],
            "tag": [{"type": "Hashtag", "name": "#bench", "href": "https://tags.example/bench"}],
        }
    )


def together(documents: Iterable[bytes]) -> bytes:
    """The collection in which many of them are posted."""
    items = [json.loads(one) for one in documents]
    return _encoded({"@context": AS2_CONTEXT, "type": "OrderedCollection", "orderedItems": items})


def received_create(actor: str, number: int) -> bytes:
    """A public Create(Note) to the actor's followers, in the shape that Mastodon gives it."""
    origin = "/".join(actor.split("/")[:3])
    status = f"{origin}/users/{number}/statuses/{number}"
    addressing = {"to": [PUBLIC], "cc": [f"{actor}/followers"]}
    content = text(number, _RECEIVED_TEXT)
    note = {
        "id": status,
        "type": "Note",
        "summary": None,
        "inReplyTo": None,
        "published": "2026-01-02T03:04:05Z",
        "url": f"{origin}/@writer/{number}",
        "attributedTo": actor,
        **addressing,
        "sensitive": False,
        "atomUri": status,
        "inReplyToAtomUri": None,
        "conversation": f"tag:{origin[8:]},2026-01-02:objectId={number}:objectType=Conversation",
        "content": content,
        "contentMap": {"en": content[:120]},
        "attachment": [],
        "tag": [{"type": "Hashtag", "href": f"{origin}/tags/bench", "name": "#bench"}],
    }
    return _encoded(
        {
            "@context": _MASTODON_CONTEXT,
            "id": f"{status}/activity",
            "type": "Create",
            "actor": actor,
            "published": "2026-01-02T03:04:05Z",
            **addressing,
            "object": note,
        }
    )


def _encoded(document: dict[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
