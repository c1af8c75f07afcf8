"""Followers here of an account that has moved follow where it is now.

The Move has been checked by its rule (`core.rules.move`). What is left may be much, and is done by
turns (`flow.turns`): each takes a bounded number of followers, so that nobody is moved twice, or
half, when a worker dies.

A follower goes on under all its flags. Whom it may not follow, since it blocks the new account or
is that account, it does not follow; the old one is left in any case: nothing comes from there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from apserver import telemetry
from apserver.core import limits
from apserver.core.effects import Send
from apserver.core.flags import ALL
from apserver.core.origin import key_of
from apserver.errors import ApserverError
from apserver.flow.batch import Outcome
from apserver.flow.live_rules import LiveRules
from apserver.flow.publish import Publisher
from apserver.store import actors, follows, moves, relations
from apserver.store.actors import Actor
from apserver.store.db import Connection
from apserver.store.follows import FollowRow
from apserver.store.jobs import Job
from apserver.store.moves import Follower


class FollowerMover:
    """Does ``move`` jobs: ``owner`` is who has moved, ``recipients`` where to."""

    def __init__(self, publisher: Publisher, live: LiveRules):
        self._publisher = publisher
        self._live = live

    async def move_some(self, conn: Connection, job: Job) -> bool:
        """Do a turn of a job (`flow.turns`); whether something is left."""
        [target] = job.recipients or ("",)
        assert job.owner is not None, "the Move names who has moved"
        found = await actors.actors_by_key(conn, [job.owner, key_of(target)])
        old, new = found.get(job.owner), found.get(key_of(target))
        if old is None or new is None or not self._stands(old, new):
            return False
        followers = await moves.followers_here(conn, old.key, limit=limits.MOVED_FOLLOWERS)
        sent = await _asking(conn, followers, old, new)
        for document, outcome in zip(sent, await self._send(conn, sent), strict=True):
            if isinstance(outcome, ApserverError):
                telemetry.event("not moved", follower=document["actor"], reason=outcome)
        # Of who could not undo it, since it is being deleted, no follow may be left here either.
        await relations.unrelate(conn, [(old.key, "follow", one.key) for one in followers])
        return len(followers) == limits.MOVED_FOLLOWERS

    async def _send(
        self, conn: Connection, documents: Sequence[Mapping[str, Any]]
    ) -> Sequence[Outcome]:
        return await self._publisher.answer_all(conn, [Send(one) for one in documents])

    def _stands(self, old: Actor, new: Actor) -> bool:
        """Whether the Move counts still: it may be undone, and the new account be shut out or have
        ended since."""
        is_there = new.is_active and new.moved_to is None and self._live.barred(new.id) is None
        return is_there and old.moved_to == new.id


async def _asking(
    conn: Connection, followers: Sequence[Follower], old: Actor, new: Actor
) -> list[dict[str, Any]]:
    """What these followers send: a Follow of the new account for each of the old that it does not
    follow so already, and the Undo of those."""
    pairs = [(one.key, whom) for one in followers for whom in (old.key, new.key)]
    found = await follows.between(conn, sorted(pairs))
    sent: list[dict[str, Any]] = []
    for one in followers:
        wanted = [row for row in found.get((one.key, old.key), ()) if not row.mutes]
        has = {row.flag for row in found.get((one.key, new.key), ()) if not row.mutes}
        if not one.has_moved:
            sent += [_follow(one, new.id, row) for row in wanted if row.flag not in has]
        sent.append(_undo(one, old.id, wanted))
    return sent


def _follow(follower: Follower, whom: str, row: FollowRow) -> dict[str, Any]:
    """The follow of the new account, with the wish of a follow of the old."""
    flag = {"followFlag": row.flag} if row.flag else {}
    wish = flag if row.actor_only else {**flag, "actorOnly": False}
    return {"type": "Follow", "actor": follower.id, "object": whom, "to": [whom], **wish}


def _undo(follower: Follower, whom: str, rows: Sequence[FollowRow]) -> dict[str, Any]:
    """The end of all follows of the old account."""
    follow: dict[str, Any] = {"type": "Follow", "actor": follower.id, "object": whom}
    if any(row.flag for row in rows):
        follow["followFlag"] = ALL
    elif rows and rows[0].activity_id is not None:
        follow["id"] = rows[0].activity_id
    return {"type": "Undo", "actor": follower.id, "object": follow, "to": [whom]}
