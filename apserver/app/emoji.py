"""Emoji of this server by the command line."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from apserver.app.accounts import opened
from apserver.config import Settings
from apserver.core import limits
from apserver.core.facts import EmojiFact
from apserver.core.names import Names
from apserver.flow import emoji as acts
from apserver.store.emoji import all_emoji


@dataclass(frozen=True, slots=True)
class Emoji:
    """An emoji, and where its image is."""

    shortcode: str
    media_type: str
    updated: datetime
    url: str


async def add_emoji(
    dsn: str, settings: Settings, *, shortcode: str, image: bytes, dry_run: bool = False
) -> Emoji:
    """Add an emoji; see `apserver.flow.emoji`."""
    async with opened(dsn, dry_run=dry_run) as db:
        return _told(await acts.add_emoji(db, shortcode, image, now=datetime.now(UTC)), settings)


async def list_emoji(dsn: str, settings: Settings) -> list[Emoji]:
    """All of them."""
    async with opened(dsn) as db, db.connection() as conn:
        return [_told(one, settings) for one in await all_emoji(conn, limit=limits.EMOJIS)]


async def remove_emoji(dsn: str, *, shortcode: str, dry_run: bool = False) -> None:
    """Remove one; see `apserver.flow.emoji`."""
    async with opened(dsn, dry_run=dry_run) as db:
        await acts.remove_emoji(db, shortcode)


def _told(emoji: EmojiFact, settings: Settings) -> Emoji:
    url = f"{Names(settings.origin).emoji(emoji.shortcode)}/{emoji.file}"
    return Emoji(emoji.shortcode, emoji.media_type, emoji.updated_at, url)
