"""The emoji of this server, with their images."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from apserver.core.facts import EmojiFact
from apserver.store.db import Connection

# By primary key.
_PUT = """
INSERT INTO emoji (shortcode, media_type, image, digest, updated_at) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (shortcode) DO UPDATE
SET media_type = EXCLUDED.media_type, image = EXCLUDED.image, digest = EXCLUDED.digest,
    updated_at = EXCLUDED.updated_at
WHERE emoji.digest <> EXCLUDED.digest
"""
_REMOVE = "DELETE FROM emoji WHERE shortcode = $1 RETURNING shortcode"
_FILES = """
SELECT shortcode, media_type, digest, updated_at FROM emoji
WHERE shortcode = ANY($1::text[])
"""
_IMAGE = "SELECT image FROM emoji WHERE shortcode = $1 AND digest = $2"
# A scan of all, of which there are few.
_ALL = "SELECT shortcode, media_type, digest, updated_at FROM emoji ORDER BY shortcode LIMIT $1"
_COUNT = "SELECT count(*) FROM emoji WHERE shortcode <> $1"


async def put(conn: Connection, emoji: EmojiFact, image: bytes) -> None:
    """Add an emoji, or replace the image of one; the same image again changes nothing."""
    digest = emoji.file.partition(".")[0]
    row = (emoji.shortcode, emoji.media_type, image, digest, emoji.updated_at)
    await conn.execute(_PUT, *row)


async def remove(conn: Connection, shortcode: str) -> bool:
    """Remove an emoji; whether there was one."""
    return await conn.fetchval(_REMOVE, shortcode) is not None


async def by_shortcode(conn: Connection, shortcodes: Sequence[str]) -> dict[str, EmojiFact]:
    """Those of them that there are."""
    rows = await conn.fetch(_FILES, list(shortcodes))
    return {row["shortcode"]: _fact(**row) for row in rows}


async def image(conn: Connection, shortcode: str, file: str) -> bytes | None:
    """The image, by the name of its file; None when there is no such, or not any more."""
    digest, _, _ = file.partition(".")
    found: bytes | None = await conn.fetchval(_IMAGE, shortcode, digest)
    return found


async def all_emoji(conn: Connection, *, limit: int) -> list[EmojiFact]:
    """All of them, by shortcode."""
    return [_fact(**row) for row in await conn.fetch(_ALL, limit)]


async def count_others(conn: Connection, shortcode: str) -> int:
    """How many there are besides this one."""
    return int(await conn.fetchval(_COUNT, shortcode))


def _fact(*, shortcode: str, media_type: str, digest: str, updated_at: datetime) -> EmojiFact:
    file = f"{digest}.{media_type.removeprefix('image/')}"
    return EmojiFact(shortcode, media_type, file, updated_at)
