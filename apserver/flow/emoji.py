"""Emoji of this server, as its admin adds and removes them."""

from __future__ import annotations

from datetime import datetime
from hashlib import sha256

from apserver.core import limits
from apserver.core.emoji import check_shortcode, kind_of
from apserver.core.facts import EmojiFact
from apserver.errors import Missing, Refused
from apserver.store import emoji
from apserver.store.db import Connection, Database


async def add_emoji(db: Database, shortcode: str, image: bytes, *, now: datetime) -> EmojiFact:
    """Add an emoji, or give one a new image. BadInput for what is none; Refused when there are too
    many."""
    media_type, ending = kind_of(image)
    file = f"{sha256(image).hexdigest()[:32]}.{ending}"
    made = EmojiFact(check_shortcode(shortcode), media_type, file, now)

    async def work(conn: Connection) -> EmojiFact:
        if await emoji.count_others(conn, shortcode) >= limits.EMOJIS:
            raise Refused(
                f"There are {limits.EMOJIS} emoji, and no more can be. Remove one: "
                "apserver emoji remove SHORTCODE"
            )
        await emoji.put(conn, made, image)
        return (await emoji.by_shortcode(conn, [shortcode]))[shortcode]

    return await db.transaction(work)


async def remove_emoji(db: Database, shortcode: str) -> None:
    """Remove an emoji; Missing when there is none. Posts with it keep their tags, and lose the
    image where it was not kept."""
    check_shortcode(shortcode)

    async def work(conn: Connection) -> None:
        if not await emoji.remove(conn, shortcode):
            raise Missing(f"There is no emoji :{shortcode}:. See: apserver emoji list")

    await db.transaction(work)
