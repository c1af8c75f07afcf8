"""Which activities can be judged by the same facts, as if each had come after the one before.

Many activities that are posted together are to have the effects that they have one after the other.
To read the facts for each of them anew would cost as much as to post them one by one. So the facts
for many are read at once, and their rules are asked in turn. That is right for an activity as long
as its rule looked at nothing that an earlier one is about to change: an Undo of a Follow that is
posted with it would find no Follow. There the *round* ends. What was judged is written, facts are
read anew, and the next round begins with that activity.

What a rule looked at is noted while it looks (`Noted`), and what is changed stands in its effects;
so no rule need tell either. Both are told as *marks*: what a fact is about. Three marks stand for
no single fact: "members" of a collection, and who "followers" of anything are, which no rule asks
but whoever finds out for whom an edit or a Delete is; and what was "taken out" of a collection,
since what is put in again stands at another place.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from apserver.core.collections import OF_OBJECTS
from apserver.core.effects import (
    AddTo,
    Bury,
    BuryActivity,
    CheckQuote,
    DropFollow,
    Effect,
    Effects,
    EndThing,
    Explore,
    Index,
    Instead,
    Open,
    Put,
    PutFollow,
    PutOwnActor,
    React,
    Recall,
    Relate,
    RemoveFrom,
    ReviseActivity,
    Send,
    TellVotes,
    Unreact,
    Unrelate,
)
from apserver.core.facts import (
    ActivityNeed,
    ActorNeed,
    ConversationNeed,
    DocumentNeed,
    EmojiNeed,
    FacadeNeed,
    Fact,
    FollowsNeed,
    HandleNeed,
    Need,
    ObjectNeed,
    ReactionsNeed,
    RelationNeed,
    TotalNeed,
)
from apserver.core.names import collection_id
from apserver.core.rules.question import VOTERS_OF

Mark: TypeAlias = tuple[str, ...]
_FOLLOWERS: Mark = ("followers",)
#: The collections of an object in which they stand who hear of its edits (`flow.interested`).
_ENGAGED = (*OF_OBJECTS, VOTERS_OF)
#: Facts that nothing changes that is posted.
_LASTING = (DocumentNeed, EmojiNeed, FacadeNeed, HandleNeed)
#: Effects that change nothing that a rule is told of.
_WITHOUT_FACTS = (CheckQuote, EndThing, Explore, Index, Instead, Open, Recall, TellVotes)


class Noted(Mapping[Need, Fact | None]):
    """Facts that were found, which note what is asked for."""

    def __init__(self, found: Mapping[Need, Fact | None]):
        self._found = found
        self.asked: set[Need] = set()

    def __getitem__(self, need: Need) -> Fact | None:
        self.asked.add(need)
        return self._found[need]

    def get(self, need: Need, default: Any = None) -> Any:
        """What was found."""
        self.asked.add(need)
        return self._found.get(need, default)

    def __iter__(self) -> Iterator[Need]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


class Round:
    """The activities that are judged by one reading of the facts, so far."""

    def __init__(self) -> None:
        self._written: set[Mark] = set()
        self.has_ended = False

    def admits(self, asked: Iterable[Need], effects: Effects) -> bool:
        """Whether an activity was judged by facts that still hold: its rule asked for these, and
        said this."""
        if not self._written:
            return True
        marks = _read(asked, effects)
        return marks is not None and self._written.isdisjoint(marks)

    def add(self, effects: Effects) -> None:
        """An activity takes part. The round has ended when it cannot be told what it changes."""
        for effect in effects:
            marks = () if isinstance(effect, _WITHOUT_FACTS) else _written(effect)
            if marks is None:
                self.has_ended = True
            else:
                self._written.update(marks)


def _is_companion(sent: Send) -> bool:
    """Whether it only makes what has an id that nobody knows yet."""
    makes = sent.document.get("type") in ("Create", "Announce")
    return makes and "companionOf" in sent.document


def _read(asked: Iterable[Need], effects: Effects) -> set[Mark] | None:
    """What an activity was judged by; None when it cannot be told what changes that."""
    marks: set[Mark] = set()
    for need in asked:
        if isinstance(need, _LASTING):
            continue
        mark = _told_by(need)
        if mark is None:
            return None
        marks.add(mark)
    for effect in effects:
        if isinstance(effect, BuryActivity | ReviseActivity):
            marks.add(_FOLLOWERS)
        elif isinstance(effect, Bury) or (isinstance(effect, Put) and effect.replace):
            marks.update(("members", collection_id(effect.id, name)) for name in _ENGAGED)
            marks.add(("members", effect.id))  # of a collection that a client made
        elif isinstance(effect, AddTo):
            marks.add(("taken out", effect.collection, str(effect.item)))
    return marks


def _told_by(need: Need) -> Mark | None:
    match need:
        case ActorNeed(id_):
            return ("actor", id_)
        case ActivityNeed(id_):
            return ("activity", id_)
        case ObjectNeed(id_) | ConversationNeed(id_):
            return ("object", id_)
        case RelationNeed(subject, kind, object_):
            return ("relation", subject, kind, object_)
        case FollowsNeed(subject, object_):
            return ("follows", subject, object_)
        case ReactionsNeed(subject, object_):
            return ("reactions", subject, object_)
        case TotalNeed(collection):
            return ("members", collection)
        case _:
            return None


def _written(effect: Effect) -> Sequence[Mark] | None:
    """What an effect changes; None for what may change more."""
    match effect:
        case Put(id_) | Bury(id_):
            return (("object", id_),)
        case BuryActivity(id_) | ReviseActivity(id_):
            return (("activity", id_),)
        case PutOwnActor(id_):
            return (("actor", id_),)
        case Relate(subject, "follow", object_) | Unrelate(subject, "follow", object_):
            # The flags of a follow end with it.
            ends = ("follows", subject, object_)
            return (("relation", subject, "follow", object_), ends, _FOLLOWERS)
        case Relate(subject, kind, object_) | Unrelate(subject, kind, object_):
            return (("relation", subject, kind, object_),)
        case PutFollow(subject, object_) | DropFollow(subject, object_):
            return (("follows", subject, object_), _FOLLOWERS)
        case React(subject, object_) | Unreact(subject, object_):
            return (("reactions", subject, object_),)
        case AddTo(collection):
            return (("members", collection),)
        case RemoveFrom(collection, item):
            return (("members", collection), ("taken out", collection, str(item)))
        case Send() if _is_companion(effect):
            return ()
        case _:
            return None
