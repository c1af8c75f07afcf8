"""The collections of actors and of objects here: what they are called, and who is told what.

A client or another server finds each of them by a property of the thing that has it, and the thing
again by the inverse property of the collection (FEP-5711). Names are the last part of the id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from apserver.core.vocabulary import AS2_CONTEXT

#: Who sees what is in a collection: its owner alone; the owner, and the number of items everybody;
#: or everybody, as far as each may read the items.
Readers: TypeAlias = Literal["owner", "counted", "everybody"]

_FEP_5711 = "https://w3id.org/fep/5711#"
_REACTIONS_TERM = (
    b'{"emojiReactions":{"@id":"http://fedibird.com/ns#emojiReactions","@type":"@id"}}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of collection.

    ``inverse`` is the property that leads back, when FEP-5711 names one. With ``tells_total`` the
    number of all items is for everybody, also of those that only some may read: likes are sent to
    the author alone, and counted in public everywhere.
    """

    readers: Readers = "everybody"
    inverse: str | None = None
    tells_total: bool = False


#: Of actors (ActivityPub 5; FEP-c648 and FEP-4ccd for the last three).
OF_ACTORS: Mapping[str, Kind] = {
    "inbox": Kind(readers="owner", inverse="inboxOf"),
    "outbox": Kind(inverse="outboxOf"),
    "followers": Kind(readers="counted", inverse="followersOf"),
    "following": Kind(readers="counted", inverse="followingOf"),
    "liked": Kind(readers="counted", inverse="likedOf"),
    "featured": Kind(),
    "blocked": Kind(readers="owner"),
    "pendingFollowers": Kind(readers="owner"),
    "pendingFollowing": Kind(readers="owner"),
}

#: What somebody reacted with to an object (FEP-c0e0).
REACTIONS = "emojiReactions"
#: Of objects (ActivityPub 5.7, 5.8; AS2 Vocabulary, "replies"; PeerTube has dislikes).
OF_OBJECTS: Mapping[str, Kind] = {
    "likes": Kind(inverse="likesOf", tells_total=True),
    "dislikes": Kind(tells_total=True),
    REACTIONS: Kind(tells_total=True),
    "shares": Kind(inverse="sharesOf", tells_total=True),
    "replies": Kind(inverse="repliesOf"),
    "context": Kind(),  # of what begins a conversation: all of it (FEP-7888)
}
#: Properties of an object that name collections of it; the server's to keep.
PROPERTIES = ("replies", "likes", "shares")
#: The same, with what an object names only when there is any.
KEPT = frozenset({*PROPERTIES, REACTIONS})

#: A collection that a client made.
CUSTOM = "items"

KINDS: Mapping[str, Kind] = {
    **OF_ACTORS,
    **OF_OBJECTS,
    CUSTOM: Kind(),
    "votes": Kind(readers="owner", tells_total=True),  # counters of a Question, without a URL
    "pinned": Kind(readers="owner"),  # by actors elsewhere (core.names.pinned_of); without a URL
}


def inverse_context(name: str) -> dict[str, dict[str, str]]:
    """The JSON-LD definition of the inverse property of a kind, to stand inline."""
    inverse = KINDS[name].inverse
    return {} if inverse is None else {inverse: {"@id": _FEP_5711 + inverse, "@type": "@id"}}


def with_collections(document: bytes, id_: str, totals: Mapping[str, int]) -> bytes:
    """The JSON of an object of ours with its collections, each as a head with its number of items
    (``totals`` by id). They change without the object, and so are not stored with it. An id of ours
    needs no escapes."""
    heads = ",".join(
        f'"{name}":{{"id":"{at}","type":"OrderedCollection","totalItems":{totals.get(at, 0)}}}'
        for name in PROPERTIES
        for at in (f"{id_}/{name}",)
    )
    return b"%b,%b}" % (document[:-1], heads.encode())


def with_reactions(document: bytes, context: bytes | None, id_: str) -> tuple[bytes, bytes]:
    """The JSON of an object of ours that names its collection of reactions (FEP-c0e0), and its
    @context, which defines that term; ``context`` is what it was, None for that of AS2 alone."""
    entries = context or b'"%b"' % AS2_CONTEXT.encode()
    if entries.startswith(b"["):
        entries = entries[1:-1]
    named = f'"{REACTIONS}":"{id_}/{REACTIONS}"'.encode()
    return b"%b,%b}" % (document[:-1], named), b"[%b,%b]" % (entries, _REACTIONS_TERM)
