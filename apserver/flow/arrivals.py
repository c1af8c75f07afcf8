"""Verified activities of others as they are stored."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from apserver.core.audience import strip_private, visibility_of
from apserver.core.document import render
from apserver.core.model import VerifiedActivity, spliced_object
from apserver.core.origin import activity_key, bucket_of, host_of, key_of
from apserver.core.ownership import own_words
from apserver.core.streams import place_of
from apserver.core.times import published_at
from apserver.identifiers import uuid7
from apserver.store.actors import Actor
from apserver.store.effects import context_bytes
from apserver.store.inboxes import Arrival


def arrival_of(
    activity: VerifiedActivity,
    author: Actor,
    body: bytes,
    *,
    signature: UUID,
    owner: str | None = None,
    job: Literal["apply", "recall", "announced"] = "apply",
) -> Arrival:
    """What is stored of an activity: its envelope in its actor's own words, the bytes that came.

    ``owner`` is whose inbox it came to, None for the shared one. ``job`` says what follows:
    ``recall`` is for what happened before, and was found in an outbox, ``announced`` for what
    a group has told us of.
    """
    spliced = spliced_object(activity)
    apart = {"@context"} if spliced is None else {"@context", "object"}
    envelope = {key: value for key, value in activity.document.items() if key not in apart}
    envelope = own_words(envelope, activity.actor) | {"actor": activity.actor}
    if activity.type == "Delete" and activity.object_id is not None:
        envelope["object"] = activity.object_id  # some embed what shall not be seen any more
    now = datetime.now(UTC)
    place = place_of(activity, now=now)
    return Arrival(
        key=activity_key(activity.actor, activity.id or body),
        id=activity.id,
        actor=key_of(activity.actor),
        actor_id=activity.actor,
        type=activity.type,
        visibility=visibility_of(activity.audience, author.followers),
        audience=activity.audience.keys(),
        spliced=None if spliced is None else key_of(str(spliced["id"])),
        context=context_bytes(activity.document.get("@context")),
        envelope=render(strip_private(envelope)),
        published_at=published_at(activity.document.get("published"), now),
        body=body,
        owner=None if owner is None else key_of(owner),
        bucket=bucket_of(host_of(activity.actor)),
        signature=signature,
        apply_kind=job,
        apply_job=uuid7(),
        list_job=uuid7(),
        verb=place.verb,
        data=place.data,
        sort_at=place.sort_at,
    )
