"""Jobs that follow from an activity and are done later: what is asked of other servers, followers
who move along with somebody, and what is left of somebody who is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import TypeAlias
from uuid import UUID

from apserver.core import limits
from apserver.core.effects import (
    CheckQuote,
    Confirm,
    EndActor,
    Explore,
    MoveFollowers,
    Recall,
    Revisit,
)
from apserver.core.origin import bucket_of, host_of, key_of
from apserver.flow.gone import ending
from apserver.identifiers import uuid7
from apserver.store import jobs, profiles
from apserver.store.db import Connection
from apserver.store.jobs import Job

Later: TypeAlias = Recall | Revisit | CheckQuote | Explore | Confirm | MoveFollowers | EndActor


async def queue(conn: Connection, effects: Sequence[Later], *, acting: Collection[UUID]) -> None:
    """Queue what these effects ask for, each thing once. ``acting`` are actors elsewhere who have
    something to do with us again: when that is long ago their profiles are looked at (interop
    1.2)."""
    followed = {one.actor for one in effects if isinstance(one, Recall)}
    if followed:
        await profiles.begin(conn, followed)
    changed = {key_of(one.actor) for one in effects if isinstance(one, Revisit)}
    fresh_s, stale_s = limits.PROFILE_FRESH_S, limits.PROFILE_STALE_S
    look = await profiles.touch(conn, changed, older_than_s=fresh_s) if changed else []
    look += await profiles.touch(conn, acting, older_than_s=stale_s) if acting else []
    asked = [
        *asking("outbox", followed),
        *asking("profile", followed | {*look}),
        *asking("quote", (one.post for one in effects if isinstance(one, CheckQuote))),
        *asking("thread", (one.post for one in effects if isinstance(one, Explore))),
        *(_confirming(one) for one in effects if isinstance(one, Confirm)),
        *(_moving(one) for one in effects if isinstance(one, MoveFollowers)),
        *(ending(one.id) for one in effects if isinstance(one, EndActor)),
    ]
    if asked:
        await jobs.enqueue(conn, asked)


def asking(kind: str, ids: Iterable[str]) -> list[Job]:
    """The jobs that ask servers about things of theirs, one for each thing."""
    return [
        Job(bucket_of(host_of(one)), uuid7(), kind, key_of(one), recipients=[one])
        for one in sorted(set(ids))
    ]


def _confirming(heard: Confirm) -> Job:
    return Job(bucket_of(host_of(heard.actor)), uuid7(), "confirm", heard.activity)


def _moving(move: MoveFollowers) -> Job:
    bucket, owner = bucket_of(host_of(move.actor)), key_of(move.actor)
    return Job(bucket, uuid7(), "move", move.activity, owner=owner, recipients=[move.target])
