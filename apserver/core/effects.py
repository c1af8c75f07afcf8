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
    ``is_found``: nobody sent it to us, and so it is in nobody's inbox, the shared one neither.
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
    is_found: bool = False


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
class Moved:
    """An actor, ours or not, went on as ``target`` at this time; None: it is back where it was."""

    actor: str
    target: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class MoveFollowers:
    """The followers here of an actor that has moved are to follow where it is now. Done later, a
    batch at a time. ``activity`` is the key of the Move."""

    activity: UUID
    actor: str
    target: str


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
    activity that is here. ``author`` is whose it is, when it is not an actor itself. ``place``
    tells where new members go: first; first of all, before those that come later; or last."""

    collection: str
    item: str | UUID
    author: str | None = None
    visibility: Visibility = Visibility.PUBLIC
    place: Literal["first", "ahead", "last"] = "first"


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
class React:
    """``subject`` reacts to ``object`` with this emoji, by this activity."""

    subject: str
    object: str
    emoji: str
    activity_id: str


@dataclass(frozen=True, slots=True)
class Unreact:
    """``subject`` does not react to ``object`` with this emoji (any more)."""

    subject: str
    object: str
    emoji: str


@dataclass(frozen=True, slots=True)
class TellVotes:
    """How a Question of ours stands is to be told to those who got it: at this time, if nothing is
    to be told before; or, when it is its end, then and not as it was said before."""

    question: str
    at: datetime
    is_end: bool = False


@dataclass(frozen=True, slots=True)
class ForgetVotes:
    """The votes for a Question of ours, which are counted in these collections, count no more."""

    question: str
    counters: tuple[str, ...]


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
class Revisit:
    """The profile of an actor elsewhere that is followed here has changed, or what it has pinned:
    it is looked at again, unless that was just now."""

    actor: str


@dataclass(frozen=True, slots=True)
class CheckQuote:
    """The stamp by which this post of another server may quote is looked at later (IO-92)."""

    post: str


@dataclass(frozen=True, slots=True)
class Explore:
    """What stands around this post of another server is looked for later: what it answers, and what
    answers it (IO-44)."""

    post: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """What the Announce with this key says that somebody did is found out later, and counts if it
    is so (`core.rules.announced`). ``actor`` is who announces it."""

    activity: UUID
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


@dataclass(frozen=True, slots=True, kw_only=True)
class PutReport:
    """Something was reported, for moderators (`core.rules.flag`), by the Flag with this key.

    ``ours`` tells that the reporter lives here. ``evidence`` is what was reported as it is now,
    ``forwarded_to`` the actors elsewhere whose servers are told too.
    """

    activity: UUID
    activity_id: str | None
    reporter: str
    ours: bool
    subjects: tuple[str, ...]
    posts: tuple[str, ...]
    evidence: tuple[Mapping[str, Any], ...]
    content: str
    forwarded_to: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TakeBackReport:
    """Whoever sent the Flag with this key takes back what it reported."""

    activity: UUID


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
    | Moved
    | MoveFollowers
    | Open
    | AddTo
    | RemoveFrom
    | Relate
    | Unrelate
    | PutFollow
    | DropFollow
    | React
    | Unreact
    | TellVotes
    | ForgetVotes
    | Instead
    | Show
    | Index
    | EndThing
    | Send
    | Recall
    | Revisit
    | CheckQuote
    | Explore
    | Confirm
    | Fetch
    | Forward
    | PutReport
    | TakeBackReport
    | Refuse
)
Effects: TypeAlias = tuple[Effect, ...]
