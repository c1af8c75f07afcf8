"""The ids of what lives here. Every IRI that apserver makes is built in this file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote
from uuid import UUID, uuid5

from apserver.core import limits

if TYPE_CHECKING:  # the command line asks for names and needs no cryptography
    from apserver.core.keys import KeyKind


#: Reserved: the actor that speaks for the whole server (signs fetches).
INSTANCE = "instance"
#: Collections that every actor of ours has.
COLLECTIONS = ("inbox", "outbox", "followers", "following", "liked")
#: First parts of the paths that are ours; all others of our origin may be those of a site.
OUR_PATHS = frozenset(
    "actors objects activities inbox outbox streams tags emoji things ns nodeinfo .well-known "
    "livez readyz openapi.json proxy login logout follow subscribe authorize_interaction "
    "style.css".split()
) | {""}

_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")


@dataclass(frozen=True, slots=True)
class Names:
    """Ids below one origin (``https://example.org``, no slash at the end)."""

    origin: str

    def actor(self, name: str) -> str:
        """The id of the actor with this name."""
        return f"{self.origin}/actors/{name}"

    @property
    def instance(self) -> str:
        """The id of the instance actor."""
        return self.actor(INSTANCE)

    @property
    def shared_inbox(self) -> str:
        """The inbox that stands for every actor here."""
        return f"{self.origin}/inbox"

    @property
    def proxy(self) -> str:
        """Where clients of ours ask for what is elsewhere."""
        return f"{self.origin}/proxy"

    def object(self, unique: UUID) -> str:
        """The id of an object."""
        return f"{self.origin}/objects/{unique}"

    def activity(self, unique: UUID) -> str:
        """The id of an activity."""
        return f"{self.origin}/activities/{unique}"

    def tag(self, folded: str) -> str:
        """The page of a hashtag (`core.hashtags.fold_tag`)."""
        return f"{self.origin}/tags/{quote(folded)}"

    def emoji(self, shortcode: str) -> str:
        """The id of an emoji of this server."""
        return f"{self.origin}/emoji/{shortcode}"


def local_name(text: str) -> str:
    """A name that an actor of ours can have, for one that somebody has elsewhere: what our names
    cannot hold becomes an underscore, as Django's ``@ . + -`` do (docs/decisions/0013)."""
    return _NOT_IN_NAMES.sub("_", unquote(text))[: limits.NAME]


def collection_id(actor: str, name: str) -> str:
    """The id of a collection of an actor of ours."""
    return f"{actor}/{name}"


def instance_of(actor: str) -> str:
    """The instance actor of the server on which an actor of ours lives."""
    return f"{actor.rpartition('/')[0]}/{INSTANCE}"


def pinned_of(actor: str) -> str:
    """The name that a collection has here which holds what an actor elsewhere has pinned: that of
    its owner, whatever the owner calls its own. So two of them cannot meet in one."""
    return collection_id(actor, "pinned")


def owner_of_followers(collection: str) -> str | None:
    """Whose followers these are, if they are those of an actor of ours."""
    owner, _, name = collection.rpartition("/")
    return owner if name == "followers" else None


def companion_id(activity: str) -> str:
    """The id of the note that tells of an activity of ours (see `core.rules.told`)."""
    return activity.replace("/activities/", "/objects/", 1)


def announce_id(activity: str, facade: str) -> str:
    """The id of the Announce of an activity of ours by a façade (see `core.rules.facade`): made of
    both, so that it is found again when the activity is deleted."""
    place, _, unique = activity.rpartition("/")
    return f"{place}/{uuid5(UUID(unique), facade)}"


def key_id(actor: str, kind: KeyKind = "rsa") -> str:
    """The id of a key of an actor of ours; it stays the same when the key is replaced."""
    return f"{actor}#main-key" if kind == "rsa" else f"{actor}#{kind}-key"
