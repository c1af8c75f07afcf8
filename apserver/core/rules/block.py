"""Block: two actors have nothing to do with each other any more, and its Undo.

Blocking ends both follows, and does it so that the other server knows: by a Reject of the one
and an Undo of the other. The Block itself is told to nobody (AP-C2S-34). While it stands, the
two do not see each other's posts, nothing is delivered to the blocked actor, and its Follow is
rejected. The Blocks of an actor of ours that stand are in its ``blocked`` (FEP-c648).

A Block that comes from elsewhere ends the follows on our side, and is not listed: its object need
not read it.
"""

from __future__ import annotations

from collections.abc import Iterable

from apserver.core.document import id_of
from apserver.core.effects import (
    AddTo,
    Effects,
    Instead,
    Open,
    Refuse,
    Relate,
    RemoveFrom,
    Send,
    Unrelate,
)
from apserver.core.facts import ActorNeed, Facts, FollowsNeed, Need, RelationNeed
from apserver.core.flags import ALL
from apserver.core.model import Activity, VerifiedActivity, addressed_to
from apserver.core.names import collection_id
from apserver.core.origin import activity_key
from apserver.errors import BadInput


def needs(block: Activity, facts: Facts) -> Iterable[Need]:
    """Both actors, whether they follow each other, and whether it is so already."""
    other = block.object_id
    if other is not None:
        yield ActorNeed(block.actor)
        yield ActorNeed(other)
        yield RelationNeed(block.actor, "block", other)
        yield RelationNeed(block.actor, "follow", other)
        yield RelationNeed(other, "follow", block.actor)
        yield FollowsNeed(block.actor, other)


def complete(block: Activity, facts: Facts) -> Activity:
    """Whoever else is addressed, the blocked actor is not (AP-C2S-34)."""
    if block.object_id is None or block.object_id not in block.audience.everyone:
        return block
    return addressed_to(block, block.audience.without(block.object_id))


def send(block: Activity, facts: Facts) -> Effects:
    """An actor of ours blocks another."""
    other = block.object_id
    if other is None or other == block.actor:
        raise BadInput("Block needs the id of another actor.", pointer="/object")
    blocked = collection_id(block.actor, "blocked")
    known = facts.relation(block.actor, "block", other)
    if known is not None and known.activity_id is not None:
        return (Instead(known.activity_id),)
    effects: list[Relate | Open | AddTo | Send] = [
        Relate(block.actor, "block", other, "accepted", block.id, subject_ours=True),
        Open(blocked, block.actor, "blocked"),
        AddTo(blocked, block.key, block.actor),
    ]
    if facts.follow(other, block.actor) is not None:
        effects.append(_ending("Reject", by=block.actor, follower=other, facts=facts))
    if facts.follow(block.actor, other) is not None:
        effects.append(_ending("Undo", by=block.actor, follower=block.actor, facts=facts, of=other))
    return tuple(effects)


def _ending(type_: str, *, by: str, follower: str, facts: Facts, of: str | None = None) -> Send:
    followed = of or by
    known = facts.follow(follower, followed)
    follow = {"type": "Follow", "actor": follower, "object": followed}
    if any(one.flag for one in facts.follows(follower, followed)):
        follow["followFlag"] = ALL
    elif known is not None and known.activity_id is not None:
        follow = {"id": known.activity_id, **follow}
    other = follower if follower != by else followed
    return Send({"type": type_, "actor": by, "object": follow, "to": [other]})


def receive(block: VerifiedActivity, facts: Facts) -> Effects:
    """An actor of ours is blocked by another; or banned from a community, its ``target``, which
    is no matter between the two (FEP-1b12, Lemmy)."""
    blocked = facts.actor(block.object_id)
    if block.ours:
        return ()
    if id_of(block.document.get("target")) not in (None, block.actor):
        return (Refuse("block-elsewhere"),)
    if blocked is None or not blocked.ours:
        return (Refuse("block-not-ours"),)
    return (
        Relate(block.actor, "block", blocked.id, "accepted", block.id, subject_ours=False),
        Unrelate(block.actor, "follow", blocked.id),
        Unrelate(blocked.id, "follow", block.actor),
        RemoveFrom(collection_id(blocked.id, "followers"), block.actor),
        RemoveFrom(collection_id(blocked.id, "following"), block.actor),
    )


def undo(undoing: Activity, block: Activity, facts: Facts) -> Effects:
    """They may have to do with each other again; follows do not come back."""
    other = block.object_id
    if other is None or not facts.blocks(block.actor, other):
        return (Refuse("undo-without-block"),)
    known = facts.relation(block.actor, "block", other)
    actor = facts.actor(block.actor)
    ended = Unrelate(block.actor, "block", other)
    if known is None or known.activity_id is None or actor is None or not actor.ours:
        return (ended,)
    listed = activity_key(block.actor, known.activity_id)
    return (ended, RemoveFrom(collection_id(block.actor, "blocked"), listed))
