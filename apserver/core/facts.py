"""What rules ask for and what they are told: Needs and Facts, all plain values.

A rule never touches the database. It names what it needs to know (`Need`), and is given `Facts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from apserver.core.origin import Handle
from apserver.core.registry import Registry

#: "undone": the subject took back the activity with this id, before we had it. The last four are
#: between an actor and what it likes, dislikes, shares or has voted in.
RelationKind: TypeAlias = Literal[
    "follow", "block", "undone", "like", "dislike", "announce", "vote"
]

# Needs ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ActorNeed:
    """The actor with this id, if it is known here."""

    id: str


@dataclass(frozen=True, slots=True)
class HandleNeed:
    """The actor with this handle, the name in lower case: one of ours, or one that is known here
    and whose id is on the host of the handle."""

    handle: Handle


@dataclass(frozen=True, slots=True)
class ActivityNeed:
    """The activity that ``actor`` did under this id; with no actor: one of ours.

    With ``asked`` it is the Follow with this id that asked that actor, whoever sent it, or else one
    of the newest activities in its inbox, when no other one there has this id.
    """

    id: str
    actor: str | None = None
    asked: str | None = None


@dataclass(frozen=True, slots=True)
class ObjectNeed:
    """The object with this id, as it is stored here.

    With ``deleted_by``, the Tombstone that this actor asked for before we had the object.
    """

    id: str
    deleted_by: str | None = None


@dataclass(frozen=True, slots=True)
class RelationNeed:
    """How ``subject`` stands to ``object``, e.g. whether it follows it."""

    subject: str
    kind: RelationKind
    object: str


@dataclass(frozen=True, slots=True)
class FollowsNeed:
    """With which flags ``subject`` follows ``object``."""

    subject: str
    object: str


@dataclass(frozen=True, slots=True)
class ReactionsNeed:
    """With which emoji ``subject`` reacted to ``object``."""

    subject: str
    object: str


@dataclass(frozen=True, slots=True)
class FacadeNeed:
    """The id of the actor that stands for this thing of a site, for others to follow."""

    thing: str


@dataclass(frozen=True, slots=True)
class TotalNeed:
    """How many items the collection with this id has, if it is here."""

    collection: str


@dataclass(frozen=True, slots=True)
class ConversationNeed:
    """The conversation of ours that the object with this id is in: the id of its collection."""

    id: str


@dataclass(frozen=True, slots=True)
class EmojiNeed:
    """The emoji of this server with this shortcode."""

    shortcode: str


@dataclass(frozen=True, slots=True)
class ReachNeed:
    """Whether anybody here is concerned by an activity that ``actor`` sent.

    True when it addresses an actor of ours, or is for followers or everybody and someone here
    follows the actor, or wants to know what happens to something that takes part in it.
    """

    activity: UUID
    actor: str
    addressed: tuple[str, ...]
    to_followers: bool
    participants: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DocumentNeed:
    """A document of another server, fetched for this activity (see `Fetch`)."""

    id: str


Need: TypeAlias = (
    ActorNeed
    | HandleNeed
    | ActivityNeed
    | ObjectNeed
    | RelationNeed
    | FollowsNeed
    | ReactionsNeed
    | FacadeNeed
    | TotalNeed
    | ConversationNeed
    | EmojiNeed
    | ReachNeed
    | DocumentNeed
)

# Facts ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ActorFact:
    """What rules may know of an actor; ``document`` is the JSON that is served of it."""

    id: str
    ours: bool
    type: str
    followers: str | None
    manual_approval: bool
    limited: bool = False  #: by a domain rule
    document: bytes = b"{}"
    moved_to: str | None = None  #: where it went on
    moved_at: datetime | None = None  #: when it last moved, or another moved to it


@dataclass(frozen=True, slots=True)
class ActivityFact:
    """A stored activity; ``document`` is a Tombstone when it was deleted."""

    id: str
    type: str
    actor: str
    document: Mapping[str, Any]
    recipients: tuple[str, ...] = ()  #: of one of ours: all of them, bto and bcc too


@dataclass(frozen=True, slots=True)
class ObjectFact:
    """A stored object. ``author`` is a key; ``document`` a Tombstone when it was deleted."""

    author: UUID
    ours: bool
    type: str
    document: Mapping[str, Any]
    published_at: datetime
    updated_at: datetime | None
    deleted: bool
    visibility: int = 0  #: a `core.audience.Visibility`
    audience: frozenset[UUID] = frozenset()  #: keys of everyone addressed
    context: Any = None  #: its @context; None for that of AS2 alone


@dataclass(frozen=True, slots=True)
class RelationFact:
    """A stored relation; ``activity_id`` is that of the Follow, the Like and so on."""

    state: Literal["pending", "accepted"]
    activity_id: str | None


@dataclass(frozen=True, slots=True)
class FollowFact:
    """What one Follow asked for (`core.flags`); ``activity_id`` is its id."""

    flag: str
    actor_only: bool
    mutes: bool
    activity_id: str | None


@dataclass(frozen=True, slots=True)
class EmojiFact:
    """An emoji of this server; ``file`` is the last part of the URL of its image."""

    shortcode: str
    media_type: str
    file: str
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ReactionFact:
    """An emoji (`core.reactions`) and the id of the activity that shows it."""

    emoji: str
    activity_id: str


@dataclass(frozen=True, slots=True)
class DocumentFact:
    """A fetched document, or why there is none."""

    document: Mapping[str, Any] | None
    reason: str = ""


Fact: TypeAlias = (
    ActorFact
    | ActivityFact
    | ObjectFact
    | RelationFact
    | tuple[FollowFact, ...]
    | tuple[ReactionFact, ...]
    | EmojiFact
    | DocumentFact
    | str
    | int
    | bool
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What was found for the needs that were named; None for what is not there.

    ``by_site``: it is the site itself that posts, with its token.
    """

    now: datetime
    found: Mapping[Need, Fact | None] = field(default_factory=dict)
    registry: Registry = field(default_factory=Registry)
    by_site: bool = False

    def actor(self, id_: str | None) -> ActorFact | None:
        """The actor, or None when unknown here."""
        fact = self.found.get(ActorNeed(id_)) if id_ else None
        return fact if isinstance(fact, ActorFact) else None

    def by_handle(self, handle: Handle) -> ActorFact | None:
        """The actor with this handle, or None when unknown here."""
        fact = self.found.get(HandleNeed(handle))
        return fact if isinstance(fact, ActorFact) else None

    def activity(
        self, id_: str | None, *, actor: str | None = None, asked: str | None = None
    ) -> ActivityFact | None:
        """The activity, or None when unknown here (see `ActivityNeed`)."""
        fact = self.found.get(ActivityNeed(id_, actor, asked)) if id_ else None
        return fact if isinstance(fact, ActivityFact) else None

    def object(self, id_: str | None) -> ObjectFact | None:
        """The object, or None when it is not stored here."""
        fact = self.found.get(ObjectNeed(id_)) if id_ else None
        return fact if isinstance(fact, ObjectFact) else None

    def was_deleted(self, id_: str, actor: str) -> bool:
        """Whether the actor deleted the object with this id before it came."""
        return self.found.get(ObjectNeed(id_, actor)) is not None

    def follow(self, subject: str, object_: str) -> RelationFact | None:
        """The follow of ``object_`` by ``subject``, or None."""
        return self.relation(subject, "follow", object_)

    def relation(self, subject: str, kind: RelationKind, object_: str) -> RelationFact | None:
        """How ``subject`` stands to ``object_``, or None."""
        fact = self.found.get(RelationNeed(subject, kind, object_))
        return fact if isinstance(fact, RelationFact) else None

    def follows(self, subject: str, object_: str) -> tuple[FollowFact, ...]:
        """What the follows of ``object_`` by ``subject`` ask for, by flag."""
        fact = self.found.get(FollowsNeed(subject, object_))
        found = fact if isinstance(fact, tuple) else ()
        return tuple(one for one in found if isinstance(one, FollowFact))

    def reactions(self, subject: str, object_: str) -> Mapping[str, str]:
        """The activities by which ``subject`` reacts to ``object_``: ids by emoji, the oldest
        first."""
        fact = self.found.get(ReactionsNeed(subject, object_))
        found = fact if isinstance(fact, tuple) else ()
        return {one.emoji: one.activity_id for one in found if isinstance(one, ReactionFact)}

    def facade(self, thing: str) -> str | None:
        """The id of the actor that stands for a thing of a site, or None."""
        fact = self.found.get(FacadeNeed(thing))
        return fact if isinstance(fact, str) else None

    def total(self, collection: str) -> int | None:
        """How many items a collection has, or None when it is not here."""
        fact = self.found.get(TotalNeed(collection))
        return fact if isinstance(fact, int) else None

    def conversation(self, id_: str) -> str | None:
        """The id of the conversation of ours that an object is in, or None."""
        fact = self.found.get(ConversationNeed(id_))
        return fact if isinstance(fact, str) else None

    def emoji(self, shortcode: str) -> EmojiFact | None:
        """The emoji of this server with this shortcode, or None."""
        fact = self.found.get(EmojiNeed(shortcode))
        return fact if isinstance(fact, EmojiFact) else None

    def blocks(self, subject: str, object_: str) -> bool:
        """Whether ``subject`` blocks ``object_``."""
        return self.found.get(RelationNeed(subject, "block", object_)) is not None

    def was_undone(self, actor: str, id_: str | None) -> bool:
        """Whether the actor took back the activity with this id before it came."""
        return id_ is not None and self.found.get(RelationNeed(actor, "undone", id_)) is not None

    def document(self, id_: str) -> DocumentFact | None:
        """What fetching the document gave, or None when it was not tried yet."""
        fact = self.found.get(DocumentNeed(id_))
        return fact if isinstance(fact, DocumentFact) else None

    def reaches(self, need: ReachNeed) -> bool:
        """The answer to a `ReachNeed`."""
        return self.found.get(need) is True
