"""Who looks at activities of these actors, and what of the activities can be shown."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from apserver.core.audience import Viewer
from apserver.core.origin import key_of
from apserver.serve.site import Site
from apserver.serve.soundness import is_sound
from apserver.store import objects, relations
from apserver.store.db import Connection
from apserver.store.objects import ActivityRow


async def viewer_among(conn: Connection, viewer: str | None, authors: Sequence[UUID]) -> Viewer:
    """The viewer, given by its id, as it stands to these authors."""
    if viewer is None:
        return Viewer()
    key = key_of(viewer)
    follows, estranged = await relations.standing(conn, key, list(set(authors)))
    return Viewer(key, follows, hidden=estranged)


async def viewer_of_one(site: Site, viewer: str | None, author: UUID) -> Viewer:
    """The same for one author."""
    if viewer is None:
        return Viewer()
    async with site.db.connection() as conn:
        return await viewer_among(conn, viewer, [author])


async def bodies_of(conn: Connection, rows: Sequence[ActivityRow]) -> dict[UUID, bytes]:
    """The JSON of activities as items of a page, by key; without what is damaged."""
    composed = await objects.compose_activities(conn, rows, nested=True, counted=True)
    return {
        row.key: body
        for row, body in zip(rows, composed, strict=True)
        if is_sound(body, table="activity", key=row.key)
    }
