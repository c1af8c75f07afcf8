"""What rules answer with: Effects, all plain values.

A rule is given `core.facts.Facts` and answers with `Effect` values, which ``store.effects`` turns
into SQL. Effects are sets of rows to be there or not to be there, never sums: performing them twice
changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, TypeAlias
from uuid import UUID

from apserver.core.actors import Profile
from apserver.core.audience import Audience, Visibility
from apserver.core.facts import RelationKind


@dataclass(frozen=True, slots=True)
class Put:
    """Store an object. What is there stays, unless it is to be replaced and of the same author.

    ``also`` are keys of those who may read it besides the audience: addressed by bto or bcc before.
    """

    id: str
    kind: Literal["ours", "site", "remote"]
    type: str
    author: str
    visibility: Visibility
    audience: Audience
    document: Mapping[str, Any]
    context: Any
    published_at: datetime
    updated_at: datetime | None = None
    replace: bool = False
    also: frozenset[UUID] = frozenset()


@dataclass(frozen=True, slots=True)
class Bury:
    """A Tombstone in place of an object of this author, whether or not the object was here.

    So a Create by the same actor that comes after its Delete has no effect.
    """

    id: str
    kind: Literal["ours", "site", "remote"]
    author: str
    former_type: str
    deleted_at: datetime


@dataclass(frozen=True, slots=True)
class BuryActivity:
    """A Tombstone in place of an activity, which is listed nowhere any more."""

    id: str
    actor: str
    former_type: str
    deleted_at: datetime


@dataclass(frozen=True, slots=True)
class ReviseActivity:
    """An activity is told in another way; what was done, to whom and when stays.

    ``verb`` and ``data`` are what streams are filtered by (`core.streams.Place`).
    """

    id: str
    actor: str
    document: Mapping[str, Any]
    verb: str | None
    data: str | None


@dataclass(frozen=True, slots=True)
class PutActor:
    """An actor elsewhere has a new document, which it signed itself."""

    profile: Profile
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PutOwnActor:
    """An actor of ours has a new document."""

    id: str
    document: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class EndActor:
    """An actor elsewhere is gone for good, with its relations and all that it made."""

    id: str


@dataclass(frozen=True, slots=True)
class Open:
    """There is this collection of ours: ``name`` is its kind (`core.collections`). It is empty
    when it is new."""

    collection: str
    owner: str
    name: str


@dataclass(frozen=True, slots=True)
class AddTo:
    """Put an item into a collection of ours, once: an id, which is shown, or the key of an
    activity that is here. ``author`` is whose it is, when it is not an actor itself."""

    collection: str
    item: str | UUID
    author: str | None = None
    visibility: Visibility = Visibility.PUBLIC


@dataclass(frozen=True, slots=True)
class RemoveFrom:
    """Take an item out of a collection of ours."""

    collection: str
    item: str | UUID


@dataclass(frozen=True, slots=True)
class Relate:
    """``subject`` stands in the relation to ``object``; an accepted one is not made pending."""

    subject: str
    kind: RelationKind
    object: str
    state: Literal["pending", "accepted"]
    activity_id: str | None
    subject_ours: bool


@dataclass(frozen=True, slots=True)
class Unrelate:
    """``subject`` does not stand in the relation to ``object`` (any more)."""

    subject: str
    kind: RelationKind
    object: str


@dataclass(frozen=True, slots=True)
class PutFollow:
    """``subject`` follows ``object`` under this flag, from when it first did."""

    subject: str
    object: str
    flag: str
    actor_only: bool
    mutes: bool
    activity_id: str | None
    started_at: datetime


@dataclass(frozen=True, slots=True)
class DropFollow:
    """``subject`` does not follow ``object`` under this flag (any more)."""

    subject: str
    object: str
    flag: str


@dataclass(frozen=True, slots=True)
class Instead:
    """What was posted is there already: its client is given that, and nothing new is stored."""

    id: str


@dataclass(frozen=True, slots=True)
class Show:
    """List the activity in the inboxes here that it concerns (see `ReachNeed`)."""

    activity: UUID
    actor: str
    addressed: tuple[str, ...]
    to_followers: bool
    visibility: Visibility


@dataclass(frozen=True, slots=True)
class Index:
    """The activity takes its place in the streams of its participants, each given by its
    `core.roles.Role` and its id. Its row is there, and says which place that is."""

    activity: UUID
    participants: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class EndThing:
    """A thing of a site is gone: its follows end, its façade goes, and what is said of its type
    becomes of the actions with it. Done later, a batch at a time."""

    id: str


@dataclass(frozen=True, slots=True)
class Send:
    """An actor of ours answers with an activity; it is published in the same transaction.

    ``id`` is its id, and ``object_id`` that of the object that it makes, if they are to be certain
    ones.
    """

    document: Mapping[str, Any]
    object_id: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Recall:
    """An actor elsewhere is followed from now on: what it did before is looked for in its outbox
    (seed R7)."""

    actor: str


@dataclass(frozen=True, slots=True)
class Fetch:
    """A remote document is missing: get it, then apply the activity again from the start. What is
    not needed is done without for activities of long ago (`core.rules.recall`)."""

    id: str
    is_needed: bool = True


@dataclass(frozen=True, slots=True)
class Forward:
    """The activity goes on, as it came, to the members of these followers collections of ours:
    once, and not to where it came from (`core.rules.forwarding`)."""

    activity: UUID
    actor: str
    to: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Refuse:
    """The activity has no effect; the reason code goes to its row, the log and a metric."""

    reason: str


Effect: TypeAlias = (
    Put
    | Bury
    | BuryActivity
    | ReviseActivity
    | PutActor
    | PutOwnActor
    | EndActor
    | Open
    | AddTo
    | RemoveFrom
    | Relate
    | Unrelate
    | PutFollow
    | DropFollow
    | Instead
    | Show
    | Index
    | EndThing
    | Send
    | Recall
    | Fetch
    | Forward
    | Refuse
)
Effects: TypeAlias = tuple[Effect, ...]
